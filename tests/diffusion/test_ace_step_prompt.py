"""Conditions in the model's own words: what it is told, and what the user is told about that."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from audio.chord_match import match_sound
from diffusion.ace_step.lyrics import language_of, structured
from diffusion.ace_step.prompt import prompt_of, words_of_bars
from diffusion.ace_step.recipe import section_repaints, task_for, whole_seconds, window
from diffusion.audio_conditions import AudioConditions
from diffusion.engine import Conditions
from midi.chords import chords_from_text
from midi.curve import Curve
from midi.grid import Grid, Meter, MeterChange, TempoPoint
from midi.key import Key
from midi.lead_sheet import LeadSheet, Tune
from midi.melody import Melody
from midi.note import Note


def conditions(
    bpm: float = 92, meter: str = "4/4", key: str = "A minor", grid: Grid | None = None,
    **rest: object,
) -> Conditions:  # fmt: skip
    return Conditions(grid or Grid.constant(bpm, meter, bars=4), Key.parse(key), **rest)  # type: ignore[arg-type]


def test_tempo_meter_key_and_length_are_told_in_the_models_form() -> None:
    prompt, remarks = prompt_of(conditions(tags="lofi, rhodes"), 12)
    assert prompt.text == (
        "# Instruction\nFill the audio semantic mask based on the given conditions:\n\n"
        "# Caption\nlofi, rhodes\n\n"
        "# Metas\n- bpm: 92\n- timesignature: 4\n- keyscale: A minor\n- duration: 12 seconds\n"
        "<|endoftext|>\n"
    )
    assert prompt.lyric_text == "# Languages\nunknown\n\n# Lyric\n[Instrumental]<|endoftext|>"
    assert remarks == ()


@pytest.mark.parametrize(
    ("bpm", "told"), [(92.5, 92), (61.7, 62), (320, 160), (24, 48), (300, 300), (30, 30)]
)
def test_the_tempo_told_is_the_nearest_the_model_knows(bpm: float, told: int) -> None:
    prompt, remarks = prompt_of(conditions(bpm), 12)
    assert prompt.bpm == told
    assert bool(remarks) == (told != bpm)
    assert not remarks or f"{told} bpm for {bpm:g} bpm" in remarks[0]


def test_a_changing_tempo_is_told_by_its_mean() -> None:
    """8 quarters at 60 and 8 at 120 last 8 + 4 s: 16 quarters in 12 s are 80 a minute."""
    points = (TempoPoint(0, 60), TempoPoint(8, 120))  # type: ignore[arg-type]
    grid = Grid(4, points, (MeterChange(0, Meter.parse("4/4")),))
    prompt, remarks = prompt_of(Conditions(grid, Key.parse("C")), 14)
    assert prompt.bpm == 80 and "the mean, 80 bpm" in remarks[0]


@pytest.mark.parametrize(
    ("meter", "told"), [("4/4", "4"), ("3/4", "3"), ("6/8", "6"), ("2/4", "2")]
)
def test_meters_the_model_knows_are_settings(meter: str, told: str) -> None:
    assert prompt_of(conditions(meter=meter), 12)[0].meter == told


def test_other_meters_are_named_in_the_caption() -> None:
    prompt, remarks = prompt_of(conditions(meter="7/8", tags="jazz"), 12)
    assert "- timesignature: N/A\n" in prompt.text
    assert prompt.caption == "jazz, in 7/8 time" and "no meter 7/8" in remarks[0]


@pytest.mark.parametrize(
    ("key", "told", "caption"),
    [
        ("F# minor", "F# minor", "instrumental music"),
        ("Bb major", "Bb major", "instrumental music"),
        ("D dorian", "D minor", "in D dorian"),
        ("E phrygian", "E minor", "in E phrygian"),
        ("G mixolydian", "G major", "in G mixolydian"),
        ("C## minor", "D minor", "instrumental music"),
    ],
)
def test_keys_are_told_in_major_and_minor(key: str, told: str, caption: str) -> None:
    prompt, _ = prompt_of(conditions(key=key), 12)
    assert (prompt.key, prompt.caption) == (told, caption)


def test_the_length_told_is_the_length_played() -> None:
    """4 bars at 92: 10.43 s and a beat of 0.65 s, 12 s in whole seconds; never under 6 s."""
    assert whole_seconds(Grid.constant(92, bars=4)) == 12
    assert whole_seconds(Grid.constant(240, bars=1)) == 6
    assert whole_seconds(Grid.constant(120, bars=300)) == 600, "the model's longest"


def test_untagged_words_are_dealt_to_the_sections() -> None:
    sections = ("verse", "verse", "chorus", "chorus")
    words = "one\ntwo\n\nthree\nfour"
    assert structured(words, sections) == "[verse]\none\ntwo\n\n[chorus]\nthree\nfour"
    assert structured("one\ntwo", sections) == "[verse]\none\n\n[chorus]\ntwo"


def test_tagged_words_go_to_the_sections_of_their_name() -> None:
    words = "[Chorus]\nla\n[Verse 1]\nda\n[Verse 2]\ndum"
    sections = ("intro", "verse", "chorus", "verse")
    assert structured(words, sections) == "[intro]\n\n[verse]\nda\n\n[chorus]\nla\n\n[verse]\ndum"


def test_tagged_words_without_sections_stay_as_they_are() -> None:
    assert structured("[verse]\nla", ()) == "[verse]\nla"


def test_sections_without_words_are_instrumental() -> None:
    assert structured("", ("intro", "", "verse,loud")) == "[Instrumental]\n\n[intro]\n\n[verse]"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("hello", "en"),
        ("こんにちは世界", "ja"),
        ("你好", "zh"),
        ("привет", "ru"),
        ("안녕", "ko"),
        (" \n", "unknown"),
        ("[Intro]\n\n[verse 1]", "unknown"),
    ],
)
def test_a_script_tells_its_language(words: str, code: str) -> None:
    assert language_of(words) == code


def test_a_language_that_is_given_counts() -> None:
    asked = conditions(lyrics="hallo welt", audio=AudioConditions(language="de"))
    assert prompt_of(asked, 12)[0].language == "de"


def test_a_section_may_have_words_of_its_own() -> None:
    asked = conditions(120, tags="rock", sections=("verse", "verse", "chorus,loud,big-drums", ""))
    (repaint,) = section_repaints(asked, 9)
    assert repaint.prompt.caption == "rock, loud, big drums"
    assert repaint.prompt.task == "repaint"
    # Bar 3 at 120 bpm lasts from 4 to 6 s: latent frames 100 to 150.
    assert window(asked.grid, repaint.first_bar, repaint.end_bar) == (100, 150)
    assert (repaint.first_bar, repaint.end_bar) == (2, 3)
    assert repaint.prompt.caption == "rock, loud, big drums"


def test_the_whole_is_told_in_the_words_of_its_first_section() -> None:
    """Only where words differ is anything made anew; where they are missing they differ too."""
    asked = conditions(
        120, tags="rock", sections=("intro, soft pads", "verse, soft pads", "soft pads", "chorus")
    )
    assert prompt_of(asked, 9)[0].caption == "rock, soft pads"
    assert [(each.first_bar, each.prompt.caption) for each in section_repaints(asked, 9)] == [
        (3, "rock")
    ]


def test_a_section_is_told_its_own_tempo() -> None:
    """Bars 1 and 2 at 60, 3 and 4 at 90 bpm: 16 beats in 8 + 5.33 s are 72 bpm in the mean."""
    grid = Grid(4, (TempoPoint(0, 60), TempoPoint(8, 90)), (MeterChange(0, Meter(4, 4)),))
    asked = conditions(sections=("a", "a", "b", "b"), grid=grid)
    prompt, remarks = prompt_of(asked, 15)
    assert (prompt.bpm, len(remarks)) == (72, 1)
    assert [each.prompt.bpm for each in section_repaints(asked, 15)] == [90]


@pytest.mark.parametrize(
    ("points", "word"),
    [
        ("0:0.3", "soft"),
        ("0:0.5", ""),
        ("0:0.7", "intense"),
        ("0:0.2 16:0.55", "building"),
        ("0:0.9 16:0.55", "fading"),
        ("0:0.7 16:0.95", "intense"),  # a rise of 0.25 over the four bars is no change yet
    ],
)
def test_an_intensity_curve_becomes_words(points: str, word: str) -> None:
    asked = conditions(120, sections=("verse, warm",) * 4, intensity=Curve.parse(points))
    assert words_of_bars(asked) == (", ".join(filter(None, ("warm", word))),) * 4


def test_without_sections_the_curve_is_told_in_blocks() -> None:
    """18 bars of 4/4: two blocks of eight and the rest."""
    grid = Grid.constant(120, bars=18)
    asked = conditions(grid=grid, intensity=Curve.parse("0:0.2 30:0.2 32:0.9"))
    assert words_of_bars(asked) == ("building",) * 8 + ("intense",) * 10
    assert words_of_bars(conditions(grid=grid)) == ()


def test_a_window_of_bars_covers_their_latent_frames() -> None:
    """At 92 bpm bar 2 lasts from 2.609 to 5.217 s: frames 65.2 to 130.4."""
    assert window(Grid.constant(92, bars=4), 1, 2) == (65, 131)


def test_the_chords_of_the_lead_sheet_are_words_up_to_where_they_repeat() -> None:
    grid = Grid.constant(92, "4/4", bars=4)
    for text, words in (
        ("Am7 F | C G/B", "chord progression Am7 - F - C - G/B"),
        ("C | C | F | G", "chord progression C - F - G"),
        ("C | C | C | C", "chord progression C"),
    ):
        sheet = LeadSheet(chords=chords_from_text(text, grid).chords)
        prompt, _ = prompt_of(conditions(tags="lofi", lead_sheet=sheet), 12)
        assert prompt.caption == f"lofi, {words}"


def test_chords_without_a_melody_are_covered_from_a_guide_that_plays_them() -> None:
    grid = Grid.constant(92, "4/4", bars=4)
    sheet = LeadSheet(chords=chords_from_text("Am | F | C | G", grid).chords)
    task, _ = task_for(conditions(lead_sheet=sheet), (1,))
    assert task.prompt.task == "cover" and task.source is not None
    plays = match_sound(sheet.chords, task.source, grid)
    assert plays is not None and plays.agreement == 1.0
    off = conditions(lead_sheet=sheet, audio=AudioConditions(melody_mode="off"))
    assert task_for(off, (1,))[0].source is None


def test_the_tune_of_a_lead_sheet_is_the_melody_of_the_guide() -> None:
    tune = Tune("melody", (Note(Fraction(0), Fraction(4), 81),))
    with_tune, _ = task_for(conditions(lead_sheet=LeadSheet(tune=tune)), (1,))
    given = Melody(tune.notes)
    assert with_tune.source is not None
    assert np.array_equal(
        with_tune.source.samples,
        task_for(conditions(melody=given), (1,))[0].source.samples,  # type: ignore[union-attr]
    )
