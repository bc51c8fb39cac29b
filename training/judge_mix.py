"""Judge the embedded engine's mix: loudness, peaks, width and levels of a piece of each style.

    python -m training.judge_mix --seed 1 --json

Eight bars of every style are played dry and mixed. `figures_of` measures any stereo clip.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace
from statistics import median

import numpy as np

from audio.clip import Clip
from audio.decibels import SILENCE_DB
from audio.loudness import measure_loudness
from diffusion.embedded.engine import EmbeddedEngine
from diffusion.embedded.vocabulary import STYLES
from diffusion.engine import Conditions, Generation
from midi.grid import Grid
from midi.key import Key
from training.compose.styles import STYLE_BOOK

BARS = 8


@dataclass(frozen=True, slots=True)
class MixFigures:
    """LUFS, true peak in dBTP, sides beside the middle in dB, correlation of left and right."""

    lufs: float
    true_peak_dbtp: float
    side_mid_db: float
    correlation: float


def figures_of(mix: Clip) -> MixFigures:
    """Return the figures of a stereo clip; SILENCE_DB and 1 for what silence does not show."""
    left, right = mix.samples.astype(np.float64)
    middle, side = np.square(left + right).sum(), np.square(left - right).sum()
    heard = measure_loudness(mix)
    together, apart = float(left @ right), float(np.sqrt((left @ left) * (right @ right)))
    return MixFigures(
        lufs=heard.lufs if heard.lufs is not None else SILENCE_DB,
        true_peak_dbtp=heard.true_peak_dbtp,
        side_mid_db=10 * float(np.log10(side / middle)) if side and middle else SILENCE_DB,
        correlation=together / apart if apart else 1.0,
    )


def mix_of(played: Generation) -> Clip:
    """Return the sum of an engine's stems."""
    stems = played.stems or {}
    first = next(iter(stems.values()))
    return Clip(np.sum([clip.samples for clip in stems.values()], axis=0), first.sample_rate)


def judge(engine: EmbeddedEngine, style: str, seed: int) -> dict[str, Row]:
    """Return the figures of one piece, dry and mixed, and the LUFS of its mixed stems."""
    tempo = STYLE_BOOK[style].felt_bpm
    asked = Conditions(
        Grid.constant(str(round(sum(tempo) / 2)), "3/4" if style == "waltz" else "4/4", BARS),
        Key.parse(("A minor", "G major")[seed % 2]),
        tags=style.replace("_", " "),
        seed=seed,
    )
    dry, mixed = (
        engine.generate(replace(asked, dry=is_dry), lambda stage, done: None, lambda: False)
        for is_dry in (True, False)
    )
    stems = {
        stem: measure_loudness(clip).lufs or SILENCE_DB
        for stem, clip in (mixed.stems or {}).items()
    }
    return {
        "dry": asdict(figures_of(mix_of(dry))),
        "mixed": asdict(figures_of(mix_of(mixed))),
        "stems_lufs": stems,
    }


Row = dict[str, float]


def summary(pieces: list[dict[str, Row]]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return least, median and greatest of each figure of `pieces`, dry and mixed."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {"dry": {}, "mixed": {}}
    for kind, rows in found.items():
        for name in MixFigures.__dataclass_fields__:
            values = [piece[kind][name] for piece in pieces]
            rows[name] = min(values), median(values), max(values)
    return found


def main() -> None:
    """Print the figures of every style and their summary."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    engine = EmbeddedEngine()
    engine.load(lambda stage, done: None)
    pieces = {style: judge(engine, style, asked.seed + n) for n, style in enumerate(STYLES)}
    whole = summary(list(pieces.values()))
    if asked.json:
        print(json.dumps({"seed": asked.seed, "pieces": pieces, "summary": whole}))
        return
    for style, piece in pieces.items():
        print(style, piece["mixed"], piece["stems_lufs"])
    for kind, rows in whole.items():
        for name, (least, middle, most) in rows.items():
            print(f"{kind} {name}: {least:.2f} {middle:.2f} {most:.2f}")


if __name__ == "__main__":
    main()
