"""The pulse of a clip: how fast it goes and where its beats fall, measured in grid beats.

Onset times are mapped onto the grid's beats first, so that under any tempo map a clip that keeps
to the grid has a steady pulse of one a beat. The rate is found as the product of spectrum and
autocorrelation (Peeters, "Template-Based Estimation of Time-Varying Tempo", EURASIP 2007): the
spectrum knows no pulse slower than the music's, the autocorrelation none that is faster. The
asked tempo only weighs octaves against each other; it does not pull the figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np
import numpy.typing as npt

from audio.features import Floats, OnsetEnvelope
from midi.grid import Grid, Meter

KNOTS_PER_BEAT = 16
MIN_PULSE_BPM, MAX_PULSE_BPM = 30.0, 320.0
# How much a rate counts by its distance from the asked one, in octaves: all of it nearby, a
# quarter elsewhere. Enough to call eighths eighths, too little to hide another tempo.
NEARBY_OCTAVES, ELSEWHERE = 0.35, 0.25
HARMONICS = 8  # of the pulse rate, that sharpen the estimate
COARSE_STEP, FINE_REACH = 0.0025, 0.025  # relative to the rate
FINE_STEP = 0.05  # turns of the last harmonic over the whole clip
PADDING = 8  # times the length, to read the spectrum between its lines
MIN_SALIENCE = 3.5  # power on the harmonics against the mean; onsets at random stay near 2
MIN_PULSES = 4
MIN_ONSET_DB = 0.5  # mean rise over all bands in a hop; steady noise and tones stay under it
MAX_OFFSET_SECONDS = 0.12  # from a beat of the grid; further off it is another beat
NEAR_SECONDS = 0.04  # an onset this near to where a beat is due is that beat


@dataclass(frozen=True, slots=True)
class Pulse:
    """`rate` pulses a grid beat, and the times in seconds of those that have an onset."""

    rate: float
    beats_seconds: tuple[float, ...]


def find_pulse(envelope: OnsetEnvelope, grid: Grid) -> Pulse | None:
    """Return the pulse of an onset envelope, or None where none stands out."""
    if (envelope.values[_peaks(envelope.values)] > MIN_ONSET_DB).sum() < MIN_PULSES:
        return None
    beats = to_beats(envelope.seconds, grid)
    even = np.linspace(beats[0], beats[-1], len(beats))
    strength = np.interp(even, beats, envelope.values)
    strength -= strength.mean()
    span = even[-1] - even[0]
    lowest = max(MIN_PULSE_BPM / grid.bpm, MIN_PULSES / span)
    rates = np.exp(np.arange(np.log(lowest), np.log(MAX_PULSE_BPM / grid.bpm), COARSE_STEP))
    if not len(rates) or not strength.any():
        return None
    spectrum = _Spectrum.of(strength, span)
    regularity = np.maximum(_autocorrelation(strength, 1 / rates, even[1] - even[0]), 0)
    nearby = np.exp(-0.5 * (np.log2(rates) / NEARBY_OCTAVES) ** 2)
    score = np.sqrt(spectrum.at(rates)) * regularity * (ELSEWHERE + (1 - ELSEWHERE) * nearby)
    rate, salience = _refined(spectrum, float(rates[np.argmax(score)]))
    if salience < MIN_SALIENCE:
        return None
    return Pulse(rate, _found_beats(envelope, even, strength, rate, grid))


def felt_step(meter: Meter) -> Fraction:
    """Quarters from one felt beat to the next: dotted in 3/8, 6/8, 9/8 and 12/8."""
    compound = meter.denominator >= 8 and meter.numerator % 3 == 0
    return Fraction(12, meter.denominator) if compound else Fraction(1)


def felt_beats(grid: Grid) -> list[Fraction]:
    """Where a listener taps, in grid beats.

    In each bar they count from the downbeat, so 7/8 has 0, 1, 2, 3 and then the next bar.
    """
    beats: list[Fraction] = []
    for bar in range(grid.bars):
        start, end = grid.bar_starts[bar], grid.bar_starts[bar + 1]
        step = felt_step(grid.meter_at_bar(bar))
        while start < end:
            beats.append(start)
            start += step
    return beats


def pulse_of(grid: Grid) -> tuple[Fraction, int]:
    """Quarters from pulse to pulse, all bars being whole numbers of them; the parts of a pulse."""
    meters = {grid.meter_at_bar(bar) for bar in range(grid.bars)}
    felt = {felt_step(meter) for meter in meters}
    step = felt.pop()
    if not felt and all((meter.beats / step).denominator == 1 for meter in meters):
        return step, 3 if step.numerator % 3 == 0 else 4
    lengths = [meter.beats for meter in meters] + [Fraction(1)]
    unit = Fraction(
        gcd(*(length.numerator for length in lengths)),
        lcm(*(length.denominator for length in lengths)),
    )
    return unit, 4 if unit == 1 else 2 if unit == Fraction(1, 2) else 1


def to_beats(seconds: Floats, grid: Grid) -> Floats:
    """Map times to grid beats, straight between knots a sixteenth of a beat apart."""
    first, last = float(grid.beat_at(seconds[0])), float(grid.beat_at(seconds[-1]))
    count = 2 if len(grid.tempo) == 1 else int((last - first) * KNOTS_PER_BEAT) + 2
    knots = np.linspace(first, last, count)
    times = np.array([float(grid.seconds_at(beat)) for beat in knots])
    return np.interp(seconds, times, knots)


def beat_offset_seconds(envelope: OnsetEnvelope, grid: Grid) -> float | None:
    """Median time from the grid's beats to the onsets next to them, late is positive.

    Looks 0.12 s or a quarter of a beat to either side; None if under four beats have an onset.
    """
    due = np.array([float(grid.seconds_at(beat)) for beat in felt_beats(grid)])
    reach = min(MAX_OFFSET_SECONDS, 0.25 * float(np.diff(due, append=np.inf).min()))
    shifts = np.arange(-reach, reach, 0.002)
    sums = [np.interp(due + s, envelope.seconds, envelope.values).sum() for s in shifts]
    # Onsets scatter by some milliseconds: a shift counts with its neighbours.
    smooth = np.convolve(sums, np.hanning(15), mode="same")
    near = _onsets_near(envelope, due + shifts[int(np.argmax(smooth))])
    found = np.isfinite(near)
    if found.sum() < MIN_PULSES:
        return None
    return float(np.median(near[found] - due[found]))


@dataclass(frozen=True, slots=True, eq=False)
class _Spectrum:
    """Power of an envelope under a Hann window, readable at any rate in pulses a beat."""

    power: Floats
    lines_per_rate: float
    span_beats: float

    @classmethod
    def of(cls, strength: Floats, span_beats: float) -> _Spectrum:
        size = 1 << (PADDING * len(strength)).bit_length()
        power = np.abs(np.fft.rfft(strength * np.hanning(len(strength)), size)) ** 2
        return cls(power, size / (len(strength) - 1) * span_beats, span_beats)

    def at(self, rates: Floats) -> Floats:
        return np.interp(rates * self.lines_per_rate, np.arange(len(self.power)), self.power)


def _autocorrelation(strength: Floats, lags: Floats, step: float) -> Floats:
    """Autocorrelation at lags in beats, 1 at lag 0, each lag by its own overlap."""
    count = len(strength)
    spectrum = np.fft.rfft(strength, 2 * count)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:count]
    overlap = np.maximum(np.arange(count, 0, -1), count // 4) / count
    by_lag: Floats = products / overlap / products[0]
    return np.interp(lags, np.arange(count) * step, by_lag)


def _refined(spectrum: _Spectrum, rate: float) -> tuple[float, float]:
    """Sharpen a rate by its harmonics, whose phases turn that many times faster.

    Also return their mean power against that of the whole spectrum up to the last of them.
    """
    step = FINE_STEP / (HARMONICS * rate * spectrum.span_beats)
    rates = rate * (1 + np.arange(-FINE_REACH, FINE_REACH + step, step))
    total = np.sum([spectrum.at(rates * k) for k in range(1, HARMONICS + 1)], axis=0)
    best = int(np.clip(np.argmax(total), 1, len(rates) - 2))
    sharp = float(rates[best] + _vertex(*total[best - 1 : best + 2]) * (rates[1] - rates[0]))
    first, last = (round(k * sharp * spectrum.lines_per_rate) for k in (0.25, HARMONICS + 0.5))
    return sharp, float(total[best] / HARMONICS / spectrum.power[first:last].mean())


def _found_beats(
    envelope: OnsetEnvelope, beats: Floats, strength: Floats, rate: float, grid: Grid
) -> tuple[float, ...]:
    """Lay a comb of that rate where it meets most onsets and keep the teeth that have one."""
    count = int((beats[-1] - beats[0]) * rate)
    teeth = beats[0] + np.arange(count) / rate
    phases = np.arange(0, 1, 1 / 64) / rate
    sums = np.array([np.interp(teeth + phase, beats, strength).sum() for phase in phases])
    around = np.concatenate([sums[-2:], sums, sums[:2]])
    best = phases[int(np.argmax(np.convolve(around, np.hanning(7)[1:-1], mode="valid")))]
    due = np.array([float(grid.seconds_at(tooth)) for tooth in teeth + best])
    near = _onsets_near(envelope, due)
    return tuple(float(seconds) for seconds in near[np.isfinite(near)])


def _onsets_near(envelope: OnsetEnvelope, due: Floats) -> Floats:
    """The strongest onset within 40 ms of each due time, or NaN where there is none."""
    values, seconds = envelope.values, envelope.seconds
    step = seconds[1] - seconds[0]
    peaks = _peaks(values)
    peaks = peaks[values[peaks] > 0.25 * np.percentile(values[peaks], 95)] if len(peaks) else peaks
    near = np.full(len(due), np.nan)
    for index, time in enumerate(due):
        around = peaks[np.abs(seconds[peaks] - time) <= NEAR_SECONDS]
        if len(around):
            peak = around[np.argmax(values[around])]
            near[index] = seconds[peak] + _vertex(*values[peak - 1 : peak + 2]) * step
    return near


def _peaks(values: Floats) -> npt.NDArray[np.intp]:
    inner = values[1:-1]
    return np.flatnonzero((inner > values[:-2]) & (inner >= values[2:])) + 1


def _vertex(before: float, top: float, after: float) -> float:
    """Where between its neighbours the parabola through three values peaks, in -0.5..0.5."""
    bend = before - 2 * top + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
