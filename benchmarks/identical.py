"""Whether two checkouts give the same frames: the proof that a change left the sound alone.

`python -m benchmarks.identical OLD NEW [--seeds 1 2 3 4 5] [--bars 8]` has each checkout generate
music of every seed with the embedded engine (a melody, lyrics, sections and an intensity curve),
regenerate two bars of two stems of it, and prints the hashes of the frames, the notes and the
score. Then NEW reproduces OLD's last result from its manifest. Exits with 1 on any difference.
Both run in this Python, in turns; takes about 20 s a run on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

RUN = "from daemon.cli import main; main()"
SOUND, COMPARED = ("stem", "mix"), ("notes", "score")  # roles; other files hold times and versions
DIGITS = 16  # of each SHA-256 that are printed
MELODY = Path(__file__).resolve().parent.parent / "examples" / "melody.mid"


def backline(checkout: Path, *words: object) -> None:
    """Run one command of a checkout; raises CalledProcessError where it fails."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", RUN, *map(str, words)]
    subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.DEVNULL)


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each compared file of a result by its path; of sound, its frames'."""
    found = {}
    for entry in json.loads((folder / "manifest.json").read_text("utf-8"))["files"]:
        path = folder / entry["path"]
        if entry["role"] in SOUND:
            frames, rate = soundfile.read(path, dtype="float32")
            found[entry["path"]] = hashlib.sha256(frames.tobytes() + bytes(str(rate), "ascii"))
        elif entry["role"] in COMPARED:
            found[entry["path"]] = hashlib.sha256(path.read_bytes())
    return {path: found[path].hexdigest() for path in found}


def generate(checkout: Path, out: Path, seed: int, bars: int) -> dict[str, str]:
    """Generate a result in `out` with all that the embedded engine takes; return its hashes."""
    half = bars // 2
    backline(
        checkout, "generate", "--bpm", 92, "--key", "A minor", "--bars", bars, "--seed", seed,
        "--melody", MELODY, "--tags", "lofi, warm bass", "--lyrics", "one two three, stay with me",
        "--section", f"1-{half}: verse", "--section", f"{half + 1}-{bars}: chorus",
        "--intensity", f"0:0.2 {4 * bars}:0.9", "--out", out,
    )  # fmt: skip
    return hashes(out)


def change(checkout: Path, source: Path, out: Path, seed: int, bars: int) -> dict[str, str]:
    """Regenerate two bars of two stems of `source`, whose path is part of the request's hash."""
    backline(
        checkout, "generate", "--bpm", 92, "--key", "A minor", "--bars", bars, "--seed", seed + 100,
        "--from", source, "--range", "2-3", "--stems", "drums,bass", "--out", out,
    )  # fmt: skip
    return hashes(out)


def compare(title: str, old: dict[str, str], new: dict[str, str]) -> int:
    """Print a line a file; return how many differ."""
    different = 0
    for path in sorted(old | new):
        one, other = old.get(path, "none"), new.get(path, "none")
        different += one != other
        same = "same" if one == other else f"OTHER {other[:DIGITS]}"
        print(f"{title} {path:12} {one[:DIGITS]} {same}", flush=True)
    return different


def main() -> None:
    """Print a line a file, and say whether all are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--bars", type=int, default=8)
    args = parser.parse_args()
    checkouts = (args.old.resolve(), args.new.resolve())
    different = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for seed in args.seeds:
            folders = [folder / f"{name}-{seed}" for name in ("old", "new")]
            wholes = [
                generate(checkout, out, seed, args.bars)
                for checkout, out in zip(checkouts, folders, strict=True)
            ]
            changes = [
                change(checkout, folders[0], out / "changed", seed, args.bars)
                for checkout, out in zip(checkouts, folders, strict=True)
            ]
            different += compare(f"seed {seed} whole  ", *wholes)
            different += compare(f"seed {seed} changed", *changes)
        backline(checkouts[1], "reproduce", folders[0], "--out", folder / "reproduced")
    print(f"{different} files differ; the last result of {args.old} reproduces")
    raise SystemExit(different > 0)


if __name__ == "__main__":
    main()
