"""The planner: what is given stands, what is missing is planned exactly on the bars.

The network here has random weights: whatever it says, the grammar and the rules must hold.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from diffusion.embedded.performance import RANGES
from diffusion.embedded.vocabulary import ParsedPrompt, parse_prompt
from diffusion.planner import vocabulary as v
from diffusion.planner.complete import complete, draw
from diffusion.planner.material import Material, PlannedSection, put_chords, put_tune
from diffusion.planner.network import Network, Shape
from diffusion.planner.reading import known_token
from diffusion.planner.writer import Writer
from midi.chords import chords_from_text
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key
from midi.lead_sheet import LeadSheet, Section, Tune
from midi.note import Note

AM = Key(9, "minor")


@pytest.fixture(scope="module")
def network() -> Network:
    """A small network of random weights."""
    shape, random = Shape(width=32, layers=1, heads=2), np.random.default_rng(1)
    sizes = {
        "tokens": (v.TOKENS + 1, 32), "places": (sum(v.PLACE.values()), 32),
        "facts": (sum(v.GLOBALS.values()), 32), "later": (v.HISTOGRAM, 32),
        "head": (32, v.TOKENS), "attend.0": (32, 96), "mix.0": (32, 32), "grow.0": (32, 96),
        "shrink.0": (96, 32),
    }  # fmt: skip
    return Network(
        {name: random.normal(0, 0.2, size).astype(np.float32) for name, size in sizes.items()},
        shape,
    )


def plan(
    network: Network,
    sheet: LeadSheet | None = None,
    *,
    bars: int = 8,
    meter: str = "4/4",
    key: Key = AM,
    tags: str = "",
    seed: int = 1,
    lead: str = "melody",
    ending: str = "loop",
    grid: Grid | None = None,
) -> LeadSheet:
    return complete(
        sheet or LeadSheet(), grid=grid or Grid.constant(120, meter, bars), key=key,
        prompt=parse_prompt(tags), seed=seed, lead=lead, ending=ending, network=network,
    )  # fmt: skip


def tune(*notes: tuple[float, float, int], part: str = "melody") -> Tune:
    return Tune(part, tuple(Note(Fraction(s), Fraction(n), p) for s, n, p in notes))


@pytest.mark.parametrize("ending", ["loop", "full"])
@pytest.mark.parametrize(
    ("meter", "bars"),
    [("4/4", 1), ("3/4", 2), ("6/8", 7), ("7/8", 16), ("5/4", 24), ("1/32", 9), ("15/8", 5),
     ("4/4", 70)],
)  # fmt: skip
def test_sections_chords_and_parts_fill_the_bars_of_any_meter(
    network: Network, meter: str, bars: int, ending: str
) -> None:
    grid = Grid.constant(100, meter, bars)
    sheet = plan(network, grid=grid, ending=ending)
    sheet.check_on(grid)
    assert sheet.sections[0].first_bar == 1 and sheet.sections[-1].last_bar == bars
    assert all(a.last_bar + 1 == b.first_bar for a, b in pairwise(sheet.sections))
    assert sheet.chords[0].start_beats == 0
    assert sheet.chords[-1].end_beats == pytest.approx(float(grid.beats))
    for before, after in pairwise(sheet.chords):
        assert before.end_beats == pytest.approx(after.start_beats)
    assert set(sheet.parts) == set(v.PARTS)
    assert sheet.intensity is not None and len(sheet.intensity) == bars


def test_bars_of_changing_meters_under_a_tempo_map_are_planned(network: Network) -> None:
    """Bars of 4, 4, 3, 3, 3.5, 3.5 beats: starts 0 4 8 11 14 17.5, the end 21."""
    meters = tuple(
        MeterChange(bar, Meter.parse(text)) for bar, text in ((0, "4/4"), (2, "3/4"), (4, "7/8"))
    )
    tempo = (TempoPoint(Fraction(0), Fraction(90), True), TempoPoint(Fraction(8), Fraction(140)))
    grid = Grid(6, tempo, meters)
    sheet = plan(network, grid=grid, ending="full")
    sheet.check_on(grid)
    assert sheet.chords[-1].start_beats == 17.5
    assert sheet.chords[-1].end_beats == 21.0


@pytest.mark.parametrize("lead", ["melody", "vocals"])
@pytest.mark.parametrize("tonic", [0, 6, 7, 11])
def test_the_tune_is_one_voice_in_the_range_of_its_part(
    network: Network, lead: str, tonic: int
) -> None:
    sheet = plan(network, bars=24, key=Key(tonic, "major"), lead=lead)
    assert sheet.tune is not None and sheet.tune.part == lead
    low, high = RANGES["lead" if lead == "melody" else "vocals"]
    assert all(low <= note.pitch <= high for note in sheet.tune.notes)
    for before, after in pairwise(sheet.tune.notes):
        assert before.end_beats <= after.start_beats
        assert abs(after.pitch - before.pitch) <= 12


def test_given_chords_stand_and_the_tune_keeps_to_the_key(network: Network) -> None:
    grid = Grid.constant(120, "4/4", 8)
    chords = chords_from_text("Am7 F | C G/B | Dm7 . G7 . | N.C.", grid).chords
    sheet = plan(network, LeadSheet(chords=chords), ending="full")
    assert sheet.chords == chords
    assert sheet.tune is not None and len(sheet.tune.notes) > 8
    scale = set(AM.pitch_classes)
    inside = [note.pitch % 12 in scale for note in sheet.tune.notes]
    assert sum(inside) / len(inside) > 0.8


def test_a_given_tune_stands_and_gets_chords(network: Network) -> None:
    given = tune((0.0, 1.0, 69), (1.37, 0.5, 72), (4.0, 3.0, 64), (14.25, 9.6, 93))
    sheet = plan(network, LeadSheet(tune=given))
    assert sheet.tune == given
    assert sheet.chords[-1].end_beats == 32.0
    # Notes in bars 1, 2 and 4 (the last sounds to bar 6): both halves of the form have them.
    assert sheet.parts["melody"]


def test_given_sections_keep_their_names_and_gaps_are_planned(network: Network) -> None:
    given = (Section("drop, loud", 5, 12), Section("my part", 20, 56))
    sheet = plan(network, LeadSheet(sections=given), bars=60)
    assert [each for each in sheet.sections if each in given] == list(given)
    assert sheet.sections[0].first_bar == 1 and sheet.sections[-1].last_bar == 60
    assert all(a.last_bar + 1 == b.first_bar for a, b in pairwise(sheet.sections))


def test_parts_that_are_off_stay_off(network: Network) -> None:
    parts = {"drums": ((5, 8),), "bass": (), "vocals": ((1, 2),)}
    sheet = plan(network, LeadSheet(parts=parts), tags="no piano, without guitar")
    assert {name: sheet.parts[name] for name in parts} == parts


def test_without_a_lead_there_is_no_tune(network: Network) -> None:
    sheet = plan(network, LeadSheet(parts={"melody": ()}))
    assert sheet.tune is None and sheet.parts["melody"] == ()


def test_the_tune_rests_where_its_part_is_off(network: Network) -> None:
    sheet = plan(network, LeadSheet(parts={"melody": ((3, 4), (7, 8))}))
    assert sheet.tune is not None
    assert {int(note.start_beats // 4) + 1 for note in sheet.tune.notes} <= {3, 4, 7, 8}


def test_a_voice_that_nobody_asked_for_is_off(network: Network) -> None:
    assert plan(network).parts["vocals"] == ()
    assert plan(network, lead="vocals").parts["vocals"] != ()


def test_given_intensity_stands(network: Network) -> None:
    given = tuple(bar / 8 for bar in range(8))
    assert plan(network, LeadSheet(intensity=given)).intensity == given


def test_a_whole_sheet_is_returned_as_it_came(network: Network) -> None:
    first = plan(network, ending="full")
    assert plan(network, first, ending="full", seed=9) == first


def test_the_same_seed_plans_the_same_and_another_something_else(network: Network) -> None:
    assert plan(network) == plan(network)
    assert plan(network) != plan(network, seed=2)


@pytest.mark.parametrize("key", [AM, Key(2, "major"), Key(4, "phrygian"), Key(5, "lydian")])
def test_a_full_ending_comes_home(network: Network, key: Key) -> None:
    """The last bar has one chord, on the tonic with the key's third, and a tonic of half a bar."""
    sheet = plan(network, bars=16, key=key, ending="full", meter="3/4")
    last = sheet.chords[-1]
    assert last.root == last.bass == key.tonic
    assert (key.tonic + (3 if key.is_minorish else 4)) % 12 in last.pitch_classes
    assert last.end_beats == 48.0 and last.start_beats <= 45.0
    assert sheet.tune is not None
    final = sheet.tune.notes[-1]
    assert final.pitch % 12 == key.tonic
    assert final.start_beats >= 45 and final.length_beats >= Fraction(3, 2)


def test_a_loop_does_not_come_home_and_ends_within_itself(network: Network) -> None:
    for seed in range(4):
        sheet = plan(network, seed=seed)
        assert sheet.chords[-1].root != AM.tonic
        assert sheet.tune is not None and sheet.tune.notes[-1].end_beats <= 32
        assert all(each.name not in ("intro", "outro") for each in sheet.sections)


def test_no_note_is_shorter_than_a_voice_can_sing(network: Network) -> None:
    """0.15 s at 180 bpm are 0.45 beats: six twelfths, rounded up."""
    sheet = plan(network, grid=Grid.constant(180, "4/4", 16), lead="vocals")
    assert sheet.tune is not None
    assert min(note.length_beats for note in sheet.tune.notes) >= Fraction(1, 2)


def test_a_known_sheet_is_read_into_tokens_and_written_again() -> None:
    """Two bars of 4/4 in C: C and G7/B (half a bar each), then N.C.; a note tied over the bar.

    Tokens: the form has 8. Bar 1: where chords come from, C and its length, G7, its bass, its
    length (6); where the tune comes from, three of note or rest, each with a length (7). Bar 2:
    the chord's 3; the tune's 1, and rest, note, rest (6).
    """
    material = Material([0, 48, 96])
    put_chords(material, [(0, 2, 0, 0, (0, 4, 7)), (2, 2, 7, 11, (7, 11, 2, 5))])
    put_tune(material, [(0.0, 1.0, 60), (1.5, 3.5, 64), (6.0, 0.25, 67)])
    material.sections = [PlannedSection("verse", 2, (1, 1, 1, 1, 0), 4)]
    writer = Writer(Material([0, 48, 96]), tune_first=False, has_tune=True)
    count = 0
    while not writer.finished:
        token = known_token(writer, material)
        assert token is not None
        place = writer.place()
        limits = list(v.PLACE.values())
        assert all(0 <= value < limit for value, limit in zip(place.values, limits, strict=True))
        writer.put(token)
        count += 1
    assert writer.done.bars == material.bars
    assert count == 8 + 6 + 7 + 3 + 7


def test_drawing_never_takes_what_is_forbidden() -> None:
    bias = np.full(v.TOKENS, -np.inf)
    bias[[3, 7]] = 0.0
    logits = np.zeros(v.TOKENS)
    random = Random(1)
    assert {draw(logits, bias, random, "note") for _ in range(50)} == {3, 7}


def test_the_prompt_s_parts_left_out_are_off(network: Network) -> None:
    sheet = complete(
        LeadSheet(), grid=Grid.constant(120, "4/4", 8), key=AM,
        prompt=ParsedPrompt(without=("drums", "lead")), seed=1, lead="melody", ending="loop",
        network=network,
    )  # fmt: skip
    assert sheet.parts["drums"] == sheet.parts["melody"] == ()
    assert sheet.tune is None
