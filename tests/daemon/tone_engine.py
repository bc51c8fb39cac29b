"""A small real engine for tests: each stem is a tone that begins on every beat of the grid.

The tags choose how a run goes, so that a test can have it last, crash or fail:
hold (until cancelled), stubborn (until killed), die, full-memory, broken, refuse, mix (no stems).
Each run is written down, a line with seed and process, in the file that BACKLINE_TEST_RUNS names.

A splitter beside it gives each stem its share of the mix; its name has it hold or be missing.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from audio.clip import Clip
from audio.stem_names import STEMS, in_order
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.engines import ENGINES, EngineSpec
from diffusion.errors import Cancelled, EngineError
from diffusion.facts import EngineDescription, EngineFacts
from midi.melody import Note
from stems.errors import StemError
from stems.facts import SplitterDescription
from stems.splitting.placement import place

STEPS = 8
SEGMENT_FRAMES = 4096
SLOW_SECONDS = 4.0
PITCHES = {"drums": 36, "bass": 45, "melody": 69, "vocals": 64}


def rows(opens: str, batches: bool = False) -> tuple[EngineSpec, ...]:
    """The registry with another engine in the place of the embedded one."""
    first, *others = ENGINES
    return replace(first, opens=opens, batches=batches), *others


TONES = rows("tone_engine:ToneEngine")
SLOW_TO_LOAD = rows("tone_engine:SlowEngine")
TONES_IN_BATCHES = rows("tone_engine:BatchToneEngine", batches=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneFacts(EngineFacts):
    steps: int = STEPS
    curve: str = ""


class ToneEngine(Engine):
    name = "tone"

    def load(self, progress: Progress) -> None:
        progress("load", 1.0)

    def describe(self) -> EngineDescription:
        return EngineDescription(
            name=self.name, version="1", weights={"none": 0}, licence="Tones: MIT.", device="cpu"
        )

    def close(self) -> None:
        pass

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        write_down(conditions.seed)
        return self.sound(conditions, progress, cancelled)

    def sound(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        for step in range(STEPS):
            if cancelled():
                raise Cancelled("cancelled")
            progress("diffuse", (step + 1) / STEPS)
            if step == STEPS // 2:
                behave(conditions.tags, cancelled)
        higher = 7 if conditions.revision else 0  # a changed stem is heard to have changed
        stems = {name: tone(conditions, PITCHES[name] + higher) for name in conditions.stems}
        progress("decode", 1.0)
        if conditions.tags == "mix":
            samples = sum(stem.samples for stem in stems.values())
            return Generation(mix=Clip(samples, conditions.sample_rate), facts=ToneFacts())
        notes = {name: beats(conditions, PITCHES[name] + higher) for name in conditions.stems}
        facts = ToneFacts(curve=str(conditions.intensity or ""))
        return Generation(stems, None, notes, facts, {"seed": conditions.seed})


class SlowEngine(ToneEngine):
    """Takes its time to load, and reads no orders meanwhile."""

    def load(self, progress: Progress) -> None:
        time.sleep(SLOW_SECONDS)


class MuteEngine(ToneEngine):
    """Loads like any other, and cannot play."""

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        raise EngineError("the driver is too old")


class BatchToneEngine(ToneEngine):
    """Plays what lasts as long at once; a batch is one run, of its first seed."""

    def compatible(self, conditions: Conditions, others: Sequence[Conditions]) -> list[Conditions]:
        return [each for each in others if each.grid == conditions.grid]

    def generate_batch(
        self, batch: Sequence[Conditions], progress: Progress, cancelled: CancelFlag
    ) -> list[Generation]:
        write_down(batch[0].seed)
        return [self.sound(each, progress, cancelled) for each in batch]


def write_down(seed: int) -> None:
    runs = os.environ.get("BACKLINE_TEST_RUNS")
    if runs:
        with open(runs, "a", encoding="utf-8") as file:
            file.write(f"{seed} {os.getpid()}\n")


SHARES = {"drums": 0.4, "bass": 0.3, "melody": 0.2, "vocals": 0.05}  # which miss 5 % of the mix


def open_splitter(name: str | None = None) -> ToneSplitter:
    if name == "missing":
        raise StemError("no splitter 'missing' is on this machine; run: backline models pull x")
    return ToneSplitter(name or "shares")


def described_splitter(name: str) -> SplitterDescription:
    return SplitterDescription(
        name=name, sha256="none", precision="float32", bfloat16_snr_db=None, device="cpu",
        sample_rate=44_100, segment_seconds=0.1, overlap=0.25, torch="none", demucs="none",
    )  # fmt: skip


class ToneSplitter:
    def __init__(self, name: str) -> None:
        self.name = name

    def chosen(self, stems: Sequence[str]) -> tuple[str, ...]:
        return in_order(stems)

    def facts(self) -> SplitterDescription:
        return described_splitter(self.name)

    def split(
        self,
        mix: Clip,
        *,
        stems: Sequence[str] = STEMS,
        loop: bool = False,
        progress: Callable[[float], None],
        cancelled: CancelFlag,
    ) -> Mapping[str, Clip]:
        self._go(progress, cancelled)
        return {
            name: Clip(mix.samples * np.float32(SHARES[name]), mix.sample_rate) for name in stems
        }

    def segments(
        self,
        read: Callable[[int, int], np.ndarray],
        frames: int,
        sample_rate: int,
        level: object,
        *,
        stems: Sequence[str],
        loop: bool,
        progress: Callable[[float], None],
        cancelled: CancelFlag,
    ) -> Iterator[tuple[int, np.ndarray]]:
        self._go(progress, cancelled)
        shares = np.array([SHARES[name] for name in stems], np.float32)
        for start in place(frames, SEGMENT_FRAMES, loop=loop):
            yield start, shares[:, None, None] * read(start, SEGMENT_FRAMES)

    def _go(self, progress: Callable[[float], None], cancelled: CancelFlag) -> None:
        for step in range(STEPS):
            if cancelled():
                raise Cancelled("cancelled")
            progress((step + 1) / STEPS)
            if step == STEPS // 2:
                behave(self.name, cancelled)


def behave(tags: str, cancelled: CancelFlag) -> None:
    never = threading.Event()
    match tags:
        case "hold":
            while not cancelled():
                never.wait(0.005)  # as long as one diffusion step would take
            raise Cancelled("cancelled")
        case "stubborn":
            never.wait()
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "full-memory":
            raise MemoryError
        case "broken":
            raise RuntimeError("a fault that nobody foresaw")
        case "refuse":
            raise EngineError("the engine refuses this one")


def tone(conditions: Conditions, pitch: int) -> Clip:
    """A decaying sine of `pitch` from each beat to the next, the same in both channels."""
    rate, grid = conditions.sample_rate, conditions.grid
    samples = np.zeros((2, grid.frames(rate)), dtype=np.float32)
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    starts = [grid.frame_at(Fraction(beat), rate) for beat in range(int(grid.beats))]
    for start, end in zip(starts, [*starts[1:], samples.shape[1]], strict=True):
        seconds = np.arange(end - start) / rate
        wave = 0.15 * np.sin(2 * np.pi * hz * seconds) * np.exp(-6.0 * seconds)
        samples[:, start:end] = wave.astype(np.float32)
    return Clip(samples, rate)


def beats(conditions: Conditions, pitch: int) -> tuple[Note, ...]:
    beat, half = Fraction(1), Fraction(1, 2)
    return tuple(Note(i * beat, half, pitch, 90) for i in range(int(conditions.grid.beats)))
