"""Melodies out of files and text: the tune as written, and every change said."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from midi.errors import MelodyError
from midi.grid import Grid, MeterChange, TempoPoint
from midi.melody import Melody, Note, melody_from_text, read_melody, top_voice

GRID = Grid.constant(120, "4/4", 2)  # 8 beats

Build = Callable[..., bytes]
Plain = list[tuple[int, float, float]]


def plain(notes: tuple[Note, ...] | list[Note]) -> Plain:
    return [(note.pitch, float(note.start_beats), float(note.length_beats)) for note in notes]


def notes(*triples: tuple[int, float, float]) -> list[Note]:
    return [Note(Fraction(start), Fraction(length), pitch) for pitch, start, length in triples]


def test_ticks_become_beats(track: Build, smf: Build) -> None:
    # 480 ticks a beat: on at 240 (beat 0.5), off 480 later.
    data = smf(track((240, "90 3c 40"), (480, "80 3c 00")))
    melody = read_melody(data, GRID)
    assert melody.notes == (Note(Fraction(1, 2), Fraction(1), 60, 64),)


@pytest.mark.parametrize("ticks", [1, 96, 1000, 32767])
def test_beats_are_exact_at_any_resolution(track: Build, smf: Build, ticks: int) -> None:
    data = smf(track((ticks, "90 3c 40"), (1, "80 3c 00")), ticks=ticks)
    assert read_melody(data, GRID).notes == (Note(Fraction(1), Fraction(1, ticks), 60, 64),)


def test_a_tempo_map_in_the_file_moves_no_note(track: Build, smf: Build) -> None:
    # 60 bpm from the start, 240 bpm from beat 1 (1000000 and 250000 us a quarter).
    tempo = track((0, "ff 51 03 0f 42 40"), (480, "ff 51 03 03 d0 90"))
    tune = track((960, "90 3c 40"), (480, "80 3c 00"))
    assert plain(read_melody(smf(tempo, tune), GRID).notes) == [(60, 2, 1)]


def test_running_status_and_velocity_zero_are_note_offs(track: Build, smf: Build) -> None:
    data = smf(track((0, "90 3c 40"), (480, "3c 00"), (0, "3e 40"), (480, "3e 00")))
    assert plain(read_melody(data, GRID).notes) == [(60, 0, 1), (62, 1, 1)]


def test_all_tracks_of_a_type_1_file_are_read_together(track: Build, smf: Build) -> None:
    first = track((0, "90 3c 40"), (480, "80 3c 00"))
    second = track((480, "91 40 40"), (480, "81 40 00"))
    assert plain(read_melody(smf(first, second), GRID).notes) == [(60, 0, 1), (64, 1, 1)]


def test_chunks_of_other_kinds_are_passed_over(track: Build, smf: Build) -> None:
    whole = smf(track((0, "90 3c 40"), (480, "80 3c 00")))
    foreign = b"XFIH" + (4).to_bytes(4, "big") + b"\0\1\2\3"
    assert plain(read_melody(whole[:14] + foreign + whole[14:] + foreign, GRID).notes) == [
        (60, 0, 1)
    ]


def test_drums_are_not_part_of_the_melody(track: Build, smf: Build) -> None:
    data = smf(track((0, "99 54 40"), (0, "90 3c 40"), (480, "89 54 00"), (0, "80 3c 00")))
    melody = read_melody(data, GRID)
    assert (plain(melody.notes), melody.harmony) == ([(60, 0, 1)], ())


def test_a_note_without_an_end_is_closed_with_the_file_and_said(track: Build, smf: Build) -> None:
    data = smf(track((0, "90 3c 40"), (0, "b0 07 64"), (960, "b0 07 64")))
    melody = read_melody(data, GRID)
    assert plain(melody.notes) == [(60, 0, 2)]
    assert "1 note without an end closed with the file." in melody.changes


def test_a_note_struck_again_ends_the_first(track: Build, smf: Build) -> None:
    data = smf(track((0, "90 3c 40"), (480, "90 3c 50"), (480, "80 3c 00"), (0, "80 3c 00")))
    assert plain(read_melody(data, GRID).notes) == [(60, 0, 1), (60, 1, 1)]


def test_each_track_pairs_its_own_notes(track: Build, smf: Build) -> None:
    # Two hands on one channel: each plays a note where the other's note of that pitch ends.
    left = track((480, "90 48 40"), (480, "80 48 00"), (480, "90 4c 40"), (480, "80 4c 00"))
    right = track((0, "90 48 40"), (480, "80 48 00"), (480, "90 4c 40"), (480, "80 4c 00"))
    assert plain(read_melody(smf(left, right), GRID).notes) == [
        (72, 0, 1), (72, 1, 1), (76, 2, 1), (76, 3, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("off", ["80 45 40", "90 45 00"])
def test_an_off_after_an_on_of_its_tick_ends_the_older_note(
    track: Build, smf: Build, off: str
) -> None:
    again = [(480, "90 45 5a"), (0, off)] * 7
    melody = read_melody(smf(track((0, "90 45 5a"), *again, (480, off))), GRID)
    assert plain(melody.notes) == [(69, beat, 1) for beat in range(8)]
    assert melody.changes == ()


def test_notes_doubled_in_one_track_end_once(track: Build, smf: Build) -> None:
    again = [(480, "90 45 5a"), (0, "90 45 5a"), (0, "80 45 40"), (0, "80 45 40")]
    data = smf(track(*[(0, "90 45 5a")] * 2, *again, (480, "80 45 40"), (0, "80 45 40")))
    assert plain(read_melody(data, GRID).notes) == [(69, 0, 1), (69, 1, 1)]


def test_a_note_of_no_length_is_left_out_and_said(track: Build, smf: Build) -> None:
    data = smf(track((0, "90 48 40"), (0, "80 48 00"), (0, "90 3c 40"), (480, "80 3c 00")))
    melody = read_melody(data, GRID)
    assert plain(melody.notes) == [(60, 0, 1)]
    assert "1 note of no length left out." in melody.changes


def test_a_pickup_bar_stands_at_the_end_of_bar_1(track: Build, smf: Build) -> None:
    # 1/4, then 4/4 from beat 1: the file's first downbeat (its beat 1) is the grid's beat 4.
    meters = track((0, "ff 58 04 01 02 18 08"), (480, "ff 58 04 04 02 18 08"))
    tune = track((0, "90 3c 40"), (480, "80 3c 00"), (0, "90 40 40"), (480, "80 40 00"))
    melody = read_melody(smf(meters, tune), GRID)
    assert plain(melody.notes) == [(60, 3, 1), (64, 4, 1)]
    assert any("pickup of 1 beat stands at the end of bar 1" in said for said in melody.changes)


@pytest.mark.parametrize(
    ("conductor", "part"),
    [
        ([(0, "1/4"), (480, "4/4")], [(0, "1/4"), (480, "4/4")]),
        ([(0, "4/4"), (0, "1/4"), (480, "4/4")], []),
        ([(0, "4/4")], [(0, "1/4"), (480, "4/4")]),
        ([(0, "1/4"), (480, "4/4")], [(0, "4/4")]),
        ([(0, "1/4"), (0, "1/4"), (480, "1/4"), (0, "4/4"), (1920, "4/4")], []),
    ],
)
def test_a_pickup_holds_where_meters_are_repeated_or_a_default_stands_first(
    track: Build, smf: Build, conductor: list[tuple[int, str]], part: list[tuple[int, str]]
) -> None:
    def meters(pairs: list[tuple[int, str]]) -> list[tuple[int, str]]:
        return [(delta, f"ff 58 04 0{text[0]} 02 18 08") for delta, text in pairs]

    tune = track((0, "90 40 40"), (480, "80 40 00"), (0, "90 45 40"), (480, "80 45 00"))
    melody = read_melody(smf(track(*meters(conductor)), track(*meters(part)), tune), GRID)
    assert plain(melody.notes) == [(64, 3, 1), (69, 4, 1)]


def test_a_change_of_meter_after_full_bars_is_no_pickup(track: Build, smf: Build) -> None:
    # Two bars of 3/4, then 4/4.
    meters = track((0, "ff 58 04 03 02 18 08"), (6 * 480, "ff 58 04 04 02 18 08"))
    tune = track((0, "90 3c 40"), (480, "80 3c 00"))
    assert plain(read_melody(smf(meters, tune), GRID).notes) == [(60, 0, 1)]


def test_a_silent_start_keeps_its_place(track: Build, smf: Build) -> None:
    data = smf(track((3 * 480, "90 3c 40"), (480, "80 3c 00")))
    assert plain(read_melody(data, GRID).notes) == [(60, 3, 1)]


def test_the_highest_note_of_a_chord_is_the_melody() -> None:
    voice, rest = top_voice(notes((60, 0, 1), (67, 0, 1), (64, 0, 1), (65, 1, 1)))
    assert plain(voice) == [(67, 0, 1), (65, 1, 1)]
    assert plain(rest) == [(60, 0, 1), (64, 0, 1)]


def test_a_melody_note_sounds_on_over_moving_chords() -> None:
    voice, rest = top_voice(notes((72, 0, 4), (48, 0, 1), (52, 1, 1), (55, 2, 1), (71, 4, 1)))
    assert plain(voice) == [(72, 0, 4), (71, 4, 1)]
    assert plain(rest) == [(48, 0, 1), (52, 1, 1), (55, 2, 1)]


def test_a_higher_note_takes_over_from_a_held_one() -> None:
    voice, rest = top_voice(notes((60, 0, 4), (67, 1, 1)))
    assert (plain(voice), rest) == ([(60, 0, 1), (67, 1, 1)], [])


def test_a_legato_overlap_is_cut_and_no_note_is_lost() -> None:
    # Each note is held a tenth into the next, lower one.
    voice, rest = top_voice(notes((67, 0, 1.1), (65, 1, 1.1), (64, 2, 1)))
    assert (plain(voice), rest) == ([(67, 0, 1), (65, 1, 1), (64, 2, 1)], [])


def test_a_rolled_chord_is_one_chord() -> None:
    rolled = notes((60, 0, 2), (64, 0.03, 2), (67, 0.05, 2))
    voice, rest = top_voice(rolled)
    assert plain(voice) == plain(rolled[2:])
    assert plain(rest) == plain(rolled[:2])  # uncut


def test_chords_are_kept_as_harmony_and_said(track: Build, smf: Build) -> None:
    data = smf(track((0, "90 3c 40"), (0, "90 43 40"), (480, "80 3c 00"), (0, "80 43 00")))
    melody = read_melody(data, GRID)
    assert (plain(melody.notes), plain(melody.harmony)) == ([(67, 0, 1)], [(60, 0, 1)])
    assert melody.changes[0].startswith("The top voice of 2 notes is the melody (1 note)")


def test_what_lies_past_the_grid_is_cut_and_said() -> None:
    melody = melody_from_text("60:0:1 62:7:3 61:10:1 65:11:1", GRID)
    assert plain(melody.notes) == [(60, 0, 1), (62, 7, 1)]
    assert melody.changes == (
        "Cut at the end of bar 2: 2 notes left out.",
        "The last note was shortened to end with bar 2.",
    )


def test_a_shorter_melody_is_followed_by_rests_and_said() -> None:
    melody = melody_from_text("60:0:4", GRID)
    assert melody.changes == ("The melody ends in bar 1; rests fill bars up to 2.",)


def test_a_melody_that_ends_within_the_last_bar_is_not_changed() -> None:
    assert melody_from_text("60:0:1 62:4:1/2", GRID).changes == ()


def test_bars_under_changing_meters_are_the_grids() -> None:
    grid = Grid(
        2,
        (TempoPoint(Fraction(0), Fraction(120)),),
        tuple(
            MeterChange(bar, Grid.constant(60, text).meter)
            for bar, text in enumerate(["3/4", "7/8"])
        ),
    )
    # 3 + 3.5 beats: a note at 6 is cut at 6.5.
    assert plain(melody_from_text("60:6:2", grid).notes) == [(60, 6, 0.5)]


def test_text_takes_fractions_and_a_velocity() -> None:
    melody = melody_from_text(" 60:0:1/3  62:1/3:0.5:90 ", GRID)
    assert melody.notes == (
        Note(Fraction(0), Fraction(1, 3), 60, 100),
        Note(Fraction(1, 3), Fraction(1, 2), 62, 90),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "notes must hold at least one"),
        ("60", "notes must be pitch:start:length or"),
        ("60:0:1:90:1", "notes must be pitch:start:length or"),
        ("C4:0:1", "notes must be pitch:start:length or"),
        ("60:1/0:1", "notes must be pitch:start:length or"),
        ("60:0:1e9", "notes must be pitch:start:length or"),
        ("128:0:1", "note pitch must be a whole number from 0 to 127, not 128"),
        ("-1:0:1", "note pitch must be a whole number from 0 to 127, not -1"),
        ("60.5:0:1", "notes must have a whole pitch and velocity, not 60.5:0:1"),
        ("60:-1:1", "note start must be 0 beats or more, not -1"),
        ("60:0:0", "note length must be more than 0 beats, not 0"),
        ("60:0:1:0", "note velocity must be a whole number from 1 to 127, not 0"),
        ("60:8:1", "melody has no note within 2 bars: the first begins at beat 8"),
        ("60:0:1 " * 10_001, "notes must be at most 10000, not 10001"),
    ],
)
def test_text_that_is_no_melody_says_why(text: str, message: str) -> None:
    with pytest.raises(MelodyError, match=message):
        melody_from_text(text, GRID)


def test_a_melody_is_one_voice() -> None:
    with pytest.raises(MelodyError, match=r"note at beat 0\.5 begins before the one at beat 0"):
        Melody(tuple(notes((60, 0, 1), (62, 0.5, 1))))


def test_the_example_is_a_tune_of_eight_bars_in_a_minor() -> None:
    example = Path(__file__).parents[2] / "examples" / "melody.mid"
    melody = read_melody(example, Grid.constant(96, "4/4", 8))
    assert (melody.changes, melody.harmony) == ((), ())
    assert {note.pitch % 12 for note in melody.notes} == {9, 11, 0, 2, 4, 5, 7}
    assert melody.notes[-1].pitch % 12 == 9
    assert melody.notes[-1].end_beats == 32
