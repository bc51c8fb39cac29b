"""How long until the first sound: `python -m benchmarks.first_sound [OLD] [--json]`.

Runs `generate` of 8 bars, and `doctor`, `measure` and `split` of its 20 s, each in a process of
its own with no daemon, a few times, and takes the median of wall and CPU seconds (user and system,
children included). OLD is a checkout of an earlier commit (`git worktree add OLD COMMIT`): its
commands then run in turn with these, in the same Python. Files are in the page cache after a first
round that does not count; the figures mean something on an idle machine only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
BACKLINE = "from daemon.cli import main; main()"
# 8 bars of 4/4 at 96 bpm last 20 s, so that the mix is what the last two are given.
GENERATE = ("generate", "--bpm", "96", "--key", "C minor", "--bars", "8", "--seed", "1", "-o")


@dataclass(frozen=True, slots=True)
class Seconds:
    """One run of a command, or the median of several."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Row:
    """A command, what it takes, what it took before, and what it may take (None: not set)."""

    command: str
    now: Seconds
    before: Seconds | None
    at_most_wall: float
    at_most_cpu: float | None

    @property
    def is_met(self) -> bool:
        """Whether it takes no more than it may."""
        cpu_limit = self.at_most_cpu or float("inf")
        return self.now.wall <= self.at_most_wall and self.now.cpu <= cpu_limit


def main() -> None:
    """Print a line a command; exits with 1 where one takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path, nargs="?", help="checkout of an earlier commit")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    arguments = parser.parse_args()
    checkouts = [HERE] + ([arguments.old.resolve()] if arguments.old else [])
    with tempfile.TemporaryDirectory(prefix="backline-first-sound-") as scratch:
        rows = measured(checkouts, arguments.runs, Path(scratch))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    machine = {"machine": platform.platform(), "cores": os.cpu_count(), "load": load}
    if arguments.json:
        figures = [{**asdict(row), "met": row.is_met} for row in rows]
        print(json.dumps({**machine, "runs": arguments.runs, "figures": figures}, indent=2))
    else:
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {load}, "
              f"median of {arguments.runs}")  # fmt: skip
        for row in rows:
            print(_line(row))
    sys.exit(not all(row.is_met for row in rows))


def _line(row: Row) -> str:
    before = (
        f"; before {row.before.wall:.1f} s, {row.before.cpu:.1f} s of CPU" if row.before else ""
    )
    limit = f"{row.at_most_wall:g} s" + (
        f", {row.at_most_cpu:g} s of CPU" if row.at_most_cpu else ""
    )
    return (
        f"{row.command:<9} {row.now.wall:.1f} s, {row.now.cpu:.1f} s of CPU{before}; "
        f"at most {limit}: {'met' if row.is_met else 'MISSED'}"
    )


def measured(checkouts: list[Path], runs: int, scratch: Path) -> list[Row]:
    """Run all commands `runs` times and once before; the first checkout is the one judged."""
    taken: dict[tuple[str, Path], list[Seconds]] = {}
    for number in range(runs + 1):
        for checkout in checkouts:
            folder = scratch / f"{number}-{checkouts.index(checkout)}"
            mix = str(folder / "made" / "mix.wav")
            for words in (
                (*GENERATE, str(folder / "made")), ("doctor",), ("measure", mix),
                ("split", mix, "-o", str(folder / "split")),
            ):  # fmt: skip
                seconds = _run(checkout, words, scratch / "home")
                if number:
                    taken.setdefault((words[0], checkout), []).append(seconds)

    def row(command: str, at_most_wall: float, at_most_cpu: float | None = None) -> Row:
        now, *before = (_median(taken[command, checkout]) for checkout in checkouts)
        return Row(command, now, before[0] if before else None, at_most_wall, at_most_cpu)

    return [row("generate", 10.0, 8.0), row("doctor", 3.0), row("measure", 4.0), row("split", 6.0)]


def _median(runs: list[Seconds]) -> Seconds:
    return Seconds(statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs))


def _run(checkout: Path, words: tuple[str, ...], home: Path) -> Seconds:
    """Run `backline WORDS` of a checkout; CPU seconds are 0 where the system does not tell them."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "BACKLINE_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody's modules are compiled each time
    before, started = os.times(), time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", BACKLINE, *words],
        cwd=checkout, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    wall, after = time.perf_counter() - started, os.times()
    if ran.returncode:
        sys.exit(f"backline {' '.join(words)} in {checkout} failed:\n{ran.stdout}{ran.stderr}")
    cpu = after.children_user - before.children_user
    return Seconds(wall, cpu + after.children_system - before.children_system)


if __name__ == "__main__":
    main()
