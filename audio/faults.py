"""What is wrong with a sound itself, whatever it plays: each fault named, with figure and limit.

The limits are set where damaged recordings part from sound ones; tests/audio/test_faults.py damages
a sound one in each way.
"""

from __future__ import annotations

import numpy as np

from audio.clip import Clip, Samples
from audio.decibels import LEAST_POWER, amplitude_to_db, db_to_amplitude, power_to_db
from audio.features import Floats
from audio.loop import measure_wrap
from audio.loudness import true_peak
from audio.mix_down import mono_against_channels, powers, signs_of
from audio.report import Fault

MAX_TRUE_PEAK_DBTP = 0.0
CLIPPED_RUN = 3  # samples in a row at the clip's own peak; a wave passes its top once
MAX_CLIPPED_RUNS = 8
CLIPPED_FROM = 0.5  # a soft peak of equal samples is no clipping
MAX_DC = 0.035  # of full scale; deep synthesised basses reach 0.03
SILENT_DBFS, BLOCK_SECONDS = -60.0, 0.05
MAX_GAP_SECONDS = 1.0
DEAD_BELOW_DB = -60.0  # one channel against the loudest
OPPOSED_DB = -6.0  # of two channels' mean, where their correlation is under -.5
LOUD_END_DB, END_SECONDS = -20.0, 0.010  # the last moments against the loud ones
CLICK_TIMES = 12.0  # a step against the greatest within 10 ms around it
CLICK_FROM = 0.05  # of full scale
HARSH_HZ, MAX_HARSH_DB = (2000.0, 5000.0), -6.0  # music keeps under -7 dB of its energy there
HARSH_BLOCK = 1 << 14


def find_faults(clip: Clip, *, true_peak_dbtp: float | None = None) -> tuple[Fault, ...]:
    """All faults of a clip of any channels, whose true peak may be known already."""
    if clip.peak < db_to_amplitude(SILENT_DBFS):
        level = amplitude_to_db(clip.peak)
        return (Fault("silence", level, SILENT_DBFS, f"it is silent: peak {level:.0f} dBFS"),)
    found = [
        _true_peak(clip, true_peak_dbtp), _clipping(clip), _offset(clip), _gap(clip),
        _dead_channel(clip), _opposed(clip), _loud_end(clip), _clicks(clip), _harshness(clip),
    ]  # fmt: skip
    return tuple(fault for fault in found if fault)


def _over(name: str, measured: float, limit: float, sentence: str) -> Fault | None:
    return Fault(name, measured, limit, sentence) if measured > limit else None


def _true_peak(clip: Clip, level: float | None) -> Fault | None:
    level = amplitude_to_db(true_peak(clip)) if level is None else level
    sentence = f"its true peak is {level:+.2f} dBTP, over full scale"
    return _over("true peak", level, MAX_TRUE_PEAK_DBTP, sentence)


def _clipping(clip: Clip) -> Fault | None:
    if clip.peak < CLIPPED_FROM:
        return None
    runs = 0
    for samples in clip.samples:
        for top in (samples >= 0.9999 * clip.peak, samples <= -0.9999 * clip.peak):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], top.astype(np.int8), [0]])))
            runs += int((edges[1::2] - edges[::2] >= CLIPPED_RUN).sum())
    return _over("clipping", runs, MAX_CLIPPED_RUNS, f"it is clipped in {runs} places")


def _offset(clip: Clip) -> Fault | None:
    worst = float(np.abs(clip.samples.mean(axis=1, dtype=np.float64)).max())
    return _over("offset", worst, MAX_DC, f"it has a constant offset of {worst:.3f} of full scale")


def _gap(clip: Clip) -> Fault | None:
    """The longest silence between sounds; what is silent at both ends may be so."""
    loud = np.flatnonzero(_levels(clip) > SILENT_DBFS)
    if len(loud) < 2:
        return None
    longest = float((np.diff(loud).max() - 1) * BLOCK_SECONDS)
    at = float(loud[int(np.diff(loud).argmax())] + 1) * BLOCK_SECONDS
    sentence = f"it is silent for {longest:.2f} s from {at:.2f} s on"
    return _over("gap", longest, MAX_GAP_SECONDS, sentence)


def _dead_channel(clip: Clip) -> Fault | None:
    power = np.einsum("cf,cf->c", clip.samples, clip.samples, dtype=np.float64) / clip.frames
    level = float(power_to_db(max(power.min(), LEAST_POWER) / power.max()))
    if clip.channels < 2 or level > DEAD_BELOW_DB:
        return None
    number = int(power.argmin()) + 1
    return Fault("dead channel", level, DEAD_BELOW_DB, f"channel {number} is dead")


def _opposed(clip: Clip) -> Fault | None:
    """Whether the channels cancel each other, so that most of it is lost where they are added."""
    power = powers(clip.samples)
    if signs_of(power) is None:
        return None
    level = float(power_to_db(mono_against_channels(power)))
    left = "nothing of them is left" if level <= SILENT_DBFS else f"{-level:.0f} dB are lost"
    sentence = f"the channels cancel in mono: {left} where they are added"
    return Fault("phase", level, OPPOSED_DB, sentence)


def _loud_end(clip: Clip) -> Fault | None:
    """Whether it stops in the middle of sound: faded or rung out, the last moments are soft."""
    last = clip.samples[:, -max(1, round(END_SECONDS * clip.sample_rate / 5)) :]
    level = amplitude_to_db(float(np.sqrt(np.square(last).mean())))
    against = level - float(np.percentile(_levels(clip), 90))
    if _goes_on_from_its_start(clip):
        return None
    sentence = f"it breaks off: its last 2 ms are {against:.0f} dB against its loud parts"
    return _over("truncation", against, LOUD_END_DB, sentence)


def _goes_on_from_its_start(clip: Clip) -> bool:
    """Whether the last sample leads to the first, in the middle of sound: a loop without a seam."""
    first = clip.samples[:, : max(2, round(END_SECONDS * clip.sample_rate))]
    level = amplitude_to_db(float(np.sqrt(np.square(first).mean())))
    starts_loud = level - float(np.percentile(_levels(clip), 90)) > LOUD_END_DB
    return bool(starts_loud and clip.frames > 2 and not measure_wrap(clip.samples).clicks)


def _clicks(clip: Clip) -> Fault | None:
    """Single steps far beyond all around them, as a lost or a wrong sample makes them."""
    reach = max(8, round(0.005 * clip.sample_rate))
    count, where = 0, 0.0
    for samples in clip.samples:
        steps = np.diff(samples, 2)
        np.abs(steps, out=steps)
        for at in _steep(steps, CLICK_FROM):
            around = np.concatenate([steps[max(0, at - reach) : max(0, at - 4)],
                                     steps[at + 5 : at + reach]])  # fmt: skip
            if len(around) and steps[at] > CLICK_TIMES * around.max():
                count += 1
                where = where or at / clip.sample_rate
    return _over("clicks", count, 0, f"it clicks {count} times, first at {where:.3f} s")


def _steep(steps: Samples, least: float) -> list[int]:
    """The steepest steps, one of each 5 ms or so, at most a thousand."""
    candidates = np.flatnonzero(steps > least)
    candidates = candidates[np.argsort(-steps[candidates])][:1000]
    kept: dict[int, int] = {}  # by their number of 200 steps: two of one number are too near
    for at in candidates.tolist():
        near = (kept.get(at // 200 + side) for side in (-1, 0, 1))
        if all(other is None or abs(at - other) > 200 for other in near):
            kept[at // 200] = at
    return list(kept.values())


def _harshness(clip: Clip) -> Fault | None:
    """The share of 2 to 5 kHz, where the ear is easiest hurt, of all energy."""
    mono = clip.samples.mean(axis=0)
    blocks = [mono[i : i + HARSH_BLOCK] for i in range(0, len(mono), HARSH_BLOCK)]
    power = sum(np.abs(np.fft.rfft(block, HARSH_BLOCK)) ** 2 for block in blocks)
    hertz = np.fft.rfftfreq(HARSH_BLOCK, 1 / clip.sample_rate)
    inside = (hertz >= HARSH_HZ[0]) & (hertz <= HARSH_HZ[1])
    share = float(power_to_db(np.sum(power * inside) / max(np.sum(power), LEAST_POWER)))
    sentence = f"it is harsh: 2 to 5 kHz hold {share:.1f} dB of its energy"
    return _over("harshness", share, MAX_HARSH_DB, sentence)


def _levels(clip: Clip) -> Floats:
    """RMS of each block in dBFS, all channels together."""
    size = max(1, round(BLOCK_SECONDS * clip.sample_rate))
    power = np.einsum("cf,cf->f", clip.samples, clip.samples) / np.float32(clip.channels)
    starts = np.arange(0, len(power), size)
    sizes = np.diff(np.append(starts, len(power)))
    sums = np.add.reduceat(power, starts, dtype=np.float64)
    return power_to_db(sums / sizes)
