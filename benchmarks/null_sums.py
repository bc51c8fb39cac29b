"""What is left of the mix when its stems are taken from it, over random jobs.

`python -m benchmarks.null_sums [--jobs 50] [--seed 1] [--seconds 1] [--json]`. Each job is a
second of noise and tones with random levels, one or two stems silent or dust, estimated at
44.1 kHz with errors, resampled to the job's rate, half of them folded into loops and half of them
louder than full scale; then added up, given the common gain and rounded to 24 bits. The mix has
been resampled by itself and has treble that no estimate has.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from audio.clip import Clip, resample
from audio.decibels import db_to_amplitude
from audio.loop import fold_tail
from audio.residue import null_dbfs
from audio.stem_names import STEMS
from stems.consistency import add_up
from stems.stem_set import StemSet
from stems.whole_numbers import to_integers

RATES = (44_100, 48_000, 96_000)
NETWORK_RATE = 44_100  # what separators listen at
TAIL_SHARE = 0.2  # of a loop rings on past its end


@dataclass(frozen=True, slots=True)
class Job:
    """A mix and estimates of its stems at the same rate."""

    mix: Clip
    estimates: dict[str, Clip]


@dataclass(frozen=True, slots=True)
class Nulls:
    """Peaks of what is left, in dBFS (-200 for nothing), and 24-bit units that sums are off."""

    after_adding_up_dbfs: float
    after_gain_dbfs: float
    units_off: int
    gain_db: float
    silent: tuple[str, ...]


def random_job(seed: int, sample_rate: int, of_seconds: float) -> Job:
    """Make a job that long; the same seed gives the same."""
    random = np.random.default_rng([seed, sample_rate])
    frames = round(of_seconds * NETWORK_RATE)
    seconds = np.arange(frames) / NETWORK_RATE
    loud = random.choice([0.2, 1.5])
    empty = random.choice(STEMS, random.integers(1, 3), replace=False)
    truth, estimates = {}, {}
    for stem in STEMS:
        tone = np.sin(2 * np.pi * random.uniform(50, 4000) * seconds) * random.uniform(
            -1, 1, (2, 1)
        )
        noise = random.standard_normal((2, frames)) * np.exp(-random.uniform(0, 30) * seconds)
        level = random.choice([0.0, 1e-4]) if stem in empty else loud * random.uniform(0.1, 1)
        truth[stem] = level * (0.3 * noise + 0.5 * tone)
    for stem in STEMS:
        bleed = truth[random.choice(STEMS)] * 0.05 * (stem not in empty)
        hiss = 1e-5 * random.standard_normal((2, frames))
        estimates[stem] = truth[stem] * random.uniform(0.9, 1.0) + bleed + hiss
    mix = resample(_clip(sum(truth.values()), NETWORK_RATE), sample_rate).samples
    mix = mix + 0.01 * random.standard_normal(mix.shape).astype(np.float32)
    at_once = resample(_clip(np.concatenate([*estimates.values()]), NETWORK_RATE), sample_rate)
    heard = dict(zip(STEMS, np.split(at_once.samples, len(STEMS)), strict=True))
    if random.random() < 0.5:
        kept = round(of_seconds / (1 + TAIL_SHARE) * sample_rate)
        mix, heard = fold_tail(mix, 0, kept), {s: fold_tail(e, 0, kept) for s, e in heard.items()}
    return Job(_clip(mix, sample_rate), {s: _clip(e, sample_rate) for s, e in heard.items()})


def nulls(job: Job) -> Nulls:
    """Take a job through everything that could spoil its sum."""
    added = add_up(job.mix, job.estimates)
    stem_set = StemSet(added.clips)
    mix = Clip(job.mix.samples * np.float32(db_to_amplitude(stem_set.gain_db)), job.mix.sample_rate)
    whole_mix, whole = to_integers(stem_set.mix, stem_set.clips)
    return Nulls(
        _left(job.mix, added.clips),
        _left(mix, stem_set.clips),
        int(np.abs(sum(w.astype(np.int64) for w in whole.values()) - whole_mix).max()),
        stem_set.gain_db,
        added.silent,
    )


def _left(mix: Clip, clips: Mapping[str, Clip]) -> float:
    return null_dbfs(mix, clips.values())


def _clip(samples: npt.ArrayLike, sample_rate: int) -> Clip:
    return Clip(np.asarray(samples, np.float32), sample_rate)


def main() -> None:
    """Print the worst of all jobs at each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {
        rate: [
            nulls(random_job(options.seed + i, rate, options.seconds)) for i in range(options.jobs)
        ]
        for rate in RATES
    }
    if options.json:
        print(json.dumps({rate: [asdict(n) for n in rows] for rate, rows in found.items()}))
        return
    for rate, rows in found.items():
        print(
            f"{rate} Hz, {len(rows)} jobs: float {max(n.after_adding_up_dbfs for n in rows):.1f} "
            f"dBFS, after the common gain {max(n.after_gain_dbfs for n in rows):.1f} dBFS, "
            f"24-bit sums off by {max(n.units_off for n in rows)} units; "
            f"{sum(len(n.silent) for n in rows)} stems silent, "
            f"{sum(n.gain_db < 0 for n in rows)} jobs turned down"
        )


if __name__ == "__main__":
    main()
