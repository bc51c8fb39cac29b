"""Whether the splitter puts sounds that nobody trained on where they belong.

    python -m benchmarks.stems_alone --folder data/alone --json

Needs the programs lmms, espeak-ng and flite, and Debian's packages sonic-pi-samples, lmms-common
and timgm6mb-soundfont. By group of sounds that are one stem's alone: the mean share of the
estimates' energy that is in that stem, in percent. Of short projects of LMMS, rendered stem by stem
(benchmarks.alone_sounds): the mean SDR over the stems that sound, beside the mix taken as every
estimate, librosa's filters, and the ceiling of true shares.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from audio.clip import Clip
from audio.stem_names import STEMS
from benchmarks.alone_sounds import alone, multitracks
from stems.splitting.splitter import Splitter, separate
from stems.splitting.splitters import EMBEDDED
from training.judge_splitter import as_the_mix, by_filters, by_true_shares, sdr_db, sounds
from training.sounds import SAMPLE_RATE

Sound = NDArray[np.float32]
# What is asked, in percent; and of the multitracks, in dB.
LEAST = {
    "drums": 90.0, "bass": 90.0, "melodic": 85.0, "male voice": 85.0, "female voice": 85.0,
    "choir": 60.0,
}  # fmt: skip
LEAST_DB = 5.0


def shares(splitter: Splitter, sound: Sound) -> dict[str, float]:
    """The part of the energy of all estimates that each stem's has, in percent."""
    found = separate(Clip(sound, SAMPLE_RATE), splitter).clips
    energy = {
        name: float(np.square(clip.samples, dtype=float).sum()) for name, clip in found.items()
    }
    return {name: round(100 * each / sum(energy.values()), 1) for name, each in energy.items()}


def alone_figures(splitter: Splitter) -> dict[str, dict[str, object]]:
    """By group: the mean share in the right stem, and those of every sound in all stems."""
    out: dict[str, dict[str, object]] = {}
    for group in LEAST:
        rows = {}
        right = []
        for name, stem, sound in alone(group):
            rows[name] = shares(splitter, sound)
            right.append(rows[name][stem])
        out[group] = {"right": round(float(np.mean(right)), 1), "sounds": rows}
    return out


def multitrack_figures(splitter: Splitter, folder: Path) -> dict[str, dict[str, object]]:
    """By way of splitting: SDRs of each project's stems, and the mean over all of them."""

    def ours(stems: Sound) -> Sound:
        mix = Clip(np.ascontiguousarray(stems.sum(0)), SAMPLE_RATE)
        found = separate(mix, splitter).clips
        return np.stack([found[name].samples for name in STEMS])

    ways: Mapping[str, Callable[[Sound], Sound]] = {
        "splitter": ours, "mix": as_the_mix, "filters": by_filters, "ceiling": by_true_shares
    }  # fmt: skip
    rows: dict[str, dict[str, dict[str, float]]] = {way: {} for way in ways}
    for project, stems in multitracks(folder):
        for way, split in ways.items():
            found = split(stems)
            rows[way][project] = {
                name: round(sdr_db(stems[index], found[index]), 2)
                for index, name in enumerate(STEMS)
                if sounds(stems[index])
            }
    return {way: {"mean": _mean(found), "projects": found} for way, found in rows.items()}


def _mean(projects: Mapping[str, Mapping[str, float]]) -> float:
    """Over the stems, of each one's mean over the projects in which it sounds."""
    by_stem = [[row[name] for row in projects.values() if name in row] for name in STEMS]
    return round(float(np.mean([np.mean(each) for each in by_stem if each])), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=EMBEDDED.shipped)
    parser.add_argument(
        "--folder", type=Path, default=Path("data/alone"), help="of what is rendered"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    splitter = Splitter(EMBEDDED.name, options.weights)
    groups = alone_figures(splitter)
    tracks = multitrack_figures(splitter, options.folder)
    if options.json:
        print(json.dumps({"alone": groups, "multitracks": tracks}, indent=1))
        return
    for group, found in groups.items():
        print(f"{group}: {found['right']} % in the right stem (asked: {LEAST[group]:.0f} %)")
    for way, row in tracks.items():
        print(f"{way}: {row['mean']} dB SDR over the projects (asked of the splitter: {LEAST_DB})")


if __name__ == "__main__":
    main()
