"""Jobs that split: a real daemon, real files, a splitter that gives each stem its share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daemon.commands.export import export
from daemon.errors import UsageError
from daemon.pipeline import split
from daemon.pipeline.reproduction import request_of
from daemon.pipeline.revision import repeated
from osc_protocol.client import Client
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished, Message, Progress, StemReady
from osc_protocol.split import Split
from stems.errors import StemError
from stems.facts import SplitterDescription
from stems.manifest import grid_of, read_manifest
from stems.source import read_edited_notes

ROOT = Path(__file__).parents[2]
RATE = 44_100
Ask = Callable[..., Generate]
Story = Callable[[Client, int], list[Message]]


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of noise in stereo that comes up to full scale, as 24-bit WAV."""
    path = tmp_path_factory.mktemp("my songs") / "söng.wav"
    noise = np.random.default_rng(1).uniform(-1, 1, (RATE // 2, 2))
    soundfile.write(path, noise, RATE, subtype="PCM_24")
    return path


def run(request: Split, folder: Path, seen: list[tuple[str, float]] | None = None) -> Any:
    """Split in this process."""
    from tone_engine import open_splitter

    told = [] if seen is None else seen
    return split(
        request,
        open_splitter,
        folder,
        lambda stage, done: told.append((stage, done)),
        lambda: False,
    )


def sum_of(folder: Path) -> np.ndarray:
    return sum(soundfile.read(path, always_2d=True)[0] for path in sorted(folder.glob("*.wav")))


def test_a_sound_becomes_four_stems_of_its_rate_and_length_that_sum_to_it(
    client: Client, story: Story, song: Path
) -> None:
    events = story(client, client.submit(Split(str(song))).job)
    names = [type(event).__name__ for event in events]
    assert names == ["Queued", "Started"] + ["StemReady"] * 4 + ["Finished"]
    stems = [event for event in events if isinstance(event, StemReady)]
    assert [stem.name for stem in stems] == ["drums", "bass", "melody", "vocals"]
    assert all((stem.sample_rate, stem.seconds) == (RATE, 0.5) for stem in stems)
    folder = Path(stems[0].path).parent
    # No gain: the sum is the sound to 2^-20 of full scale, some rounding of four float32 numbers.
    assert np.abs(sum_of(folder) - soundfile.read(song)[0]).max() < 2.0**-20
    manifest = read_manifest(folder, check_hashes=True)
    assert manifest.engine.name == "shares"
    assert manifest.request == Split(str(song)).as_dict()
    assert manifest.takes[0].null_dbfs < -120


def test_progress_is_told_segment_by_segment_and_never_falls(song: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    run(Split(str(song)), tmp_path / "out", seen)
    assert [stage for stage, _ in seen] == ["load"] + ["split"] * 8 + ["write"] * 2
    fractions = [done for _, done in seen]
    assert fractions == sorted(fractions) and (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_only_the_stems_asked_for_are_written(song: Path, tmp_path: Path) -> None:
    manifest = run(Split(str(song), ("vocals",)), tmp_path / "out")
    written = sorted(each.name for each in (tmp_path / "out").iterdir())
    assert written == ["manifest.json", "project.rpp", "vocals.wav"]
    assert manifest.stems == ("vocals",)


def test_a_split_recording_is_told_to_have_no_tempo(song: Path, tmp_path: Path) -> None:
    manifest = run(Split(str(song)), tmp_path / "out")
    folder = tmp_path / "out"
    for needs_tempo in (
        lambda: repeated(folder, {}),
        lambda: request_of(manifest),
        lambda: export(folder, dawproject=tmp_path / "x.dawproject"),
        lambda: export(folder, ardour=tmp_path / "x"),
    ):
        with pytest.raises((StemError, UsageError), match="split recording, which has no tempo"):
            needs_tempo()
    assert {each.name for each in tmp_path.iterdir()} == {"out"}


def test_a_part_holds_all_between_its_ends_and_says_where_it_begins(
    song: Path, tmp_path: Path
) -> None:
    # 0.10001 s is frame 4410.441, 0.2 s later is 13230.441: from 4410 up to but without 13231.
    request = Split(str(song), start_seconds=0.10001, length_seconds=0.2)
    manifest = run(request, tmp_path / "out")
    assert manifest.position.from_seconds == 4410 / RATE
    assert manifest.grid.frames == 13_231 - 4410
    whole = soundfile.read(song)[0]
    assert np.abs(sum_of(tmp_path / "out") - whole[4410:13_231]).max() < 2.0**-20


def test_a_split_in_flac_lies_in_its_project_at_the_place_of_the_sound(
    song: Path, tmp_path: Path
) -> None:
    request = Split(str(song), start_seconds=0.10001, at_seconds=7.25, format="flac")
    manifest = run(request, tmp_path / "out")
    assert {each.path for each in manifest.files} == {
        "drums.flac", "bass.flac", "melody.flac", "vocals.flac", "project.rpp"
    }  # fmt: skip
    # 24 bits of a 24-bit sound: its samples from frame 4410 on, to the last bit.
    stems = [soundfile.read(path, dtype="int32")[0] for path in (tmp_path / "out").glob("*.flac")]
    assert np.array_equal(sum(stems), soundfile.read(song, dtype="int32")[0][4410:])
    assert (manifest.takes[0].gain_db, manifest.takes[0].null_dbfs) == (0.0, -200.0)
    text = (tmp_path / "out" / "project.rpp").read_text("utf-8")
    assert text.count("POSITION 7.25000000000000\n") == 4
    # It begins 0.441 frames into its stems: 0.10001 s is frame 4410.441.
    assert text.count(f"SOFFS {0.441 / RATE:.14f}\n") == 4
    assert 'NAME "söng stems"' in text and 'FILE "drums.flac"' in text
    assert "|drums of söng.wav, split by shares" in text


def test_a_part_beyond_the_end_stops_there_and_one_that_begins_there_is_refused(
    song: Path, tmp_path: Path
) -> None:
    beyond = Split(str(song), start_seconds=0.4, length_seconds=9.0)
    assert run(beyond, tmp_path / "out").grid.frames == RATE // 10
    with pytest.raises(ProtocolError, match=r"no sound from 0\.5 s on") as refusal:
        run(Split(str(song), start_seconds=0.5), tmp_path / "none")
    assert refusal.value.field == "path" and not (tmp_path / "none").exists()


def test_a_mono_sound_has_mono_stems(client: Client, story: Story, tmp_path: Path) -> None:
    path = tmp_path / "mono.wav"
    soundfile.write(path, np.linspace(-0.5, 0.5, 800), 8000, subtype="FLOAT")
    events = story(client, client.submit(Split(str(path))).job)
    stems = [event for event in events if isinstance(event, StemReady)]
    assert {stem.channels for stem in stems} == {1}
    total = sum_of(Path(stems[0].path).parent)
    assert np.abs(total[:, 0] - np.linspace(-0.5, 0.5, 800)).max() < 2.0**-20


def test_a_loop_is_split_as_one(song: Path, tmp_path: Path) -> None:
    manifest = run(Split(str(song), loop=True), tmp_path / "out")
    assert isinstance(manifest.engine, SplitterDescription) and manifest.engine.loop
    assert np.abs(sum_of(tmp_path / "out") - soundfile.read(song)[0]).max() < 2.0**-20


@pytest.mark.parametrize("content", [b"", b"this is a text file and no sound at all", None])
def test_what_is_no_sound_is_refused_in_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "sound.wav"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ProtocolError, match="sound") as refusal:
        run(Split(str(path)), tmp_path / "out")
    assert (refusal.value.code, refusal.value.field) == (Code.OUT_OF_RANGE, "path")
    assert not (tmp_path / "out").exists()


def test_nine_channels_and_no_frames_are_refused_in_a_sentence(tmp_path: Path) -> None:
    for name, shape, words in (("nine", (100, 9), "9 channels"), ("none", (0, 2), "no sound")):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(shape), RATE)
        with pytest.raises(ProtocolError, match=words):
            run(Split(str(tmp_path / f"{name}.wav")), tmp_path / "out")


def test_a_file_that_is_not_there_is_refused_before_anything_is_queued(
    client: Client, tmp_path: Path
) -> None:
    before = client.status().head_seq
    for path, words in (
        (tmp_path / "gone.wav", "No such file"),
        (tmp_path, "not a regular file but a folder"),
    ):
        for dry_run in (False, True):
            with pytest.raises(ProtocolError, match=words) as refusal:
                client.submit(Split(str(path), dry_run=dry_run))
            assert refusal.value.field == "path"
    assert client.status().head_seq == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_keeps_nobody_waiting(client: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProtocolError, match="not a regular file but a named pipe"):
        client.submit(Split(str(tmp_path / "pipe")))


def test_a_dry_run_queues_nothing(client: Client, song: Path) -> None:
    before = client.status().head_seq
    assert client.submit(Split(str(song), dry_run=True)).state == "dry-run"
    assert client.status().head_seq == before


def test_a_splitter_that_is_missing_fails_the_job_with_its_sentence(
    client: Client, story: Story, song: Path
) -> None:
    end = story(client, client.submit(Split(str(song), model="missing")).job)[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.error_code) == ("failed", Code.MODEL_UNAVAILABLE)
    assert "backline models pull x" in end.message


def test_a_split_is_cancelled_within_a_segment_and_leaves_no_files(
    client: Client, story: Story, song: Path, daemon: Any
) -> None:
    job = client.submit(Split(str(song), model="hold")).job
    for event in client.watch(job):
        if isinstance(event, Progress) and event.stage == "split":
            break
    assert client.cancel(job).outcome == "cancelling"
    end = story(client, job)[-1]
    assert isinstance(end, Finished) and end.state == "cancelled"
    assert not (daemon.home / "jobs" / str(job)).exists()


def test_a_split_and_music_cannot_share_a_request_id(client: Client, ask: Ask, song: Path) -> None:
    first = client.submit(Split(str(song)), rid="shared")
    assert client.submit(Split(str(song)), rid="shared").job == first.job
    with pytest.raises(ProtocolError) as refusal:
        client.submit(ask(), rid="shared")
    assert refusal.value.code == Code.RID_CONFLICT


def test_an_engine_that_gives_a_mix_has_it_split(client: Client, ask: Ask) -> None:
    job = client.submit(ask("mix", seed=310)).job
    stages = {event.stage for event in client.watch(job) if isinstance(event, Progress)}
    assert "split" in stages
    folder = Path(client.job(job).folder)
    manifest = read_manifest(folder)
    assert manifest.stems == ("drums", "bass", "melody", "vocals")
    splitter = manifest.takes[0].facts.splitter
    assert splitter is not None and (splitter.name, splitter.loop) == ("shares", False)
    drums, mix = (soundfile.read(folder / f"{name}.wav")[0] for name in ("drums", "mix"))
    assert np.abs(drums).max() > 0.3 * np.abs(mix).max()  # its share is 0.4, and of what is missed
    # Its notes are what was heard: something on each beat (within 50 ms), muted in the project.
    assert manifest.takes[0].facts.notes_heard == manifest.stems
    text = (folder / "project.rpp").read_text("utf-8")
    notes = text[text.index('NAME "bass notes, as heard in it"') :]
    assert notes.index("MUTE 1 0") < notes.index("<SOURCE MIDI")
    grid = grid_of(manifest)
    heard = read_edited_notes(folder / "bass.mid", "bass").notes
    starts = [float(grid.seconds_at(note.start_beats)) for note in heard]
    for beat in range(int(grid.beats)):
        assert min(abs(start - float(grid.seconds_at(beat))) for start in starts) < 0.05
    assert all(note.end_beats <= grid.beats for note in heard)


def test_send_split_copies_the_stems_and_says_what_they_are(
    daemon: Any, song: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "daemon",
        "send",
        "split",
        str(song),
        "--stems",
        "drums,vocals",
    ]
    ran = subprocess.run(
        [*command, "-o", str(tmp_path / "out"), "--osc-port", str(daemon.port)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"BACKLINE_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "drums.wav vocals.wav project.rpp manifest.json" in ran.stdout
    assert "22050 frames at 44100 Hz, split by shares" in ran.stdout
    assert (tmp_path / "out" / "vocals.wav").is_file()


def test_send_split_refuses_a_stem_that_is_none_with_its_name(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "daemon", "send", "split", "a.wav", "--stems", "kazoo"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "guitar, piano, instrumental, not 'kazoo'" in ran.stderr
    assert "Traceback" not in ran.stderr
