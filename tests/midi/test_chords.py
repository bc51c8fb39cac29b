"""Chord symbols as musicians write them, and chords over bars."""

from __future__ import annotations

import pytest

from midi.chord_symbols import parse_symbol, symbol_of
from midi.chords import Chord, bars_of_text, chord_at, chords_from_text
from midi.errors import ChordError
from midi.grid import Grid
from midi.key import Key

FOUR = Grid.constant(120, "4/4", 4)

# Semitones above C, counted by hand on a keyboard, of each spelling.
SPELLINGS = {
    (0, 4, 7): "C CM Cmaj",
    (0, 3, 7): "Cm C- Cmin Cmi Cminor",
    (0, 4, 7, 11): "Cmaj7 CMaj7 CMA7 Cma7 CM7 C∆ C∆7 CΔ7 C^7 C7M Cj7",
    (0, 3, 7, 10): "Cm7 C-7 Cmin7 CMI7",
    (0, 4, 7, 10): "C7 Cdom7",
    (0, 3, 6, 10): "Cm7b5 Cm7(b5) Cm7(♭5) C-7b5 Cø Cø7 Ch7",
    (0, 3, 6): "Cdim C° Co",
    (0, 3, 6, 9): "Cdim7 C°7 Co7",
    (0, 4, 8): "Caug C+ C(#5)",
    (0, 4, 8, 10): "Caug7 C+7 C7+ C7#5 C7(5+)",
    (0, 3, 7, 11): "Cm(maj7) CmM7 Cmmaj7 C-∆7 C-^7 Cm#7",
    (0, 5, 7): "Csus Csus4 C4",
    (0, 2, 7): "Csus2",
    (0, 5, 7, 10): "C7sus4 C7sus C7/4 C7(4)",
    (0, 4, 7, 9): "C6",
    (0, 3, 7, 9): "Cm6 C-6",
    (0, 2, 4, 7, 9): "C6/9 C69 C6(9) C6add9",
    (0, 2, 4, 7): "Cadd9 C(add9) C2 C(9)",
    (0, 2, 3, 7): "Cmadd9 Cm(add9)",
    (0, 2, 4, 7, 10): "C9 C7/9 C7(9)",
    (0, 2, 4, 7, 11): "Cmaj9 CM9 C∆9 C7M(9)",
    (0, 1, 4, 7, 10): "C7b9 C7(b9) C7(9-) C7-9",
    (0, 3, 4, 7, 10): "C7#9 C7(#9) C7+9",
    (0, 1, 4, 6, 7, 10): "C7(b9,#11) C7b9#11",
    (0, 1, 3, 4, 8, 10): "C7alt Calt",
    (0, 2, 5, 7, 10): "C11 C9sus4",
    (0, 2, 4, 7, 9, 10): "C13",
    (0, 7): "C5 C(no3)",
    (0, 4, 6): "C(b5) C-5",
}


@pytest.mark.parametrize(
    ("tones", "symbol"),
    [(tones, symbol) for tones, line in SPELLINGS.items() for symbol in line.split()],
)
def test_a_symbol_means_its_notes(tones: tuple[int, ...], symbol: str) -> None:
    read = parse_symbol(symbol)
    assert (read.root, read.bass) == (0, 0)
    assert sorted(read.pitch_classes) == list(tones) and read.pitch_classes[0] == 0


@pytest.mark.parametrize(
    ("symbol", "root", "bass", "tones"),
    [
        ("Bb/D", 10, 2, {10, 2, 5}),
        ("B♭/D", 10, 2, {10, 2, 5}),
        ("F♯m7", 6, 6, {6, 9, 1, 4}),
        ("Am7/G", 9, 7, {9, 0, 4, 7}),
        ("C/D", 0, 2, {0, 4, 7}),  # a bass that is no note of the chord is not among them
        ("C6/9/E", 0, 4, {0, 4, 7, 9, 2}),
        ("Bb5", 10, 10, {10, 5}),  # not B with a flat fifth
        ("Fx7", 7, 7, {7, 11, 2, 5}),
        ("Ebb5", 3, 3, {3, 7, 9}),  # E flat with a flat fifth
        ("B-m7", 10, 10, {10, 1, 5, 8}),  # music21's flat, where nothing else can be meant
    ],
)
def test_a_root_may_have_signs_and_another_bass(
    symbol: str, root: int, bass: int, tones: set[int]
) -> None:
    read = parse_symbol(symbol)
    assert (read.root, read.bass, set(read.pitch_classes)) == (root, bass, tones)


@pytest.mark.parametrize("symbol", ["N.C.", "NC", "n.c.", "N.C", "n"])
def test_no_chord_has_no_root_and_no_notes(symbol: str) -> None:
    read = parse_symbol(symbol)
    assert (read.text, read.root, read.bass, read.pitch_classes) == ("N.C.", None, None, ())


@pytest.mark.parametrize(
    ("symbol", "english"),
    [("H", "B"), ("Hm7", "Bm7"), ("B", "Bb"), ("Bb", "Bb"), ("Fis", "F#"), ("Es7", "Eb7"),
     ("Asus4", "Asus4"), ("As", "Ab"), ("H7/Fis", "B7/F#")],
)  # fmt: skip
def test_german_letters_are_read_where_they_are_asked_for(symbol: str, english: str) -> None:
    assert parse_symbol(symbol, german_h=True) == parse_symbol(english)


def test_the_minus_of_music21_is_a_flat_where_that_is_asked_for() -> None:
    assert parse_symbol("B-7").root == 11, "a minor seventh chord on B"
    assert parse_symbol("B-7", music21=True) == parse_symbol("Bb7")


@pytest.mark.parametrize(
    ("symbol", "hint"),
    [
        ("Cfoo", "such as Cmaj7"),
        ("Cm5", "such as Cmaj7"),
        ("C77", "such as Cmaj7"),
        ("Q", "such as Cmaj7"),
        ("H7", "--german-h"),
        ("am", "A is major, Am is minor"),
    ],
)
def test_other_symbols_are_refused_with_a_hint(symbol: str, hint: str) -> None:
    with pytest.raises(ChordError, match="no chord symbol") as caught:
        parse_symbol(symbol)
    assert hint in str(caught.value) and repr(symbol) in str(caught.value)


@pytest.mark.parametrize(
    ("tones", "bass", "key", "symbol"),
    [
        ({0, 4, 7}, 0, "C", "C"),
        ({0, 4, 7}, 4, "C", "C/E"),
        ({9, 0, 4, 7}, 9, "C", "Am7"),
        ({9, 0, 4, 7}, 0, "C", "C6"),
        ({0, 4, 7, 2}, 2, "C", "C/D"),
        ({10, 2, 5}, 10, "F", "Bb"),
        ({10, 2, 5}, 10, "B", "A#"),
        ({3, 7, 10}, 3, "C minor", "Eb"),
        (set(), None, "C", "N.C."),
    ],
)
def test_notes_get_the_plainest_symbol_in_the_spelling_of_the_key(
    tones: set[int], bass: int | None, key: str, symbol: str
) -> None:
    assert symbol_of(tones, bass, Key.parse(key)) == symbol


def test_every_symbol_of_notes_is_read_back_as_the_same_notes() -> None:
    for line in SPELLINGS.values():
        for written in line.split():
            first = parse_symbol(written)
            named = parse_symbol(symbol_of(first.pitch_classes, first.bass))
            both = {*named.pitch_classes, named.bass}
            assert both == {*first.pitch_classes, first.bass}, (written, named.text)


def shown(text: str, grid: Grid = FOUR) -> list[tuple[float, float, str]]:
    chords = chords_from_text(text, grid).chords
    return [(each.start_beats, each.length_beats, each.symbol) for each in chords]


def test_the_chords_of_a_bar_have_equal_shares_and_a_point_holds() -> None:
    # Four beats a bar: two halves, two halves, 4 shares of which the points hold, a whole bar.
    assert shown("Am7 F | C G/B | Dm7 . . G7 | C") == [
        (0, 2, "Am7"), (2, 2, "F"), (4, 2, "C"), (6, 2, "G/B"),
        (8, 3, "Dm7"), (11, 1, "G7"), (12, 4, "C"),
    ]  # fmt: skip


def test_a_point_holds_over_the_bar_line_and_a_percent_repeats_the_bar() -> None:
    assert shown("C G | % | . F | N.C.") == [
        (0, 2, "C"), (2, 2, "G"), (4, 2, "C"), (6, 4, "G"), (10, 2, "F"), (12, 4, "N.C."),
    ]  # fmt: skip


def test_lines_are_bars_too_and_outer_and_double_bar_lines_are_nothing() -> None:
    lines = "| C | F ||\n\n| G | C |\n"
    assert [symbol for *_, symbol in shown(lines)] == ["C", "F", "G", "C"]
    assert bars_of_text(lines) == 4


def test_three_chords_in_a_bar_of_seven_eighths_have_a_third_each() -> None:
    # 7/8 are 3.5 quarters; a third of them is 7/6.
    first, second, third = chords_from_text("C F G", Grid.constant(120, "7/8", 1)).chords
    assert first.length_beats == pytest.approx(7 / 6) and second.start_beats == pytest.approx(7 / 6)
    assert third.end_beats == pytest.approx(3.5)


def test_a_bare_bass_goes_under_the_chord_before() -> None:
    assert [symbol for *_, symbol in shown("Am | /G | Am/F# | /E")] == [
        "Am", "Am/G", "Am/F#", "Am/E",
    ]  # fmt: skip


def test_fewer_bars_repeat_from_the_start_and_say_so() -> None:
    read = chords_from_text("C F | G", Grid.constant(120, "4/4", 5))
    assert [each.symbol for each in read.chords] == ["C", "F", "G", "C", "F", "G", "C", "F"]
    assert read.chords[-1].end_beats == 20
    assert read.changes == ("The chords have 2 bars; they repeat from the start until bar 5.",)
    assert chords_from_text("C|C|C|C", FOUR).changes == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("C | F | G | C | F", "5 bars, but the music has 4"),
        ("C | Xm7", "bar 2: 'Xm7' is no chord symbol"),
        ("C | | G", "bar 2 is empty"),
        (". | C", "bar 1 begins with ., which holds no chord"),
        ("% | C", "bar 1 is %, but there is no bar before"),
        ("C % | C", "bar 1: % stands alone"),
        ("  \n ", "at least one chord"),
        (" ".join(["C"] * 33), "bar 1 must hold at most 32, not 33"),
    ],
)
def test_chords_that_make_no_sense_are_refused_by_bar(text: str, sentence: str) -> None:
    with pytest.raises(ChordError, match=sentence):
        chords_from_text(text, FOUR)


def test_the_chord_at_a_beat_is_found() -> None:
    chords = chords_from_text("C F|G|N.C.|C", FOUR).chords
    at = [chord_at(chords, beat) for beat in (0, 2, 3.9, 4, 8, 15.9, 16)]
    assert [each and each.symbol for each in at] == ["C", "F", "F", "G", "N.C.", "C", None]


def test_a_chord_of_no_length_is_refused() -> None:
    with pytest.raises(ChordError, match="more than 0 beats"):
        Chord(0, 0, "C", 0, 0, (0, 4, 7))
