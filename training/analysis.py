"""What a rendered note is made of: its partials' tracks and the noise left between them.

Partials are found by weighted least squares at known frequencies (harmonics of the measured
fundamental, stretched by stiffness: f_h = h f0 sqrt(1 + B h^2), Fletcher 1964), over windows of
two periods at the attack and three afterwards. How much of a noise such a fit swallows is
measured with white noise and taken off the partials and given back to the noise. Where a note is
held for long, its noise is looked for only half-way between partials: beside them lies what
belongs to the partials themselves, the slow beating of choirs of strings and detuned oscillators.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.decoder.sounds import BAND_EDGES_HZ as _EDGES
from diffusion.embedded.decoder.sounds import BANDS, TOP_HZ, partials_hz
from training.sounds import SAMPLE_RATE

BAND_EDGES_HZ = np.array(_EDGES)
FFT = 4096

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Measured fundamental in Hz and stiffness B of a note."""

    hz: float
    stretch: float

    def partials_hz(self) -> Array:
        """Frequencies of the partials below TOP_HZ, at most PARTIALS of them."""
        return np.asarray(partials_hz(self.hz, self.stretch).numpy())


def find_onset(sound: NDArray[np.float32], threshold: float = 0.02) -> int:
    """Frame where the sound first passes `threshold` of its peak, at most 15 ms in."""
    loud = np.abs(sound) > threshold * np.abs(sound).max()
    return min(int(np.argmax(loud)), int(0.015 * SAMPLE_RATE))


def find_tuning(sound: NDArray[np.float32], hz: float) -> Tuning:
    """The tuning within 45 cents of `hz` whose partials gather most log magnitude."""
    start = int(0.08 * SAMPLE_RATE)
    piece = sound[start : start + 24576].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 1 << 17))
    bin_hz = SAMPLE_RATE / (1 << 17)
    floor = spectrum.max() * 1e-4
    level = np.log(spectrum + floor) - np.log(floor)
    h = np.arange(1, min(32, int(TOP_HZ / hz / 1.1)) + 1)
    cents = np.linspace(-45, 45, 91)[:, None, None]
    stretch = np.concatenate([[0.0], np.geomspace(1e-5, 2e-3, 24)])[None, :, None]
    ask = hz * 2 ** (cents / 1200) * h * np.sqrt(1 + stretch * h * h)
    bins = np.minimum((ask / bin_hz).round().astype(int), len(level) - 1)
    score = (level[bins] / np.sqrt(h)).sum(-1)
    best = np.unravel_index(np.argmax(score), score.shape)
    return Tuning(float(hz * 2 ** (cents[best[0], 0, 0] / 1200)), float(stretch[0, best[1], 0]))


class Fit:
    """Least-squares partials over one window length, calibrated against white noise."""

    def __init__(self, tuning: Tuning, periods: float) -> None:
        self.frames = length = int(max(periods / tuning.hz, 0.012) * SAMPLE_RATE) // 2 * 2
        self.window = np.hanning(length + 2)[1:-1]
        omega = 2 * np.pi * tuning.partials_hz() / SAMPLE_RATE
        turns = np.outer(np.arange(length) - length / 2, omega)
        basis = np.concatenate([np.cos(turns), np.sin(turns)], 1) * self.window[:, None]
        self._basis = basis
        gram = basis.T @ basis
        gram += np.eye(len(gram)) * 1e-4 * np.trace(gram) / len(gram)
        self._solve = np.linalg.solve(gram, basis.T)
        noise = np.random.default_rng(0).standard_normal((256, length))
        power, left = self._raw(noise)
        self._swallowed = power.mean(0)  # partial power a unit white noise seems to have
        self._left = np.maximum(left.mean(0), 0.05)  # band power a unit white noise leaves

    def _raw(self, pieces: Array) -> tuple[Array, Array]:
        """Power of each partial, and per-sample noise power of each band, uncorrected."""
        weighted = pieces * self.window
        found = weighted @ self._solve.T
        count = found.shape[1] // 2
        power = found[:, :count] ** 2 + found[:, count:] ** 2
        rest = weighted - found @ self._basis.T
        spectrum = np.abs(np.fft.rfft(rest, FFT)) ** 2 / (self.window**2).sum()
        return power, spectrum @ _BAND_MEANS

    def __call__(self, pieces: Array, band_of_partial: NDArray[np.int64]) -> tuple[Array, Array]:
        """Amplitudes (pieces, partials) and noise levels (pieces, BANDS), both linear.

        A noise level is the root mean square white noise would need to have that band's density.
        """
        power, left = self._raw(pieces)
        noise = left / self._left
        partial = np.maximum(power - self._swallowed * noise[:, band_of_partial], power * 0.01)
        return np.sqrt(partial), np.sqrt(noise)


class Gaps:
    """Noise between the partials of a held note, over windows of twelve periods."""

    def __init__(self, tuning: Tuning) -> None:
        self.frames = int(max(12 / tuning.hz, 0.05) * SAMPLE_RATE) // 2 * 2
        self._size = 1 << (self.frames - 1).bit_length()
        self._window = np.blackman(self.frames + 2)[1:-1]
        hz = np.arange(self._size // 2 + 1) * SAMPLE_RATE / self._size
        apart = np.abs(hz[:, None] - tuning.partials_hz()).min(1)
        free = apart > 0.3 * tuning.hz
        inside = (hz[:, None] >= BAND_EDGES_HZ[:-1]) & (hz[:, None] < BAND_EDGES_HZ[1:])
        chosen = (inside & free[:, None]).astype(np.float64)
        known = chosen.sum(0) > 0
        self._means = chosen[:, known] / chosen[:, known].sum(0)
        self._known = np.flatnonzero(known)

    def __call__(self, pieces: Array) -> Array:
        """Noise levels (pieces, BANDS); bands without a gap take their neighbours' level."""
        spectrum = np.abs(np.fft.rfft(pieces * self._window, self._size)) ** 2
        level = np.log(spectrum @ self._means / (self._window**2).sum() + 1e-20)
        bands = np.arange(BANDS)
        filled = [np.interp(bands, self._known, row) for row in level]
        return np.exp(0.5 * np.array(filled).reshape(-1, BANDS))


def _band_means() -> Array:
    """(FFT / 2 + 1, BANDS) weights that average a power spectrum over each band."""
    hz = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    inside = (hz[:, None] >= BAND_EDGES_HZ[:-1]) & (hz[:, None] < BAND_EDGES_HZ[1:])
    nearest = np.abs(hz[:, None] - np.sqrt(BAND_EDGES_HZ[:-1] * BAND_EDGES_HZ[1:])).argmin(0)
    inside[nearest, np.arange(BANDS)] = True
    return np.asarray(inside / inside.sum(0))


_BAND_MEANS = _band_means()


class NoteAnalyser:
    """Analyses notes of one pitch of one timbre."""

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self._attack, self._steady = Fit(tuning, 2.0), Fit(tuning, 3.0)
        self._gaps = Gaps(tuning)
        self._band = np.clip(
            np.searchsorted(BAND_EDGES_HZ, tuning.partials_hz()) - 1, 0, BANDS - 1
        ).astype(np.int64)

    def __call__(self, sound: NDArray[np.float32], ages: Array, held: float) -> tuple[Array, Array]:
        """Amplitudes and noise levels of a note (whose onset is frame 0) at ages in seconds.

        The first windows are not centred on their age but begin with the note.
        """
        out: tuple[Array, Array] | None = None
        for fit, chosen in (
            (self._attack, ages < 0.75 * self._steady.frames / SAMPLE_RATE),
            (self._steady, ages >= 0.75 * self._steady.frames / SAMPLE_RATE),
        ):
            starts = np.round(ages[chosen] * SAMPLE_RATE).astype(int) - fit.frames // 2
            starts = np.clip(starts, 0, max(0, len(sound) - fit.frames))
            padded = np.pad(sound, (0, fit.frames)).astype(np.float64)
            pieces = padded[starts[:, None] + np.arange(fit.frames)]
            partials, noise = fit(pieces, self._band)
            if out is None:
                out = np.zeros((len(ages), partials.shape[1])), np.zeros((len(ages), BANDS))
            out[0][chosen], out[1][chosen] = partials, noise
        assert out is not None
        half = self._gaps.frames / 2 / SAMPLE_RATE
        steady = np.flatnonzero((ages > 0.1 + half) & (ages < held - half))
        if len(steady):
            starts = np.round((ages[steady] - half) * SAMPLE_RATE).astype(int)
            pieces = sound[starts[:, None] + np.arange(self._gaps.frames)].astype(np.float64)
            out[1][steady] = np.minimum(out[1][steady], self._gaps(pieces))
        return out


def note_ages(held: float, total: float, jitter: float) -> Array:
    """Ages at which to look at a note: dense after its start and end, sparse elsewhere."""
    spaced = [
        np.arange(0, 0.1, 0.005),
        np.arange(0.1, 0.5, 0.0125),
        np.arange(0.5, total, 0.03),
        held + np.arange(-0.01, 0.25, 0.008),
        held + np.arange(0.25, 1.5, 0.025),
    ]
    ages = np.unique(np.concatenate(spaced).round(5)) + jitter * 0.004
    return np.asarray(ages[ages < total])
