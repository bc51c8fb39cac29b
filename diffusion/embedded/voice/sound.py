"""From spectra and pitch to samples: one pulse a period, and shaped noise.

A sung sound is a train of pulses at exactly the pitch asked for, each passed through the
spectrum of its moment with minimum phase (Oppenheim & Schafer, homomorphic filtering), plus
white noise shaped by the same spectrum. Work and memory are linear in time: everything is done
in short batches.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from audio.clip import Samples
from diffusion.embedded.voice.contour import Floats
from diffusion.embedded.voice.network import (
    ENVELOPE_POINTS,
    FRAME_SECONDS,
    NOISE_POINTS,
    Spectra,
    mel_points,
)

PULSE_FFT = 2048
NOISE_FFT = 512
NOISE_HOP = NOISE_FFT // 2
BATCH = 256
# No pulse is made below this level (natural log of amplitude): about -100 dB.
INAUDIBLE = -11.5
# The spectra are power densities of a signal sampled at this rate.
LEVEL_HZ = 44100
# Below the lowest note there is only rumble.
RUMBLE_HZ = 60.0


def pulse_times(pitch_hz: Floats) -> Floats:
    """Times in seconds at which the phase of `pitch_hz` (one value a frame) passes a cycle.

    Between frames the pitch is linear in time, so the phase is quadratic and solved exactly.
    """
    if len(pitch_hz) < 2:
        return np.zeros(0)
    cycles = np.concatenate(
        [[0.0], np.cumsum((pitch_hz[1:] + pitch_hz[:-1]) * 0.5 * FRAME_SECONDS)]
    )
    wanted = np.arange(1, int(np.floor(cycles[-1])) + 1, dtype=np.float64)
    frame = np.clip(np.searchsorted(cycles, wanted, side="right") - 1, 0, len(pitch_hz) - 2)
    speed = pitch_hz[frame]
    bend = (pitch_hz[frame + 1] - speed) / FRAME_SECONDS
    missing = wanted - cycles[frame]
    # speed * t + bend / 2 * t^2 = missing, in the form that is stable for bend -> 0
    into = 2.0 * missing / (speed + np.sqrt(np.maximum(speed**2 + 2.0 * bend * missing, 0.0)))
    return np.asarray(frame * FRAME_SECONDS + into)


@lru_cache(maxsize=8)
def _spread(points: int, bins: int, sample_rate: int) -> torch.Tensor:
    """The matrix (points, bins) that interpolates mel points at an FFT's bins."""
    places = mel_points(points)
    hz = np.linspace(0.0, sample_rate / 2.0, bins)
    right = np.clip(np.searchsorted(places, hz), 1, points - 1)
    share = np.clip((hz - places[right - 1]) / (places[right] - places[right - 1]), 0.0, 1.0)
    matrix = np.zeros((points, bins), dtype=np.float32)
    matrix[right - 1, np.arange(bins)] = 1.0 - share
    matrix[right, np.arange(bins)] += share
    return torch.from_numpy(matrix)


@lru_cache(maxsize=1)
def _between_points() -> torch.Tensor:
    """The matrix (NOISE_POINTS, ENVELOPE_POINTS) that interpolates noise at the mel points."""
    right = np.linspace(0.0, NOISE_POINTS - 1.0, ENVELOPE_POINTS)
    weights = np.clip(1.0 - np.abs(np.arange(NOISE_POINTS)[:, None] - right), 0.0, 1.0)
    return torch.from_numpy(weights.astype(np.float32))


@lru_cache(maxsize=8)
def _fixed_gain(bins: int, sample_rate: int) -> torch.Tensor:
    """The natural log (bins,) of the high-pass against rumble, and of the level at this rate."""
    hz = np.linspace(0.0, sample_rate / 2.0, bins)
    high_pass = -0.5 * np.log1p((RUMBLE_HZ / np.maximum(hz, 5.0)) ** 6)
    return torch.from_numpy(high_pass).float() + 0.5 * float(np.log(sample_rate / LEVEL_HZ))


def _at(spectra: Spectra, seconds: Floats) -> torch.Tensor:
    """The spectra (frames, points) interpolated at `seconds`."""
    place = np.clip(seconds / FRAME_SECONDS, 0.0, len(spectra) - 1.0)
    left = np.minimum(place.astype(np.int64), max(len(spectra) - 2, 0))
    share = (place - left).astype(np.float32)[:, None]
    right = np.minimum(left + 1, len(spectra) - 1)
    return torch.from_numpy(spectra[left] * (1.0 - share) + spectra[right] * share)


@lru_cache(maxsize=4)
def _minimum_phase(sample_rate: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What turns log amplitudes at the mel points into a minimum-phase spectrum's logarithm.

    Folding the cepstrum is linear, so it is done once for every point instead of for every
    pulse. Returns matrices (ENVELOPE_POINTS, bins) for the real and the imaginary part (phase),
    and the fixed high-pass (2, bins).
    """
    bins = PULSE_FFT // 2 + 1
    spread = _spread(ENVELOPE_POINTS, bins, sample_rate)
    fixed = _fixed_gain(bins, sample_rate)
    fold = torch.zeros(PULSE_FFT)
    fold[0], fold[1 : PULSE_FFT // 2], fold[PULSE_FFT // 2] = 1.0, 2.0, 1.0
    rows = torch.cat([spread, fixed[None]]).double()
    phase = torch.fft.rfft(torch.fft.irfft(rows, n=PULSE_FFT) * fold).imag.float()
    return spread, phase[:-1].contiguous(), torch.stack([fixed, phase[-1]])


def add_pulses(
    out: Samples, spectra: Spectra, pulses: Floats, pitch: Floats, sample_rate: int
) -> None:
    """Add the voiced part to `out`: a minimum-phase pulse at each of `pulses` (seconds)."""
    real, imaginary, fixed = _minimum_phase(sample_rate)
    omega = torch.linspace(0.0, float(np.pi), PULSE_FFT // 2 + 1)
    fade = torch.ones(PULSE_FFT)
    fade[-512:] = torch.cos(torch.linspace(0.0, float(np.pi / 2), 512)) ** 2
    for first in range(0, len(pulses), BATCH):
        seconds = pulses[first : first + BATCH]
        at = _at(spectra, seconds)
        tone = 1.0 - at[:, ENVELOPE_POINTS:].amin(dim=1)
        audible = (at[:, :ENVELOPE_POINTS].amax(dim=1) > INAUDIBLE) & (tone > 0.02)
        if not bool(audible.any()):
            continue
        at, seconds = at[audible], seconds[audible.numpy()]
        noise = (at[:, ENVELOPE_POINTS:] @ _between_points()).clamp(0.0, 1.0)
        level = at[:, :ENVELOPE_POINTS] + 0.5 * torch.log((1.0 - noise * noise).clamp_min(1e-6))
        hz = np.interp(seconds, np.arange(len(pitch)) * FRAME_SECONDS, pitch)
        # a pulse a period of unit power density: its height grows with the root of the period
        level = level + torch.from_numpy(0.5 * np.log(sample_rate / hz)).float()[:, None]
        place = seconds * sample_rate
        whole = np.floor(place).astype(np.int64)
        rest = torch.from_numpy((place - whole).astype(np.float32))[:, None]
        # polar form is 5 times faster than a complex exponential; rest of a sample: a delay
        height = torch.exp(level @ real + fixed[0])
        angle = level @ imaginary + (fixed[1] - omega * rest)
        spectrum = torch.complex(height * torch.cos(angle), height * torch.sin(angle))
        shapes = (torch.fft.irfft(spectrum, n=PULSE_FFT) * fade).numpy()
        for start, shape in zip(whole.tolist(), shapes, strict=True):
            add_at(out, shape, start)


def add_noise(
    out: Samples, spectra: Spectra, sample_rate: int, generator: np.random.Generator
) -> None:
    """Add breath and consonants to `out`: seeded white noise shaped in half-overlapping frames."""
    bins = NOISE_FFT // 2 + 1
    window = torch.sin(torch.arange(NOISE_FFT) * float(np.pi) / NOISE_FFT)
    blocks = len(out) // NOISE_HOP + 2
    tail = generator.standard_normal(NOISE_HOP, dtype=np.float32)
    for first in range(0, blocks, BATCH):
        count = min(BATCH, blocks - first)
        white = np.concatenate(
            [tail, generator.standard_normal(count * NOISE_HOP, dtype=np.float32)]
        )
        tail = white[-NOISE_HOP:]
        # frame k is centred on sample k * NOISE_HOP
        at = _at(spectra, (first + np.arange(count)) * NOISE_HOP / sample_rate)
        if not bool(at[:, :ENVELOPE_POINTS].amax() > INAUDIBLE):
            continue
        level = at[:, :ENVELOPE_POINTS] @ _spread(ENVELOPE_POINTS, bins, sample_rate)
        share = at[:, ENVELOPE_POINTS:] @ _spread(NOISE_POINTS, bins, sample_rate)
        gain = torch.exp(level + _fixed_gain(bins, sample_rate)) * share.clamp(0.0, 1.0)
        frames = torch.from_numpy(white).unfold(0, NOISE_FFT, NOISE_HOP) * window
        shaped = torch.fft.irfft(torch.fft.rfft(frames) * gain, n=NOISE_FFT) * window
        joined = torch.zeros((count + 1) * NOISE_HOP)
        joined[: count * NOISE_HOP] += shaped[:, :NOISE_HOP].reshape(-1)
        joined[NOISE_HOP:] += shaped[:, NOISE_HOP:].reshape(-1)
        add_at(out, joined.numpy(), (first - 1) * NOISE_HOP)


def add_at(out: Samples, samples: Samples, start: int) -> None:
    """Add `samples` to `out` from frame `start` on, as far as they lie within it."""
    a, b = max(start, 0), min(start + len(samples), len(out))
    if b > a:
        out[a:b] += samples[a - start : b - start]
