"""A loop without a seam: what rings on after the end sounds into the beginning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.clip import Samples

SETTLE_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Wrap:
    """The jump from a loop's last sample to its first, and the 99th percentile of those inside."""

    jump: float
    usual_jump: float

    @property
    def clicks(self) -> bool:
        """True where the jump stands out."""
        return self.jump > self.usual_jump


def fold_tail(samples: Samples, lead: int, frames: int) -> Samples:
    """Fold (channels, lead + frames + tail) into (channels, frames).

    The lead, faded in, goes before the wrap; the tail, faded out at its end, goes after it. Where
    there is neither, it was a loop already, and stays as it is.
    """
    body = samples[:, lead : lead + frames].copy()
    tail = samples[:, lead + frames : lead + 2 * frames].copy()
    if tail.shape[1]:
        fade = min(tail.shape[1], frames // 8 + 1)
        tail[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        body[:, : tail.shape[1]] += tail
    elif samples[:, :lead].any():  # nothing rings on, so the end goes into silence
        fade = min(max(lead, 1), frames)
        body[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    if lead:
        body[:, -lead:] += samples[:, :lead] * np.linspace(0, 1, lead, dtype=np.float32)
    return body


def settle_wrap(parts: Samples, channels: int, sample_rate: int) -> None:
    """Where the sum of parts (parts x channels, frames) clicks at the wrap, take the step out.

    In place: half of it goes to either side and is gone within a millisecond. What is done to a
    channel depends on that channel alone, and in proportion, so that sums stay sums.
    """
    reach = min(round(SETTLE_SECONDS * sample_rate), parts.shape[1] // 2)
    if (
        reach < 1
        or not measure_wrap(parts.reshape(-1, channels, parts.shape[1]).sum(axis=0)).clicks
    ):
        return
    step = parts[:, :1] - parts[:, -1:]
    fall = (0.25 + 0.25 * np.cos(np.pi * np.arange(reach) / reach)).astype(np.float32)
    parts[:, :reach] -= step * fall
    parts[:, -reach:] += step * fall[::-1]


def measure_wrap(samples: Samples) -> Wrap:
    """Measure the wrap of a loop (channels, frames) of two frames or more."""
    samples = samples.astype(np.float64)
    jump = float(np.abs(samples[:, 0] - samples[:, -1]).max())
    inside = np.abs(np.diff(samples, axis=1))
    return Wrap(jump, float(np.percentile(inside.max(axis=0), 99)))
