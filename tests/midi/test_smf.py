"""Files written for other programs: what is in them, byte by byte and read back."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MelodyError
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.melody import read_melody
from midi.note import Note
from midi.smf import read_smf, write_smf

Build = Callable[..., bytes]
# Of one track: per pitch, the silence before each note and its length in ticks, and its velocity.
TRACKS = st.lists(
    st.dictionaries(
        st.integers(0, 127),
        st.lists(st.tuples(st.integers(0, 300), st.integers(1, 900), st.integers(1, 127))),
        max_size=4,
    ),
    min_size=1,
    max_size=4,
)

TUNE = (Note(Fraction(0), Fraction(1), 60, 90), Note(Fraction(4, 3), Fraction(1, 3), 64, 80))


def test_a_small_file_is_what_the_standard_says(tmp_path: Path) -> None:
    path = tmp_path / "one.mid"
    write_smf(
        path, [Note(Fraction(1), Fraction(1), 60, 90)], Grid.constant(120, "3/4", 1), program=5
    )
    assert path.read_bytes() == bytes.fromhex(
        "4d546864 00000006 0001 0002 01e0"  # type 1, 2 tracks, 480 ticks a beat
        "4d54726b 00000014"
        "00 ff5103 07a120"  # 500000 us a quarter
        "00 ff5804 03 02 18 08"  # 3/4
        "8b20 ff2f00"  # 1440 ticks: 3 quarters
        "4d54726b 00000016"
        "00 ff0300"  # a name of no letters
        "00 c005"
        "8360 903c5a"  # 480 ticks
        "8360 803c00"
        "8360 ff2f00"
    )


def test_notes_read_back_as_they_were_written(tmp_path: Path) -> None:
    grid = Grid.constant(92.5, "4/4", 1)
    write_smf(tmp_path / "tune.mid", TUNE, grid, program=73, channel=2, name="Melodie ♪")
    assert read_melody(tmp_path / "tune.mid", grid).notes == TUNE


def test_tempo_and_meter_changes_stand_where_the_grid_has_them(tmp_path: Path) -> None:
    tempo = (TempoPoint(Fraction(0), Fraction(120)), TempoPoint(Fraction(4), Fraction(90)))
    grid = Grid(3, tempo, (MeterChange(0, Meter(4, 4)), MeterChange(1, Meter(7, 8))))
    write_smf(tmp_path / "map.mid", TUNE, grid)
    at, seen = 0, []
    for message in mido.MidiFile(tmp_path / "map.mid").tracks[0]:
        at += message.time
        if message.type == "set_tempo":
            seen.append((at, message.tempo))
        elif message.type == "time_signature":
            seen.append((at, f"{message.numerator}/{message.denominator}"))
    # Beat 4 is tick 1920; 60000000 / 90 = 666667 us. The end: 4 + 2 x 3.5 = 11 beats.
    assert seen == [(0, 500_000), (0, "4/4"), (1920, 666_667), (1920, "7/8")]
    assert at == 11 * 480


def test_a_ramp_becomes_steps_that_arrive_on_time(tmp_path: Path) -> None:
    tempo = (TempoPoint(Fraction(0), Fraction(60), True), TempoPoint(Fraction(16), Fraction(120)))
    grid = Grid(4, tempo, (MeterChange(0, Meter(4, 4)),))
    write_smf(tmp_path / "ramp.mid", TUNE, grid)
    # 16 quarters at a mean of 90 bpm: 10.6667 s; 64 steps each rounded to 0.5 us at most a quarter.
    assert mido.MidiFile(tmp_path / "ramp.mid").length == pytest.approx(32 / 3, abs=64 * 0.5e-6)


def test_notes_that_touch_do_not_cut_each_other(tmp_path: Path) -> None:
    grid = Grid.constant(100, "4/4", 1)
    again = (Note(Fraction(0), Fraction(1), 60, 90), Note(Fraction(1), Fraction(1), 60, 80))
    write_smf(tmp_path / "again.mid", again, grid)
    assert read_melody(tmp_path / "again.mid", grid).notes == again


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"program": 128}, "program must be from 0 to 127"),
        ({"channel": 16}, "channel must be from 0"),
    ],
)
def test_a_program_or_channel_that_cannot_be_is_refused(
    tmp_path: Path, choice: dict[str, int], message: str
) -> None:
    with pytest.raises(MelodyError, match=message):
        write_smf(tmp_path / "no.mid", TUNE, Grid.constant(100), **choice)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MelodyError, match="cannot write"):
        write_smf(tmp_path / "none" / "x.mid", TUNE, Grid.constant(100))


def test_drums_are_read_beside_the_pitched_notes(tmp_path: Path) -> None:
    hits = (Note(Fraction(0), Fraction(1, 4), 36, 100), Note(Fraction(1), Fraction(1, 4), 38, 90))
    write_smf(tmp_path / "drums.mid", hits, Grid.constant(120, bars=1), channel=9)
    score = read_smf(tmp_path / "drums.mid")
    assert score.drums == hits
    assert score.notes == ()


@given(TRACKS, st.sampled_from([0, 5, 15]), st.booleans(), st.sampled_from([24, 96, 480]))
def test_any_tracks_of_one_channel_read_back_note_for_note(
    track: Build,
    smf: Build,
    tracks: list[dict[int, list[tuple[int, int, int]]]],
    channel: int,
    ons_first: bool,
    ticks: int,
) -> None:
    chunks, written = [], []
    for voices in tracks:
        events: list[tuple[int, bool, bytes]] = []
        for pitch, steps in voices.items():
            now = 0
            for silence, length, velocity in steps:
                start, now = now + silence, now + silence + length
                events.append((start, not ons_first, bytes([0x90 | channel, pitch, velocity])))
                events.append((now, ons_first, bytes([0x80 | channel, pitch, 64])))
                written.append(
                    Note(Fraction(start, ticks), Fraction(length, ticks), pitch, velocity)
                )
        events.sort(key=lambda event: event[:2])
        steps_in_time = pairwise([(0, False, b""), *events])
        chunks.append(track(*((at[0] - before[0], at[2]) for before, at in steps_in_time)))
    score = read_smf(smf(*chunks, ticks=ticks))
    assert sorted(score.notes, key=repr) == sorted(written, key=repr)
    assert score.repairs == ()
