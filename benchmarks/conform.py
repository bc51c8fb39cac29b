"""Does what is conformed land on the grid, and is every failure told?

`python -m benchmarks.conform --cases 200 --seed 1 --json figures.json` conforms 200 recordings
with drums and 200 without, each late, slow, fast, drifting or stepping by a known map, and counts
three outcomes: right (onsets off by 5 ms at most in the median and 12 ms in the 95th percentile,
the first downbeat by 5 ms), refused with a reason, and wrong presented as right. `--speed` times
60 s of mix and four stems, `--minutes 10` tells the memory that so much takes, `--loops 20`
measures the wraps of loops, `--smear` what stretching does to a click; `--workers` shares the work
out. `python -m training.fit_downbeat` fits the bar line model.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.conform import conform
from audio.errors import CannotConform
from audio.features import extract_features
from audio.loop import measure_wrap
from audio.onsets import Onsets, find_onsets
from audio.residue import null_dbfs
from audio.warp import Warp
from midi.grid import Grid
from training.truth import KINDS, RATE, Floats, TimeMap, Truth, known_map, make_truth, record

MEDIAN_MS, P95_MS, DOWNBEAT_MS = 5.0, 12.0, 5.0
CASES_A_PIECE = 4  # of each kind of map one
HEARD_WITHIN_SECONDS = 0.03
STEMS_EVERY = 5  # every fifth case goes through with its stems


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: `verdict` is right, refused or wrong; errors in ms, None where refused.

    The first three errors are those of the map; `heard` ones compare the onsets found in what came
    out with those found in the piece, drums and plucked strings only.
    """

    piece: str
    drums: bool
    kind: str
    verdict: str
    reason: str = ""
    median_ms: float | None = None
    p95_ms: float | None = None
    downbeat_ms: float | None = None
    heard_median_ms: float | None = None
    heard_p95_ms: float | None = None
    stretch_percent: float | None = None
    null_dbfs: float | None = None


def judge(truth: Truth, drums: bool, kind: str, seed: int, with_stems: bool) -> Outcome:
    """Record a piece along a map, conform the recording, and compare."""
    names = _names(truth, drums)
    time_map = known_map(np.random.default_rng(seed), kind, float(truth.grid.seconds))
    stems = {}
    if with_stems:
        stems = {name: record(truth.stems[name], time_map, seed) for name in names}
        sound = np.asarray(
            np.sum([clip.samples for clip in stems.values()], axis=0, dtype=np.float32)
        )
        mix = Clip(np.asarray(sound), RATE)
    else:
        mix = record(_sound(truth, drums), time_map, seed)
    known = (truth.name, drums, kind)
    try:
        done = conform(mix, truth.grid, stems=stems if with_stems else None)
    except CannotConform as refusal:
        return Outcome(*known, "refused", str(refusal))
    warp = done.warp or Warp(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    starts = truth.starts_of(names)
    off = 1000 * np.abs(warp.target_at(time_map.recorded_at(starts)) - starts)
    first = 1000 * abs(float(warp.target_at(time_map.recording[:1])[0]))
    median, p95 = float(np.median(off)), float(np.percentile(off, 95))
    heard = heard_errors(_piece_onsets(truth, drums), _onsets(done.mix))
    right = median <= MEDIAN_MS and p95 <= P95_MS and first <= DOWNBEAT_MS
    return Outcome(
        *known,
        "right" if right else "wrong",
        median_ms=round(median, 2),
        p95_ms=round(p95, 2),
        downbeat_ms=round(first, 2),
        heard_median_ms=round(float(np.median(heard)), 2) if len(heard) else None,
        heard_p95_ms=round(float(np.percentile(heard, 95)), 2) if len(heard) else None,
        stretch_percent=round(float(max(warp.stretch_percent, key=abs)), 2),
        null_dbfs=round(null_dbfs(done.mix, done.stems.values()), 1) if with_stems else None,
    )


def _names(truth: Truth, drums: bool) -> list[str]:
    return [name for name in truth.stems if drums or name != "drums"]


def _sound(truth: Truth, drums: bool) -> npt.NDArray[np.float32]:
    stems = [truth.stems[name] for name in _names(truth, drums)]
    return np.asarray(np.sum(stems, axis=0, dtype=np.float32))


@lru_cache(maxsize=2)
def _piece_onsets(truth: Truth, drums: bool) -> Onsets | None:
    return _onsets(Clip(_sound(truth, drums)[None], RATE))


def heard_errors(before: Onsets | None, after: Onsets | None) -> Floats:
    """Milliseconds between sharp onsets found in the piece and the nearest found afterwards."""
    if before is None or after is None or not len(after.seconds):
        return np.array([])
    wanted = before.seconds[before.sharp]
    off = np.abs(wanted[:, None] - after.seconds[None, :]).min(axis=1)
    return np.asarray(1000 * off[off < HEARD_WITHIN_SECONDS])


def _onsets(clip: Clip) -> Onsets | None:
    heard = extract_features(clip)
    return find_onsets(heard.onsets, heard.attacks) if heard else None


def judge_piece(seed: int, first_case: int, font: Path | None = None) -> list[Outcome]:
    """All maps of one piece, with drums and without."""
    truth = make_truth(seed, font=font)
    outcomes = []
    for number, kind in enumerate(KINDS):
        for drums in (True, False):
            if len(truth.stems) < 2 or (drums and "drums" not in truth.stems):
                continue
            case = first_case + number
            outcomes.append(judge(truth, drums, kind, case, case % STEMS_EVERY == 0))
    return outcomes


def summary(outcomes: list[Outcome]) -> dict[str, object]:
    """Counts and medians of cases with drums, or of those without."""
    verdicts = [outcome.verdict for outcome in outcomes]
    done = [outcome for outcome in outcomes if outcome.verdict != "refused"]
    right = [outcome for outcome in outcomes if outcome.verdict == "right"]

    def middle(field: str, share: float = 50) -> float | None:
        values = [getattr(o, field) for o in right if getattr(o, field) is not None]
        return round(float(np.percentile(values, share)), 2) if values else None

    nulls = [outcome.null_dbfs for outcome in done if outcome.null_dbfs is not None]
    return {
        "cases": len(verdicts),
        "right_percent": round(100 * verdicts.count("right") / len(verdicts), 1),
        "refused_percent": round(100 * verdicts.count("refused") / len(verdicts), 1),
        "wrong_as_right_percent": round(100 * verdicts.count("wrong") / len(verdicts), 1),
        "median_ms": middle("median_ms"),
        "p95_ms": middle("p95_ms"),
        "worst_p95_ms": middle("p95_ms", 100),
        "downbeat_ms": middle("downbeat_ms"),
        "heard_median_ms": middle("heard_median_ms"),
        "heard_p95_ms": middle("heard_p95_ms"),
        "worst_null_dbfs": max(nulls) if nulls else None,
    }


def run_cases(cases: int, seed: int, workers: int, font: Path | None) -> list[Outcome]:
    """At least `cases` cases with drums and as many without."""
    outcomes: list[Outcome] = []
    pieces = 0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while min(sum(o.drums for o in outcomes), sum(not o.drums for o in outcomes)) < cases:
            batch = range(pieces, pieces + 2 * workers)
            seeds = [10_000 * seed + number for number in batch]
            firsts = [CASES_A_PIECE * s for s in seeds]
            for found in pool.map(judge_piece, seeds, firsts, [font] * len(seeds)):
                outcomes += found
                for outcome in found:
                    print(_line(outcome), flush=True)
            pieces += len(batch)
    kept = []
    for drums in (True, False):
        kept += [outcome for outcome in outcomes if outcome.drums is drums][:cases]
    return kept


def _line(outcome: Outcome) -> str:
    what = "drums" if outcome.drums else "no drums"
    figures = (
        outcome.reason
        if outcome.verdict == "refused"
        else f"median {outcome.median_ms} p95 {outcome.p95_ms} downbeat {outcome.downbeat_ms} ms, "
        f"heard {outcome.heard_median_ms} and {outcome.heard_p95_ms} ms, "
        f"null {outcome.null_dbfs}"
    )
    return f"{outcome.verdict:8}{outcome.piece}, {what}, {outcome.kind}: {figures}"


def wrap_loops(count: int, seed: int) -> None:
    """Bring pieces that are 1 to 3 % slow or fast onto the grid as loops; measure each wrap."""
    clicks = done = 0
    for number in range(count):
        truth = make_truth(10_000 * seed + number)
        percent = (1, -2, 3, -1)[number % 4]
        seconds = float(truth.grid.seconds)
        ends = np.array([0.0, seconds])
        sound = np.asarray(np.sum(list(truth.stems.values()), axis=0, dtype=np.float32))
        recording = record(sound, TimeMap(ends, ends * (1 + percent / 100)), number)
        # The last bar is left out, so that the one before it has something to ring on into.
        bars = truth.grid.bars - 1
        grid = Grid.constant(truth.grid.bpm, truth.grid.meter, bars)
        try:
            loop = conform(recording, grid, loop=True).mix
        except CannotConform as refusal:
            print(f"refused {truth.name}: {refusal}", flush=True)
            continue
        wrap = measure_wrap(loop.samples)
        done, clicks = done + 1, clicks + wrap.clicks
        print(
            f"{'CLICKS' if wrap.clicks else 'clean':8}{truth.name}, {bars} bars, {percent:+d} %: "
            f"jump {wrap.jump:.5f}, 99th percentile inside {wrap.usual_jump:.5f}",
            flush=True,
        )
    print(f"{done} loops of {count} pieces, {clicks} click")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--soundfont", type=Path, help="play the pieces by this one instead")
    parser.add_argument("--json", type=Path, help="file for every case and the summary")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--minutes", type=float, default=0, help="measure the memory of so many")
    parser.add_argument("--loops", type=int, default=0, help="measure the wraps of so many")
    parser.add_argument("--smear", action="store_true")
    asked = parser.parse_args()
    if asked.speed or asked.minutes:
        from benchmarks.conform_speed import measure_memory, measure_speed

        if asked.speed:
            measure_speed(asked.seed)
        if asked.minutes:
            measure_memory(asked.seed, asked.minutes)
        return
    if asked.loops:
        wrap_loops(asked.loops, asked.seed)
        return
    if asked.smear:
        from benchmarks.smear import print_null, print_smear

        print_smear()
        print_null()
        return
    outcomes = run_cases(asked.cases, asked.seed, asked.workers, asked.soundfont)
    figures = {
        "with drums": summary([outcome for outcome in outcomes if outcome.drums]),
        "without drums": summary([outcome for outcome in outcomes if not outcome.drums]),
    }
    print(json.dumps(figures, indent=2))
    if asked.json:
        every = {"figures": figures, "cases": [asdict(outcome) for outcome in outcomes]}
        asked.json.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
