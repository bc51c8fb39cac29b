"""Judges the transcription on stems whose notes are known, since they were rendered from them.

    python -m training.judge_transcription [--seed 7] [--pieces 24] [--font FONT.sf2] [--json]

Held-out pieces of the composer are rendered by FluidSynth, placed and in the room as backline's
own stems are (`--decoder`: by backline's own decoder), and what is heard is held against what was
played: F1 of onsets within 50 ms by class of drum (hat: closed and open; tom: all three), and of
notes (onset within 50 ms and the right pitch) for the bass. The thresholds in
stems/transcription/drums.py were chosen on pieces of seed 6; judge on others.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from audio.clip import Clip
from diffusion.embedded.decoder.decoder import Decoder, read_weights
from diffusion.embedded.engine import verify_weights
from stems.transcription.transcriber import detect
from training.held_out import RATE, HeldOut, held_out, seconds_of, soundfont_stems
from training.sounds import SOUNDFONT, Soundfont

WITHIN_SECONDS = 0.05
CLASSES: Mapping[str, tuple[int, ...]] = {
    "kick": (36,), "snare": (38,), "hat": (42, 46), "side_stick": (37,), "clap": (39,),
    "tom": (45, 47, 50), "crash": (49,), "ride": (51,), "shaker": (70,),
}  # fmt: skip

Onset = tuple[float, int]  # seconds, MIDI pitch or class


def hits(heard: Iterable[Onset], written: Iterable[Onset]) -> int:
    """Return how many written onsets are heard: each by one of its own kind, nearest first."""
    heard, written = list(heard), list(written)
    pairs = sorted(
        (abs(h[0] - w[0]), i, j)
        for i, h in enumerate(heard)
        for j, w in enumerate(written)
        if h[1] == w[1] and abs(h[0] - w[0]) <= WITHIN_SECONDS
    )
    used_heard, used_written = set(), set()
    for _, i, j in pairs:
        if i not in used_heard and j not in used_written:
            used_heard.add(i)
            used_written.add(j)
    return len(used_heard)


def judge(held: HeldOut, stems: Mapping[str, Clip], counts: dict[str, Counter[str]]) -> None:
    """Add one piece's counts: hits, heard and written, by drum class, and for bass notes."""
    grid, parts = held.conditions.grid, held.truth.parts
    end = float(grid.seconds) - 0.01
    for stem in ("drums", "bass"):
        if stem not in parts or not parts[stem].notes:
            continue
        written = [(s, p) for s, _, p in seconds_of(parts[stem].notes, grid) if s < end]
        heard = [(note.start_seconds, note.pitch) for note in detect(stems[stem], stem)]
        groups = CLASSES if stem == "drums" else {"bass": tuple(range(128))}
        for name, pitches in groups.items():
            same = 0 if stem == "drums" else None  # within a class one drum is as good as another
            mine, theirs = (
                [(s, p if same is None else same) for s, p in side if p in pitches]
                for side in (heard, written)
            )
            counts.setdefault(name, Counter()).update(
                hits=hits(mine, theirs), heard=len(mine), written=len(theirs)
            )


def f1(count: Mapping[str, int]) -> float | None:
    """Return 2 hits / (heard + written); None where there was nothing to detect."""
    both = count["heard"] + count["written"]
    return round(2 * count["hits"] / both, 4) if both else None


def main() -> None:
    """Render, detect, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--font", type=Path, default=SOUNDFONT)
    parser.add_argument("--decoder", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    path = verify_weights()["decoder"]
    weights, font, decoder = read_weights(path), Soundfont(options.font), Decoder(path)
    counts: dict[str, Counter[str]] = {}
    for number in range(options.pieces):
        held = held_out(number, options.seed)
        if options.decoder:
            stems: Mapping[str, Clip] = decoder.render(
                held.truth, held.conditions.grid, RATE, stems=("drums", "bass"), seed=number
            )
        else:
            with torch.inference_mode():
                stems = soundfont_stems(font, weights, held.truth, held.conditions.grid)
        judge(held, stems, counts)
    result = {name: {"f1": f1(count), **count} for name, count in counts.items()}
    if options.json:
        by = "decoder" if options.decoder else options.font.name
        print(json.dumps({"seed": options.seed, "pieces": options.pieces, "by": by, **result}))
        return
    for name, row in result.items():
        print(f"{name:10s} F1 {row['f1']}  {row['hits']} of {row['written']}, {row['heard']} heard")


if __name__ == "__main__":
    main()
