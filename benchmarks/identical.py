"""Whether two checkouts give the same frames: the proof that a change left the sound alone.

`python -m benchmarks.identical OLD NEW [--seeds 1 2 3 4 5] [--bars 8]` has the embedded engine of
each checkout generate music of every seed (with a melody, lyrics, sections and an intensity curve)
and regenerate two bars of two stems of it, and prints the hash of each stem's frames. Then NEW
reproduces from its manifest a result that OLD wrote. Both run in this Python, one after the other.
Exits with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

DIGITS = 16  # of each SHA-256 that are printed
BACKLINE = "from daemon.cli import main; main()"
# Only what both checkouts have. Prints {"seed 1 whole drums": hash, ...}.
GENERATE = """
import hashlib, json, sys
from dataclasses import replace
from diffusion.embedded.engine import EmbeddedEngine
from diffusion.engine import Conditions, Revision
from midi.curve import Curve
from midi.grid import Grid
from midi.key import Key
from midi.melody import melody_from_text

bars, seeds = int(sys.argv[1]), map(int, sys.argv[2:])
quiet, never = lambda stage, fraction: None, lambda: False
grid = Grid.constant(92, bars=bars)
asked = Conditions(
    grid, Key.parse("A minor"),
    melody=melody_from_text("69:0:1 72:1:1/2 71:3/2:1/2 69:2:2 64:4:4", grid),
    tags="lofi, warm bass", lyrics="one two three, stay with me",
    sections=("verse",) * (bars // 2) + ("chorus",) * (bars - bars // 2),
    intensity=Curve.parse(f"0:0.2 {4 * bars}:0.9"),
)
engine = EmbeddedEngine()
engine.load(quiet)
hashes = {}
for seed in seeds:
    whole = engine.generate(replace(asked, seed=seed), quiet, never)
    revision = Revision(whole.score, 1, 3)
    change = replace(asked, seed=seed + 100, stems=("drums", "bass"), revision=revision)
    for name, result in ("whole", whole), ("changed", engine.generate(change, quiet, never)):
        for stem, clip in result.stems.items():
            key = f"seed {seed} {name} {stem}"
            hashes[key] = hashlib.sha256(clip.samples.tobytes()).hexdigest()
print(json.dumps(hashes))
"""


def run(checkout: Path, program: str, *words: object) -> str:
    """Run a program with a checkout's packages; raises CalledProcessError where it fails."""
    ran = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)},
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return ran.stdout


def main() -> None:
    """Print a line a stem, and say whether all are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--bars", type=int, default=8)
    args = parser.parse_args()
    before, after = (
        json.loads(run(checkout.resolve(), GENERATE, args.bars, *args.seeds))
        for checkout in (args.old, args.new)
    )
    for name, old in before.items():
        same = "same" if old == after[name] else f"OTHER {after[name][:DIGITS]}"
        print(f"{name:24} {old[:DIGITS]} {same}")
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "old"
        words = ("generate", "--bpm", 92, "--key", "A minor", "--bars", 2, "--seed", 1)
        run(args.old.resolve(), BACKLINE, *words, "--out", result)
        print(run(args.new.resolve(), BACKLINE, "reproduce", result, "--out", f"{scratch}/new"))
    raise SystemExit(before != after)


if __name__ == "__main__":
    main()
