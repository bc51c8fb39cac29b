"""How the embedded engine follows an intensity curve: the rule on notes that are known."""

from __future__ import annotations

import pytest

from diffusion.embedded.composition import form_of
from diffusion.embedded.dynamics import follow
from diffusion.embedded.performance import Part, Performance, Played
from midi.curve import Curve
from midi.grid import Grid

# A bar of 4/4 in sixteenths, played a little late, and one note that anticipates bar 2.
LATE = 1 / 40
PLACES = (*(i / 4 + LATE for i in range(16)), 4 - LATE)
NOTES = tuple(Played(start, 0.2, 50, 0.8) for start in PLACES)
GRID = Grid.constant(120, "4/4", 2)


def heard(text: str, part: str = "drums", grid: Grid = GRID) -> list[Played]:
    timbre = {"drums": "standard", "bass": "finger", "comp": "piano", "lead": "flute"}[part]
    band = Performance(float(grid.beats), {part: Part(NOTES, timbre)})
    return list(follow(band, Curve.parse(text), grid).parts[part].notes)


def test_at_full_intensity_everything_is_as_it_was_written() -> None:
    assert heard("0:1") == list(NOTES)


@pytest.mark.parametrize(
    ("intensity", "kept"),
    [
        (0.5, range(17)),
        (0.45, (0, 2, 4, 6, 8, 10, 12, 14, 16)),  # eighths; the last begins bar 2
        (0.3, (0, 4, 8, 12, 16)),  # beats
        (0.1, (0, 16)),  # where bars begin
    ],
)
@pytest.mark.parametrize("part", ["drums", "bass", "comp"])
def test_the_less_there_is_to_be_the_less_is_played(
    intensity: float, kept: tuple[int, ...], part: str
) -> None:
    starts = [note.start_beats for note in heard(f"0:{intensity}", part)]
    assert starts == [PLACES[i] for i in kept]


def test_a_tune_keeps_its_notes_and_gets_softer() -> None:
    """Half intensity is 10 dB down: at 40 dB a decade the velocity falls by 10 ** 0.25."""
    notes = heard("0:0.5", "lead")
    assert [note.start_beats for note in notes] == list(PLACES)
    assert {round(note.velocity, 4) for note in notes} == {round(0.8 / 10**0.25, 4)}
    assert min(note.velocity for note in heard("0:0", "lead")) > 0.2, "20 dB down, never silent"


def test_compound_meters_are_felt_in_dotted_quarters() -> None:
    """In 6/8 the beats lie at 0 and 1.5 of a bar, and bar 2 begins at 3."""
    starts = [note.start_beats for note in heard("0:0.3", grid=Grid.constant(120, "6/8", 2))]
    assert starts == [LATE, 1.5 + LATE, 3 + LATE]


def test_the_network_is_told_the_curve_and_the_tags_it_knows() -> None:
    """A ramp over four bars: the means of its quarters. A drop is a chorus to the network."""
    grid = Grid.constant(120, "4/4", 4)
    sections, intensity = form_of(
        grid, ("Intro 1, soft", "drop", "", "verse, loud"), Curve.parse("0:0 16:1")
    )
    assert sections == ("intro", "chorus", "chorus", "verse")
    assert intensity == pytest.approx((0.125, 0.375, 0.625, 0.875))
