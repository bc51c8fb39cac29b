"""How each checkpoint was made: the arguments and the commit, in a file beside the weights."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent


def commit() -> str:
    """Return the commit that is checked out, with -dirty if files differ, or "" without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--match="]
    try:
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ran.stdout.strip()


def origin_of(args: argparse.Namespace) -> dict[str, object]:
    """Return what made a checkpoint, as JSON types: arguments, commit and torch's version."""
    arguments = json.loads(json.dumps(vars(args), default=str))
    return {"arguments": arguments, "commit": commit(), "torch": str(torch.__version__)}


def write_origin(weights: Path, args: argparse.Namespace) -> None:
    """Write NAME.origin.json beside the weights, whose own bytes then depend on training alone."""
    path = weights.with_suffix(".origin.json")
    path.write_text(json.dumps(origin_of(args), indent=2) + "\n", encoding="utf-8", newline="\n")
