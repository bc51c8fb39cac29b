"""Without humanising, every note begins exactly on the grid; with it, as it was played."""

from __future__ import annotations

import pytest

from diffusion.embedded.performance import Part, Performance, Played
from diffusion.embedded.timing import place, retimed


def played(*notes: tuple[float, float]) -> Performance:
    """Snare hits or notes of these starts and lengths over a bar."""
    part = Part(tuple(Played(start, length, 38, 0.8) for start, length in notes), "standard")
    return Performance(4.0, {"drums": part})


def times(performance: Performance) -> list[tuple[float, float]]:
    notes = performance.parts["drums"].notes
    return [(round(n.start_beats, 6), round(n.length_beats, 6)) for n in notes]


@pytest.mark.parametrize(
    ("start", "on_grid"),
    [
        (1.02, 1.0),  # 12.24 frames
        (0.27, 0.25),  # 3.24: a sixteenth
        (0.32, 1 / 3),  # 3.84: a triplet
        (0.6, 2 / 3),  # 7.2, no grid of its own: swung
        (0.98, 1.0),  # 11.76: early
    ],
)
def test_a_note_goes_to_the_sixteenth_or_triplet_it_was_played_beside(
    start: float, on_grid: float
) -> None:
    assert place(start) == pytest.approx(on_grid)


def test_fully_humanised_notes_are_where_they_were_played_beside_the_grid() -> None:
    assert place(1.02, 1.0) == pytest.approx(1.02)
    assert place(1.02, 0.5) == pytest.approx(1.01)


@pytest.mark.parametrize(("swing", "start"), [(0.0, 0.5), (0.5, 7 / 12), (1.0, 2 / 3)])
def test_swing_moves_the_second_eighth_of_a_beat(swing: float, start: float) -> None:
    assert place(0.5, swing=swing) == pytest.approx(start)
    assert place(2 / 3, swing=swing) == pytest.approx(start)
    assert place(0.25, swing=swing) == 0.25


def test_a_note_that_ended_with_the_next_ends_with_it_again() -> None:
    # The second starts 0.02 beats late and is moved back to 1; the first ended there.
    assert times(retimed(played((0.0, 1.02), (1.02, 0.5)))) == [(0.0, 1.0), (1.0, 0.5)]


def test_a_part_that_is_kept_stays_as_it_is() -> None:
    assert times(retimed(played((1.02, 0.5)), kept=("drums",))) == [(1.02, 0.5)]


def test_a_note_rounded_to_the_end_of_the_music_is_left_out() -> None:
    assert times(retimed(played((3.97, 0.1)))) == []
