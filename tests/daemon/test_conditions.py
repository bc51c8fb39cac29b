"""Sounds of the user's that shape a mix, and takes played together, through the whole pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tone_engine import ToneSplitter

from audio.clip import Clip, read_clip, write_wav
from daemon.pipeline import generate
from daemon.results import summary
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.errors import EngineError
from diffusion.facts import EngineDescription
from osc_protocol.errors import ProtocolError
from osc_protocol.generate import Generate
from stems.errors import StemError
from stems.manifest import Manifest

RATE = 48_000
BARS = 2  # 2 bars of 4/4 at 120 bpm: 4 s, 192 000 frames; bar 2 begins at frame 96 000
ASKED: dict[str, Any] = {
    "bpm": 120.0, "key": "A minor", "bars": BARS, "engine": "ace-step", "seed": 5,
    "conform": "off",
}  # fmt: skip


class NoisyMixEngine(Engine):
    """Gives a mix a second longer than the grid: noise by seed, in the place an Edit has for it."""

    name = "ace-step"

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []
        self.heard: list[Conditions] = []

    def load(self, progress: Progress) -> None:
        progress("load", 1.0)

    def describe(self) -> EngineDescription:
        return EngineDescription(name=self.name, version="1", device="cpu")

    def close(self) -> None:
        pass

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        return self.generate_batch((conditions,), progress, cancelled)[0]

    def compatible(self, conditions: Conditions, others: Sequence[Conditions]) -> list[Conditions]:
        return [each for each in others if replace(each, seed=conditions.seed) == conditions]

    def generate_batch(
        self, batch: Sequence[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[Generation]:
        seeds = tuple(each.seed for each in batch)
        self.batches.append(seeds)
        self.heard.append(batch[0])
        progress("diffuse", 1.0)
        return [Generation(mix=_mix(batch[0], seed)) for seed in seeds]


def _mix(conditions: Conditions, seed: int) -> Clip:
    frames = conditions.grid.frames(RATE) + RATE
    samples = np.random.default_rng(seed).uniform(-0.2, 0.2, (2, frames)).astype(np.float32)
    edit = conditions.audio.edit
    if edit is not None:
        first, end = edit.first_bar * 96_000, edit.end_bar * 96_000
        old = np.zeros_like(samples)
        old[:, : edit.source.frames] = edit.source.samples
        samples = np.concatenate([old[:, :first], samples[:, first:end], old[:, end:]], axis=1)
    return Clip(samples, RATE)


@pytest.fixture
def engine() -> NoisyMixEngine:
    return NoisyMixEngine()


@pytest.fixture
def item(tmp_path: Path) -> Path:
    """A sound of both bars."""
    samples = np.random.default_rng(1).uniform(-0.2, 0.2, (2, 192_000)).astype(np.float32)
    path = tmp_path / "item.wav"
    write_wav(path, Clip(samples, RATE))
    return path


def make(engine: NoisyMixEngine, out: Path, **asked: Any) -> Manifest:
    request = Generate(**{**ASKED, **asked})
    return generate(
        request, engine, out, lambda stage, fraction: None, lambda: False,
        open_splitter=lambda name: ToneSplitter("shares"),
    )  # fmt: skip


def gained(manifest: Manifest, take: int = 1) -> np.float32:
    return np.float32(10 ** (manifest.takes[take - 1].gain_db / 20))


def test_a_repaint_keeps_what_lies_outside_its_bars(
    engine: NoisyMixEngine, item: Path, tmp_path: Path
) -> None:
    manifest = make(engine, tmp_path / "out", audio_path=str(item), bar_range="2")
    mix, old = read_clip(tmp_path / "out" / "mix.wav"), read_clip(item)
    assert mix.frames == 192_000
    before = old.samples[:, :96_000] * gained(manifest)
    # Four stems of 32-bit floats are summed: rounding of 2^-24 each.
    assert np.abs(mix.samples[:, :96_000] - before).max() < 1e-6
    assert np.abs(mix.samples[:, 100_000:] - old.samples[:, 100_000:]).max() > 0.1


def test_a_job_of_mixes_is_changed_in_some_bars_of_some_stems(
    engine: NoisyMixEngine, tmp_path: Path
) -> None:
    make(engine, tmp_path / "first")
    make(
        engine, tmp_path / "second", from_=str(tmp_path / "first"), bar_range="2",
        stems=("bass",), seed=9,
    )  # fmt: skip
    edit = engine.heard[-1].audio.edit
    assert edit is not None and (edit.kind, edit.first_bar, edit.end_bar) == ("repaint", 1, 2)
    for stem in ("drums", "bass", "melody", "vocals"):
        was, now = (read_clip(tmp_path / job / f"{stem}.wav") for job in ("first", "second"))
        assert np.array_equal(was.samples[:, :90_000], now.samples[:, :90_000])
        assert np.array_equal(was.samples, now.samples) == (stem != "bass")


def test_a_tail_goes_on_after_the_last_bar_of_every_stem(
    engine: NoisyMixEngine, tmp_path: Path
) -> None:
    manifest = make(engine, tmp_path / "out", tail_seconds=0.5)
    # 2 bars have 192 000 frames, half a second 24 000; the engine played a second more.
    for name in ("drums", "vocals", "mix"):
        clip = read_clip(tmp_path / "out" / f"{name}.wav")
        assert clip.frames == 216_000 and np.abs(clip.samples[:, 200_000:]).max() > 0.01
    report = manifest.takes[0].report
    assert report is not None and report.frames == report.frames_expected == 216_000
    lines = list(summary(manifest, tmp_path / "out"))
    assert "exactly the grid's 192000 (2 bars of 4/4) and a tail of 24000" in lines[1]
    project = (tmp_path / "out" / "project.rpp").read_text("utf-8")
    assert "LENGTH 4.5" in project, "items ring out, too"


def test_notes_cannot_be_given_to_an_engine_of_mixes(
    engine: NoisyMixEngine, tmp_path: Path
) -> None:
    make(engine, tmp_path / "first")
    with pytest.raises(EngineError, match="midi-path needs a job of the embedded engine"):
        make(
            engine, tmp_path / "second", from_=str(tmp_path / "first"), stems=("bass",),
            midi_path=str(tmp_path / "first" / "bass.mid"),
        )  # fmt: skip


def test_takes_are_played_in_one_batch_and_are_those_played_alone(
    engine: NoisyMixEngine, tmp_path: Path
) -> None:
    together = make(engine, tmp_path / "both", takes=2)
    assert engine.batches == [(5, 6)]
    alone = make(engine, tmp_path / "alone", seed=6)
    mixes = [
        read_clip(tmp_path / path).samples / gained(manifest, take)
        for path, manifest, take in (
            ("both/take2/mix.wav", together, 2),
            ("alone/mix.wav", alone, 1),
        )
    ]
    assert np.abs(mixes[0] - mixes[1]).max() < 1e-6


def test_a_reference_and_adapters_reach_the_engine(
    engine: NoisyMixEngine, item: Path, tmp_path: Path
) -> None:
    make(
        engine, tmp_path / "out", reference_path=str(item), loras=f"{item}:0.5", language="ja",
        melody_strength=0.25,
    )  # fmt: skip
    audio = engine.heard[0].audio
    assert audio.reference is not None and audio.reference.frames == 192_000
    assert [(lora.path, lora.scale) for lora in audio.loras] == [(item, 0.5)]
    assert (audio.language, audio.melody_strength) == ("ja", 0.25)


@pytest.mark.parametrize(
    ("asked", "field", "sentence"),
    [
        ({"audio_path": "none.wav"}, "audio-path", "cannot read"),
        ({"reference_path": "none.wav"}, "reference-path", "cannot read"),
        ({"loras": "none.safetensors"}, "loras", "there is no file"),
        ({"audio_path": "item.wav", "edit": "extend"}, "bars", "it has 4.0 s, 2 bars have 4.0 s"),
    ],
)
def test_a_sound_that_cannot_be_used_is_told_before_anything_plays(
    engine: NoisyMixEngine, item: Path, tmp_path: Path, asked: dict[str, str], field: str,
    sentence: str,
) -> None:  # fmt: skip
    paths = {
        name: value if name == "edit" else str(tmp_path / value) for name, value in asked.items()
    }
    with pytest.raises(ProtocolError) as caught:
        make(engine, tmp_path / "out", **paths)
    assert caught.value.field == field and sentence in caught.value.message
    assert not engine.batches and not (tmp_path / "out").exists()


def test_a_missing_splitter_is_told_before_anything_plays(
    engine: NoisyMixEngine, tmp_path: Path
) -> None:
    def missing(name: str | None) -> ToneSplitter:
        raise StemError("there is no splitter; run: backline models pull htdemucs")

    with pytest.raises(ProtocolError, match="run: backline models pull htdemucs"):
        generate(
            Generate(**ASKED), engine, tmp_path / "out", lambda stage, fraction: None,
            lambda: False, open_splitter=missing,
        )  # fmt: skip
    assert not engine.batches
