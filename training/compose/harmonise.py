"""Chords for a given tune: the cheapest path through the key's chords (Viterbi)."""

from __future__ import annotations

from diffusion.embedded.bar import Bar
from training.compose.harmony import build
from training.compose.piece import Chord

# Chords at hand in each mode, and how dear each is.
CANDIDATES: dict[str, dict[str, float]] = {
    "major": {"1": 0.0, "4": 0.35, "5": 0.25, "6": 0.7, "2": 0.8, "3": 1.3},
    "minor": {"1": 0.0, "4": 0.4, "5D": 0.4, "5": 0.8, "7": 0.6, "6": 0.6, "3": 0.9},
    "dorian": {"1": 0.0, "7": 0.35, "4": 0.4, "5": 0.6, "3": 0.9},
    "mixolydian": {"1": 0.0, "7": 0.35, "4": 0.4, "5": 0.7},
}
# Progressions a listener expects or resents, by degree: reward below zero, penalty above.
STEPS: dict[tuple[str, str], float] = {
    ("5", "1"): -0.5, ("4", "1"): -0.15, ("4", "5"): -0.3, ("2", "5"): -0.4, ("6", "2"): -0.2,
    ("6", "4"): -0.25, ("1", "4"): -0.1, ("1", "6"): -0.1, ("1", "5"): -0.1, ("3", "6"): -0.3,
    ("5", "6"): 0.0, ("5", "4"): 0.5, ("5", "2"): 0.7, ("4", "6"): 0.3, ("2", "1"): 0.6,
    ("3", "1"): 0.6, ("6", "3"): 0.4, ("3", "5"): 0.4, ("7", "1"): -0.3, ("6", "7"): -0.2,
    ("3", "2"): 0.6, ("5", "3"): 0.6, ("6", "1"): 0.2, ("7", "3"): -0.1, ("5", "7"): 0.5,
}  # fmt: skip


def harmonise(
    notes: list[tuple[float, float, int]],
    bar: Bar,
    bars: int,
    tonic: int,
    mode: str,
    *,
    halves: bool,
    thirds: int,
    colour: float,
    split_beats: float,
) -> list[Chord]:
    """One chord a bar, or two when `halves` (the second at `split_beats`), from beat 0 on.

    `notes` are (start, length, pitch); `colour` (0..1) makes the rarer chords cheaper. Every
    eighth bar, and the last one, rests on the tonic; the fourth on tonic or dominant.
    """
    spans: list[tuple[float, float]] = []
    for index in range(bars):
        start = index * bar.beats
        if halves and (index + 1) % 8 and index + 1 < bars:
            spans += [
                (start, split_beats),
                (start + split_beats, bar.beats - split_beats),
            ]
        else:
            spans.append((start, bar.beats))
    names = list(CANDIDATES[mode])
    tones = {name: build(name, tonic, mode) for name in names}
    best: list[dict[str, tuple[float, str]]] = []
    for at, span in enumerate(spans):
        weights = _weights(notes, span, bar)
        layer: dict[str, tuple[float, str]] = {}
        for name in names:
            cost = CANDIDATES[mode][name] * (1.1 - 0.6 * colour)
            cost += sum(w for pc, w in weights.items() if pc not in tones[name])
            cost += sum(0.6 * w for pc, w in weights.items() if _grates(pc, tones[name]))
            cost += _placed(name, span, bar, bars)
            if at == 0:
                layer[name] = (cost, "")
                continue
            layer[name] = min(
                (best[-1][old][0] + cost + _step(old, name, colour), old) for old in names
            )
        best.append(layer)
    name = min(best[-1], key=lambda key: best[-1][key][0])
    path = [name]
    for layer in reversed(best[1:]):
        name = layer[name][1]
        path.append(name)
    chords: list[Chord] = []
    for (start, length), name in zip(spans, reversed(path), strict=True):
        classes = build(name, tonic, mode, thirds=thirds)
        previous = chords[-1] if chords else None
        if previous and previous.pitch_classes == classes and start % bar.beats > 1e-6:
            chords[-1] = Chord(
                previous.start_beats,
                previous.length_beats + length,
                classes[0],
                classes,
            )
        else:
            chords.append(Chord(start, length, classes[0], classes))
    return chords


def _weights(
    notes: list[tuple[float, float, int]], span: tuple[float, float], bar: Bar
) -> dict[int, float]:
    """How much each pitch class sounds in a span, metrically stressed, in shares of 2.5."""
    weights: dict[int, float] = {}
    for start, length, pitch in notes:
        sounding = min(start + length, span[0] + span[1]) - max(start, span[0])
        if sounding <= 1e-6:
            continue
        stress = 1 + 0.5 * bar.weight(start % bar.beats) + (0.4 if length >= 1 else 0)
        weights[pitch % 12] = weights.get(pitch % 12, 0.0) + sounding * stress
    total = sum(weights.values())
    return {pc: 2.5 * weight / total for pc, weight in weights.items()} if total else {}


def _grates(pitch_class: int, tones: tuple[int, ...]) -> bool:
    """Whether a note lies a semitone above a chord tone without being one."""
    return pitch_class not in tones and (pitch_class - 1) % 12 in tones


def _placed(name: str, span: tuple[float, float], bar: Bar, bars: int) -> float:
    index = int(span[0] / bar.beats + 1e-6)
    degree = name[0]
    if index == bars - 1:
        return 0.0 if degree == "1" else 3.0
    if (index + 1) % 8 == 0:
        return 0.0 if degree == "1" else 1.0
    if index % 8 == 0 and span[0] % bar.beats < 1e-6:
        return 0.0 if degree == "1" else 0.8
    if (index + 1) % 4 == 0:
        return 0.0 if degree in "15" else 0.5
    return 0.0


def _step(old: str, new: str, colour: float) -> float:
    if {old, new} == {"5", "5D"}:
        return 0.8
    if old == new:
        return 0.25 + 0.2 * colour
    return STEPS.get((old[0], new[0]), 0.2)
