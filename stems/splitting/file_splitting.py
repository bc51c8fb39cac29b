"""A file split into files: any length in bounded memory, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from audio.clip import Clip, Samples
from audio.decibels import dbfs
from audio.residue import residue_peak
from audio.stem_names import STEMS, is_whole
from audio.wave_file import WaveFile
from stems.errors import StemError
from stems.facts import SplitterDescription
from stems.splitting.network import give_back_memory
from stems.splitting.placement import joined
from stems.splitting.recording import Reader, Recording
from stems.splitting.splitter import Splitter, finish
from stems.sureness import Sureness

BLOCK_FRAMES = 1 << 21  # made to add up at a time, some 48 s at 44.1 kHz
LAP_SECONDS = 1.0  # by which blocks overlap: more than the window and the gates of add_up
MAX_LOOP_SECONDS = 600


@dataclass(frozen=True, slots=True)
class FileSplit:
    """Stems on the disk, 32-bit float at the recording's own rate, channels and length.

    `null_dbfs` is the peak of the recording minus the sum of all stems, None for fewer;
    `peak_dbfs` that of the loudest stem; `sureness` is that of stems.sureness, {} for fewer.
    """

    paths: Mapping[str, Path]
    silent: tuple[str, ...]
    null_dbfs: float | None
    peak_dbfs: float
    facts: SplitterDescription
    sureness: Mapping[str, float] = field(default_factory=dict)


def split_file(
    recording: Recording,
    splitter: Splitter,
    folder: Path,
    *,
    stems: Sequence[str] = STEMS,
    loop: bool = False,
    progress: Callable[[float], None] = lambda fraction: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FileSplit:
    """Write `folder`/drums.wav ..., the stems asked for; all of them add up to the recording.

    Raises Cancelled within a segment (files may be left in part), StemError, OSError.
    """
    names = splitter.chosen(stems)
    paths = {name: folder / f"{name}.wav" for name in names}
    silent, miss, peak, signs = set(names), 0.0, 0.0, recording.signs
    sure = Sureness(names)
    with ExitStack() as stack:
        source = stack.enter_context(Reader(recording))
        again = stack.enter_context(Reader(recording))
        if loop:
            estimates = iter([_whole_loop(recording, source, splitter, names, progress, cancelled)])
        else:
            parts = splitter.segments(
                source.read, recording.frames, recording.sample_rate, recording.level,
                stems=names, loop=False, progress=progress, cancelled=cancelled,
            )  # fmt: skip
            estimates = joined(parts, recording.frames)
        files = {
            name: stack.enter_context(
                WaveFile(path, recording.sample_rate, recording.channels, recording.frames, 32)
            )
            for name, path in paths.items()
        }
        for mix, block, quiet in _finished(recording, again, estimates, names):
            written = block if recording.channels == 2 else block.mean(1, keepdims=True)
            turned = written if signs is None else written * signs[:, None]
            silent &= quiet
            if is_whole(names):
                sure.add(written)
            peak = max(peak, float(np.abs(written).max()))
            miss = max(miss, residue_peak(mix[: recording.channels], written))
            for name, stem in zip(names, turned, strict=True):
                files[name].write(np.ascontiguousarray(stem))
    give_back_memory()
    return FileSplit(
        paths,
        tuple(name for name in names if name in silent),
        dbfs(miss) if is_whole(names) else None,
        dbfs(peak),
        replace(splitter.facts(), loop=loop),
        sure.shares(),
    )


def _whole_loop(
    recording: Recording,
    source: Reader,
    splitter: Splitter,
    stems: Sequence[str],
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Samples:
    if recording.frames > MAX_LOOP_SECONDS * recording.sample_rate:
        raise StemError(
            f"{recording.path} lasts {recording.frames / recording.sample_rate:.0f} s; a loop may "
            f"last {MAX_LOOP_SECONDS} s"
        )
    mix = Clip(source.read(0, recording.frames), recording.sample_rate)
    clips = splitter.split(mix, stems=stems, loop=True, progress=progress, cancelled=cancelled)
    return np.stack([clip.samples for clip in clips.values()])


def _finished(
    recording: Recording, again: Reader, estimates: Iterator[Samples], names: Sequence[str]
) -> Iterator[tuple[Samples, Samples, set[str]]]:
    """Give blocks of the mix, of its stems (stems, 2, frames), and the stems silent in each."""
    rate = recording.sample_rate
    lap = round(LAP_SECONDS * rate)
    fade = np.linspace(0.0, 1.0, lap, endpoint=False, dtype=np.float32)
    tail: Samples | None = None
    for first, block, is_last in _lapped(estimates, recording.frames, BLOCK_FRAMES, lap):
        mix = again.read(first, block.shape[-1])
        clips = {n: Clip(np.ascontiguousarray(b), rate) for n, b in zip(names, block, strict=True)}
        added = finish(Clip(mix, rate), clips)
        stems = np.stack([added.clips[name].samples for name in names])
        if tail is not None:
            stems[..., :lap] = stems[..., :lap] * fade + tail * (1 - fade)
        if not is_last:
            tail = stems[..., -lap:].copy()
            mix, stems = mix[:, :-lap], stems[..., :-lap]
        yield mix, stems, set(added.silent)


def _lapped(
    pieces: Iterator[Samples], frames: int, size: int, lap: int
) -> Iterator[tuple[int, Samples, bool]]:
    """Cut a stream into blocks of `size` frames and a lap, by which each runs into the next."""
    held: list[Samples] = []
    count = first = 0
    for piece in pieces:
        held.append(piece)
        count += piece.shape[-1]
        while min(frames - first - 1, count) >= size + lap:
            whole = np.concatenate(held, -1)
            yield first, whole[..., : size + lap], False
            held, count, first = [whole[..., size:].copy()], count - size, first + size
    yield first, np.concatenate(held, -1), True
