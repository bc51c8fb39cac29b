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
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np

from diffusion.embedded import intent as intents
from diffusion.embedded.intent import Harmony
from diffusion.embedded.latents import FRAMES_PER_BEAT, LAYOUT, encode
from diffusion.embedded.performance import RANGES, Performance
from diffusion.embedded.vocabulary import ParsedPrompt
from midi.grid import Grid
from midi.key import Key
from training.compose import Piece, compose
from training.compose.piece import Chord

LATENT_SCALE = 100.0
INVERTING, INVERTED = 0.3, 0.3  # shares of pieces, and of their chords
EARLY_BEATS = 0.1  # by which a note before a bar line belongs to the next bar


@dataclass(frozen=True, slots=True)
class Example:
    """One piece as arrays: latents (frames, channels) int8, context (frames, channels) float16.

    `only` is the one part (its place in PARTS) that is known, -1 where all are.
    """

    latents: np.ndarray
    context: np.ndarray
    tokens: tuple[int, ...]
    bar_frames: np.ndarray
    only: int = -1


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
        harmony=tuple(
            Harmony(c.start_beats, c.length_beats, c.pitch_classes, c.root) for c in piece.chords
        ),
        sections=piece.sections,
        intensity=piece.intensity,
        presence=piece.presence,
        ends=piece.ending == "full",
    )


def example_of(piece: Piece) -> Example:
    """Return `piece` as the arrays that training reads."""
    return example(intent_of(piece), piece.performance)


def example(intent: intents.Intent, performance: Performance, only: int = -1) -> Example:
    """Return what is asked and what is played as the arrays that training reads."""
    latents = encode(performance, intent.key.tonic)
    context = intents.features(intent)
    bars = np.array([round(float(b) * FRAMES_PER_BEAT) for b in intent.grid.bar_starts])
    stored = np.clip(np.rint(latents * LATENT_SCALE), -127, 127).astype(np.int8)
    return Example(stored, context.astype(np.float16), intent.tokens, bars, only)


def inverted(piece: Piece, draw: Random) -> Piece:
    """Return `piece` with some chords over another bass note, as it is said and as it is played.

    The composer's bass knows roots alone; where it plays one of such a chord it plays that note.
    """
    low, high = RANGES["bass"]
    basses: dict[Chord, int] = {}
    for chord in piece.chords:
        others = [pitch for pitch in chord.pitch_classes if pitch != chord.root]
        if others and draw.random() < INVERTED:
            basses[chord] = draw.choice(others)
    starts = [chord.start_beats for chord in piece.chords]
    notes = []
    for note in piece.performance.parts["bass"].notes:
        chord = piece.chords[max(0, bisect_right(starts, note.start_beats + EARLY_BEATS) - 1)]
        if chord in basses and note.pitch % 12 == chord.root:
            step = (basses[chord] - chord.root + 6) % 12 - 6
            pitch = note.pitch + step
            pitch += 12 * ((pitch < low) - (pitch > high))
            note = replace(note, pitch=pitch)
        notes.append(note)
    chords = tuple(replace(chord, root=basses.get(chord, chord.root)) for chord in piece.chords)
    return replace(piece, chords=chords, performance=piece.performance.with_notes("bass", notes))


def _make(seed: int) -> Example:
    draw = Random(f"inversions {seed}")
    piece = compose(seed)
    if draw.random() < INVERTING:
        piece = inverted(piece, draw)
    return example_of(piece)


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
        only=np.array([e.only for e in examples]),
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
