"""Formats and rates of a job's files, and the commands that get more out of a stem."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from midi.smf import read_smf
from stems.manifest import read_manifest

Run = Callable[..., int]


def generate(run: Run, out: Path, *more: str) -> int:
    return run("generate", "--bpm", "240", "--key", "A minor", "--bars", "1", "-o", out, *more)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_job_in_24_bits_sums_exactly_at_every_rate(run: Run, tmp_path: Path, rate: int) -> None:
    # One bar of 4/4 at 240 bpm is a second: as many frames as the rate has.
    assert generate(run, tmp_path, "--sample-rate", str(rate), "--format", "wav24") == 0
    mix, *stems = (
        soundfile.read(tmp_path / f"{name}.wav", dtype="int32")[0] >> 8
        for name in ("mix", "drums", "bass", "melody", "vocals")
    )
    assert soundfile.info(tmp_path / "mix.wav").subtype == "PCM_24"
    assert mix.shape == (rate, 2) and np.abs(mix).max() > 1000
    assert np.array_equal(sum(stems), mix)


def test_a_job_in_flac_can_be_changed_and_stays_flac(run: Run, tmp_path: Path) -> None:
    assert generate(run, tmp_path / "a", "--format", "flac") == 0
    assert run("generate", "--from", tmp_path / "a", "--stems", "bass", "-o", tmp_path / "b") == 0
    assert {path.suffix for path in (tmp_path / "b").iterdir()} & {".wav", ".flac"} == {".flac"}
    before, after = (soundfile.read(tmp_path / job / "drums.flac")[0] for job in "ab")
    assert np.array_equal(before, after)


def test_copies_have_tidy_names_and_the_same_bytes(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(run, tmp_path / "job", "--stems", "drums,bass")
    assert run("export", tmp_path / "job", "--files", tmp_path / "to") == 0
    copies = {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()}
    for name in ("drums", "bass", "mix"):
        copy = copies[f"backline_{name}_240bpm_Amin.wav"]
        assert copy == (tmp_path / "job" / f"{name}.wav").read_bytes()
    assert ".backline-copies" not in copies
    assert "backline_bass_240bpm_Amin.wav" in capsys.readouterr().out


def test_copies_in_another_format_sum_exactly_and_keep_their_tags(run: Run, tmp_path: Path) -> None:
    generate(run, tmp_path / "job", "--stems", "drums,bass", "--takes", "2")
    assert run("export", tmp_path / "job", "--files", tmp_path / "to", "--format", "wav16") == 0
    mix, *stems = (
        soundfile.read(tmp_path / "to" / f"backline_{name}_take2_240bpm_Amin.wav", dtype="int16")[0]
        for name in ("mix", "drums", "bass")
    )
    assert np.array_equal(sum(stems), mix)
    files = sorted((tmp_path / "to").glob("*.wav"))
    families = {WavInfoReader(path).ixml.family_uid for path in files}
    assert len(files) == 6 and len(families) == 1
    assert families == {WavInfoReader(tmp_path / "job" / "bass.wav").ixml.family_uid}


def test_copies_never_replace_a_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(run, tmp_path / "job", "--stems", "bass")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "backline_mix_240bpm_Amin.wav").write_bytes(b"mine")
    assert run("export", tmp_path / "job", "--files", tmp_path / "to") == 1
    assert "backline_mix_240bpm_Amin.wav is in" in capsys.readouterr().err
    assert [path.read_bytes() for path in (tmp_path / "to").iterdir()] == [b"mine"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "export needs --dawproject FILE, --ardour FOLDER or --files FOLDER"),
        (("--format", "flac"), "give --files with it"),
        (("--files", "to", "--format", "mp3"), "format must be one of wav16, wav24, wav32f, flac"),
    ],
)
def test_export_says_what_it_lacks(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...],
    sentence: str,
) -> None:  # fmt: skip
    generate(run, tmp_path / "job", "--stems", "bass")
    assert run("export", tmp_path / "job", *words) != 0
    assert sentence in capsys.readouterr().err


def test_the_manifest_says_which_stems_are_silent(run: Run, tmp_path: Path) -> None:
    generate(run, tmp_path, "--stems", "drums,vocals")
    found = read_manifest(tmp_path).takes[0].silent
    silent = [
        name
        for name in ("drums", "vocals")
        if np.abs(soundfile.read(tmp_path / f"{name}.wav")[0]).max() < 1e-3  # -60 dBFS
    ]
    assert list(found) == silent


@pytest.fixture
def struck_drums(tmp_path: Path) -> Path:
    """Four kicks, one a beat at 120 bpm, from 0.5 s on: "Drums loop.wav"."""
    time = np.arange(12_000) / 48_000
    glide = 50 * time + 1.8 * (1 - np.exp(-time / 0.03))
    kick = 0.8 * np.sin(2 * np.pi * glide) * np.exp(-time / 0.06)
    out = np.zeros(120_000)
    for beat in range(1, 5):
        out[beat * 24_000 : beat * 24_000 + 12_000] += kick
    soundfile.write(tmp_path / "Drums loop.wav", np.tile(out[:, None], 2), 48_000, subtype="FLOAT")
    return tmp_path / "Drums loop.wav"


def played(path: Path) -> list[tuple[Fraction, int]]:
    score = read_smf(path)
    return [(note.start_beats, note.pitch) for note in (*score.drums, *score.notes)]


def test_to_midi_writes_strokes_on_the_grid_and_guesses_the_stem_from_the_name(
    run: Run, tmp_path: Path, struck_drums: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.mid"
    words = ("to-midi", struck_drums, "-o", out, "--bpm", "120", "--quantise", "1/16")
    assert run(*words) == 0
    kicks = [beat for beat, pitch in played(out) if pitch == 36]
    assert kicks == [1, 2, 3, 4]  # 0.5 s is one beat
    assert "of the drums in 2.50 s" in capsys.readouterr().out


def test_to_midi_without_a_tempo_keeps_the_clock_and_says_so(
    run: Run, tmp_path: Path, struck_drums: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("to-midi", struck_drums, "-o", tmp_path / "x.mid") == 0
    kicks = [beat for beat, pitch in played(tmp_path / "x.mid") if pitch == 36]
    assert [float(beat) for beat in kicks] == pytest.approx([1, 2, 3, 4], abs=0.03)
    assert "no tempo known: written at 120 bpm" in capsys.readouterr().out


def test_to_midi_takes_the_tempo_of_the_job_a_stem_lies_in(run: Run, tmp_path: Path) -> None:
    generate(run, tmp_path, "--stems", "bass")  # the tone engine plays every beat at 240 bpm
    words = ("to-midi", tmp_path / "bass.wav", "-o", tmp_path / "x.mid", "--quantise", "1/4")
    assert run(*words) == 0
    assert [beat for beat, _ in played(tmp_path / "x.mid")] == [0, 1, 2, 3]


def test_slice_writes_one_shots_into_a_new_folder(
    run: Run, tmp_path: Path, struck_drums: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("slice", struck_drums, "--to", tmp_path / "to", "--bpm", "120") == 0
    names = sorted(path.name for path in (tmp_path / "to").iterdir())
    assert len(names) == 4 and all("kick" in name and "120bpm" in name for name in names)
    assert run("slice", struck_drums, "--to", tmp_path / "to") == 2
    assert "is not empty" in capsys.readouterr().err


def test_slices_are_named_by_class_pitch_and_tempo_and_an_instrument_names_them(
    run: Run, tmp_path: Path, struck_drums: Path
) -> None:
    to, pattern = tmp_path / "to", "{file}_{stem}_{class}_{pitch}_{bpm}"
    asked = ("slice", struck_drums, "--to", to, "--bpm", "120", "--name", pattern)
    assert run(*asked, "--normalise", "--sfz") == 0
    names = sorted(path.name for path in to.glob("*.wav"))
    assert len(names) == 4 and names[-1].startswith(f"{struck_drums.stem}_drums_")
    assert any(name.endswith("_C4_120bpm.wav") for name in names)
    assert any(name.endswith("_C4_120bpm-2.wav") for name in names)
    for name in names:
        peak = np.abs(soundfile.read(to / name)[0]).max()
        assert peak == pytest.approx(10 ** (-1 / 20), rel=1e-4)  # -1 dBFS
    (instrument,) = to.glob("*.sfz")
    played = [line[7:] for line in instrument.read_text("utf-8").splitlines() if "sample=" in line]
    assert sorted(played) == names


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("to-midi", "x.wav", "-o", "x.mid"), "does not tell which it is; give --stem"),
        (("to-midi", "bass.wav", "-o", "x.mid", "--stem", "flute"), "not 'flute'"),
        (("to-midi", "bass.wav", "-o", "x.mid", "--quantise", "16"), "such as 1/16, not '16'"),
        (("to-midi", "bass.wav", "-o", "x.mid", "--quantise", "1/16"), "quantise needs bpm"),
        (("to-midi", "bass.wav", "-o", "x.mid", "--bpm", "fast"), "fast"),
        (("to-midi", "bass.wav", "-o", "no/such/x.mid"), "cannot be written"),
        (("to-midi", "vocals.wav", "-o", "x.mid"), "cannot read"),
        (("slice", "vocals.wav", "--to", "to"), "cannot read"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("x.wav", "bass.wav"):
        soundfile.write(name, np.zeros((4_800, 2)), 48_000)
    Path("vocals.wav").write_text("words")
    before = sorted(tmp_path.iterdir())
    assert run(*words) in (1, 2)
    told = capsys.readouterr().err
    assert sentence in told and "Traceback" not in told and "unexpected" not in told
    assert [path for path in sorted(tmp_path.iterdir()) if path.name != "home"] == before


def test_a_folder_with_other_files_is_refused_or_kept_by_force(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, empty = tmp_path / "out", tmp_path / "empty"
    for folder in (out, empty):
        folder.mkdir()
    assert generate(run, empty, "--stems", "bass") == 0
    (out / "mine.txt").write_text("mine")
    capsys.readouterr()
    assert generate(run, out, "--stems", "bass") == 2
    assert "holds other files; choose another folder, or --force" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    assert generate(run, out, "--stems", "bass", "--force", "--dry-run") == 0
    assert generate(run, out, "--stems", "bass", "--force") == 0
    assert "is kept as out-bak" in capsys.readouterr().err
    assert (tmp_path / "out-bak" / "mine.txt").read_text() == "mine"
    assert (out / "bass.wav").is_file() and not (out / "mine.txt").exists()


def test_a_second_result_goes_beside_the_first_unless_forced(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert generate(run, out, "--stems", "bass,drums") == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    for number in (2, 3):
        assert generate(run, out, "--stems", "bass") == 0
        told = capsys.readouterr()
        assert f"goes beside it, into {out}-{number}" in told.err
        assert told.out.startswith(f"{out}-{number}: bass.wav")
    assert generate(run, out, "--dry-run") == 0
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out", "out-2", "out-3"]
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert generate(run, out, "--stems", "bass", "--force") == 0
    assert "is kept as out-bak" in capsys.readouterr().err
    assert {path.name for path in before} == {p.name for p in (tmp_path / "out-bak").iterdir()}


def test_a_result_is_not_written_where_it_is_read(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job"
    generate(run, job, "--stems", "bass")
    before = {path: path.read_bytes() for path in job.iterdir()}
    for words in (
        ("generate", "--from", job, "--stems", "bass", "-o", job),
        ("generate", "--bpm", "240", "--key", "C", "--bars", "1", "--melody", job / "bass.mid",
         "-o", tmp_path / "elsewhere" / ".." / "job"),
        ("reproduce", job, "-o", job),
        ("split", job / "bass.wav", "-o", job),
    ):  # fmt: skip
        assert run(*words, "--force") == 2
        assert "is an input" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in job.iterdir()} == before


def test_stems_of_another_sound_are_not_replaced(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tone_engine

    import daemon.commands.split

    monkeypatch.setattr(daemon.commands.split, "open_splitter", tone_engine.open_splitter)
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", np.full((4_800, 2), 0.1), 48_000)
    out = tmp_path / "out"
    assert run("split", tmp_path / "a.wav", "--stems", "vocals", "-o", out) == 0
    before = (out / "manifest.json").read_bytes()
    assert run("split", tmp_path / "b.wav", "--stems", "vocals", "-o", out) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (out / "manifest.json").read_bytes() == before
    assert run("split", tmp_path / "b.wav", "--stems", "drums", "-o", out, "--force") == 0
    assert (tmp_path / "out-bak" / "manifest.json").read_bytes() == before
    assert run("split", tmp_path / "b.wav", "--stems", "vocals", "-o", out) == 0
    assert (out / "drums.wav").is_file() and (tmp_path / "out-2" / "vocals.wav").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names there")
def test_every_option_refuses_what_is_no_regular_file_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("bass.pipe")
    Path("empty").touch()
    Path("folder").mkdir()
    soundfile.write("tone.wav", np.full(4_800, 0.1), 48_000)
    signal.alarm(60)  # whoever waits for the pipe's other end is ended
    asked = ("generate", "--bpm", "240", "--key", "C", "--bars", "1", "-o", "out")
    for file in ("bass.pipe", "empty", "folder", "/dev/zero"):
        for words in (
            ("measure", file),
            ("measure", file, "--picture", "x.png"),
            ("conform", file, "--bpm", "120", "-o", "x.wav"),
            ("conform", file, "--bpm", "120", "--loop", "-o", "x.wav"),
            ("energy", file),
            ("to-midi", file, "--stem", "bass", "-o", "x.mid"),
            ("slice", file, "--stem", "bass", "--to", "x"),
            ("split", file, "-o", "x"),
            ("split", "tone.wav", "--model", f"./{file}", "-o", "x"),
            ("export", file, "--files", "x"),
            (*asked, "--melody", file),
            (*asked, "--audio", file, "--edit", "cover"),
            (*asked, "--reference", file),
            (*asked, "--lyrics", f"@{file}"),
            (*asked, "--timed-prompts", file),
            (*asked, "--intensity-from", file),
            ("generate", "--from", file, "--stems", "bass", "-o", "out"),
            ("reproduce", file, "-o", "out"),
        ):
            assert run(*words) in (1, 2), words
            told = capsys.readouterr().err
            assert len(told.splitlines()) == 1 and "unexpected" not in told, (words, told)
    signal.alarm(0)
    names = {path.name for path in tmp_path.iterdir()} - {"home"}
    assert names == {"bass.pipe", "empty", "folder", "tone.wav"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf_8_works_or_is_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"bass caf\xe9.wav")
    time = np.arange(48_000) / 48_000
    soundfile.write("bass.wav", 0.3 * np.sin(2 * np.pi * 110 * time), 48_000)
    os.rename("bass.wav", name)
    for words in (
        ("measure", name),
        ("energy", name),
        ("to-midi", name, "-o", "x.mid"),
        ("slice", name, "--to", "x"),
        ("split", name, "-o", "y"),
        ("conform", name, "--bpm", "120", "-o", "x.wav"),
        ("generate", "--bpm", "240", "--key", "C", "--bars", "1", "--melody", name, "-o", "out"),
    ):
        status = run(*words)
        told = capsys.readouterr().err
        assert "unexpected" not in told, (words, told)
        assert status == 0 or len(told.splitlines()) == 1
        assert status == 0 or words[0] in ("split", "conform", "generate"), told


def test_a_byte_order_mark_is_no_part_of_the_lyrics(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_bytes("\ufeffla la".encode())
    capsys.readouterr()
    assert generate(run, tmp_path / "o", "--lyrics", f"@{tmp_path / 'words.txt'}", "--dry-run") == 0
    assert '"la la"' in capsys.readouterr().out
