"""Takes are judged, the best are kept, a gate tries again, and what failed can still be heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tone_engine import described_splitter

from audio.choice import Judgement, Limits
from audio.clip import Clip, read_clip
from audio.errors import AudioError, GateError
from audio.loudness import measure_loudness
from audio.report import Conforming
from daemon.pipeline import generate
from daemon.pipeline.selection import Attempt, choose, table
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.facts import EngineDescription
from osc_protocol.errors import ProtocolError
from osc_protocol.generate import Generate
from stems.facts import SplitterDescription
from stems.manifest import Manifest, read_manifest
from stems.stem_set import StemSet, Take

RATE = 44_100
BAR_ROOTS_HZ = (55.0, 73.4, 82.4, 65.4)


def band(bars: int, bpm: float) -> dict[str, Clip]:
    """Kick and hats, a bass and a chord that change with each bar of 4/4, at any tempo."""
    beat = 60 / bpm
    time = np.arange(round(bars * 4 * beat * RATE)) / RATE
    since = time % beat
    bar = np.minimum((time / (4 * beat)).astype(int), bars - 1)
    root = np.array(BAR_ROOTS_HZ)[bar % 4]
    noise = np.random.default_rng(3).normal(0, 1, len(time))
    drums = 0.4 * np.sin(2 * np.pi * 60 * since) * np.exp(-20 * since)
    drums += 0.06 * noise * np.exp(-90 * (time % (beat / 2)))
    bass = 0.25 * np.sin(2 * np.pi * root * since) * np.exp(-4 * since)
    whole = time % (4 * beat)
    chord = sum(np.sin(2 * np.pi * root * ratio * whole) for ratio in (4, 5, 6))
    melody = 0.05 * np.asarray(chord) * np.exp(-1.5 * whole)
    sounds = {"drums": drums, "bass": bass, "melody": melody}
    return {n: Clip(np.tile(s.astype(np.float32), (2, 1)), RATE) for n, s in sounds.items()}


class Band(Engine):
    """An engine whose seeds name its tempo: seed 120 plays at 120 bpm, whatever was asked."""

    name = "band"

    def __init__(self, *, mix_only: bool = False) -> None:
        self.mix_only = mix_only
        self.seeds: list[int] = []

    def load(self, progress: Progress) -> None:
        progress("load", 1.0)

    def describe(self) -> EngineDescription:
        return EngineDescription(name=self.name)

    def close(self) -> None:
        pass

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        self.seeds.append(conditions.seed)
        frames = conditions.grid.frames(RATE)
        # A little longer than asked, as models give it that do not count bars.
        clips = band(conditions.grid.bars + 1, conditions.seed)
        if self.mix_only:
            total = np.sum([c.samples for c in clips.values()], axis=0, dtype=np.float32)
            return Generation(mix=Clip(total, RATE))
        cut = {n: Clip(np.ascontiguousarray(c.samples[:, :frames]), RATE) for n, c in clips.items()}
        return Generation(stems=cut)


class Thirds:
    """A splitter that gives each stem a third of the mix."""

    name = "thirds"

    def facts(self) -> SplitterDescription:
        return described_splitter(self.name)

    def split(
        self,
        mix: Clip,
        *,
        stems: tuple[str, ...],
        loop: bool = False,
        progress: Callable[[float], None],
        cancelled: CancelFlag,
    ) -> dict[str, Clip]:
        return {n: Clip(mix.samples / np.float32(len(stems)), mix.sample_rate) for n in stems}


def play(engine: Band, out: Path, **asked: object) -> Manifest:
    values = {"bpm": 120, "key": "A minor", "bars": 8, "sample_rate": RATE, "retries": 0,
              "stems": ("drums", "bass", "melody")} | asked  # fmt: skip
    request = Generate(**values)  # type: ignore[arg-type]
    return generate(
        request, engine, out, lambda stage, done: None, lambda: False,
        open_splitter=lambda name: Thirds(),
    )  # type: ignore[arg-type]  # fmt: skip


def judgement(score: float, *reasons: str) -> Judgement:
    return Judgement(score, {"tempo": score}, reasons)


def attempts(judgements: dict[int, Judgement]) -> Callable[[int, int], Attempt]:
    silence = StemSet({"drums": Clip(np.zeros((2, 8), np.float32), RATE)})
    return lambda number, seed: Attempt(Take(silence, seed=seed), judgements[seed])


def test_the_best_takes_come_first_and_the_others_are_told_of() -> None:
    play = attempts({1: judgement(0.3), 2: judgement(0.9), 3: judgement(0.6)})

    choice = choose(play, (1, 2, 3), (), 2, None)

    assert [take.seed for take in choice.takes] == [2, 3]
    told = choice.takes[0].facts.choice
    assert told is not None
    assert [(each.seed, each.kept) for each in told.attempts] == [
        (1, False), (2, True), (3, True),
    ]  # fmt: skip


def test_a_take_that_fails_the_gate_is_not_kept_beside_one_that_passes() -> None:
    play = attempts({1: judgement(0.9, "too fast"), 2: judgement(0.4)})

    choice = choose(play, (1, 2), (), 2, Limits())

    assert [take.seed for take in choice.takes] == [2]
    assert not choice.refusal


def test_seeds_are_tried_until_one_passes_and_no_further() -> None:
    play = attempts({1: judgement(0.2, "off"), 2: judgement(0.5), 3: judgement(0.9)})

    assert [take.seed for take in choose(play, (1,), (2, 3), 1, Limits()).takes] == [2]


def test_the_table_has_a_line_for_each_attempt_with_its_reasons() -> None:
    play = attempts({1: judgement(0.2, "too fast"), 2: judgement(0.5)})
    lines = table(choose(play, (1, 2), (), 1, Limits()).attempts)

    assert len(lines) == 3
    assert lines[1].endswith("dropped: too fast")
    assert lines[2].endswith("kept")


@pytest.mark.slow
def test_where_no_take_passes_the_best_can_still_be_heard(tmp_path: Path) -> None:
    engine = Band()

    with pytest.raises(GateError, match=r"none of 2 takes passed.*tempo"):
        play(engine, tmp_path / "out", seed=127, gate="tempo=1 faults=9", retries=1)

    assert engine.seeds == [127, 128]  # 127 is 5.8 % too fast, 128 is 6.7 %
    kept = read_manifest(tmp_path / "out", check_hashes=True)
    assert [take.seed for take in kept.takes] == [127]


def test_where_every_take_is_in_another_key_the_best_is_transposed_and_that_is_told(
    tmp_path: Path,
) -> None:
    """The band plays in A minor or C major whatever is asked: another seed is tried before that."""
    engine = Band()

    manifest = play(engine, tmp_path / "out", seed=120, key="Eb major", bars=4, retries=1,
                    gate="key=same,relative tempo=6 faults=9")  # fmt: skip

    assert engine.seeds == [120, 121, 120]
    (take,) = manifest.takes
    moved, choice = take.facts.transposed, take.facts.choice
    assert moved is not None and moved.asked == "Eb major"
    assert choice is not None
    assert [(each.seed, each.kept) for each in choice.attempts] == [
        (120, False), (121, False), (120, True),
    ]  # fmt: skip
    assert all("key" in " ".join(each.reasons) for each in choice.attempts[:2])
    last = table(choice.attempts)[-1]
    assert last.endswith(f"kept, transposed by {moved.semitones:+d}")


def test_a_mix_is_brought_onto_the_grid_and_its_stems_still_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The band plays all beats alike: its bar line is 70 % sure, and not what is tested here.
    monkeypatch.setattr("audio.beats.MIN_DOWNBEAT_CONFIDENCE", 0.6)
    manifest = play(Band(mix_only=True), tmp_path / "out", seed=117, gate="tempo=0.5 faults=9")

    conform = manifest.takes[0].facts.conform
    assert isinstance(conform, Conforming)
    # 117 bpm to 120: 2.5 % shorter.
    assert conform.most_stretch_percent == pytest.approx(-2.5, abs=0.1)
    assert manifest.takes[0].null_dbfs <= -90
    # 8 bars of 4 beats at 120 bpm are 16 s.
    assert read_clip(tmp_path / "out" / "mix.wav").frames == 16 * RATE


def test_stems_of_an_engine_that_counts_bars_itself_pass_through_bit_for_bit(
    tmp_path: Path,
) -> None:
    play(Band(), tmp_path / "out", seed=117)

    heard = read_clip(tmp_path / "out" / "bass.wav").samples
    assert np.array_equal(heard, band(9, 117)["bass"].samples[:, : 16 * RATE])


def test_loudness_is_reached_by_one_gain_for_all_stems(tmp_path: Path) -> None:
    manifest = play(Band(), tmp_path / "out", seed=120, loudness=-23)

    assert measure_loudness(read_clip(tmp_path / "out" / "mix.wav")).lufs == pytest.approx(
        -23, abs=0.1
    )
    before, after = (
        band(9, 120)["drums"].samples[:, : 16 * RATE],
        read_clip(tmp_path / "out" / "drums.wav").samples,
    )
    report = manifest.takes[0].report
    assert report is not None and report.levelled is not None
    assert np.allclose(after, before * 10 ** (report.levelled.gain_db / 20), atol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"), [("best", 3), ("loudness", -3.0), ("gate", "tempo=slow"), ("retries", 9)]
)
def test_wishes_that_cannot_be_name_their_field(field: str, value: object) -> None:
    with pytest.raises(ProtocolError, match=field):
        Generate(bpm=120, key="C", takes=2, **{field: value})  # type: ignore[arg-type]


def test_a_gate_names_the_limits_there_are() -> None:
    with pytest.raises(AudioError, match="tempo, placement, melody, chords, faults"):
        Limits.parse("loud=1")
