"""What stretching by 3 % does to a click: ours, and two other libraries on the same sound.

`python -m benchmarks.conform --smear`. libtsm is not a dependency: `pip install libtsm` to have its
rows, without it they are left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from audio.decibels import dbfs, power_to_db
from audio.residue import residue_peak
from audio.stretch import cut, stretched

RATE = 48_000
BEGINS = np.arange(22) * 0.5 + 0.3  # seconds
CLICK_FRAMES = 400
RATIOS = (1.03, 0.97)

Floats = npt.NDArray[np.float64]
Mono = npt.NDArray[np.float32]


def sound(with_chord: bool) -> Mono:
    """12 s of clicks (3 kHz, gone in 4 ms), over a chord or alone."""
    out = np.zeros(12 * RATE)
    for first in (BEGINS * RATE).astype(int):
        since = np.arange(CLICK_FRAMES)
        out[first : first + CLICK_FRAMES] += (
            0.5 * np.sin(2 * np.pi * 3000 * since / RATE + 1) * np.exp(-since / 60)
        )
    if with_chord:
        seconds = np.arange(len(out)) / RATE
        out += 0.05 * sum(np.sin(2 * np.pi * hz * seconds) for hz in (110, 220, 277.2, 329.6))
    return out.astype(np.float32)


def stretch(sound: Mono, sample_rate: int, source: Floats, target: Floats) -> Mono:
    """What audio.stretch.stretched gives of (channels, frames) in memory, in one piece."""
    blocks = stretched(lambda *ends: cut(sound, *ends), sample_rate, source, target)
    return np.concatenate(list(blocks), axis=1)


def ours(mono: Mono, ratio: float) -> Mono:
    source = np.concatenate([[0.0], np.floor(BEGINS * RATE), [len(mono)]])
    return np.asarray(stretch(mono[None], RATE, source, np.rint(source * ratio))[0])


def one_call(mono: Mono, ratio: float) -> Mono:
    ends = np.array([0.0, len(mono)])
    return np.asarray(stretch(mono[None], RATE, ends, np.rint(ends * ratio))[0])


def by_libtsm(mono: Mono, ratio: float) -> Mono:
    import libtsm

    return np.asarray(libtsm.hps_tsm(mono[:, None], ratio, Fs=RATE), dtype=np.float32)[:, 0]


def by_librosa(mono: Mono, ratio: float) -> Mono:
    from librosa.effects import time_stretch

    return np.asarray(time_stretch(mono, rate=1 / ratio), dtype=np.float32)


def untouched(mono: Mono, ratio: float) -> Mono:
    return mono


def measured(out: Mono, ratio: float) -> tuple[float, float, float, float]:
    """Median spread of 90 % of a click's energy and worst error of its place, both in ms.

    Then its peak against the original's, and the energy in front of it in dB, both medians. All
    over 1.5 kHz, where the chord is not.
    """
    high = butter(4, 1500, "high", fs=RATE, output="sos")
    heard = sosfiltfilt(high, out.astype(np.float64))
    click = sosfiltfilt(high, sound(False).astype(np.float64))
    click = click[int(BEGINS[1] * RATE) - 480 : int(BEGINS[1] * RATE) + 960]
    spread, off, peak, before = [], [], [], []
    for begin in BEGINS[1:-2]:
        middle = int(int(begin * RATE) * ratio)
        around = heard[middle - 2400 : middle + 2400]
        energy = np.cumsum(around**2) / np.sum(around**2)
        low, top = np.searchsorted(energy, [0.05, 0.95])
        spread.append((top - low) / RATE * 1000)
        match = np.correlate(heard[middle - 1440 : middle + 1920], click, "valid")
        off.append(abs(int(np.abs(match).argmax()) - 960) / RATE * 1000)
        peak.append(np.abs(around).max() / np.abs(click).max())
        before.append(power_to_db(max(energy[2400 - 96], 1e-12)))
    return (
        float(np.median(spread)), float(max(off)), float(np.median(peak)), float(np.median(before)),
    )  # fmt: skip


def print_smear() -> None:
    ways: dict[str, Callable[[Mono, float], Mono]] = {
        "untouched": untouched,
        "backline (Signalsmith, cut at attacks)": ours,
        "Signalsmith in one call": one_call,
        "libtsm, harmonic-percussive": by_libtsm,
        "librosa, phase vocoder": by_librosa,
    }
    print("| stretch | sound | 90 % of the click, ms | worst place, ms | peak | before it, dB |")
    print("|---|---|---|---|---|---|")
    for ratio in RATIOS:
        for with_chord in (False, True):
            mono = sound(with_chord)
            for name, way in ways.items():
                began = time.process_time()
                try:
                    out = way(mono, ratio)
                except ImportError:
                    continue
                took = time.process_time() - began
                spread, off, peak, before = measured(out, 1.0 if way is untouched else ratio)
                over = "clicks over a chord" if with_chord else "clicks"
                print(
                    f"| {ratio:g} {name} | {over} | {spread:.2f} | {off:.2f} | {peak:.2f} "
                    f"| {before:.0f} | ({took:.2f} s)"
                )


def print_null() -> None:
    """How far mix less stems is from nothing, by how they were stretched; peaks in dBFS."""
    rng = np.random.default_rng(1)
    seconds = np.arange(10 * RATE) / RATE
    beat = seconds % 0.5
    parts = np.stack([
        0.3 * rng.normal(0, 1, len(seconds)) * np.exp(-80 * beat),
        0.3 * np.sin(2 * np.pi * 55 * seconds),
        0.1 * sum(np.sin(2 * np.pi * hz * seconds) for hz in (261.6, 329.6, 392.1, 523.3)),
        0.1 * np.sin(2 * np.pi * 440 * seconds + 3 * np.sin(2 * np.pi * 5 * seconds)),
    ]).astype(np.float32)  # fmt: skip
    mix = parts.sum(axis=0, dtype=np.float32)[None]
    cuts = np.arange(0, 10.5, 0.5) * RATE
    print("| stretch | each alone | mix beside its stems | mix as the sum |")
    print("|---|---|---|---|")
    for ratio in (0.94, 0.97, 1.03, 1.06):
        target = np.rint(cuts * ratio)
        alone = [stretch(part[None], RATE, cuts, target)[0] for part in parts]
        mix_alone = stretch(mix, RATE, cuts, target)[0]
        beside = stretch(np.concatenate([mix, parts]), RATE, cuts, target)
        stems = stretch(parts, RATE, cuts, target)
        total = stems.sum(axis=0, dtype=np.float32)
        print(
            f"| {ratio:g} | {_null(mix_alone, alone)} | {_null(beside[0], beside[1:])} "
            f"| {_null(total, stems)} |"
        )


def _null(mix: Mono, stems: Sequence[Mono] | npt.NDArray[np.float32]) -> str:
    return f"{dbfs(residue_peak(mix, stems)):.1f}"


if __name__ == "__main__":
    print_smear()
    print_null()
