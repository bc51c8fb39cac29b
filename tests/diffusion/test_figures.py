"""What a mood, a plan and a form do to the notes after the network: figures, drums, joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from diffusion.embedded.bar import bar_of
from diffusion.embedded.character import articulated, on_its_kit
from diffusion.embedded.figures import picked, with_figures
from diffusion.embedded.groove import with_groove
from diffusion.embedded.intent import Harmony
from diffusion.embedded.joins import with_joins
from diffusion.embedded.moods import MOOD_BOOK, Mood
from diffusion.embedded.performance import DRUMS, RANGES, TIMBRES, Part, Performance, Played
from diffusion.embedded.voicing import voicings_of
from midi.grid import Grid

C, G = (0, 4, 7), (7, 11, 2)
CHORDS = (Harmony(0.0, 4.0, C, 0), Harmony(4.0, 2.0, G, 11), Harmony(6.0, 2.0, C, 0))
NINTH = (0, 4, 7, 11, 2)


def band(**notes: Sequence[Played]) -> Performance:
    parts = {name: Part(tuple(notes.get(name, ())), TIMBRES[name][0]) for name in TIMBRES}
    return Performance(8.0, parts)


def grid(meter: str = "4/4", bars: int = 2, bpm: float = 120) -> Grid:
    return Grid.constant(bpm, meter, bars)


def hits(*places: tuple[float, str]) -> list[Played]:
    return [Played(beat, 0.25, DRUMS[drum], 0.7) for beat, drum in places]


def kinds(performance: Performance, begin: float, end: float) -> set[tuple[float, int]]:
    drums = performance.parts["drums"].notes
    return {(hit.start_beats, hit.pitch) for hit in drums if begin <= hit.start_beats < end}


def test_a_bar_of_any_meter_is_as_long_as_the_meter_says() -> None:
    for denominator in (1, 2, 4, 8, 16, 32):
        for numerator in range(1, 33):
            bar = bar_of(f"{numerator}/{denominator}")
            assert bar.beats == sum(pulse.length_beats for pulse in bar.pulses)
            assert bar.beats == pytest.approx(4 * numerator / denominator)


@pytest.mark.parametrize("mood", MOOD_BOOK)
@pytest.mark.parametrize("meter", ["4/4", "6/8", "7/8", "2/4", "1/32"])
def test_the_bass_of_any_mood_strikes_the_bass_of_each_chord_where_it_begins(
    mood: str, meter: str
) -> None:
    measure = Grid.constant(120, meter, 8)
    whole = float(measure.beats)
    chords = (Harmony(0.0, whole / 2, C, 0), Harmony(whole / 2, whole / 2, G, 11))
    bass = with_figures(band(), chords, MOOD_BOOK[mood], measure, False).parts["bass"].notes
    for chord in chords:
        near = [n for n in bass if -0.01 <= n.start_beats - chord.start_beats < 0.95]
        assert near and near[0].pitch % 12 == chord.bass
    low, high = RANGES["bass"]
    assert all(low <= note.pitch <= high and note.length_beats > 0 for note in bass)
    assert max(note.start_beats + note.length_beats for note in bass) <= whole + 1e-6


@pytest.mark.parametrize("mood", MOOD_BOOK)
def test_the_chords_of_any_mood_are_those_that_are_planned(mood: str) -> None:
    comp = with_figures(band(), CHORDS, MOOD_BOOK[mood], grid(), False).parts["comp"].notes
    for chord in CHORDS:
        end = chord.start_beats + chord.length_beats
        struck = [note for note in comp if chord.start_beats <= note.start_beats < end]
        assert struck and {note.pitch % 12 for note in struck} <= set(chord.pitch_classes)
        assert all(note.start_beats + note.length_beats <= end + 1e-6 for note in struck)


def test_two_moods_differ_in_their_chords_and_bass() -> None:
    played = [
        tuple(
            tuple(with_figures(band(), CHORDS, mood, grid(), False).parts[part].notes)
            for part in ("comp", "bass")
        )
        for mood in MOOD_BOOK.values()
    ]
    assert len(set(played)) == len(MOOD_BOOK)


def test_without_a_mood_or_without_chords_nothing_changes() -> None:
    playing = band(comp=[Played(0.0, 1.0, 60, 0.7)], bass=[Played(0.0, 1.0, 36, 0.7)])
    assert with_figures(playing, CHORDS, Mood(), grid(), False) == playing
    assert with_figures(playing, None, MOOD_BOOK["happy"], grid(), False) == playing


def test_the_last_bar_of_music_that_ends_is_held() -> None:
    chords = (Harmony(0.0, 8.0, C, 0),)
    out = with_figures(band(), chords, MOOD_BOOK["aggressive"], grid(), True)
    for part in ("comp", "bass"):
        last = [note for note in out.parts[part].notes if note.start_beats >= 4.0]
        assert {(note.start_beats, note.length_beats) for note in last} == {(4.0, 4.0)}


@pytest.mark.parametrize("tones", [(60,), (60, 67), (60, 64, 67), (60, 62, 64, 67, 71)])
@pytest.mark.parametrize("mark", "Xxo12345b")
def test_every_mark_picks_notes_of_a_chord_of_any_size(mark: str, tones: tuple[int, ...]) -> None:
    found = picked(mark, tones)
    assert found and set(found) <= set(tones)


def test_a_voicing_holds_the_whole_chord_and_leaves_out_the_fifth_first() -> None:
    (five,) = voicings_of([NINTH], 60.0, 5)
    (four,) = voicings_of([NINTH], 60.0, 4)
    assert {tone % 12 for tone in five} == set(NINTH)
    assert {tone % 12 for tone in four} == set(NINTH) - {7}


def test_a_bar_in_which_the_plan_has_drums_takes_the_next_ones_groove() -> None:
    groove = hits((4.0, "crash"), (4.0, "kick"), (5.0, "snare"), (6.0, "kick"), (7.0, "snare"))
    out = with_groove(band(drums=groove), (True, True), grid())
    kick, snare = DRUMS["kick"], DRUMS["snare"]
    assert kinds(out, 0, 4) == {(0.0, kick), (1.0, snare), (2.0, kick), (3.0, snare)}
    assert kinds(out, 4, 8) == kinds(band(drums=groove), 4, 8)


@pytest.mark.parametrize("plays", [None, (False, True)])
def test_no_drums_come_where_none_are_planned(plays: tuple[bool, ...] | None) -> None:
    playing = band(drums=hits((4.0, "kick"), (5.0, "snare")))
    assert with_groove(playing, plays, grid()) == playing


def test_a_fill_leads_into_a_section_and_a_crash_marks_it() -> None:
    beat = hits(*((float(at), "kick") for at in range(8)), *((at / 2, "ride") for at in range(16)))
    out = with_joins(band(drums=beat), ("verse", "chorus"), (0.4, 0.8), "rock", grid(), 1)
    assert {(4.0, DRUMS["crash"]), (4.0, DRUMS["kick"])} <= kinds(out, 4, 4.1)
    assert (4.0, DRUMS["ride"]) not in kinds(out, 4, 4.1)
    assert len({start for start, _ in kinds(out, 3, 4)}) == 4
    assert kinds(out, 0, 3) == kinds(band(drums=beat), 0, 3)


def test_nothing_marks_a_section_where_the_drums_are_silent() -> None:
    quiet = band(drums=hits((0.0, "kick")))
    out = with_joins(quiet, ("verse", "chorus"), (0.4, 0.8), "rock", grid(), 1)
    assert kinds(out, 0, 8) == kinds(quiet, 0, 8)


def test_a_moods_kit_strikes_each_drum_once() -> None:
    mood = replace(Mood(), kit=(("snare", "clap"),))
    both = band(drums=hits((0.0, "snare"), (0.0, "clap"), (1.0, "kick")))
    assert kinds(on_its_kit(both, mood), 0, 8) == {(0.0, DRUMS["clap"]), (1.0, DRUMS["kick"])}


def test_a_short_mood_shortens_what_is_generated_and_no_given_melody() -> None:
    playing = band(bass=[Played(0.0, 1.0, 36, 0.7)], lead=[Played(0.0, 1.0, 72, 0.7)])
    out = articulated(playing, MOOD_BOOK["happy"], ("lead",))
    assert out.parts["bass"].notes[0].length_beats == 0.5
    assert out.parts["lead"] == playing.parts["lead"]
