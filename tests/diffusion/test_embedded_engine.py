"""The embedded engine with the weights that ship: it obeys, repeats itself, and can be stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from diffusion.embedded import engine as engine_module
from diffusion.embedded.engine import EmbeddedEngine, read_card, verify_weights, weights_folder
from diffusion.embedded.performance import from_plain
from diffusion.embedded.sampler import STEPS
from diffusion.engine import Conditions, Generation, Revision
from diffusion.engines import engine_spec
from diffusion.errors import Cancelled, EngineError
from midi.chords import chords_from_text
from midi.curve import Curve
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet
from midi.melody import Melody, Note

TUNE = Melody(
    tuple(Note(Fraction(i), Fraction(1), p, 100) for i, p in enumerate((69, 72, 71, 69, 76, 74))),
    (),
    (),
)
ASKED = Conditions(
    Grid.constant("61.7", "7/8", 2), Key.parse("A minor"), TUNE, seed=4, sample_rate=44_100
)


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    loaded = EmbeddedEngine()
    loaded.load(lambda stage, fraction: None)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def played(engine: EmbeddedEngine) -> Generation:
    return run(engine, ASKED)


def run(engine: EmbeddedEngine, asked: Conditions) -> Generation:
    return engine.generate(asked, lambda stage, fraction: None, lambda: False)


def test_four_stereo_stems_of_exactly_the_grids_length_come_out(played: Generation) -> None:
    assert played.stems is not None
    # 2 bars x 3.5 quarters x 60 / 61.7 s x 44100 = 300194.48..., so 300194 frames.
    assert {name: clip.samples.shape for name, clip in played.stems.items()} == {
        name: (2, 300_194) for name in ("drums", "bass", "melody", "vocals")
    }


def test_the_same_request_gives_the_same_frames(engine: EmbeddedEngine, played: Generation) -> None:
    again = run(engine, ASKED)
    assert played.stems is not None and again.stems is not None
    for name, clip in played.stems.items():
        assert np.array_equal(clip.samples, again.stems[name].samples), name


def test_another_seed_plays_something_else(engine: EmbeddedEngine, played: Generation) -> None:
    other = run(engine, replace(ASKED, seed=5))
    assert other.notes != played.notes


def test_the_melody_is_played_as_written(played: Generation) -> None:
    heard = {(note.start_beats, note.pitch) for note in played.notes["melody"]}
    assert {(note.start_beats, note.pitch) for note in TUNE.notes} <= heard
    agreed = played.facts.melody_agreement_before_keeping
    assert isinstance(agreed, float)
    assert 0.0 <= agreed <= 1.0


def test_the_vocals_sing_the_melody_when_they_lead(engine: EmbeddedEngine) -> None:
    sung = run(engine, replace(ASKED, lead="vocals", stems=("vocals",)))
    assert [note.pitch for note in sung.notes["vocals"]] == [n.pitch for n in TUNE.notes]
    assert sung.stems is not None
    assert list(sung.stems) == ["vocals"]
    assert sung.stems["vocals"].peak > 0.01  # about -40 dBFS: a voice is there


def test_unknown_words_are_reported(engine: EmbeddedEngine) -> None:
    facts = run(engine, replace(ASKED, tags="funk, kazoo", stems=("bass",))).facts
    assert facts.style == "funk"
    assert facts.unknown_words == ("kazoo",)


def test_the_flag_stops_it_within_a_diffusion_step(engine: EmbeddedEngine) -> None:
    stages: list[tuple[str, float]] = []
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Cancelled):
        engine.generate(ASKED, lambda stage, fraction: stages.append((stage, fraction)), cancelled)
    assert {stage for stage, _ in stages} == {"diffuse"}
    # Three steps began before the flag was seen.
    assert max(fraction for _, fraction in stages) <= 3 / STEPS


def test_it_must_be_loaded_first() -> None:
    with pytest.raises(EngineError, match="not loaded"):
        run(EmbeddedEngine(), ASKED)


def test_the_manifest_learns_which_weights_played(engine: EmbeddedEngine) -> None:
    facts = engine.describe()
    assert facts.name == "embedded"
    assert facts.weights == read_card()["files"]


def test_all_weights_are_the_published_ones_and_at_most_36_mb() -> None:
    files = verify_weights()
    assert set(files) == {"diffusion", "decoder", "voice", "planner"}
    assert sum(path.stat().st_size for path in files.values()) <= 36_000_000


def test_weights_that_are_not_the_published_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = json.loads((weights_folder() / engine_module.CARD).read_text("utf-8"))
    for entry in card["files"].values():
        (tmp_path / entry["name"]).write_bytes(b"other weights")
        assert hashlib.sha256(b"other weights").hexdigest() != entry["sha256"]
    (tmp_path / engine_module.CARD).write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setattr(engine_module, "weights_folder", lambda: tmp_path)
    with pytest.raises(EngineError, match="not the published one"):
        verify_weights()


def test_an_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(EngineError, match="embedded, ace-step"):
        engine_spec("suno")


def test_an_unedited_stem_rendered_again_is_the_same_to_the_sample(
    engine: EmbeddedEngine, played: Generation
) -> None:
    assert played.score is not None and played.stems is not None
    same = Revision(played.score, 0, 2, played.notes["bass"])
    again = run(engine, replace(ASKED, stems=("bass",), revision=same))
    assert again.stems is not None
    np.testing.assert_array_equal(again.stems["bass"].samples, played.stems["bass"].samples)


def test_a_bar_of_one_part_made_anew_leaves_every_other_note(
    engine: EmbeddedEngine, played: Generation
) -> None:
    assert played.score is not None
    second_bar = Revision(played.score, 1, 2)
    changed = run(engine, replace(ASKED, seed=9, stems=("drums",), revision=second_bar))
    assert changed.score is not None
    old, new = from_plain(played.score).parts, from_plain(changed.score).parts
    assert {name: new[name] for name in new if name != "drums"} == {
        name: old[name] for name in old if name != "drums"
    }
    bar = 3.5  # beats in a bar of 7/8; a twelfth of a beat is a frame
    first = [note for note in old["drums"].notes if note.start_beats < bar - 1 / 24]
    assert [note for note in new["drums"].notes if note.start_beats < bar - 1 / 24] == first
    assert new["drums"] != old["drums"]


def test_an_intensity_curve_is_heard_bar_by_bar_and_stems_and_notes_agree(
    engine: EmbeddedEngine,
) -> None:
    """Up and down over 16 bars of 2/4. The user's tune is played with the velocities it has."""
    grid = Grid.constant(240, "2/4", 16)
    curve = Curve.parse("0:0.1 16:1 32:0.1")
    tune = Melody(tuple(Note(Fraction(4 * i), Fraction(1), 69, 30) for i in range(8)), (), ())
    asked = Conditions(
        grid, Key.parse("A minor"), tune, lead="vocals", tags="rock", seed=3, intensity=curve
    )
    generation = run(engine, asked)
    assert generation.stems is not None
    mix = np.sum([clip.samples for clip in generation.stems.values()], axis=0)
    bars = np.array_split(mix, 16, axis=1)
    levels_db = [10 * np.log10(np.square(bar, dtype=np.float64).mean() + 1e-12) for bar in bars]
    wanted = curve.bar_means(grid.bar_starts)
    assert spearmanr(levels_db, wanted).statistic >= 0.8
    loudest = [max(n.velocity for n in generation.notes["bass"] if n.start_beats // 2 == bar)
               for bar in (0, 7)]  # fmt: skip
    assert loudest[0] < 0.6 * loudest[1], "18 dB apart the velocities are as 0.35 to 1"
    assert [note.velocity for note in generation.notes["vocals"]] == [30] * 8
    assert generation.facts.intensity == pytest.approx(list(wanted), abs=1e-4)


def test_words_of_later_sections_are_told_to_be_left_out(engine: EmbeddedEngine) -> None:
    asked = replace(ASKED, stems=("bass",), sections=("intro, jazz", "chorus, loud strings"))
    facts = run(engine, asked).facts
    assert (facts.style, facts.sections) == ("jazz_swing", ("intro", "chorus"))
    (remark,) = facts.remarks
    assert str(remark).startswith("the words of bars 2-2 were not followed: 'loud strings'")


def test_notes_lie_on_the_grid_or_swing_as_asked_and_a_given_melody_as_written(
    engine: EmbeddedEngine,
) -> None:
    grid = Grid.constant(120, "4/4", 4)
    tune = Melody((Note(Fraction(1, 2), Fraction(1), 69, 100), Note(Fraction(2), Fraction(1), 72)))
    asked = Conditions(grid, ASKED.key, tune, tags="rock", seed=4, sample_rate=44_100,
                       stems=("drums", "melody"), swing=1.0, humanise=0.0)  # fmt: skip
    notes = run(engine, asked).notes
    # With full swing the second eighth is the last of three: at 2/3 of a beat, never at 1/2.
    places = {note.start_beats % 1 for note in notes["drums"]}
    assert Fraction(2, 3) in places and Fraction(1, 2) not in places
    assert all((place * 12).denominator == 1 for place in places)
    assert (Fraction(1, 2), 69) in {(n.start_beats, n.pitch) for n in notes["melody"]}


def test_bass_and_chords_play_what_is_asked(engine: EmbeddedEngine) -> None:
    grid = Grid.constant(120, "4/4", 4)
    sheet = LeadSheet(chords=chords_from_text("C/E | F/A | G/B | Am", grid).chords)
    asked = Conditions(grid, Key.parse("C major"), tags="pop", seed=2, sample_rate=44_100,
                       stems=("bass", "melody"), lead="vocals", lead_sheet=sheet)  # fmt: skip
    bass = run(engine, asked).notes["bass"]
    first = {int(n.start_beats): n.pitch % 12 for n in reversed(bass) if n.start_beats % 4 < 0.5}
    # Those that begin with a bar; that it plays there at all is up to the style.
    assert len(first) >= 3
    assert all(pitch == sheet.chords[beat // 4].bass for beat, pitch in first.items())


def test_a_tail_rings_on_after_the_last_bar_and_is_not_faded_there(engine: EmbeddedEngine) -> None:
    grid = Grid.constant(240, "4/4", 1)  # 1 s: 44 100 frames
    held = Melody((Note(Fraction(0), Fraction(4), 69),))
    asked = Conditions(grid, ASKED.key, held, seed=4, sample_rate=44_100, tail_seconds=0.5)
    stems = run(engine, asked).stems
    assert stems is not None
    assert {clip.frames for clip in stems.values()} == {44_100 + 22_050}
    band = np.sum([clip.samples for clip in stems.values()], axis=0)
    # A fade would leave nothing at the bar line; some of the sound is left 0.1 s after it.
    assert np.abs(band[:, 44_050:44_100]).max() > 1e-3
    assert np.abs(band[:, 48_500:]).max() > 1e-4


def test_a_stem_asked_for_alone_is_that_of_the_whole_mix(
    engine: EmbeddedEngine, played: Generation
) -> None:
    alone = run(engine, replace(ASKED, stems=("bass",)))
    assert alone.stems is not None and played.stems is not None
    assert list(alone.stems) == ["bass"]
    assert np.array_equal(alone.stems["bass"].samples, played.stems["bass"].samples)


def test_a_change_keeps_the_mix(engine: EmbeddedEngine, played: Generation) -> None:
    assert played.score is not None and played.stems is not None
    revision = Revision(played.score, 0, 2, played.notes["bass"])
    changed = run(engine, replace(ASKED, stems=("bass",), revision=revision))
    assert changed.score is not None and changed.stems is not None
    assert changed.score["mix"] == played.score["mix"]
    # The notes are the same, so is the sound.
    assert np.array_equal(changed.stems["bass"].samples, played.stems["bass"].samples)


def test_dry_stems_are_the_decoders_own(engine: EmbeddedEngine, played: Generation) -> None:
    dry = run(engine, replace(ASKED, dry=True))
    assert dry.stems is not None and played.stems is not None and dry.score is not None
    assert "mix" not in dry.score
    loud, soft = (sum(c.samples for c in s.values()) for s in (played.stems, dry.stems))
    assert np.abs(loud).max() > np.abs(soft).max()
