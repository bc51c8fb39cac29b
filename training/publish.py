"""Put trained weights into the product and write their card.

    python -m training.publish --diffusion data/run1/ema.safetensors \
        --planner data/planner1/planner.safetensors

copies the diffusion's and the planner's weights beside the decoder's and the voice's (which their
own training writes there) and writes embedded-v2.json: version, credits and, for each role, file
name, size and sha256. The engine refuses weights that differ from their card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from diffusion.embedded.engine import CARD, weights_folder

ROLES = {
    "diffusion": "diffusion-v2.safetensors",
    "decoder": "decoder-v1.safetensors",
    "voice": "voice-v1.safetensors",
    "planner": "planner-v1.safetensors",
}
LIMIT_BYTES = 36_000_000
# Who made what the weights learnt from, by role; the licences ask for it.
CREDITS = {
    "diffusion": "drums: Groove MIDI Dataset by Gillick, Roberts, Engel, Eck, Bamman, Google LLC "
    "(Creative Commons Attribution 4.0)",
    "planner": "OpenEWLD (MIT licence, Copyright (c) 2018 00sapo): public-domain lead sheets",
}


def write_card(version: str) -> dict[str, object]:
    """Write and return the card of the weights that lie in the product's folder."""
    folder = weights_folder()
    files = {}
    for role, name in ROLES.items():
        data = (folder / name).read_bytes()
        files[role] = {
            "name": name,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    card: dict[str, object] = {
        "version": version,
        "files": files,
        "credits": CREDITS,
        "training": "docs/lab/training.md",
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8", newline="\n")
    return card


def main() -> None:
    """Copy, write the card, and say how large all weights are together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--diffusion", type=Path, help="weights to copy into the product first")
    parser.add_argument("--planner", type=Path, help="the planner's weights, likewise")
    parser.add_argument("--version", default="2")
    args = parser.parse_args()
    for role in ("diffusion", "planner"):
        if path := getattr(args, role):
            shutil.copyfile(path, weights_folder() / ROLES[role])
    write_card(args.version)
    total = sum((weights_folder() / name).stat().st_size for name in ROLES.values())
    print(f"{total / 1e6:.1f} MB of weights, at most {LIMIT_BYTES / 1e6:.0f} MB allowed")
    if total > LIMIT_BYTES:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
