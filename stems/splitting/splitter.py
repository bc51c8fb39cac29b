"""A splitter turns a mix into estimates of its stems, segment by segment, at the mix's own rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.clip import Clip, Samples
from audio.stem_names import STEMS, in_order, is_whole
from diffusion.errors import Cancelled
from stems.consistency import AddedUp, add_up, silent_stems
from stems.errors import StemError
from stems.facts import SplitterDescription
from stems.splitting.model_files import read_model
from stems.splitting.network import Network, give_back_memory, tune_process
from stems.splitting.parallel import Tick, in_parallel
from stems.splitting.placement import OVERLAP, joined, place
from stems.splitting.segments import Read, add_around, added, at_rate, reader_of


@dataclass(frozen=True, slots=True)
class Level:
    """Mean and standard deviation of a mix's mono sum, by which a network's input is normalised."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, samples: Samples) -> Level:
        """Measure all of (2, frames)."""
        mono = samples.mean(0, dtype=np.float64)
        return cls(float(mono.mean()), float(mono.std()))


class Splitter:
    """A model by its name; it is read when it is first needed, and stays for the next mix."""

    def __init__(
        self,
        name: str,
        path: Path,
        sha256: Mapping[str, str] | None = None,
        precision: str = "",
        gives: Sequence[str] = (),
    ) -> None:
        self.name, self._gives = name, tuple(gives)
        self._path, self._hashes, self._precision = path, sha256, precision
        self._network: Network | None = None

    @property
    def network(self) -> Network:
        """The loaded network; raises StemError when its files are no good."""
        if self._network is None:
            tune_process()
            model = read_model(self._path, sha256=self._hashes)
            self._network = Network(model, precision=self._precision)
        return self._network

    @property
    def gives(self) -> tuple[str, ...]:
        """What it can give, from its row; without one the model is read."""
        return self._gives or self.network.model.stems

    def chosen(self, stems: Sequence[str]) -> tuple[str, ...]:
        """The stems asked for, in order; all four, the default, are all that a model of two has.

        Raises StemError for one that it does not give, and for none.
        """
        gives = self.gives
        if set(stems) == set(STEMS) and is_whole(gives) and not set(STEMS) <= set(gives):
            return in_order(gives)
        for name in stems:
            if name not in gives:
                raise StemError(f"stem must be one of {', '.join(gives)}, not {name!r}")
        if not stems:
            raise StemError(f"stems must name at least one of {', '.join(gives)}")
        return in_order(stems)

    def facts(self) -> SplitterDescription:
        """Describe the splitter for a manifest; reads the model."""
        from importlib.metadata import version

        network = self.network
        return SplitterDescription(
            name=self.name,
            sha256=network.model.sha256,
            precision=network.precision or "float32",
            bfloat16_snr_db=network.bfloat16_snr_db,
            device=network.device,
            sample_rate=network.model.sample_rate,
            segment_seconds=network.model.segment_frames / network.model.sample_rate,
            overlap=OVERLAP,
            torch=version("torch"),
            demucs=version("demucs"),
        )

    def split(
        self,
        mix: Clip,
        *,
        stems: Sequence[str] = STEMS,
        loop: bool = False,
        progress: Callable[[float], None] = lambda fraction: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Mapping[str, Clip]:
        """Return raw estimates with the mix's rate, channels (2) and length, in order.

        A `loop` is split as a circle, so that its ends get context. `progress` gets fractions
        in 0..1, a segment at a time; Cancelled is raised within one segment, StemError for a mix
        that is not stereo.
        """
        if mix.channels != 2:
            raise StemError(f"a mix to split must be stereo (2 channels), not {mix.channels}")
        names = self.chosen(stems)
        read = reader_of(mix.samples, loop)
        parts = self.segments(
            read, mix.frames, mix.sample_rate, Level.of(mix.samples),
            stems=names, loop=loop, progress=progress, cancelled=cancelled,
        )  # fmt: skip
        whole = np.zeros((len(names), 2, mix.frames), np.float32)
        if loop:
            add_around(whole, parts)
        else:
            at = 0
            for done in joined(parts, mix.frames):
                whole[..., at : at + done.shape[-1]] = done
                at += done.shape[-1]
        give_back_memory()
        return {
            name: Clip(np.ascontiguousarray(each), mix.sample_rate)
            for name, each in zip(names, whole, strict=True)
        }

    def segments(
        self,
        read: Read,
        frames: int,
        sample_rate: int,
        level: Level,
        *,
        stems: Sequence[str],
        loop: bool,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Iterator[tuple[int, Samples]]:
        """Give the first frame and the estimates (stems, 2, frames) of one segment after another.

        All are equally long, may begin before frame 0 and end after the last; joined() joins them.
        Neither more than a few of them nor the mix is held in memory.
        """
        names = self.chosen(stems)

        def tick() -> None:
            if cancelled():
                raise Cancelled("cancelled")

        tick()
        network = self.network
        parts = network.model.parts_of(names)
        sources = [source for part in parts for source in part]
        model_rate, model_frames = network.model.sample_rate, network.model.segment_frames
        length = model_frames * sample_rate // model_rate
        starts = place(frames, length, loop=loop)
        batches = [starts[i : i + network.batch] for i in range(0, len(starts), network.batch)]

        def job(batch: tuple[int, ...]) -> Callable[[Tick], Samples]:
            given = np.stack([read(start, length) for start in batch])
            if not given.any():
                silence = np.zeros((len(batch), len(parts), *given.shape[1:]), np.float32)
                return lambda tick: silence
            mixes = (given - np.float32(level.mean)) / np.float32(level.deviation + 1e-8)
            mixes = at_rate(mixes, sample_rate, model_rate, model_frames)
            first = None if network.precision else network.settle(mixes, sources, tick)

            def work(tick: Tick) -> Samples:
                found = network.estimate(mixes, sources, tick) if first is None else first
                found = added(found, [len(part) for part in parts])
                found = at_rate(found, model_rate, sample_rate, length)
                # Without the mean, which is no stem's: add_up places it.
                return found * np.float32(level.deviation)

            return work

        at_once = min(network.at_once, len(batches))
        done = in_parallel(map(job, batches), tick, at_once=at_once)
        for number, (batch, found) in enumerate(zip(batches, done, strict=True), 1):
            yield from zip(batch, found, strict=True)
            progress(number / len(batches))


def separate(
    mix: Clip,
    splitter: Splitter,
    *,
    stems: Sequence[str] = STEMS,
    progress: Callable[[float], None] = lambda fraction: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> AddedUp:
    """Split a mix into stems of its own rate and length; all of them add up to it.

    A mono mix becomes both channels. Raises Cancelled within a segment, and StemError.
    """
    if mix.channels == 1:
        mix = Clip(np.repeat(mix.samples, 2, 0), mix.sample_rate)
    if mix.channels != 2:
        raise StemError(
            f"the mix has {mix.channels} channels; mono and stereo can be split, so mix it down"
        )
    estimates = splitter.split(mix, stems=stems, progress=progress, cancelled=cancelled)
    return finish(mix, estimates)


def finish(mix: Clip, estimates: Mapping[str, Clip]) -> AddedUp:
    """Make stems of a whole mix add up; fewer cannot, and stay as they were estimated."""
    if is_whole(estimates):
        return add_up(mix, estimates)
    return AddedUp(estimates, silent_stems(mix, estimates))
