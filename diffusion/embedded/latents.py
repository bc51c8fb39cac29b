"""Performance -> latents: what the band plays as a picture of numbers over musical time.

Latent frames follow the beat, not the clock: 12 a quarter note (24 a second at 120 bpm). A frame
is a twelfth of a beat, so sixteenths, triplets and swing fall on frames, a tempo map needs no
extra knowledge, and no rounding error can grow; what lies between frames is kept in offset
channels. Pitches are counted from the tonic, so that the model learns music once, not twelve
times. Whether something is struck stands apart from how loud, so that doubt is no softness:

    drums    12 hit channels (1 struck, -1 not), 12 velocities, 1 offset
    others   one row a pitch (1 sounding, -1 silent), 1 onset (as hits), 1 velocity, 1 offset
    timbre   one channel a timbre of each part (1 chosen, -1 not), constant in time
    gain     one channel a part, gain_db / 9

Velocities and offsets are 0 where nothing is struck. Knows nothing of torch. note_extraction.decode
is the way back; it inverts encode but for note ends, which keep to frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffusion.embedded.performance import DRUMS, RANGES, TIMBRES, Performance, Played

FRAMES_PER_BEAT = 12
PITCHED = ("bass", "comp", "lead", "vocals")
PARTS = ("drums", *PITCHED)
# The tonic moves pitches by -6..+5 semitones, so every range grows by that much at either end.
PITCH_ROWS: Mapping[str, tuple[int, int]] = {
    part: (low - 5, high - low + 12) for part, (low, high) in RANGES.items()
}
GAIN_SCALE_DB = 9.0
VELOCITY_MIDDLE, VELOCITY_SCALE = 0.6, 0.4  # velocities 0.2..1 become -1..1


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each part's channels lie in the last axis of the latents.

    `owners` holds, for every channel, the index in PARTS of the part it belongs to, `binary` (bool)
    which channels say yes or no.
    """

    notes: Mapping[str, slice]
    onset: Mapping[str, int]
    velocity: Mapping[str, slice]
    offset: Mapping[str, int]
    timbre: Mapping[str, slice]
    gain: Mapping[str, int]
    owners: np.ndarray
    binary: np.ndarray

    @property
    def channels(self) -> int:
        """Return the channels of a latent frame."""
        return len(self.owners)

    def struck(self, part: str) -> slice:
        """Return the binary channels that say where `part` strikes: hits, or its one onset."""
        if part == "drums":
            return self.notes[part]
        return slice(self.onset[part], self.onset[part] + 1)

    @property
    def is_struck(self) -> np.ndarray:
        """Which channels (channels,) bool say where any part strikes."""
        chosen = np.zeros(self.channels, bool)
        for part in PARTS:
            chosen[self.struck(part)] = True
        return chosen


def _layout() -> Layout:
    notes: dict[str, slice] = {}
    onset: dict[str, int] = {}
    velocity: dict[str, slice] = {}
    offset: dict[str, int] = {}
    timbre: dict[str, slice] = {}
    gain: dict[str, int] = {}
    owners: list[int] = []

    def take(part: str, width: int = 1) -> slice:
        owners.extend([PARTS.index(part)] * width)
        return slice(len(owners) - width, len(owners))

    for part in PARTS:
        notes[part] = take(part, len(DRUMS) if part == "drums" else PITCH_ROWS[part][1])
        if part != "drums":
            onset[part] = take(part).start
        velocity[part] = take(part, len(DRUMS) if part == "drums" else 1)
        offset[part] = take(part).start
    for part in PARTS:
        timbre[part] = take(part, len(TIMBRES[part]))
        gain[part] = take(part).start
    binary = np.zeros(len(owners), bool)
    for part in PARTS:
        binary[notes[part]] = True
        binary[onset.get(part, notes[part].start)] = True
    return Layout(notes, onset, velocity, offset, timbre, gain, np.array(owners), binary)


LAYOUT = _layout()
_DRUM_ROW = {note: row for row, note in enumerate(DRUMS.values())}


def tonic_shift(tonic: int) -> int:
    """Return the semitones, -6..5, by which a key with this tonic lies from C."""
    return (tonic + 6) % 12 - 6


def frames_of(beats: float) -> int:
    """Return how many latent frames cover so many beats, the last one perhaps in part."""
    return math.ceil(round(beats * FRAMES_PER_BEAT, 6))


def _place(start_beats: float) -> tuple[int, float]:
    """Return the nearest frame and the rest in frames, -0.5..0.5."""
    exact = start_beats * FRAMES_PER_BEAT
    frame = math.floor(exact + 0.5)
    return frame, exact - frame


def encode(performance: Performance, tonic: int) -> np.ndarray:
    """Return the latents (frames, channels) float32 of `performance` in a key on `tonic`.

    Notes outside a part's rows or after the end are left out.
    """
    frames = frames_of(performance.beats)
    latents = np.full((frames, LAYOUT.channels), -1.0, np.float32)
    for part in PARTS:
        latents[:, [LAYOUT.offset[part], LAYOUT.gain[part]]] = 0.0
        latents[:, LAYOUT.velocity[part]] = 0.0
        played = performance.parts.get(part)
        if played is None:
            continue
        latents[:, LAYOUT.gain[part]] = played.gain_db / GAIN_SCALE_DB
        latents[:, LAYOUT.timbre[part].start + TIMBRES[part].index(played.timbre)] = 1.0
        _encode_notes(latents, part, played.notes, tonic_shift(tonic))
    return latents


def _encode_notes(latents: np.ndarray, part: str, notes: Sequence[Played], shift: int) -> None:
    low, width = PITCH_ROWS.get(part, (0, len(DRUMS)))
    rows = latents[:, LAYOUT.notes[part]]
    velocities = latents[:, LAYOUT.velocity[part]]
    struck: dict[tuple[int, int], list[float]] = {}  # velocities by frame and column
    rests: dict[int, list[float]] = {}  # by frame
    for note in notes:
        frame, rest = _place(note.start_beats)
        row = _DRUM_ROW.get(note.pitch, -1) if part == "drums" else note.pitch - shift - low
        if not (0 <= row < width and 0 <= frame < len(latents)):
            continue
        struck.setdefault((frame, row if part == "drums" else 0), []).append(note.velocity)
        rests.setdefault(frame, []).append(rest)
        if part == "drums":
            rows[frame, row] = 1.0
            continue
        end = _place(note.start_beats + note.length_beats)[0]
        # A note struck again needs a silent frame before it, or the two would read as one.
        if frame and rows[frame - 1, row] > 0:
            rows[frame - 1, row] = -1.0
        rows[frame : max(end, frame + 1), row] = 1.0
        latents[frame, LAYOUT.onset[part]] = 1.0
    for (frame, column), together in struck.items():
        velocity = sum(together) / len(together)
        velocities[frame, column] = (velocity - VELOCITY_MIDDLE) / VELOCITY_SCALE
    for frame, apart in rests.items():
        latents[frame, LAYOUT.offset[part]] = 2.0 * sum(apart) / len(apart)
