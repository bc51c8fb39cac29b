"""New sound inside, old sound outside: the outside stays as it was, sample by sample."""

from __future__ import annotations

import numpy as np

from audio.clip import Clip, resample, stereo
from diffusion.audio_conditions import Edit
from diffusion.errors import EngineError
from midi.grid import Grid

FADE_SECONDS = 0.02


def edited(new: Clip, edit: Edit | None, grid: Grid) -> Clip:
    """What a repaint or an extension leaves of its source, and `new` in its bars or after it.

    Without one of these it is `new`. Raises EngineError.
    """
    if edit is None or edit.kind not in ("repaint", "extend"):
        return new
    first, end = resample(edit.source, new.sample_rate).frames, new.frames
    if edit.kind == "repaint":
        bars = (edit.first_bar, edit.end_bar)
        first, end = (grid.frame_at(grid.bar_starts[bar], new.sample_rate) for bar in bars)
    return splice(edit.source, new, min(first, new.frames - 1), min(end, new.frames))


def splice(old: Clip, new: Clip, first: int, end: int) -> Clip:
    """Return `old` with the frames from `first` up to `end` taken from `new`, as long as `new`.

    Both are on the timeline's start and at `new`'s rate (an `old` of another rate is resampled);
    the fades, raised cosines of 20 ms, lie inside, so that frames outside are those of `old`. Where
    `old` has ended `new` follows unfaded: there only the step from one to the other is faded out.
    Raises EngineError.
    """
    if not 0 <= first < end <= new.frames:
        raise EngineError(f"frames {first} to {end} do not lie within the {new.frames} there are")
    kept = stereo(old, new.sample_rate).samples
    frames = min(kept.shape[1], new.frames)
    weight = np.zeros(new.frames, dtype=np.float32)  # of the new sound
    weight[first:end] = 1.0
    weight[frames:] = 1.0
    fade = min(round(FADE_SECONDS * new.sample_rate), (end - first) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / (fade + 1))).astype(np.float32)
    if 0 < first < frames:
        weight[first : first + fade] = ramp
    if end < frames:
        weight[end - fade : end] = ramp[::-1]
    mixed = weight * new.samples
    mixed[:, :frames] += (1 - weight[:frames]) * kept[:, :frames]
    if 0 < first == frames:
        step = kept[:, first - 1 : first] - new.samples[:, first - 1 : first]
        mixed[:, first : first + fade] += (1 - ramp) * step
    return Clip(mixed, new.sample_rate)
