"""One command over many recordings: which they are, what the results are called, what fails."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from daemon.commands.batch import Done, over_all
from daemon.errors import UsageError
from daemon.output_names import output_names
from daemon.sound_inputs import SoundInputs, sound_inputs
from diffusion.errors import Cancelled
from midi.smf import read_smf
from stems.manifest import read_manifest

Run = Callable[..., int]


@pytest.fixture
def split_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same, splitting with the splitter of the tests."""
    import tone_engine

    import daemon.commands.split

    monkeypatch.setattr(daemon.commands.split, "open_splitter", tone_engine.open_splitter)
    return run


@pytest.fixture
def songs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three sounds of 0.1 s, two files that are none, a text and a hidden file, in songs/."""
    monkeypatch.chdir(tmp_path)
    folder = Path("songs")
    folder.mkdir()
    for number, name in enumerate("abc", 1):
        soundfile.write(folder / f"{name}.wav", np.full((4_800, 2), 0.1 * number), 48_000)
    (folder / "bad.wav").write_text("no sound")
    (folder / "empty.flac").touch()
    (folder / "cover.jpg").write_text("a picture")
    (folder / "._a.wav").write_text("what macOS leaves")
    return folder


def test_two_broken_recordings_stop_none_of_the_others(
    split_run: Run, songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert split_run("split", songs, "-o", "out", "--name", "{file}_{stem}") == 1
    told = capsys.readouterr()
    errors = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2 and "bad.wav" in errors[0] and "empty.flac" in errors[1]
    assert "3 of 5 recordings done, 2 failed; other files passed over: 1" in told.out
    made = sorted(path.name for path in Path("out").glob("a_*"))
    assert made == [
        "a_bass.wav", "a_drums.wav", "a_manifest.json", "a_melody.wav", "a_project.rpp",
        "a_vocals.wav",
    ]  # fmt: skip
    for name, level in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        manifest = read_manifest(Path("out") / f"{name}_manifest.json", check_hashes=True)
        stems = [soundfile.read(Path("out") / entry.path)[0] for entry in manifest.files[:4]]
        # 16-bit files hold 0.1, 0.2 and 0.3 to half a step of 2^-15.
        assert np.abs(sum(stems) - level).max() < 2**-15
        assert f'FILE "{name}_drums.wav"' in (Path("out") / f"{name}_project.rpp").read_text()


def test_without_a_pattern_each_recording_has_a_folder_like_that_of_one(
    split_run: Run, songs: Path
) -> None:
    assert split_run("split", songs / "a.wav", songs / "b.wav", "-o", "out") == 0
    assert split_run("split", songs / "a.wav", "-o", "one") == 0
    for folder in ("out/a", "out/b"):
        names = {path.name for path in Path(folder).iterdir()}
        assert names == {path.name for path in Path("one").iterdir()}
        assert "manifest.json" in names
        read_manifest(Path(folder))


def test_stems_of_many_can_be_sorted_by_stem(split_run: Run, songs: Path) -> None:
    words = ("--stems", "drums,bass", "--name", "{stem}/{number} {file}.wav", "-o", "out")
    assert split_run("split", songs / "b.wav", songs / "a.wav", *words) == 0
    assert sorted(path.name for path in Path("out/drums").iterdir()) == ["1 b.wav", "2 a.wav"]
    manifest = read_manifest(Path("out/2 a_manifest.json"))
    assert [entry.path for entry in manifest.files] == [
        "drums/2 a.wav", "bass/2 a.wav", "2 a_project.rpp",
    ]  # fmt: skip


def test_a_second_run_replaces_no_files_and_by_force_keeps_them(
    split_run: Run, songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--stems", "vocals", "--name", "{file}_{stem}", "-o", "out")
    assert split_run("split", songs / "a.wav", *words) == 0
    assert split_run("split", songs / "a.wav", *words) == 2
    assert "a_vocals.wav' is there already" in capsys.readouterr().err
    assert not list(Path("out").glob("*-bak"))
    Path("out/b_vocals.wav").write_text("mine")
    assert split_run("split", songs / "b.wav", *words) == 2
    assert "b_vocals.wav' is there already" in capsys.readouterr().err
    assert split_run("split", songs / "a.wav", songs / "b.wav", *words, "--force") == 0
    assert Path("out/b_vocals.wav-bak").read_text() == "mine"
    assert Path("out/a_vocals.wav-bak").is_file() and Path("out/a_manifest.json-bak").is_file()
    assert "b_vocals.wav was there already and is kept as" in capsys.readouterr().err


def test_the_networks_are_opened_once_for_all(
    split_run: Run, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tone_engine

    import daemon.commands.split

    opened: list[str | None] = []

    def open_splitter(name: str | None = None) -> object:
        opened.append(name)
        return tone_engine.open_splitter(name)

    monkeypatch.setattr(daemon.commands.split, "open_splitter", open_splitter)
    assert split_run("split", songs, "-o", "out") == 1
    assert opened == [None]


def test_a_splitter_that_is_not_there_is_one_sentence_for_all(
    split_run: Run, songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert split_run("split", songs, "-o", "out", "--model", "missing") == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert errors == [
        "error: no splitter 'missing' is on this machine; run: backline models pull x"
    ]


def test_memory_does_not_grow_with_the_number_of_recordings(
    split_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        soundfile.write(f"{number:02d}.wav", np.full((48_000, 2), 0.1), 48_000)
    peaks = []
    for count in (1, 3, 12):  # the first run imports what the others find
        tracemalloc.start()
        files = [f"{number:02d}.wav" for number in range(count)]
        assert split_run("split", *files, "-o", f"out{count}") == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # A second of stereo in float takes 384 kB, its four stems 1.5 MB; nine more kept nothing of it.
    assert peaks[2] - peaks[1] < 300_000


def test_json_is_a_list_with_what_was_found_or_why_not(
    split_run: Run, songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert split_run("split", songs, "-o", "out", "--stems", "bass", "--json") == 1
    found = {entry["file"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert list(found) == [f"songs/{each}" for each in (
        "a.wav", "b.wav", "bad.wav", "c.wav", "empty.flac"
    )]  # fmt: skip
    assert found["songs/empty.flac"]["error"].endswith("it is empty")
    assert found["songs/b.wav"]["stems"] == ["bass"]
    (manifest,) = found["songs/b.wav"]["written"]
    assert read_manifest(Path(manifest)).stems == ("bass",)


def test_measure_takes_folders_and_patterns_and_gives_a_list(
    run: Run, songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("measure", songs / "[ab].wav", songs / "bad.wav", "--json") == 1
    a, b, bad = json.loads(capsys.readouterr().out)
    assert (a["file"], b["file"]) == ("songs/a.wav", "songs/b.wav")
    # A square of 0.1 and one of 0.2 are a factor of 2 apart: 6.02 dB.
    apart = b["loudness"]["true_peak_dbtp"] - a["loudness"]["true_peak_dbtp"]
    assert apart == pytest.approx(6.02, abs=0.1)
    assert set(bad) == {"file", "error"}
    assert run("measure", songs / "a.wav", "--json") == 0  # of one, by its name
    assert list(json.loads(capsys.readouterr().out)) == ["songs/a.wav"]


def test_measure_draws_each_recording_into_a_folder(run: Run, songs: Path) -> None:
    (songs / "bad.wav").unlink()
    (songs / "empty.flac").unlink()
    (songs / "c.wav").unlink()
    assert run("measure", songs, "--picture", "drawn", "--name", "{number}-{file}") == 0
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["1-a.png", "2-b.png"]
    assert run("measure", songs, "--picture", "drawn", "--name", "{number}-{file}") == 2


@pytest.fixture
def struck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two drum loops of two bars at 120 bpm in loops/, a click on each beat."""
    monkeypatch.chdir(tmp_path)
    Path("loops").mkdir()
    time = np.arange(4_800) / 48_000
    click = 0.8 * np.sin(2 * np.pi * 180 * time) * np.exp(-time / 0.02)
    sound = np.zeros(4 * 48_000)
    for beat in range(8):  # half a second each
        sound[beat * 24_000 :][:4_800] += click
    for name in ("drums one", "drums two"):
        soundfile.write(Path("loops") / f"{name}.wav", sound, 48_000)
    return Path("loops")


def test_to_midi_and_slice_take_many(
    run: Run, struck: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("to-midi", struck, "-o", "midi", "--bpm", "120", "--name", "{file} notes.mid") == 0
    for name in ("drums one", "drums two"):
        assert len(read_smf(Path("midi") / f"{name} notes.mid").drums) == 8
    assert run("slice", struck, "--to", "shots") == 0
    assert len(list(Path("shots/drums one").iterdir())) == 8
    assert run("slice", struck, "-o", "flat", "--name", "{file} {slice}", "--bpm", "120") == 0
    names = sorted(path.name for path in Path("flat").iterdir())
    assert len(names) == 16 and names[0].startswith("drums one 001_")
    assert "2 of 2 recordings done" in capsys.readouterr().out


def test_a_stem_that_cannot_be_told_from_its_name_fails_alone(
    run: Run, struck: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (struck / "drums two.wav").rename(struck / "take.wav")
    assert run("to-midi", struck, "-o", "midi") == 1
    assert [path.name for path in Path("midi").iterdir()] == ["drums one.mid"]
    assert "'take.wav' does not tell which it is" in capsys.readouterr().err


def test_one_recording_is_named_and_written_as_ever(run: Run, struck: Path) -> None:
    file = struck / "drums one.wav"
    assert run("to-midi", file, "-o", "x.mid") == 0 and Path("x.mid").is_file()
    assert run("to-midi", file, "-o", "x", "--name", "{file}") == 0
    assert Path("x/drums one.mid").is_file()


def test_ctrl_c_keeps_what_is_finished_and_says_so(
    songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(file: Path, show: object, cancelled: object) -> Done:
        if file.name == "b.wav":
            raise Cancelled("cancelled")
        return Done([f"{file.name} is done"], {})

    with pytest.raises(typer.Exit) as ended:
        over_all(SoundInputs((songs / "a.wav", songs / "b.wav", songs / "c.wav"), True), work)
    assert ended.value.exit_code == 130
    assert capsys.readouterr().out.splitlines() == [
        "a.wav is done", "1 of 3 recordings done, stopped",
    ]  # fmt: skip


def test_a_fault_that_nobody_foresaw_stops_no_other_recording(
    run: Run, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(file: Path, show: object, cancelled: object) -> Done:
        if file.name == "a.wav":
            raise RuntimeError("a fault")
        return Done(["done"], {})

    with pytest.raises(typer.Exit):
        over_all(SoundInputs((songs / "a.wav", songs / "b.wav"), True), work)
    assert "a.wav: an unexpected RuntimeError; please report it" in capsys.readouterr().err
    assert len(list((tmp_path / "home" / "log").glob("error-*.log"))) == 1


def test_inputs_are_files_folders_and_patterns_each_file_once(songs: Path) -> None:
    (songs / "sub").mkdir()
    (songs / "sub" / "d.WAV").touch()
    every = sound_inputs(["songs"])
    assert [path.name for path in every.files] == [
        "a.wav",
        "b.wav",
        "bad.wav",
        "c.wav",
        "empty.flac",
    ]
    assert every.many and every.passed_over == 1
    assert [p.name for p in sound_inputs(["songs/**/*.WAV"]).files][-1] == "d.WAV"
    again = sound_inputs(["songs/b.wav", "songs", "songs/../songs/a.wav"])
    assert [path.name for path in again.files][:2] == ["b.wav", "a.wav"] and len(again.files) == 5
    assert not sound_inputs(["songs/a.wav"]).many
    assert sound_inputs(["songs/a.*"]).many  # one fits, but several were asked for
    assert sound_inputs(["none.wav"]).files == (Path("none.wav"),)  # reading it says what is wrong


def test_a_file_may_be_called_like_a_pattern(songs: Path) -> None:
    (songs / "a.wav").rename(songs / "take [1].wav")
    assert sound_inputs([songs / "take [1].wav"]) == SoundInputs((songs / "take [1].wav",), False)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("songs/*.aif", "there is no file that 'songs/*.aif' fits"),
        ("void", "there is no sound file in the folder 'void'"),
    ],
)
def test_a_word_that_names_no_recording_is_refused(songs: Path, word: str, sentence: str) -> None:
    Path("void").mkdir()
    with pytest.raises(UsageError) as refused:
        sound_inputs([word])
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("{file}_{title}", "name must be made of the words {file}, {stem}, {number}, not {title}"),
        ("{}", "name must be made of the words {file}, {stem}, {number}, not {}"),
        ("{file", "has a brace without the other one"),
        ("{file!r}{stem:>9}", "must have plain words in braces"),
        ("{stem}", "must have {file} in it"),
        ("../{file}", "must be a name, or folders and a name"),
        ("/tmp/{file}", "must be a name, or folders and a name"),
        ("{file}/", "must be a name, or folders and a name"),
        ("", "must be a name, or folders and a name"),
        ("{file}:{stem}", "must not have ':' in it"),
        ("{file}\\{stem}", "must not have '\\\\' in it"),
        ("{file}.flac", "must end in .wav or without an ending"),
    ],
)
def test_a_pattern_that_names_no_files_is_a_sentence(pattern: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        output_names(pattern, [Path("a.wav"), Path("b.wav")], ("stem",), ".wav")
    assert sentence in str(refused.value)


def test_recordings_of_one_name_get_numbers_whatever_the_case(tmp_path: Path) -> None:
    files = [Path(each) for each in ("x/Song.wav", "y/song.flac", "z/song-2.wav", "SONG.aif")]
    names = output_names("{file}", files, (), ".wav")
    assert [names.name(file) for file in files] == ["Song", "song-2", "song-2-2", "SONG-3"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a/../b.wav", "b"),
        ("CON.wav", "_CON"),
        ('what: "now"?.wav', "what- -now--"),
        ("..wav", "_"),
        (" . .wav", "_"),
        ("tab\tbell\a.wav", "tab-bell-"),
        ("x" * 240 + ".wav", "x" * 160),
        ("é" * 120 + ".wav", "é" * 80),  # two bytes each
        (os.fsdecode(b"caf\xe9.wav"), os.fsdecode(b"caf\xe9")),
    ],
)
def test_the_word_for_a_file_is_a_safe_name(name: str, word: str) -> None:
    names = output_names("{file}", [Path(name)], (), ".wav")
    assert names.path(Path("out"), Path(name)) == Path("out") / f"{word}.wav"
