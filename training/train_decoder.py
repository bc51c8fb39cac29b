"""Trains the decoder and writes its weights.

`python -m training.note_data --data data/decoder --seed 1`, then
`python -m training.train_decoder --data data/decoder --seed 1 --out WEIGHTS`.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from diffusion.embedded.decoder.sounds import KITS, PARTIALS, PITCHED
from training.checkpoints import write_origin
from training.fit_drums import fit_drums, render_hits
from training.fit_notes import fit_notes
from training.levels import kit_gains, note_gains
from training.sounds import Soundfont
from training.tiny import ToneFont, note_files, parsed

STAGES = ("notes", "drums", "pack")


def note_phases() -> Tensor:
    """Starting phases (sounds, PARTIALS) in turns: sines, each partial a little later."""
    partial = torch.arange(1, PARTIALS + 1, dtype=torch.float64)
    spread = 0.5 * (partial * (math.sqrt(5) - 1) / 2 % 1)
    return (spread - 0.25).float().expand(len(PITCHED), -1).contiguous()


def pack(weights: dict[str, Tensor], out: Path) -> str:
    """Adds phases and gains, writes half-precision safetensors, returns their sha256."""
    whole = {**weights, "note_phase": note_phases()}
    whole = {name: tensor.half().float() for name, tensor in whole.items()}
    with torch.inference_mode():
        whole["note_gain"] = note_gains({**whole, "note_gain": torch.ones(len(PITCHED))})
        whole["kit_gain"] = kit_gains({**whole, "kit_gain": torch.ones(len(KITS))})
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: t.half().contiguous() for name, t in whole.items()}, out)
    return hashlib.sha256(out.read_bytes()).hexdigest()


def main(argv: Sequence[str] | None = None) -> None:
    """Fit the networks stage by stage and write their weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/decoder"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", nargs="*", default=list(STAGES), choices=STAGES)
    parser.add_argument("--note-steps", type=int, default=1600)
    parser.add_argument("--wave-steps", type=int, default=1600)
    parser.add_argument("--noise-steps", type=int, default=800)
    parser.add_argument("--note-start", type=Path, help="notes.pt of an earlier run to go on from")
    parser.add_argument("--threads", type=int, default=1)
    options = parsed(parser, argv, note_steps=2, wave_steps=2, noise_steps=2)
    torch.set_num_threads(options.threads)

    def report(line: str) -> None:
        print(line, flush=True)

    if options.tiny:
        options.data.mkdir(parents=True, exist_ok=True)
        note_files(options.data)
    notes, drums = options.data / "notes.pt", options.data / "drums.pt"
    if "notes" in options.stages:
        start = options.note_start
        fitted = fit_notes(options.data, options.seed, options.note_steps, report, start)
        torch.save(fitted, notes)
    if "drums" in options.stages:
        hits = render_hits(ToneFont(), (64, 127)) if options.tiny else render_hits(Soundfont())
        fitted = fit_drums(hits, options.seed, options.wave_steps, options.noise_steps, report)
        torch.save(fitted, drums)
    if "pack" in options.stages:
        weights = torch.load(notes) | torch.load(drums)
        digest = pack(weights, options.out)
        write_origin(options.out, options)
        report(f"{options.out}: {options.out.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
