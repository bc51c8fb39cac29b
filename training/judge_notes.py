"""Judge what the diffusion model writes, on held-out requests, before any sound is made.

    python -m training.judge_notes --weights data/run1/ema.safetensors --requests 60 --seed 1

Each request is a held-out piece of the composer; half of them ask for an unseen melody. The same
figures are printed for the held-out truth, which bounds what can be expected.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from audio.features import Floats
from audio.tonality import PROFILES, key_relation
from diffusion.embedded.backbone import load_backbone
from diffusion.embedded.latents import encode
from diffusion.embedded.melody_part import agreement
from diffusion.embedded.note_extraction import decode
from diffusion.embedded.performance import Performance
from diffusion.embedded.sampler import STEPS, generate_latents
from midi.key import Key
from training.compose import Piece, compose
from training.dataset import intent_of

MIN_CORRELATION = 0.6  # two bars of music reach 0.63 to 0.94, noise and drums stay under 0.59


def best_key(energy: Floats) -> Key | None:
    """Return the key whose profile twelve pitch-class energies from C upwards correlate best with.

    None where they correlate with none.
    """
    if np.ptp(energy) == 0:
        return None
    fits = {
        (tonic, mode): float(np.corrcoef(np.roll(profile, tonic), energy)[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    tonic, mode = max(fits, key=lambda key: fits[key])
    return Key(tonic, mode) if fits[tonic, mode] >= MIN_CORRELATION else None


def key_of(performance: Performance) -> Key | None:
    """Return the key that fits the pitched notes best, weighted by their lengths."""
    weight = np.zeros(12)
    for name, part in performance.parts.items():
        for note in part.notes if name != "drums" else ():
            weight[note.pitch % 12] += min(note.length_beats, 4.0)
    return best_key(weight)


def repeats(performance: Performance, part: str, sections: tuple[str, ...]) -> float | None:
    """Return how far a bar of `part` repeats the one before: mean F1 of onsets, in twelfths.

    `sections` names one a bar; bars are compared within a section, those where the part rests in
    both are left out. Drums must repeat the drum as well, others only the place. None where
    there is nothing to compare.
    """
    length = performance.beats / len(sections)
    bars: list[set[tuple[int, int]]] = [set() for _ in sections]
    for note in performance.parts[part].notes:
        bar = int((note.start_beats + 1 / 24) // length)
        if bar < len(bars):
            place = round((note.start_beats - bar * length) * 12)
            bars[bar].add((place, note.pitch if part == "drums" else 0))
    scores = [
        2 * len(here & before) / (len(here) + len(before))
        for (before, was), (here, section) in itertools.pairwise(zip(bars, sections, strict=True))
        if section == was and (here or before)
    ]
    return float(np.mean(scores)) if scores else None


def figures(performance: Performance, piece: Piece, told_tune: bool) -> dict[str, float | str]:
    """Return the figures of one performance against the request it answers."""
    key = Key(piece.tonic, piece.mode)
    pitched = [n for name, p in performance.parts.items() if name != "drums" for n in p.notes]
    lead = performance.parts["lead" if piece.lead == "melody" else "vocals"].notes
    below = [n for name in ("bass", "comp") for n in performance.parts[name].notes]
    clashes, shared = 0, 0
    for note in lead:
        for other in below:
            if (
                other.start_beats <= note.start_beats + 0.05
                and other.start_beats + other.length_beats > note.start_beats + 0.2
            ):
                shared += 1
                clashes += (note.pitch - other.pitch) % 12 in (1, 11)
    drums = performance.parts["drums"].notes
    bars = [float(i) for i in np.arange(piece.bars) * performance.beats / piece.bars]
    on_one = sum(any(abs(n.start_beats - b) < 0.05 for n in drums) for b in bars) / piece.bars
    found = key_of(performance)
    result: dict[str, float | str] = {
        "in_scale": float(np.mean([n.pitch % 12 in key.pitch_classes for n in pitched] or [False])),
        "key": key_relation(found, key) if found else "none",
        "clash": clashes / max(1, shared),
        "drums_on_one": on_one,
    }
    if told_tune:
        result["tune_f1"] = agreement(lead, piece.tune)
    for name, part in performance.parts.items():
        result[f"{name}_per_bar"] = len(part.notes) / piece.bars
    for name in ("drums", "bass", "comp"):
        value = repeats(performance, name, piece.sections)
        if value is not None:
            result[f"repeats_{name}"] = value
    return result


def summary(rows: list[dict[str, float | str]]) -> dict[str, float]:
    """Return the mean of each figure, and the shares of each key relation."""
    out: dict[str, float] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if name in row]
        if name == "key":
            for relation in ("same", "relative", "fifth", "parallel", "other", "none"):
                out[f"key_{relation}"] = values.count(relation) / len(values)
        else:
            out[name] = float(np.mean([float(v) for v in values]))
    return {name: round(value, 4) for name, value in out.items()}


def main() -> None:
    """Write every request and print the figures of the model and of the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network = load_backbone(args.weights, "cpu")
    model_rows, truth_rows, spent = [], [], 0.0
    for index in range(args.requests):
        piece = compose(10 * (args.seed * 1000 + index), held_out_tunes=True)
        told_tune = index % 2 == 0
        asked = intent_of(piece)
        asked = replace(asked, harmony=None, tune=asked.tune if told_tune else None)
        began = time.monotonic()
        latents = generate_latents(
            network,
            asked,
            index,
            step=lambda done: None,
            steps=args.steps,
        )
        spent += time.monotonic() - began
        performance = decode(latents, piece.tonic, piece.performance.beats)
        model_rows.append(figures(performance, piece, told_tune))
        truth = decode(encode(piece.performance, piece.tonic), piece.tonic, performance.beats)
        truth_rows.append(figures(truth, piece, told_tune))
    print(json.dumps({"model": summary(model_rows), "truth": summary(truth_rows)}, indent=1))
    print(f"{spent / args.requests:.2f} s a request")


if __name__ == "__main__":
    main()
