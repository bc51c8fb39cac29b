"""Compose pieces and keep them as latents and contexts for training.

    python -m training.dataset --pieces 8000 --first-seed 1 --out data/band

writes OUT.npz with all pieces after one another: latents as int8 hundredths, contexts (with
every condition given) as float16, style tokens, and where each piece and each of its bars begins.
Seeds that end in 0 are held out (compose() never makes them) and are left out here too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffusion.embedded import intent as intents
from diffusion.embedded.latents import FRAMES_PER_BEAT, LAYOUT, encode
from diffusion.embedded.vocabulary import ParsedPrompt
from midi.grid import Grid
from midi.key import Key
from training.compose import Piece, compose

LATENT_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class Example:
    """One piece as arrays: latents (frames, channels) int8, context (frames, channels) float16."""

    latents: np.ndarray
    context: np.ndarray
    tokens: tuple[int, ...]
    bar_frames: np.ndarray


def intent_of(piece: Piece) -> intents.Intent:
    """Return everything a request could have said about `piece`."""
    performance = piece.performance
    return intents.Intent(
        grid=Grid.constant(round(piece.bpm, 3), piece.meter, piece.bars),
        key=Key(piece.tonic, piece.mode),
        lead=piece.lead,
        tokens=ParsedPrompt(
            piece.style,
            piece.moods,
            {name: part.timbre for name, part in performance.parts.items() if part.notes},
        ).tokens(),
        tune=piece.tune,
        harmony=tuple((c.start_beats, c.length_beats, c.pitch_classes) for c in piece.chords),
        sections=piece.sections,
        intensity=piece.intensity,
    )


def example_of(piece: Piece) -> Example:
    """Return `piece` as the arrays that training reads."""
    intent = intent_of(piece)
    latents = encode(piece.performance, piece.tonic)
    context = intents.features(intent)
    bars = np.array([round(float(b) * FRAMES_PER_BEAT) for b in intent.grid.bar_starts])
    stored = np.clip(np.rint(latents * LATENT_SCALE), -127, 127).astype(np.int8)
    return Example(stored, context.astype(np.float16), intent.tokens, bars)


def _make(seed: int) -> Example:
    return example_of(compose(seed))


def write(examples: Sequence[Example], out: Path) -> Path:
    """Write the data file of all examples and return its path."""
    starts = np.cumsum([0] + [len(e.latents) for e in examples])
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.with_suffix(".npz")
    np.savez(
        path,
        latents=np.concatenate([e.latents for e in examples]),
        context=np.concatenate([e.context for e in examples]),
        tokens=np.array([e.tokens for e in examples]),
        starts=starts,
        bars=np.concatenate(
            [e.bar_frames[:-1] + s for e, s in zip(examples, starts, strict=False)]
        ),
    )
    return path


def main() -> None:
    """Compose the pieces and write the file; prints how many bars and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=8000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("data/band"))
    args = parser.parse_args()
    began = time.monotonic()
    seeds = [s for s in range(args.first_seed, args.first_seed + args.pieces) if s % 10]
    with multiprocessing.Pool(args.jobs) as pool:
        examples = pool.map(_make, seeds, chunksize=32)
    write(examples, args.out)
    beats = sum(len(e.latents) for e in examples) / FRAMES_PER_BEAT
    print(
        f"{len(examples)} pieces, {beats:.0f} beats, {LAYOUT.channels} channels, "
        f"{time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
