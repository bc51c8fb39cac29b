"""Intent -> features, the conditions of every latent frame, and the network's input from them.

Each group of feature channels has a flag for whether it is given at all, so every condition is
optional; training drops groups at random. Channels lie in the order of GROUPS; pitches are counted
from the tonic as in latents. Training uses the same input. Knows nothing of torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from diffusion.embedded.latents import (
    FRAMES_PER_BEAT,
    LAYOUT,
    PARTS,
    PITCH_ROWS,
    frames_of,
    tonic_shift,
)
from diffusion.embedded.performance import Played
from midi.grid import Grid
from midi.key import Key

SECTIONS: tuple[str, ...] = ("intro", "verse", "chorus", "bridge", "outro")
TUNE_LOW, TUNE_ROWS = 42, 56  # every pitch of the lead's and the vocals' ranges in any key

# name -> number of channels; those after the first two end with an "is given" flag (presence with
# one flag a part).
GROUPS: Mapping[str, int] = {
    "time": 12,
    "form": 4,
    "tempo": 1 + 1,
    "key": 12 + 1 + 1,
    "tune": TUNE_ROWS + 2 + 1,
    "harmony": 12 + 12 + 1 + 1,
    "lead": 2 + 1,
    "section": len(SECTIONS) + 1,
    "intensity": 1 + 1,
    "presence": 2 * len(PARTS),
    "ending": 1 + 1,
}
SLICES: Mapping[str, slice] = {
    name: slice(end - GROUPS[name], end)
    for name, end in zip(GROUPS, accumulate(GROUPS.values()), strict=True)
}
CHANNELS = sum(GROUPS.values())
CHORD_DOUBT, BASS_DOUBT = 4.0, 1.0
BASS_FRAMES = FRAMES_PER_BEAT // 2
WINDOW_FRAMES = 36 * FRAMES_PER_BEAT
# Features, known latents, one flag a part for where they are known, one flag for inside the piece.
CONTEXT_CHANNELS = CHANNELS + LAYOUT.channels + len(PARTS) + 1


@dataclass(frozen=True, slots=True)
class Harmony:
    """Pitch classes, 0 to 11, to keep to from `start_beats` on; none: no chord is to sound.

    `bass` is the lowest, None where it is free; `struck`: a chord begins here.
    """

    start_beats: float
    length_beats: float
    pitch_classes: tuple[int, ...]
    bass: int | None = None
    struck: bool = True


@dataclass(frozen=True, slots=True)
class Intent:
    """The conditions of a generation, in the embedded model's own terms.

    `tune` is the melody to play (None: write one), `harmony` the chords to keep to, `sections` one
    name a bar ("" unknown), `intensity` 0..1 a bar, `tokens` the style words
    (vocabulary.ParsedPrompt.tokens). `presence` says of a part in which bars it plays, nothing of
    parts that it does not name; `ends` whether the music comes to an end in its last bar.
    """

    grid: Grid
    key: Key
    lead: str
    tokens: tuple[int, ...]
    tune: tuple[Played, ...] | None = None
    harmony: tuple[Harmony, ...] | None = None
    sections: tuple[str, ...] | None = None
    intensity: tuple[float, ...] | None = None
    presence: Mapping[str, tuple[bool, ...]] | None = None
    ends: bool | None = None


def features(intent: Intent) -> np.ndarray:
    """Return the features (frames, CHANNELS) float32 of `intent`."""
    frames = frames_of(float(intent.grid.beats))
    out = np.zeros((frames, CHANNELS), np.float32)
    bars = np.array([float(b) for b in intent.grid.bar_starts])
    beat = np.arange(frames) / FRAMES_PER_BEAT
    bar = np.clip(np.searchsorted(bars, beat + 1e-6, side="right") - 1, 0, len(bars) - 2)
    _time(out[:, SLICES["time"]], intent.grid, beat, bar, bars)
    _form(out[:, SLICES["form"]], bar, len(bars) - 1, intent.sections)
    _tempo(out[:, SLICES["tempo"]], intent.grid, beat)
    _key(out[:, SLICES["key"]], intent.key)
    if intent.tune is not None:
        _tune(out[:, SLICES["tune"]], intent.tune, intent.key.tonic)
    if intent.harmony is not None:
        _harmony(out[:, SLICES["harmony"]], intent.harmony, intent.key.tonic)
    lead = out[:, SLICES["lead"]]
    lead[:, 0 if intent.lead == "melody" else 1] = lead[:, -1] = 1.0
    if intent.sections is not None:
        section = out[:, SLICES["section"]]
        for index, name in enumerate(SECTIONS):
            section[:, index] = np.array([s == name for s in intent.sections], np.float32)[bar]
        section[:, -1] = section[:, :-1].max(axis=1)
    if intent.intensity is not None:
        level = out[:, SLICES["intensity"]]
        level[:, 0] = np.array(intent.intensity, np.float32)[bar]
        level[:, -1] = 1.0
    for part, plays in (intent.presence or {}).items():
        column = SLICES["presence"].start + 2 * PARTS.index(part)
        out[:, column] = np.array(plays, np.float32)[bar]
        out[:, column + 1] = 1.0
    if intent.ends is not None:
        out[:, SLICES["ending"]] = float(intent.ends), 1.0
    return out


def silent_frames(intent: Intent) -> np.ndarray:
    """Return (frames, parts) bool: where a part is known not to play."""
    given = features(intent)[:, SLICES["presence"]].reshape(-1, len(PARTS), 2)
    silent: np.ndarray = (given[..., 1] > 0) & (given[..., 0] == 0)
    return silent


def chord_doubt(intent: Intent) -> np.ndarray:
    """Return (frames, LAYOUT.channels) how unlikely, in logits, a pitch is made by the chords.

    The chords' part keeps to their notes, the bass to the lowest of them where each begins and
    mostly to the others after; what is not in them costs CHORD_DOUBT, or BASS_DOUBT in passing.
    """
    frames = frames_of(float(intent.grid.beats))
    out = np.zeros((frames, LAYOUT.channels), np.float32)
    shift = tonic_shift(intent.key.tonic)
    for chord in intent.harmony or ():
        if not chord.struck or not chord.pitch_classes:
            continue
        begin = int(chord.start_beats * FRAMES_PER_BEAT + 0.5)
        end = int((chord.start_beats + chord.length_beats) * FRAMES_PER_BEAT + 0.5)
        bass = chord.pitch_classes[0] if chord.bass is None else chord.bass
        classes = set(chord.pitch_classes) | {bass}
        first = min(end, begin + BASS_FRAMES)
        for part, inside, start, stop, cost in (
            ("comp", classes, begin, end, CHORD_DOUBT),
            ("bass", {bass}, begin, first, CHORD_DOUBT),
            ("bass", classes, first, end, BASS_DOUBT),
        ):
            low, width = PITCH_ROWS[part]
            strange = [(low + row + shift) % 12 not in inside for row in range(width)]
            out[start:stop, LAYOUT.notes[part]] = np.where(strange, cost, 0.0)
    return out


def _time(out: np.ndarray, grid: Grid, beat: np.ndarray, bar: np.ndarray, bars: np.ndarray) -> None:
    """Phases of the beat, its half and double, the bar; how long bars are; the downbeat itself."""
    for column, period in enumerate((0.5, 1.0, 2.0)):
        out[:, 2 * column] = np.sin(2 * np.pi * beat / period)
        out[:, 2 * column + 1] = np.cos(2 * np.pi * beat / period)
    length = bars[bar + 1] - bars[bar]
    phase = (beat - bars[bar]) / length
    out[:, 6], out[:, 7] = np.sin(2 * np.pi * phase), np.cos(2 * np.pi * phase)
    out[:, 8] = phase
    out[:, 9] = length / 4.0
    out[:, 10] = np.abs(beat - bars[bar]) < 0.5 / FRAMES_PER_BEAT
    felt_in_eighths = [grid.meter_at_bar(i).denominator >= 8 for i in range(len(bars) - 1)]
    out[:, 11] = np.array(felt_in_eighths, np.float32)[bar]


def _form(out: np.ndarray, bar: np.ndarray, bars: int, sections: tuple[str, ...] | None) -> None:
    """How near a bar is to either end of the piece, and of its section if those are known."""
    out[:, 0] = np.clip(1.0 - bar / 4.0, 0.0, 1.0)
    out[:, 1] = np.clip(1.0 - (bars - 1 - bar) / 4.0, 0.0, 1.0)
    if sections is None:
        return
    since, until = np.zeros(bars), np.zeros(bars)
    for i in range(1, bars):
        since[i] = 0 if sections[i] != sections[i - 1] else since[i - 1] + 1
    for i in range(bars - 2, -1, -1):
        until[i] = 0 if sections[i] != sections[i + 1] else until[i + 1] + 1
    out[:, 2] = np.clip(1.0 - since / 4.0, 0.0, 1.0)[bar]
    out[:, 3] = np.clip(1.0 - until / 4.0, 0.0, 1.0)[bar]


def _tempo(out: np.ndarray, grid: Grid, beat: np.ndarray) -> None:
    if grid.is_constant:
        out[:, 0] = np.log2(grid.bpm / 120.0)
    else:
        out[:, 0] = [np.log2(grid.bpm_at(b) / 120.0) for b in beat]
    out[:, 1] = 1.0


def _key(out: np.ndarray, key: Key) -> None:
    """The scale from its tonic up, and the tonic's distance from C (which moves registers)."""
    for pitch_class in key.pitch_classes:
        out[:, (pitch_class - key.tonic) % 12] = 1.0
    out[:, 12] = tonic_shift(key.tonic) / 6.0
    out[:, 13] = 1.0


def _tune(out: np.ndarray, tune: Sequence[Played], tonic: int) -> None:
    shift = tonic_shift(tonic)
    for note in tune:
        exact = note.start_beats * FRAMES_PER_BEAT
        begin = int(np.floor(exact + 0.5))
        end = int(np.floor((note.start_beats + note.length_beats) * FRAMES_PER_BEAT + 0.5))
        row = note.pitch - shift - TUNE_LOW
        if begin >= len(out) or not 0 <= row < TUNE_ROWS:
            continue
        out[begin : max(end, begin + 1), row] = 1.0
        out[begin, TUNE_ROWS] = 1.0
        out[begin, TUNE_ROWS + 1] = 2.0 * (exact - begin)
    out[:, TUNE_ROWS + 2] = 1.0


def _harmony(out: np.ndarray, chords: Sequence[Harmony], tonic: int) -> None:
    """Twelve pitch classes, the bass among twelve, where a chord begins, where one is given."""
    for chord in chords:
        begin = int(chord.start_beats * FRAMES_PER_BEAT + 0.5)
        end = int((chord.start_beats + chord.length_beats) * FRAMES_PER_BEAT + 0.5)
        for pitch_class in chord.pitch_classes:
            out[begin:end, (pitch_class - tonic) % 12] = 1.0
        if chord.bass is not None:
            out[begin:end, 12 + (chord.bass - tonic) % 12] = 1.0
        if chord.struck:
            out[begin : min(begin + 1, end), 24] = 1.0
        out[begin:end, 25] = 1.0


def drop(features: np.ndarray, groups: Sequence[str]) -> None:
    """Remove the optional `groups` from features (..., channels from the first on), in place."""
    for name in groups:
        features[..., SLICES[name]] = 0.0
        if name == "section":  # where in its section a bar lies goes with the section
            form = SLICES["form"]
            features[..., form.start + 2 : form.stop] = 0.0


def pack_input(features: np.ndarray, known: np.ndarray, known_parts: np.ndarray) -> np.ndarray:
    """Return the context (WINDOW_FRAMES, CONTEXT_CHANNELS) float32 of at most a window's frames.

    `features` (frames, CHANNELS) describe what is asked; `known` latents (frames, channels) count
    where `known_parts` (frames, parts) is 1. Frames after the last are zero.
    """
    frames = len(features)
    packed = np.zeros((WINDOW_FRAMES, CONTEXT_CHANNELS), np.float32)
    inside = np.ones((frames, 1), np.float32)
    packed[:frames] = np.concatenate(
        [features, known * known_parts[..., LAYOUT.owners], known_parts, inside], axis=-1
    )
    return packed
