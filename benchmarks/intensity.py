"""How well the embedded engine follows an intensity curve, in the loudness of its bars.

    python -m benchmarks.intensity [--json]

For each style and seed 16 bars are played three times: without a curve, with one that rises from 0
to 1 but told to the network alone, and with the rule on notes as well (what the product does).
Printed is Spearman's rank correlation of bar number and level, and by how much the level rises.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from scipy.stats import spearmanr

from audio.decibels import power_to_db
from diffusion.embedded import dynamics
from diffusion.embedded.engine import EmbeddedEngine
from diffusion.engine import Conditions, Generation
from midi.curve import Curve
from midi.grid import Grid
from midi.key import Key

BARS = 16
GRID = Grid.constant(120, bars=BARS)
RISING = Curve.parse(f"0:0 {4 * BARS}:1")
CASES = (
    ("rock", 1), ("house", 2), ("jazz", 3), ("cinematic", 4), ("lofi", 5), ("ambient", 6), ("", 7),
)  # fmt: skip
RULE = dynamics.follow


def main() -> None:
    """Play all cases and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    engine = EmbeddedEngine()
    engine.load(lambda stage, done: None)
    rows = [row(engine, style, seed) for style, seed in CASES]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    print("| style, seed | no curve | told to the network | with the rule | rise, dB |")
    print("|---|---|---|---|---|")
    for each in rows:
        found = " | ".join(f"{each[name]:.2f}" for name in ("without", "told", "ruled"))
        print(f"| {each['style'] or 'none'}, {each['seed']} | {found} | {each['rise_db']:.0f} |")


def row(engine: EmbeddedEngine, style: str, seed: int) -> dict[str, object]:
    """One case: correlations of the three ways, and the rise from the first to the last quarter."""
    key = Key.parse("A minor")
    plain = Conditions(GRID, key, tags=style, seed=seed)
    curved = Conditions(GRID, key, tags=style, seed=seed, intensity=RISING)
    found: dict[str, object] = {"style": style, "seed": seed}
    found["without"] = correlation(levels_db(play(engine, plain)))
    dynamics.follow = lambda performance, *rest: performance
    found["told"] = correlation(levels_db(play(engine, curved)))
    dynamics.follow = RULE
    levels = levels_db(play(engine, curved))
    found["ruled"] = correlation(levels)
    found["rise_db"] = float(np.mean(levels[-BARS // 4 :]) - np.mean(levels[: BARS // 4]))
    return found


def play(engine: EmbeddedEngine, asked: Conditions) -> Generation:
    """What the engine plays to the conditions."""
    return engine.generate(asked, lambda stage, done: None, lambda: False)


def levels_db(generation: Generation) -> np.ndarray:
    """The level of the mix in each bar, in dB of full scale."""
    stems = generation.stems or {}
    mix = np.sum([clip.samples for clip in stems.values()], axis=0)
    power = [np.square(bar, dtype=np.float64).mean() for bar in np.array_split(mix, BARS, axis=1)]
    return power_to_db(np.maximum(power, 1e-12))


def correlation(levels: np.ndarray) -> float:
    """Spearman's rank correlation with the number of the bar."""
    return float(spearmanr(levels, np.arange(len(levels))).statistic)


if __name__ == "__main__":
    main()
