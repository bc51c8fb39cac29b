"""Make sound longer or shorter at the same pitch: the one door to Signalsmith Stretch.

Signalsmith Stretch (G. Luff, "The Design of Signalsmith Stretch", 2023) decides for each
frequency on the phase of the loudest channel and turns all other channels by the same angle, so
channels that add up before add up afterwards: that is why mix and stems go through in one call.

A phase vocoder keeps an attack only where its phases are still those of the source. Therefore the
sound is cut shortly before attacks, each piece begins with fresh phases, and pieces are joined by
a short crossfade that ends before the attack, where the ear is about to be busy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audio.clip import Samples
from audio.errors import AudioError

FADE_SECONDS = 0.008  # of the crossfade, which ends GUARD_SECONDS before the cut
GUARD_SECONDS = 0.002
MIN_PIECE_SECONDS = 0.02
RINGOUT_SECONDS = 0.15  # sound behind the piece that its last blocks of analysis look into
# A step of a third of the block instead of the library's quarter: as good on clicks and chords
# (docs/grid.md), for three quarters of the processor time.
BLOCK_SECONDS, STEP_SECONDS = 0.12, 0.04
SEED = 1  # it dithers at extreme factors; the same sound must come out each time
UNCHANGED = 1e-7  # relative: one frame in three minutes at 48 kHz

Frames = npt.NDArray[np.float64]


def stretch(
    samples: Samples, sample_rate: int, source_frames: Frames, target_frames: Frames
) -> Samples:
    """Move each of `source_frames` (n,) to the same of `target_frames` (n,), whole numbers.

    Takes (channels, frames), gives (channels, target_frames[-1] - target_frames[0]) float32; what
    lies outside the source is silence. Pieces whose length stays are copied bit for bit. Raises
    AudioError.
    """
    if len(source_frames) != len(target_frames) or len(source_frames) < 2:
        raise AudioError("a stretch needs two or more cuts, as many in the source as in the target")
    if (np.diff(source_frames) <= 0).any() or (np.diff(target_frames) <= 0).any():
        raise AudioError("the cuts of a stretch must ascend")
    targets = np.rint(target_frames).astype(np.int64)
    targets -= targets[0]
    if np.diff(targets).min() < MIN_PIECE_SECONDS * sample_rate and len(targets) > 2:
        raise AudioError(f"the cuts of a stretch must lie {MIN_PIECE_SECONDS} s apart or more")
    preroll = round(GUARD_SECONDS * sample_rate) + round(FADE_SECONDS * sample_rate)
    out = np.zeros((len(samples), int(targets[-1])), np.float32)
    last = len(targets) - 2
    for index in range(len(targets) - 1):
        start, end = int(targets[index]), int(targets[index + 1])
        lead = preroll if index else 0
        piece = _piece(
            samples, sample_rate, source_frames[index], source_frames[index + 1], end - start, lead
        )
        piece *= _window(end - start, lead, sample_rate, fades_out=index < last)
        out[:, start - lead : end] += piece
    return out


def shifted(samples: Samples, sample_rate: int, semitones: int) -> Samples:
    """Move (channels, frames) to another pitch at the same length, float32."""
    if semitones == 0:
        return samples.copy()
    from python_stretch import Signalsmith

    engine = Signalsmith.Stretch(SEED)
    engine.preset(len(samples), sample_rate)
    engine.setTransposeSemitones(semitones)
    tail = round(RINGOUT_SECONDS * sample_rate)
    sound = _cut(samples, 0, samples.shape[1] + tail)
    return np.asarray(engine.process(sound), dtype=np.float32)[:, : samples.shape[1]]


def _piece(
    samples: Samples, sample_rate: int, first: float, stop: float, frames: int, lead: int
) -> Samples:
    """Source frames `first` to `stop` over `frames` frames, with `lead` frames in front."""
    factor = (stop - first) / frames
    if abs(factor - 1) < UNCHANGED:
        begin = round(first)
        return _cut(samples, begin - lead, begin + frames)
    from python_stretch import Signalsmith

    begin = round(first - lead * factor)
    engine = Signalsmith.Stretch(SEED)
    engine.configure(
        len(samples), round(BLOCK_SECONDS * sample_rate), round(STEP_SECONDS * sample_rate)
    )
    engine.setTimeFactor(factor)
    sound = _cut(samples, begin, round(stop + RINGOUT_SECONDS * sample_rate))
    out = np.asarray(engine.process(sound), dtype=np.float32)
    return out[:, : frames + lead]


def _cut(samples: Samples, start: int, stop: int) -> Samples:
    """Frames start to stop, silent where there are none."""
    out = np.zeros((len(samples), stop - start), np.float32)
    low, high = max(start, 0), min(stop, samples.shape[1])
    if low < high:
        out[:, low - start : high - start] = samples[:, low:high]
    return out


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
