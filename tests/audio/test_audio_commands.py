"""The commands that listen: conform, measure and energy, as a person calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
from typer.testing import CliRunner

from audio.clip import Clip, read_clip, write_wav
from audio.errors import AudioError, CannotConform
from daemon.cli import app_of
from daemon.errors import DaemonError, UsageError
from midi.curve import Curve
from midi.grid import Grid
from osc_protocol.errors import ProtocolError

Band = Callable[..., dict[str, Clip]]
RATE = 44_100


def run(*words: str) -> str:
    """What the command prints; whatever it raises comes through."""
    ran = CliRunner().invoke(app_of(words), list(words))
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    assert ran.exit_code == 0, ran.output
    return ran.output


@pytest.fixture
def recording(band: Band, mixed: Callable[[dict[str, Clip]], Clip], tmp_path: Path) -> Path:
    """A folder with a mix and its stems, five bars at 118 bpm that start 0.3 s late."""
    stems = band(lambda beat: 0.3 + beat * 60 / 118, 5)
    for name, clip in stems.items():
        write_wav(tmp_path / f"{name}.wav", clip)
    write_wav(tmp_path / "take.wav", mixed(stems))
    return tmp_path


def test_conform_writes_mix_and_stems_of_as_many_bars_as_there_are(recording: Path) -> None:
    out = recording / "out"
    take, folder = str(recording / "take.wav"), str(recording)
    told = json.loads(
        run("conform", take, "--bpm", "120", "--stems", folder, "-o", str(out), "--json")
    )
    assert told["bars"] == 5
    # Five bars of four beats at 120 bpm: 10 s.
    assert told["frames"] == 10 * RATE
    assert told["first_downbeat_seconds"] == pytest.approx(0.3, abs=0.004)
    assert told["null_dbfs"] < -90
    for name in ("mix", "drums", "bass", "melody"):
        assert read_clip(out / f"{name}.wav").frames == 10 * RATE


def test_conform_of_many_writes_each_under_its_name(recording: Path) -> None:
    (recording / "same.wav").write_bytes((recording / "take.wav").read_bytes())
    files, out = str(recording / "[st]a[mk]e.wav"), recording / "out"
    name = "{file} 120bpm"
    told = run("conform", files, "--bpm", "120", "-o", str(out), "--name", name)
    assert told.count("5 bars of 4/4") == 2 and "2 of 2 recordings done" in told
    for word in ("same", "take"):
        assert read_clip(out / f"{word} 120bpm.wav").frames == 10 * RATE  # as above


def test_conform_refuses_another_tempo_and_writes_nothing(recording: Path) -> None:
    out = recording / "no.wav"
    with pytest.raises(CannotConform, match="bpm"):
        run("conform", str(recording / "take.wav"), "--bpm", "135", "-o", str(out))
    assert not out.exists()


def test_measure_prints_tempo_beats_and_faults(recording: Path) -> None:
    told = run("measure", str(recording / "take.wav"), "--bpm", "118", "--key", "C major")
    tempo, first_bar = (re.search(f"{word}([0-9.]+)", told) for word in ("tempo: ", "bar 1 at "))
    assert tempo and float(tempo[1]) == pytest.approx(118, abs=0.1)
    assert first_bar and float(first_bar[1]) == pytest.approx(0.3, abs=0.004)
    assert "LUFS" in told


def test_measure_compares_with_nothing_where_nothing_was_asked(recording: Path) -> None:
    take = str(recording / "take.wav")
    (found,) = json.loads(run("measure", take, "--json")).values()
    assert (found["missing_seconds"], found["remarks"]) == (0.0, [])
    assert found["seconds"] == pytest.approx(read_clip(Path(take)).seconds, abs=1e-4)
    against = ("bpm_asked", "bpm_error_percent", "octave_relation", "placement", "key_asked")
    assert {name: found[name] for name in against} == dict.fromkeys(against)
    assert "asked" not in run("measure", take)


def test_measure_says_what_is_missing(recording: Path) -> None:
    data = (recording / "take.wav").read_bytes()
    whole = read_clip(recording / "take.wav").seconds
    (recording / "cut.wav").write_bytes(data[: len(data) // 2])
    (found,) = json.loads(run("measure", str(recording / "cut.wav"), "--json")).values()
    assert found["seconds"] == pytest.approx(whole / 2, abs=0.001)
    assert found["seconds"] + found["missing_seconds"] == pytest.approx(whole, abs=0.001)
    assert "cut.wav has" in run("measure", str(recording / "cut.wav"))


def test_energy_gives_points_in_beats(recording: Path) -> None:
    told = json.loads(run("energy", str(recording / "take.wav"), "--bpm", "120", "--json"))
    assert [point["beat"] for point in told[:3]] == [0.0, 2.0, 4.0]  # two beats a second
    assert max(point["value"] for point in told) <= 1


def test_energy_prints_points_that_an_intensity_takes(recording: Path) -> None:
    told = run("energy", str(recording / "take.wav"), "--bpm", "120", "--points")
    assert [beat for beat, _ in Curve.parse(told).points[:3]] == [0, 2, 4]
    with pytest.raises(UsageError, match="--points needs --bpm"):
        run("energy", str(recording / "take.wav"), "--points")


def test_options_that_contradict_each_other_are_refused(recording: Path) -> None:
    take = str(recording / "take.wav")
    with pytest.raises(ProtocolError, match="--tail and --loop: give one"):
        run("conform", take, "--bpm", "120", "--loop", "--tail", "1", "-o", "x.wav")
    with pytest.raises(UsageError, match="bpm"):
        run("measure", take, "--melody", "tune.mid")
    with pytest.raises(ProtocolError, match=r"--stems: .* none of drums\.wav"):
        run("conform", take, "--bpm", "120", "--stems", str(Path(__file__).parent), "-o", "x")
    with pytest.raises(AudioError, match="cannot read"):
        run("measure", "missing.wav")


def test_silence_is_measured_without_complaint(tmp_path: Path) -> None:
    write_wav(tmp_path / "s.wav", Clip(np.zeros((2, 3 * RATE), np.float32), RATE))
    told = run("measure", str(tmp_path / "s.wav"), "--bpm", "120")
    assert "it is silent" in told


def test_no_command_writes_over_its_input_by_any_name(recording: Path) -> None:
    take, link = recording / "take.wav", recording / "link.wav"
    link.symlink_to(take)
    before = take.read_bytes()
    for out in (take, recording / "." / "take.wav", link):
        for words in (
            ("conform", take, "--bpm", "120", "-o", out),
            ("to-midi", take, "--stem", "bass", "-o", out),
            ("measure", take, "--picture", out),
        ):
            with pytest.raises(UsageError, match=r"is an input|must end in"):
                run(*map(str, words), "--force")
    with pytest.raises(UsageError, match="is an input"):
        folder = str(recording)
        run("conform", str(take), "--bpm", "120", "--stems", folder, "-o", folder, "--force")
    assert take.read_bytes() == before


def test_a_file_that_exists_is_refused_or_kept_by_force(recording: Path) -> None:
    take = str(recording / "take.wav")
    for name, words in (
        ("x.wav", ("conform", take, "--bpm", "120", "-o")),
        ("x.mid", ("to-midi", take, "--stem", "bass", "-o")),
        ("x.png", ("measure", take, "--picture")),
    ):
        out = recording / name
        out.write_text("mine")
        with pytest.raises(UsageError, match=rf"{name}' is there already.*--force"):
            run(*words, str(out))
        assert out.read_text() == "mine"
        for backup in (f"{name}-bak", f"{name}-bak2"):
            out.write_text(backup)
            assert f"is kept as {backup}" in run(*words, str(out), "--force")
            assert (recording / backup).read_text() == backup
            assert out.stat().st_size > 20
    (recording / "x.wav").write_text("mine")
    with pytest.raises(CannotConform):
        run("conform", take, "--bpm", "135", "-o", str(recording / "x.wav"), "--force")
    assert (recording / "x.wav").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "format_name"),
    [("x.flac", "FLAC"), ("x.AIF", "AIFF"), ("x.ogg", "OGG"), ("x.mp3", "MP3")],
)
def test_conform_writes_the_format_that_the_ending_names(
    recording: Path, name: str, format_name: str
) -> None:
    out = recording / name
    run("conform", str(recording / "take.wav"), "--bpm", "120", "-o", str(out))
    found = soundfile.info(out)
    assert found.format == format_name
    assert found.frames == 10 * RATE  # 20 beats at 120 bpm
    assert not [path for path in recording.iterdir() if path.name.startswith(".")]


def test_what_a_format_cannot_hold_is_brought_down_or_refused_in_a_sentence(
    recording: Path,
) -> None:
    samples, rate = soundfile.read(recording / "take.wav")
    loud, high = recording / "loud.wav", recording / "high.wav"
    soundfile.write(loud, 2 * samples / np.abs(samples).max(), rate, subtype="FLOAT")  # a peak of 2
    told = run("conform", str(loud), "--bpm", "120", "-o", str(recording / "x.flac"))
    assert re.search(r"brought down by \d\.\d\d dB", told)
    assert np.abs(soundfile.read(recording / "x.flac")[0]).max() == pytest.approx(1.0, abs=1e-5)
    soundfile.write(high, samples, 96_000)
    with pytest.raises(AudioError, match=r"\.mp3 holds sounds of 8000, .* has 96000 Hz"):
        run("conform", str(high), "--bpm", "120", "-o", str(recording / "y.mp3"))
    assert not (recording / "y.mp3").exists()


def test_more_channels_than_a_meter_takes_are_measured_mixed_down(recording: Path) -> None:
    samples, rate = soundfile.read(recording / "take.wav")
    one = samples if samples.ndim == 1 else samples[:, 0]
    many = recording / "many.wav"
    soundfile.write(many, np.stack([one] * 8, axis=1), rate, subtype="FLOAT")
    told = run("measure", str(many))
    assert "the loudness is that of its 8 channels mixed down to stereo" in told


def test_below_a_file_nothing_can_be_written_and_nothing_is_begun(recording: Path) -> None:
    take, below = str(recording / "take.wav"), recording / "take.wav" / "x"
    for words in (
        ("conform", take, "--bpm", "135", "-o", f"{below}.wav"),  # which it could not conform to
        ("measure", take, "--picture", f"{below}.png"),
    ):
        with pytest.raises(UsageError, match=r"take\.wav is not a folder"):
            run(*words)


def test_an_output_must_be_named_and_its_ending_known(recording: Path) -> None:
    take = str(recording / "take.wav")
    with pytest.raises(UsageError, match="must not be empty"):
        run("conform", take, "--bpm", "120", "-o", "")
    for name in ("x.m4a", "x.raw", "x", "mp3"):
        with pytest.raises(UsageError, match=r"must end in \.wav, .* or \.aiff"):
            run("conform", take, "--bpm", "120", "-o", str(recording / name))
    with pytest.raises(UsageError, match=r"picture .* must end in \.png"):
        run("measure", take, "--picture", str(recording / "x.jpg"))
    with pytest.raises(UsageError, match=r"out .* must end in \.mid or \.midi"):
        run("to-midi", take, "--stem", "bass", "-o", str(recording / "x.wav"))
    with pytest.raises(UsageError, match=r"dawproject .* must end in \.dawproject"):
        run("export", str(recording), "--dawproject", str(recording / "x.zip"))
    with pytest.raises(DaemonError, match="cannot be written"):
        run("to-midi", take, "--stem", "bass", "-o", f"{take}/x.mid")


def test_stems_in_flac_are_conformed_with_their_mix(recording: Path) -> None:
    samples, rate = soundfile.read(recording / "bass.wav")
    (recording / "bass.wav").unlink()
    soundfile.write(recording / "bass.flac", samples, rate, subtype="PCM_24")
    take, out = str(recording / "take.wav"), recording / "out"
    run("conform", take, "--bpm", "120", "--stems", str(recording), "-o", str(out))
    assert read_clip(out / "bass.wav").frames == read_clip(out / "drums.wav").frames == 10 * RATE


def test_conform_says_what_a_recording_lacks_though_the_last_bars_are_not_read(
    recording: Path,
) -> None:
    cut = recording / "cut.wav"
    data = (recording / "take.wav").read_bytes()
    cut.write_bytes(data[: int(0.9 * len(data))])  # four of five bars and a half
    told = run("conform", str(cut), "--bpm", "120", "-o", str(recording / "out.wav"))
    assert told.startswith("4 bars of 4/4")
    assert re.search(r"cut\.wav has \d+\.\d\d s by its header; 1\.\d\d s are not there", told)


def test_a_recording_of_96_khz_is_conformed_with_its_stems(recording: Path) -> None:
    names = ("take", "drums", "bass", "melody")
    for name in names:
        samples, rate = soundfile.read(recording / f"{name}.wav")
        high = scipy.signal.resample_poly(samples, 96_000, rate, axis=0)
        soundfile.write(recording / f"{name}.wav", high, 96_000, subtype="FLOAT")
    take, out = str(recording / "take.wav"), recording / "out"
    run("conform", take, "--bpm", "120", "--stems", str(recording), "-o", str(out))
    for name in ("mix", *names[1:]):
        found = soundfile.info(out / f"{name}.wav")
        assert (found.frames, found.samplerate) == (10 * 96_000, 96_000)  # 20 beats at 120 bpm


def test_conform_takes_the_users_word_for_bar_one_and_asks_for_it(
    clicks: Callable[..., Clip], tmp_path: Path
) -> None:
    times = [0.3 + beat / 2 for beat in range(31)]
    even = clicks(times, Grid.constant(120, bars=8), accents=1)  # the same on every beat
    write_wav(tmp_path / "even.wav", even)
    words = ("conform", str(tmp_path / "even.wav"), "--bpm", "120", "-o", str(tmp_path / "out.wav"))
    with pytest.raises(CannotConform, match="--downbeat SECONDS"):
        run(*words)
    first = re.search("bar 1 was at ([0-9.]+)", run(*words, "--downbeat", "0.8"))
    assert first and float(first[1]) == pytest.approx(0.8, abs=0.003)  # a click's error
    with pytest.raises(ProtocolError, match="--half and --double: give one of them"):
        run(*words, "--half", "--double", "--force")


def test_measure_counts_as_the_user_says_and_its_figures_agree(recording: Path) -> None:
    take = str(recording / "take.wav")
    told = json.loads(run("measure", take, "--json"))[take]
    assert told["bpm"] == pytest.approx(118, abs=0.1)
    half = json.loads(run("measure", take, "--half", "--json"))[take]
    assert half["bpm"] == pytest.approx(59, abs=0.1)
    asked = json.loads(run("measure", take, "--bpm", "118", "--json"))[take]
    assert asked["beats_seconds"][0] == asked["placement"]["downbeats_seconds"][0]
    # 118 bpm is what was asked: quarters of it, each found within 3 ms.
    assert asked["beats_seconds"][1] - asked["beats_seconds"][0] == pytest.approx(
        60 / 118, abs=0.003
    )
