"""Scales, and chord progressions written in scale degrees."""

from __future__ import annotations

from random import Random

from training.compose.piece import Chord

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
# Alterations a degree may carry: D dominant seventh, M major triad, m minor triad, s suspended
# fourth, q added ninth, S diatonic seventh, h half diminished.
QUALITIES = {
    "D": (0, 4, 7, 10),
    "M": (0, 4, 7),
    "m": (0, 3, 7),
    "s": (0, 5, 7),
    "h": (0, 3, 6, 10),
}

# One token a bar, "/" for two chords in it. All leave no doubt where home is.
PROGRESSIONS = {
    "major": (
        "1 5 6 4",
        "1 6 4 5",
        "1 4 1 5",
        "1 1 4 5",
        "1 4 5 1",
        "1 5 1 4",
        "1 3 4 5",
        "1 4 6 5",
        "1 6 2 5",
        "1 2 5 1",
        "1 5 4 1",
        "1 5 6 3 4 1 4 5",
        "1 1 4 4 1 5 1/5 1",
        "1 4 1 5 1 4 5 1",
        "1 6 4 1 2 5 1 5",
        "1/5 6/4 1/5 1",
        "1 3 6 4 1 4 5 1",
    ),
    "minor": (
        "1 6 4 5D",
        "1 4 5D 1",
        "1 7 6 5D",
        "1 1 4 5D",
        "1 4 1 5D",
        "1 6 7 1",
        "1 1 6 5D",
        "1 5 1 4",
        "1 4 6 5D",
        "1 7 1 5D",
        "1 6 1 5D",
        "1 1 4 4 1 1 5D 1",
        "1 5D 1 4 1 6 5D 1",
        "1 4 7 3 6 4 5D 1",
    ),
    "dorian": ("1 4 1 5", "1 5 4 1", "1 1 4 1", "1 1 1 4", "1 5 1 4", "1 1 7 1"),
    "mixolydian": (
        "1 1 7 1",
        "1 5 7 1",
        "1 7 1 5",
        "1 1 1 7",
        "1 5 1 7",
        "1/7 1 1/7 1",
    ),
}
JAZZ_PROGRESSIONS = {
    "major": (
        "1 6D 2 5D",
        "1 6 2 5D",
        "2 5D 1 6D",
        "1 4 3/6D 2/5D",
        "1 2D 2 5D 1 6D 2/5D 1",
        "1 6 2 5D 3 6D 2/5D 1",
        "1 1D 4 4m 1 6D 2/5D 1",
    ),
    "minor": (
        "1 4 2h 5D",
        "1 6 2h 5D",
        "1 2h/5D 1 5D",
        "1 4 7 3 6 2h 5D 1",
        "2h 5D 1 1",
        "1 1 4 4 2h 5D 1 5D",
    ),
    "dorian": ("1 4 1 4", "1 2 1 4", "1 4 7 1"),
    "mixolydian": ("1 7 4 1", "1 1 7 1"),
}
BLUES_PROGRESSIONS = {
    "major": (
        "1D 4D 1D 1D 4D 4D 1D 1D 5D 4D 1D 5D",
        "1D 4D 1D 5D",
        "1D 1D 4D 1D 5D 4D 1D 5D",
    ),
    "minor": ("1 4 1 1 4 4 1 1 6 5D 1 5D", "1 4 1 5D"),
    "dorian": ("1 4 1 4",),
    "mixolydian": ("1D 1D 4D 1D", "1D 7 4D 1D"),
}


def scale_of(tonic: int, mode: str) -> tuple[int, ...]:
    """The scale's seven pitch classes, tonic first."""
    return tuple((tonic + step) % 12 for step in SCALES[mode])


def build(token: str, tonic: int, mode: str, *, thirds: int = 2) -> tuple[int, ...]:
    """Pitch classes, root first, of a degree such as "4", "5D" or "2h"; "S" adds a seventh.

    `thirds` are piled up on degrees without an alteration: 2 a triad, 3 a seventh, 4 a ninth.
    """
    scale = scale_of(tonic, mode)
    degree = int(token[0]) - 1
    quality = token[1:]
    if quality in QUALITIES:
        return tuple((scale[degree] + step) % 12 for step in QUALITIES[quality])
    size = 1 + max(thirds, 3 if quality == "S" else 2)
    return tuple(scale[(degree + 2 * third) % 7] for third in range(size))


def chord_scale(chord: Chord, tonic: int, mode: str) -> tuple[int, ...]:
    """The key's scale bent by the chord: its own notes replace their altered neighbours."""
    scale = list(scale_of(tonic, mode))
    for tone in chord.pitch_classes:
        if tone in scale:
            continue
        for at, pitch_class in enumerate(scale):
            near = (tone - pitch_class) % 12 in (1, 11)
            if near and pitch_class not in chord.pitch_classes:
                scale[at] = tone
                break
    return tuple(scale)


def progression(
    bars: int,
    start_beats: float,
    bar_beats: float,
    half_beats: float,
    text: str,
    tonic: int,
    mode: str,
    *,
    thirds: int,
    ending: str,
) -> list[Chord]:
    """Chords for `bars` bars from a progression that repeats; `ending` is "home" (dominant, tonic),
    "open" (on the dominant), "wrap" (anything but the tonic) or "".

    `half_beats` is where the second chord of a bar comes in.
    """
    tokens = [text.split()[bar % len(text.split())] for bar in range(bars)]
    dominant = "7" if mode == "mixolydian" else "5" if mode != "minor" else "5D"
    if ending == "home":
        tokens[-1] = "1"
        if bars > 2:
            tokens[-2] = dominant if mode != "dorian" else "4"
    elif bars > 1 and (ending == "open" or (ending == "wrap" and tokens[-1][0] == "1")):
        tokens[-1] = dominant if mode != "dorian" else "4"
    chords = []
    for bar, token in enumerate(tokens):
        at = start_beats + bar * bar_beats
        names = token.split("/") if half_beats < bar_beats else token.split("/")[-1:]
        spans = [(0.0, bar_beats)]
        if len(names) == 2:
            spans = [(0.0, half_beats), (half_beats, bar_beats - half_beats)]
        for name, (offset, length) in zip(names, spans, strict=True):
            tones = build(name, tonic, mode, thirds=thirds)
            chords.append(Chord(at + offset, length, tones[0], tones))
    return chords


def choose_progression(rng: Random, mode: str, family: str, avoid: str = "") -> str:
    """A progression of the style's family ("pop", "jazz" or "blues"), not `avoid` if possible."""
    table = {"jazz": JAZZ_PROGRESSIONS, "blues": BLUES_PROGRESSIONS}.get(family, PROGRESSIONS)
    choices = [text for text in table[mode] if text != avoid] or list(table[mode])
    return rng.choice(choices)
