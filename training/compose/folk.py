"""Folk tunes read once into data/tunes.json, which of them are held out, and how to fit one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

TUNES_FILE = Path(__file__).resolve().parents[2] / "data" / "tunes.json"


@dataclass(frozen=True, slots=True)
class Tune:
    """A melody with no harmony: (start, length, pitch) in beats from its first full bar.

    A pickup starts below 0. `source` is "<collection>:<number>".
    """

    source: str
    meter: str
    tonic: int
    mode: str
    bars: int
    notes: tuple[tuple[float, float, int], ...]

    def shortest_beats(self) -> float:
        """The shortest note."""
        return min(length for _, length, _ in self.notes)


@lru_cache(maxsize=4)
def load_tunes(path: Path = TUNES_FILE) -> tuple[Tune, ...]:
    """The tunes of a file written by `python -m training.tunes`; none where there is no file."""
    if not path.exists():
        return ()
    rows = json.loads(path.read_text(encoding="utf-8"))["tunes"]
    return tuple(
        Tune(
            row["source"],
            row["meter"],
            row["tonic"],
            row["mode"],
            row["bars"],
            tuple((start, length, pitch) for start, length, pitch in row["notes"]),
        )
        for row in rows
    )


def held_out(tune_source: str) -> bool:
    """Whether a tune is kept from training: a tenth of each collection, and of rule-made ones."""
    collection, _, number = tune_source.partition(":")
    if collection == "rules":
        return int(number) % 10 == 0
    return int.from_bytes(sha256(tune_source.encode()).digest()[:8], "big") % 10 == 0


@lru_cache(maxsize=16)
def tunes_in(meter: str, held: bool) -> tuple[Tune, ...]:
    """Tunes that can be played in `meter`: in it, or in half or twice its bars' length."""
    return tuple(
        fitted
        for tune in load_tunes()
        if held_out(tune.source) == held
        for fitted in [fit_meter(tune, meter)]
        if fitted is not None and fitted.bars >= 8
    )


def fit_meter(tune: Tune, meter: str) -> Tune | None:
    """The tune in `meter`: as it is, augmented (2/4 to 4/4), or two bars joined (6/8 to 12/8)."""
    if tune.meter == meter:
        return tune
    if (tune.meter, meter) == ("2/4", "4/4"):
        notes = tuple((2 * start, 2 * length, pitch) for start, length, pitch in tune.notes)
        return Tune(tune.source, meter, tune.tonic, tune.mode, tune.bars, notes)
    if (tune.meter, meter) == ("6/8", "12/8") and tune.bars % 2 == 0:
        return Tune(tune.source, meter, tune.tonic, tune.mode, tune.bars // 2, tune.notes)
    return None
