"""Are recordings made by people brought onto the grid rightly, refused, or wrongly as if rightly?

`python -m benchmarks.recordings --json figures.json` fetches songs and loops whose beats are known
into data/recordings (benchmarks/recording_sources.py), cuts and warps them
(benchmarks/recording_cases.py), asks backline for the way of each to its grid and prints how many
are right, refused with a reason, or wrong presented as right, those held out from tuning apart.
--only NAME and --kind KIND run a part. It needs apt-get and dpkg, and LMMS renders for about half
an hour of processor time at the first run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from audio.beats import Beats, find_beats
from audio.errors import CannotConform
from audio.features import audible, extract_features
from audio.plan import Plan, plan_conform
from audio.warp import Warp
from benchmarks.conform import DOWNBEAT_MS, MEDIAN_MS, P95_MS
from benchmarks.recording_cases import BAR_BEATS, EXCERPTS, GUITARS, KINDS, Case, cases
from benchmarks.recording_sources import LOOPS, SONGS, fetch

FOLDER = Path("data/recordings")
EDGES = (0.0, 0.5, 0.75, 0.85, 0.92, 0.97, 1.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: `verdict` is right, refused or wrong; errors in ms, None where refused.

    `beats_off` is how many beats the first bar line found lies behind the true one, and
    `confidence` what was stated of it, whether it was refused or not.
    """

    name: str
    kind: str
    held_out: bool
    verdict: str
    reason: str = ""
    median_ms: float | None = None
    p95_ms: float | None = None
    beats_off: float | None = None
    confidence: float | None = None


def judge(case: Case) -> Outcome:
    """Ask for the way of a recording to its grid, and compare."""
    heard = audible(case.clip)
    features = extract_features(heard)
    known = (case.name, case.kind, case.held_out)

    def plan(bars: int) -> Plan:
        return plan_conform(
            case.clip, case.grid(bars), expected=case.expected(bars), features=features
        )

    one = float(case.expected(1).seconds)
    bars = max(1, int(case.clip.seconds / one + 0.1))
    try:
        try:
            made = plan(bars)
        except CannotConform as refusal:
            if not refusal.bars_held:
                raise
            bars = refusal.bars_held
            made = plan(bars)
    except CannotConform as refusal:
        beats = find_beats(heard, case.expected(bars), features)
        off, sure = _stated(case, beats) if beats else (None, None)
        return Outcome(*known, "refused", str(refusal), beats_off=off, confidence=sure)
    warp = made.warp or Warp(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    grid = case.grid(bars)
    count = min(BAR_BEATS * bars, len(case.beats_seconds))
    falls = case.beats_seconds[:count]
    due = np.array([float(grid.seconds_at(beat)) for beat in range(count)])
    miss = 1000 * np.abs(warp.target_at(falls) - due)
    median, p95 = float(np.median(miss)), float(np.percentile(miss, 95))
    right = median <= MEDIAN_MS and p95 <= P95_MS and miss[0] <= DOWNBEAT_MS
    found, sure = _stated(case, made.beats)
    return Outcome(
        *known, "right" if right else "wrong", median_ms=round(median, 2), p95_ms=round(p95, 2),
        beats_off=found, confidence=sure,
    )  # fmt: skip


def _stated(case: Case, beats: Beats) -> tuple[float, float]:
    """How many beats the first bar line found is off, and the confidence stated of it."""
    places = np.arange(len(case.beats_seconds))
    pace = float(np.median(np.diff(case.beats_seconds)))
    found = float(beats.seconds[0])
    off = float(np.interp(found, case.beats_seconds, places))
    off += min(0.0, (found - case.beats_seconds[0]) / pace)
    return round(off, 2), round(beats.downbeat_confidence, 3)


def run(folder: Path, kinds: tuple[str, ...], names: tuple[str, ...], workers: int,
        tell: Callable[[Outcome], None]) -> list[Outcome]:  # fmt: skip
    """Judge the cases of those kinds and names, song by song."""
    every = names or tuple(each.name for each in (*SONGS, *LOOPS))
    found: list[Outcome] = []
    if workers == 1:
        for name in every:
            for outcome in _judged(folder, kinds, name, tell):
                found.append(outcome)
        return found
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        count = len(every)
        for outcomes in pool.map(_judged, [folder] * count, [kinds] * count, every):
            for outcome in outcomes:
                tell(outcome)
            found += outcomes
    return found


def _judged(folder: Path, kinds: tuple[str, ...], name: str,
            tell: Callable[[Outcome], None] | None = None) -> list[Outcome]:  # fmt: skip
    found = []
    for case in cases(folder, kinds, (name,)):
        outcome = judge(case)
        found.append(outcome)
        if tell:
            tell(outcome)
    return found


def line(outcome: Outcome) -> str:
    """One case as a line to read."""
    what = (
        outcome.reason
        if outcome.verdict == "refused"
        else f"median {outcome.median_ms} p95 {outcome.p95_ms} ms"
    )
    return (
        f"{outcome.verdict:8}{outcome.name}, {outcome.kind}: {what} "
        f"[{outcome.beats_off} beats off, {outcome.confidence}]"
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """Counts by kind, tuned on and held out."""
    lines = ["| case | right | refused | wrong as right | median, ms | held out: right | refused "
             "| wrong |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    rows: list[tuple[str, tuple[str, ...]]] = [(kind, (kind,)) for kind in KINDS]
    rows += [("all excerpts", EXCERPTS), ("all guitars", GUITARS)]
    for name, kinds in rows:
        here = [outcome for outcome in outcomes if outcome.kind in kinds]
        if here:
            apart = [outcome for outcome in here if outcome.held_out]
            right = [o.median_ms for o in here if o.verdict == "right" and o.median_ms is not None]
            middle = f"{np.median(right):.2f}" if right else ""
            cells = [*_counts(here), middle, *_counts(apart)]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _counts(outcomes: Sequence[Outcome]) -> list[str]:
    return [
        f"{sum(o.verdict == verdict for o in outcomes)} of {len(outcomes)}"
        if verdict == "right"
        else str(sum(o.verdict == verdict for o in outcomes))
        for verdict in ("right", "refused", "wrong")
    ]


def reliability(outcomes: Sequence[Outcome]) -> str:
    """How often the bar line was right at each stated confidence."""
    stated = [o for o in outcomes if o.confidence is not None and o.beats_off is not None]
    lines = ["| confidence of the bar line | cases | on average | right |", "|---|---|---|---|"]
    for low, high in pairwise(EDGES):
        here = [
            o for o in stated
            if low <= (o.confidence or 0) and ((o.confidence or 0) < high or high == 1.0)
        ]  # fmt: skip
        if here:
            mean = np.mean([o.confidence for o in here if o.confidence is not None])
            right = np.mean([abs(o.beats_off or 0) < 0.1 for o in here])
            lines.append(f"| {low} to {high} | {len(here)} | {mean:.2f} | {right:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--only", action="append", default=[], help="song or loop; again for more")
    parser.add_argument("--kind", action="append", default=[], choices=KINDS, metavar="KIND",
                        help=f"{', '.join(KINDS).replace('%', '%%')}; again for more")  # fmt: skip
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for every case")
    asked = parser.parse_args()
    names = tuple(asked.only)
    fetch(asked.folder, [s for s in SONGS if not names or s.name in names],
          lambda text: print(text, flush=True))  # fmt: skip
    outcomes = run(asked.folder, tuple(asked.kind) or KINDS, names, asked.workers,
                   lambda outcome: print(line(outcome), flush=True))  # fmt: skip
    print(table(outcomes))
    print(reliability(outcomes))
    if asked.json:
        every = [asdict(outcome) for outcome in outcomes]
        asked.json.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
