"""Make sound longer or shorter, higher or lower: the one door to Signalsmith Stretch.

Signalsmith Stretch (G. Luff, "The Design of Signalsmith Stretch", 2023) decides for each
frequency on the phase of the loudest channel and turns all other channels by the same angle, so
channels that add up before add up afterwards: that is why mix and stems go through in one call.

A phase vocoder keeps an attack only where its phases are still those of the source. Therefore the
sound is cut shortly before attacks, each piece begins with fresh phases, and pieces are joined by
a short crossfade that ends before the attack, where the ear is about to be busy. Pieces know
nothing of each other: they are made one after another, in memory for a few of them, and by several
processes where there is much to do (audio/stretch_helpers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.clip import Clip, Samples
from audio.errors import AudioError

FADE_SECONDS = 0.008  # of the crossfade, which ends GUARD_SECONDS before the cut
GUARD_SECONDS = 0.002
MIN_PIECE_SECONDS = 0.02
RINGOUT_SECONDS = 0.10  # sound behind the piece that its last blocks of analysis look into
# What the library calls its cheaper preset, instead of 0.12 and 0.03: about as good on clicks and
# chords (docs/lab/grid.md), for less processor time.
BLOCK_SECONDS, STEP_SECONDS = 0.10, 0.04
MAX_SEMITONES = 12
SEED = 1  # it dithers at extreme factors; the same sound must come out each time
UNCHANGED = 1e-7  # relative: one frame in three minutes at 48 kHz

Frames = npt.NDArray[np.float64]
Read = Callable[[int, int], Samples]  # frames first to stop of a source, silent where there is none


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Sound (channels, n) that becomes `frames` long by `factor`, which is over 1 if it shrinks."""

    sound: Samples
    sample_rate: int
    factor: float
    frames: int


Stretcher = Callable[[Iterable[Piece]], Iterator[Samples]]  # of pieces, in their order


def stretched(
    read: Read,
    sample_rate: int,
    source_frames: Frames,
    target_frames: Frames,
    stretcher: Stretcher | None = None,
) -> Iterator[Samples]:
    """Move each of `source_frames` (n,) to the same of `target_frames` (n,), whole numbers.

    Gives blocks (channels, n) that follow each other, target_frames[-1] - target_frames[0] in all.
    `read` is asked for parts of the source from front to back, which overlap. Pieces whose length
    stays are copied bit for bit; `stretcher` makes the others, here if it is None. Raises
    AudioError.
    """
    if len(source_frames) != len(target_frames) or len(source_frames) < 2:
        raise AudioError("a stretch needs two or more cuts, as many in the source as in the target")
    if (np.diff(source_frames) <= 0).any() or (np.diff(target_frames) <= 0).any():
        raise AudioError("the cuts of a stretch must ascend")
    targets = np.rint(target_frames).astype(np.int64)
    if np.diff(targets).min() < MIN_PIECE_SECONDS * sample_rate and len(targets) > 2:
        raise AudioError(f"the cuts of a stretch must lie {MIN_PIECE_SECONDS} s apart or more")
    lengths = np.diff(targets).tolist()
    preroll = round(GUARD_SECONDS * sample_rate) + round(FADE_SECONDS * sample_rate)
    sources = source_frames.tolist()
    pieces = (
        _piece(read, sample_rate, first, stop, length, preroll if first != sources[0] else 0)
        for first, stop, length in zip(sources[:-1], sources[1:], lengths, strict=True)
    )
    made = stretcher(pieces) if stretcher else map(stretch_piece, pieces)
    return _joined(made, lengths, sample_rate, preroll)


def transpose(clip: Clip, semitones: int) -> Clip:
    """The clip `semitones` higher, of the same length; raises AudioError beyond an octave.

    Signalsmith Stretch knows no formants: voices sound smaller or larger than they were, so that
    another take is better than a transposed one.
    """
    if abs(semitones) > MAX_SEMITONES:
        raise AudioError(
            f"semitones must be from -{MAX_SEMITONES} to {MAX_SEMITONES}, not {semitones}"
        )
    if semitones == 0:
        return clip
    from python_stretch import Signalsmith

    engine = Signalsmith.Stretch(SEED)
    engine.preset(clip.channels, clip.sample_rate)
    engine.setTransposeSemitones(semitones)
    sound = cut(clip.samples, 0, clip.frames + round(RINGOUT_SECONDS * clip.sample_rate))
    moved = np.asarray(engine.process(sound), dtype=np.float32)[:, : clip.frames]
    return Clip(moved, clip.sample_rate)


def stretch_piece(piece: Piece) -> Samples:
    """One piece alone, (channels, piece.frames); silent channels and twins cost nothing."""
    sound = piece.sound
    if abs(piece.factor - 1) < UNCHANGED:
        return sound[:, : piece.frames].copy()
    first = _first_alike(sound)
    different = sorted({index for index in first if index is not None})
    out = np.zeros((len(sound), piece.frames), np.float32)
    if different:
        from python_stretch import Signalsmith

        engine, rate = Signalsmith.Stretch(SEED), piece.sample_rate
        engine.configure(len(different), round(BLOCK_SECONDS * rate), round(STEP_SECONDS * rate))
        engine.setTimeFactor(piece.factor)
        made = np.asarray(engine.process(sound[different]), np.float32)[:, : piece.frames]
        for row, index in zip(out, first, strict=True):
            if index is not None:
                row[:] = made[different.index(index)]
    return out


def cut(samples: Samples, start: int, stop: int) -> Samples:
    """Frames start to stop, silent where there are none."""
    out = np.zeros((len(samples), stop - start), np.float32)
    low, high = max(start, 0), min(stop, samples.shape[1])
    if low < high:
        out[:, low - start : high - start] = samples[:, low:high]
    return out


def _piece(
    read: Read, sample_rate: int, first: float, stop: float, frames: int, lead: int
) -> Piece:
    """Source frames `first` to `stop` over `frames` frames, with `lead` frames in front."""
    factor = (stop - first) / frames
    if abs(factor - 1) < UNCHANGED:
        begin = round(first)
        return Piece(read(begin - lead, begin + frames), sample_rate, 1.0, frames + lead)
    begin = round(first - lead * factor)
    sound = read(begin, round(stop + RINGOUT_SECONDS * sample_rate))
    return Piece(sound, sample_rate, factor, frames + lead)


def _joined(
    pieces: Iterator[Samples], lengths: list[int], sample_rate: int, preroll: int
) -> Iterator[Samples]:
    """Pieces in order with their crossfades; what the next one fades into is held back."""
    held: Samples | None = None
    last = len(lengths) - 1
    for index, (piece, length) in enumerate(zip(pieces, lengths, strict=True)):
        lead = preroll if index else 0
        piece *= _window(length, lead, sample_rate, fades_out=index < last)
        if held is not None:
            piece[:, :lead] += held
        held = piece[:, -preroll:] if index < last else None
        yield piece[:, :-preroll] if index < last else piece


def _first_alike(sound: Samples) -> list[int | None]:
    """For each channel the first that holds the same samples, None for a silent one."""
    first: list[int | None] = []
    for index, channel in enumerate(sound):
        alike = (other for other in range(index) if np.array_equal(sound[other], channel))
        first.append(next(alike, index) if channel.any() else None)
    return first


def _window(frames: int, lead: int, sample_rate: int, *, fades_out: bool) -> Samples:
    """One over the piece, rising before it and falling before the next, which adds up to one."""
    window = np.ones(lead + frames, np.float32)
    guard, fade = round(GUARD_SECONDS * sample_rate), round(FADE_SECONDS * sample_rate)
    rise = np.arange(fade, dtype=np.float32) / np.float32(fade)
    if lead:
        window[:fade] = rise
    if fades_out:
        end = lead + frames
        window[end - guard - fade : end - guard] = 1 - rise
        window[end - guard :] = 0
    return window
