"""A request that leaves the form open gets one with the full band in every bar."""

from __future__ import annotations

from diffusion.embedded.composition import form_of
from diffusion.embedded.intent import SECTIONS
from midi.grid import Grid


def test_eight_bars_are_half_verse_half_chorus() -> None:
    sections, _ = form_of(Grid.constant(120, "4/4", 8), ())
    assert sections == ("verse",) * 4 + ("chorus",) * 4


def test_one_bar_is_a_verse() -> None:
    assert form_of(Grid.constant(120, "4/4", 1), ())[0] == ("verse",)


def test_long_pieces_change_every_eight_bars() -> None:
    sections = form_of(Grid.constant(120, "4/4", 24), ())[0]
    assert sections == ("verse",) * 8 + ("chorus",) * 8 + ("verse",) * 8


def test_asked_sections_are_kept_and_gaps_filled() -> None:
    sections, intensity = form_of(Grid.constant(120, "4/4", 4), ("intro", "", "", "outro"))
    assert sections == ("intro", "verse", "chorus", "outro")
    assert all(0.0 <= level <= 1.0 for level in intensity)


def test_planned_sections_are_words_the_model_knows() -> None:
    assert set(form_of(Grid.constant(120, "4/4", 32), ())[0]) <= set(SECTIONS)
