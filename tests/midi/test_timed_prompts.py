"""Prompts at times: read, snapped to bars, and what their tempos make of the tempo map."""

from __future__ import annotations

from fractions import Fraction

import pytest

from midi.errors import SectionError
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.sections import read_sections
from midi.timed_prompts import Placed, TimedPrompt, is_timed, place, read_timed

FOURS = (MeterChange(0, Meter(4, 4)),)
SEED = "[0:00] gentle guitar, 60 BPM [0:15] drums come in, at 90 bpm, loud. [0:30] End"


def placed(text: str, bpm: int = 60, tempo: tuple[TempoPoint, ...] = ()) -> Placed:
    return place(read_timed(text)[1], Fraction(bpm), FOURS, tempo)


def test_prompts_have_a_time_words_and_perhaps_a_tempo() -> None:
    head, prompts = read_timed("lofi, warm; " + SEED)
    assert head == "lofi, warm"
    assert prompts == (
        TimedPrompt(Fraction(0), "gentle guitar", Fraction(60)),
        TimedPrompt(Fraction(15), "drums come in, loud", Fraction(90)),
        TimedPrompt(Fraction(30), "end", None),
    )
    assert read_timed("[1:02.5] soft")[1][0].seconds == Fraction("62.5")


@pytest.mark.parametrize("text", ["[verse] la", "[808] kit", "4-5: loud", ""])
def test_other_brackets_are_no_times(text: str) -> None:
    assert not is_timed(text)
    assert read_timed(text) == (text, ())


def test_prompts_fall_on_the_nearest_bars_and_set_their_tempo() -> None:
    """At 60 bpm a bar has 4 s: 0:15 is nearest to bar 5 at 16 s. From there on a bar has 2.67 s:
    of its lines at 29.33 and 32 s the first is nearer to 0:30, which is five bars later."""
    found = placed(SEED)
    assert found.starts == ((0, "gentle guitar"), (4, "drums come in, loud"))
    assert (found.tempo_map(), found.end_bar) == ("0:60 16:90", 9)
    assert found.sections(9) == "1-4: gentle guitar\n5-9: drums come in, loud"
    assert read_sections(found.sections(9), 9)[4] == "drums come in, loud"


def test_bars_before_the_first_prompt_have_no_words() -> None:
    assert placed("[0:15] chorus, loud").sections(8) == "5-8: chorus, loud"
    assert placed("[0:15] chorus, loud").tempo_map() == ""


def test_changing_meters_are_counted_with() -> None:
    """A bar of 4/4 and bars of 3/4 at 60 bpm: lines at 0, 4, 7, 10 s."""
    meters = (*FOURS, MeterChange(1, Meter(3, 4)))
    found = place(read_timed("[0:08] a [0:10] b")[1], Fraction(60), meters)
    assert found.starts == ((2, "a"), (3, "b"))


def test_a_tempo_map_that_is_given_must_agree() -> None:
    """Bar 5 begins at beat 16, where the map goes to 90 bpm."""
    given = (TempoPoint(0, 60), TempoPoint(16, 90))
    assert placed(SEED, tempo=given).tempo == given
    with pytest.raises(SectionError, match="asks for 90 bpm, where the tempo map has 80"):
        placed(SEED, tempo=(TempoPoint(0, 60), TempoPoint(16, 80)))
    with pytest.raises(SectionError, match="at 0:00 asks for 60 bpm, where bpm has 120"):
        placed(SEED, bpm=120)


def test_what_comes_out_is_a_grid_of_the_length_that_was_asked() -> None:
    found = placed(SEED)
    grid = Grid(9, found.tempo, FOURS)
    assert float(grid.seconds) == pytest.approx(16 + 5 * 8 / 3)  # 29.33 s, asked were 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[0:75] a", "as [minutes:seconds], such as [1:05], not '[0:75]'"),
        ("[1:5] a", "not '[1:5]'"),
        ("[0:10-0:20] a", "not '[0:10-0:20]'"),
        ("[10:01] a", "within 10:00, not at 10:01"),
        ("[0:10] a [0:05] b", "in order of time: 0:05 follows 0:10"),
        ("[0:10] a [0:11] b", "timed prompt at 0:11 must be a bar or more after"),
        ("[0:10] a, 90 bpm, 100 bpm", "timed prompt at 0:10 must have one tempo, not 2"),
        ("[0:10] a, 900 bpm", "timed prompt at 0:10: bpm must be a number from 20 to 400"),
        ("[0:10] end [0:20] a", "timed prompt at 0:10 ends the piece"),
    ],
)
def test_prompts_that_cannot_be_are_refused_with_their_time(text: str, said: str) -> None:
    with pytest.raises(SectionError) as refused:
        placed(text)
    assert said in str(refused.value)
