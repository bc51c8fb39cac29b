"""How sure a split is of each stem: how alone the stem is where it sounds.

Of a stem's energy in a short-time Fourier transform, the share that it has of all stems' energy at
those same moments and frequencies, as a mean weighted by its own energy. 1: nothing else was found
there; with much of another stem beside it, more may have bled into it or been cut out of it. It
is what the splitter believes, and no measure of what is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from audio.clip import Samples

FFT_FRAMES = 2048  # no overlap: a mean over all of a recording needs none


class Sureness:
    """Sums over the blocks of a recording's stems."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._own = np.zeros(len(self._names))
        self._alone = np.zeros(len(self._names))

    def add(self, stems: Samples) -> None:
        """Take in (stems, channels, frames)."""
        from scipy.fft import rfft

        whole = stems.shape[-1] // FFT_FRAMES
        window = np.hanning(FFT_FRAMES).astype(np.float32)
        for number in range(whole):  # a moment at a time: blocks are long
            piece = stems[..., number * FFT_FRAMES : (number + 1) * FFT_FRAMES]
            spectrum = rfft(piece * window)
            power = (spectrum.real**2 + spectrum.imag**2).sum(1, dtype=np.float64)
            total = power.sum(0)
            self._own += power.sum(1)
            self._alone += np.divide(
                power**2, total, out=np.zeros_like(power), where=total > 0
            ).sum(1)

    def shares(self) -> Mapping[str, float]:
        """Of each stem that sounds, 0..1, to three places."""
        return {
            name: round(float(alone / own), 3)
            for name, own, alone in zip(self._names, self._own, self._alone, strict=True)
            if own > 0
        }
