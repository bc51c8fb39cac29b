"""A delivered job in a real DAW: Ardour places its stems on a bar of its own and exports them."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.clip import Clip
from diffusion.facts import EngineDescription
from midi.chords import chords_from_text
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key
from midi.lead_sheet import LeadSheet
from midi.note import Note
from stems.ardour import write_session
from stems.delivery import deliver
from stems.entries import GridEntry
from stems.errors import StemError
from stems.manifest import Manifest, read_manifest
from stems.stem_set import StemSet, Take

pytestmark = pytest.mark.skipif(
    shutil.which("ardour7-lua") is None or shutil.which("ardour7-export") is None,
    reason="needs Ardour 7 (Debian: ardour)",
)

SCRIPT = Path(__file__).with_name("ardour_session.lua")
STEMS = ("drums", "bass")
SUPERCLOCKS_HZ = 282_240_000  # in which Ardour's saved sessions count time
NAME = "proof"
NOTES = {
    "drums": (
        Note(Fraction(0), Fraction(1, 4), 36, 100),
        Note(Fraction(9), Fraction(1, 4), 38, 80),
    ),
    "bass": (Note(Fraction(3, 2), Fraction(2), 33, 64),),
}
DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken


@pytest.fixture
def song() -> Grid:
    """2 bars of 4/4 at 128 bpm, 2 of 3/4 at 90, 1 of 6/8 at 150: 8 + 6 + 3 quarters."""
    tempo = (
        TempoPoint(Fraction(0), Fraction(128)),
        TempoPoint(Fraction(8), Fraction(90)),
        TempoPoint(Fraction(14), Fraction(150)),
    )
    meters = (
        MeterChange(0, Meter(4, 4)), MeterChange(2, Meter(3, 4)), MeterChange(4, Meter(6, 8)),
    )  # fmt: skip
    return Grid(5, tempo, meters)


def make_job(folder: Path, grid: Grid, sample_rate: int, at_beats: int, takes: int = 1) -> Manifest:
    """A job as asked for at some bar of the user's project: bursts of noise on every beat."""
    random = np.random.default_rng(3)
    clips = {}
    for stem in STEMS:
        samples = np.zeros((2, grid.frames(sample_rate)), dtype=np.float32)
        for beat in range(int(grid.beats)):
            start = grid.frame_at(Fraction(beat), sample_rate)
            burst = random.uniform(0.1, 0.3, (2, 2_000)) * random.choice((-1.0, 1.0), (2, 2_000))
            samples[:, start : start + 2_000] = burst  # its first frame is loud already
        clips[stem] = Clip(samples, sample_rate)
    chords = chords_from_text("Am7 | F G | C", grid).chords[:4]  # no more after bar 3
    sheet = LeadSheet(chords=chords)
    deliver(
        folder, request={}, grid=grid, key=Key.parse("A minor"), melody=None,
        takes=[
            Take(StemSet(clips), NOTES, seed=seed, lead_sheet=sheet) for seed in range(takes)
        ],
        stems=STEMS,
        engine=EngineDescription(name="test"),
        at_beats=at_beats, sections=("verse",) * grid.bars,
    )  # fmt: skip
    return read_manifest(folder, check_hashes=True)


@pytest.fixture
def ardour(tmp_path: Path) -> Callable[..., str]:
    """Runs one of Ardour's programs with a home of its own and gives what it printed."""

    def run(*words: object, check: bool = True) -> str:
        ran = subprocess.run(
            [str(word) for word in words], env=os.environ | {"HOME": str(tmp_path)}, cwd=tmp_path,
            capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
        )  # fmt: skip
        assert ran.returncode == 0 or not check, ran.stdout + ran.stderr
        return ran.stdout

    return run


def steps(manifest: Manifest) -> str:
    """The manifest's tempo map for a session in which the job begins at its position."""
    grid, start = manifest.grid, manifest.position.at_beats
    assert isinstance(grid, GridEntry)
    bars = {0: 0.0}
    meters = {each.bar: each.meter for each in grid.meter_map}
    meter, beat = meters[0], 0.0
    for bar in range(grid.bars):
        meter = meters.get(bar, meter)
        bars[bar] = beat
        top, bottom = map(int, meter.split("/"))
        beat += 4 * top / bottom
    found = []
    for point in grid.tempo_map:
        assert not point.ramp  # Ardour's ramps are exponential
        bar = next(bar for bar, beat in bars.items() if beat == point.beat)
        meter = meters[bar].replace("/", ":")
        at = point.beat + start if point.beat else 0.0
        found.append(f"{at}:{point.bpm}:{meter}")
    return " ".join(found)


def add_sounds(session: Path, job: Path, manifest: Manifest, end_frames: int, rate: int) -> None:
    """Add the stems to a saved session, which Ardour's Lua cannot: sources, regions, its end."""
    superclocks = SUPERCLOCKS_HZ // rate  # a frame
    file = session / f"{NAME}.ardour"
    tree = ElementTree.parse(file)
    root = tree.getroot()
    ids = map(str, count(int(root.get("id-counter", "0")) + 1))
    sources, regions, locations = (root.find(tag) for tag in ("Sources", "Regions", "Locations"))
    assert sources is not None and regions is not None and locations is not None
    for entry in manifest.files:
        if entry.role != "stem":
            continue
        folder = session / "interchange" / session.name / "audiofiles"
        shutil.copyfile(job / entry.path, folder / entry.path)
        length = f"a{entry.frames * superclocks}@a0"
        region = {
            "name": str(entry.stem), "id": next(ids), "type": "audio", "whole-file": "1",
            "start": "a0", "length": length, "ancestral-start": "a0", "ancestral-length": length,
            "opaque": "1", "channels": "2", "default-fade-in": "1", "default-fade-out": "1",
            "fade-in-active": "0", "fade-out-active": "0", "scale-amplitude": "1",
        }  # fmt: skip
        for channel in (0, 1):
            source = {
                "name": entry.path, "id": next(ids), "type": "audio", "channel": str(channel),
                "flags": "", "take-id": "", "gain": "1", "origin": entry.path,
            }  # fmt: skip
            ElementTree.SubElement(sources, "Source", source)
            region |= {f"source-{channel}": source["id"], f"master-source-{channel}": source["id"]}
        ElementTree.SubElement(regions, "Region", region)
    whole = {
        "name": "session", "id": next(ids), "start": "a0", "end": f"a{end_frames * superclocks}",
        "flags": "IsSessionRange", "locked": "0",
    }  # fmt: skip
    ElementTree.SubElement(locations, "Location", whole)
    root.set("id-counter", next(ids))
    tree.write(file, encoding="UTF-8", xml_declaration=True)


def exported(ardour: Callable[..., str], session: Path, name: str = NAME) -> tuple[np.ndarray, int]:
    """What Ardour's own export sounds like, and its rate.

    Ardour 7.3 was seen to abort at its end, after all was written, so the file itself is judged;
    and on a busy machine, once, to let a stray block sound at its second block of 1024 frames. It
    is then asked again: the sessions have nothing but silence in their first second.
    """
    export = session.parent / "export.wav"
    for _ in range(3):
        ardour("ardour7-export", "-b", "float", "-o", export, session, name, check=False)
        heard, rate = soundfile.read(export, dtype="float32", always_2d=True)
        if not heard[:rate].any():
            break
    return heard, rate


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "at_beats", "bar", "start"),
    [
        (48_000, 16, 5, 360_000),  # 16 quarters at 128 bpm are 7.5 s
    ],
)
def test_ardour_plays_the_stems_at_the_sample_the_manifest_says(
    tmp_path: Path,
    song: Grid,
    ardour: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    rate: int,
    at_beats: int,
    bar: int,
    start: int,
) -> None:
    monkeypatch.setattr("stems.delivery.draw_overview", lambda path, _: path.write_bytes(b"png"))
    job, session = tmp_path / "job", tmp_path / "session"
    manifest = make_job(job, song, rate, at_beats)
    assert isinstance(manifest.grid, GridEntry)
    bars, end = manifest.grid.bars, start + manifest.grid.frames

    tracks = ",".join(manifest.stems)
    ardour("ardour7-lua", SCRIPT, "create", session, NAME, rate, tracks, steps(manifest))
    add_sounds(session, job, manifest, end, rate)
    placed = ardour("ardour7-lua", SCRIPT, "place", session, NAME, bar, bars)
    heard, heard_rate = exported(ardour, session)

    # Where the bars lie, say two tempo maps that know nothing of one another. Ardour cuts off
    # what is left of a frame, ours is the nearest frame.
    exact = [(start + song.seconds_at(beat) * rate) for beat in song.bar_starts]
    (told,) = (line for line in placed.splitlines() if line.startswith("bars "))
    assert list(map(int, told.split()[1:])) == [math.floor(frame) for frame in exact]
    ours = [start + each for each in manifest.grid.bar_frames]
    assert ours == [math.floor(frame + Fraction(1, 2)) for frame in exact]
    assert round((manifest.position.start_seconds or 0.0) * rate) == start

    mix, _ = soundfile.read(job / "mix.wav", dtype="float32", always_2d=True)
    assert (heard_rate, heard.shape) == (rate, (end, 2))
    (sounding,) = np.nonzero(heard.any(axis=1))
    assert sounding[0] == start
    # What Ardour sums from the stems is our mix: nothing is left above -100 dBFS.
    assert np.abs(heard[start:] - mix).max() <= 1e-5


@pytest.mark.slow
def test_ardour_opens_the_session_that_is_exported_for_it_and_plays_the_same(
    tmp_path: Path, song: Grid, ardour: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stems.delivery.draw_overview", lambda path, _: path.write_bytes(b"png"))
    rate, at_beats, start = 44_100, 16, 330_750  # 16 quarters at 128 bpm are 7.5 s
    # A ramp from 128 to 90 bpm over the two bars of 4/4; before them it is 128.
    song = Grid(song.bars, (replace(song.tempo[0], ramp=True), *song.tempo[1:]), song.meters)
    manifest = make_job(tmp_path / "job", song, rate, at_beats, takes=2)
    session = tmp_path / "My song"
    session.mkdir()
    write_session(session, tmp_path / "job", manifest, "My song")
    told = ardour("ardour7-lua", SCRIPT, "look", session, "My song", 5, song.bars)
    heard, heard_rate = exported(ardour, session, "My song")

    lines = told.splitlines()
    (bars,) = (line.split()[1:] for line in lines if line.startswith("bars "))
    exact = [float(start + song.seconds_at(beat) * rate) for beat in song.bar_starts]
    # Its map has whole superclocks a quarter: nowhere off by a frame.
    assert list(map(int, bars)) == pytest.approx(exact, abs=1.0)
    assert [line for line in lines if line.startswith("track ")] == [
        f"track {name}, {state}, at {start}"
        for name, state in (
            ("drums", "heard"), ("bass", "heard"), ("drums take 2", "muted"),
            ("bass take 2", "muted"), ("drums notes", "muted"), ("bass notes", "muted"),
            ("drums notes take 2", "muted"), ("bass notes take 2", "muted"),
        )
    ]  # fmt: skip
    played = [line for line in lines if line.startswith("note ") and "take 2" not in line]
    assert played == [
        "note drums notes 36 0:0 0:480 100 9", "note drums notes 38 9:0 0:480 80 9",
        "note bass notes 33 1:960 2:0 64 0",
    ]  # fmt: skip
    marks = [line for line in lines if line.startswith("mark ")]
    at = [start + float(song.seconds_at(Fraction(beat)) * rate) for beat in (0, 4, 6, 8, 11)]
    assert [line.rsplit(" at ")[0] for line in marks] == [
        "mark Am7", "mark F", "mark G", "mark C", "mark N.C."
    ]  # fmt: skip
    assert [int(line.rsplit(" ")[-1]) for line in marks] == pytest.approx(at, abs=1.0)
    mix, _ = soundfile.read(tmp_path / "job" / "mix.wav", dtype="float32", always_2d=True)
    assert (heard_rate, heard.shape) == (rate, (start + len(mix), 2))
    assert np.nonzero(heard.any(axis=1))[0][0] == start
    # The first takes and no others, summed: nothing is left above -100 dBFS.
    assert np.abs(heard[start:] - mix).max() <= 1e-5


def test_a_job_between_bar_lines_has_no_session(
    tmp_path: Path, song: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stems.delivery.draw_overview", lambda path, _: path.write_bytes(b"png"))
    manifest = make_job(tmp_path / "job", song, 48_000, 3)
    with pytest.raises(StemError, match=r"begins at 1\.40625 s, which is no bar line at 128 bpm"):
        write_session(tmp_path, tmp_path / "job", manifest, "x")
