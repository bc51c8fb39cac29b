"""Four times as many samples, to see the peaks between them: what scipy's resample_poly gives.

To the bit, which the tests hold it to, without importing scipy's signals, which takes longer than
most commands do; and faster, for short filters.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from audio.clip import Samples

OVERSAMPLING = 4
REACH_FRAMES = 10  # to either side, of the frames that a value between is made of
KAISER_BETA = 5.0


def oversampled(samples: Samples) -> Samples:
    """Return (channels, frames) as (channels, frames * OVERSAMPLING), in float32."""
    frames = samples.shape[1]
    padded = np.pad(samples, ((0, 0), (REACH_FRAMES, REACH_FRAMES)))
    out = np.zeros((len(samples), frames, OVERSAMPLING), np.float32)
    part = np.empty_like(samples)
    for phase, taps in enumerate(_taps()):
        total = np.zeros_like(samples)
        # From the oldest frame to the newest, as scipy adds them.
        for first, tap in enumerate(taps, 2 * REACH_FRAMES + 1 - len(taps)):
            np.multiply(padded[:, first : first + frames], tap, out=part)
            total += part
        out[..., phase] = total
    return out.reshape(len(samples), -1)


@cache
def _taps() -> list[Samples]:
    """For each of the values between two frames the factors of the frames around them."""
    reach = REACH_FRAMES * OVERSAMPLING
    sinc = np.sinc(np.arange(-reach, reach + 1) / OVERSAMPLING) / OVERSAMPLING
    whole = sinc * np.kaiser(2 * reach + 1, KAISER_BETA)
    whole = (whole / whole.sum() * OVERSAMPLING).astype(np.float32)
    return [whole[phase::OVERSAMPLING][::-1] for phase in range(OVERSAMPLING)]
