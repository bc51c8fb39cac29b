"""The planner with its published weights: plans are what docs/lab/training.md says of them."""

from __future__ import annotations

import pytest

from diffusion.embedded.vocabulary import parse_prompt
from diffusion.planner import vocabulary as v
from diffusion.planner.complete import complete
from diffusion.planner.material import Event, Material, put_tune
from diffusion.planner.score import leaps, phrase_notes, repeats
from midi.chords import chords_from_text
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet

REQUESTS = [
    ("pop", "4/4", 16, Key(0, "major")), ("sad ballad", "4/4", 16, Key(9, "minor")),
    ("energetic rock", "4/4", 24, Key(4, "minor")), ("waltz", "3/4", 16, Key(7, "major")),
    ("funk", "7/8", 16, Key(2, "dorian")), ("celtic", "6/8", 16, Key(2, "major")),
]  # fmt: skip


def plan(tags: str, meter: str, bars: int, key: Key, given: LeadSheet | None = None) -> LeadSheet:
    return complete(
        given or LeadSheet(), grid=Grid.constant(110, meter, bars), key=key,
        prompt=parse_prompt(tags), seed=11, lead="melody", ending="full",
    )  # fmt: skip


@pytest.fixture(scope="module")
def plans() -> list[tuple[LeadSheet, Grid]]:
    return [
        (plan(tags, meter, bars, key), Grid.constant(110, meter, bars))
        for tags, meter, bars, key in REQUESTS
    ]


def material_of(sheet: LeadSheet, grid: Grid) -> Material:
    material = Material([round(start * v.UNITS) for start in grid.bar_starts])
    assert sheet.tune is not None
    put_tune(
        material,
        [(float(n.start_beats), float(n.length_beats), n.pitch) for n in sheet.tune.notes],
    )
    return material


def notes_of(material: Material) -> list[Event]:
    return [
        (material.starts[at] + start, length, pitch)
        for at, bar in enumerate(material.bars)
        for start, length, pitch in bar.notes or ()
    ]


def test_planned_tunes_leap_rarely_sing_phrases_and_come_back(
    plans: list[tuple[LeadSheet, Grid]],
) -> None:
    """Over six plans: leaps beyond a fifth under .05, phrases of 6 notes, F1 of bars over .4."""
    materials = [material_of(sheet, grid) for sheet, grid in plans]
    count = len(materials)
    assert sum(leaps(notes_of(each)) for each in materials) / count < 0.05
    assert sorted(phrase_notes(notes_of(each)) for each in materials)[count // 2] >= 6
    assert sum(repeats(each) for each in materials) / count > 0.4


def test_planned_chords_change_and_lie_in_the_key(plans: list[tuple[LeadSheet, Grid]]) -> None:
    for (sheet, _), (_, _, bars, key) in zip(plans, REQUESTS, strict=True):
        assert len({chord.symbol for chord in sheet.chords}) >= 2
        assert bars / 6 <= len(sheet.chords) <= 3 * bars
        inside = [chord.root in key.pitch_classes for chord in sheet.chords]
        assert sum(inside) / len(inside) > 0.8


def test_styles_have_tunes_of_their_own(plans: list[tuple[LeadSheet, Grid]]) -> None:
    """One seed, one key, three styles: no two tunes are alike."""
    tunes = [plan(style, "4/4", 8, Key(0, "major")).tune for style in ("pop", "techno", "blues")]
    assert len(set(tunes)) == 3


def test_a_tune_over_given_chords_is_made_of_them() -> None:
    """Notes on a bar's first beat belong to the chord there in most bars."""
    grid = Grid.constant(110, "4/4", 16)
    chords = chords_from_text("Cmaj7 | Am7 | Dm7 | G7", grid).chords
    sheet = plan("pop", "4/4", 16, Key(0, "major"), LeadSheet(chords=chords))
    assert sheet.tune is not None
    first = [
        note.pitch % 12 in chords[int(note.start_beats // 4)].pitch_classes
        for note in sheet.tune.notes
        if note.start_beats % 4 == 0
    ]
    assert len(first) >= 6 and sum(first) / len(first) >= 0.7


def test_a_short_piece_has_the_whole_band_in_every_bar() -> None:
    """Eight bars of trap, and choruses of any length: drums, bass and chords all play."""
    for seed in range(3):
        sheet = complete(
            LeadSheet(), grid=Grid.constant(140, "4/4", 8), key=Key(9, "minor"),
            prompt=parse_prompt("trap"), seed=seed, lead="vocals", ending="loop",
        )  # fmt: skip
        assert {sheet.parts[part] for part in ("drums", "bass", "chords")} == {((1, 8),)}


def test_what_is_said_of_a_part_is_stronger_than_the_whole_band() -> None:
    sheet = plan("rock, no drums", "4/4", 8, Key(0, "major"))
    assert sheet.parts["drums"] == () and sheet.parts["bass"] == ((1, 8),)
