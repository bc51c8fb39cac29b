"""Latents -> Performance: the notes in what the network generated.

The network tells chances (-1 never, 1 surely). Hits and onsets alone say where something is struck;
the pitch rows say only which pitches, and how long: read from the rows alone, every uncertain pitch
that flickers begins a note, and patterns break up (docs/lab/training.md). A hit of which the
network does not know the frame has its chance spread over neighbours, so theirs are added.
"""

from __future__ import annotations

import itertools

import numpy as np

from diffusion.embedded.latents import (
    FRAMES_PER_BEAT,
    GAIN_SCALE_DB,
    LAYOUT,
    PARTS,
    PITCH_ROWS,
    VELOCITY_MIDDLE,
    VELOCITY_SCALE,
    tonic_shift,
)
from diffusion.embedded.performance import DRUMS, TIMBRES, Part, Performance, Played

_SOUNDING = -0.2  # a row of a chord sounds above this: a chance of 0.4
# At an onset without a sounding row the likeliest above _DOUBTFUL sounds, and those _NEAR it.
_DOUBTFUL, _NEAR = -0.9, 0.15
_RELEASED = -0.1  # a note ends below this, or after a fall by _LOST if it was weaker
_LOST = 0.3
_PITCH_FRAMES = 6  # half a beat after the onset is averaged to find the pitches
_SHORTEST_FRAMES = 3
_DRUM_NOTE = tuple(DRUMS.values())


def decode(latents: np.ndarray, tonic: int, beats: float) -> Performance:
    """Return the Performance in `latents` (frames, channels), `beats` long.

    The latents need not be clean: what is likelier than not is struck. The timbre of a part is the
    one with the most weight over all frames.
    """
    parts: dict[str, Part] = {}
    for part in PARTS:
        peaks = _peaks(latents[:, LAYOUT.struck(part)])
        if part == "drums":
            notes = _drum_notes(latents, peaks, beats)
        else:
            notes = _pitched_notes(latents, part, peaks, tonic_shift(tonic), beats)
        weights = latents[:, LAYOUT.timbre[part]].mean(axis=0)
        gain_db = float(np.clip(latents[:, LAYOUT.gain[part]].mean() * GAIN_SCALE_DB, -15, 6))
        parts[part] = Part(tuple(notes), TIMBRES[part][int(weights.argmax())], round(gain_db, 2))
    return Performance(beats, parts)


def _velocity(value: float) -> float:
    return float(np.clip(VELOCITY_MIDDLE + VELOCITY_SCALE * value, 0.08, 1.0))


def _start(frame: int, offset: float) -> float:
    return max(0.0, (frame + float(np.clip(offset / 2.0, -0.5, 0.5))) / FRAMES_PER_BEAT)


def _peaks(struck: np.ndarray) -> list[tuple[int, int]]:
    """Return (frame, column) of what is struck, in order; of neighbouring frames the likeliest."""
    chance = np.pad(np.clip((struck + 1.0) / 2.0, 0.0, 1.0), ((1, 1), (0, 0)))
    before, here, after = chance[:-2], chance[1:-1], chance[2:]
    peak = (here > before) & (here >= after) & (before + here + after > 0.5)
    return [(int(frame), int(column)) for frame, column in zip(*np.nonzero(peak), strict=True)]


def _drum_notes(latents: np.ndarray, peaks: list[tuple[int, int]], beats: float) -> list[Played]:
    velocities = latents[:, LAYOUT.velocity["drums"]]
    offsets = latents[:, LAYOUT.offset["drums"]]
    notes = [
        Played(
            _start(frame, offsets[frame]), 0.25, _DRUM_NOTE[row], _velocity(velocities[frame, row])
        )
        for frame, row in peaks
    ]
    return [note for note in notes if note.start_beats < beats]


def _pitched_notes(
    latents: np.ndarray, part: str, peaks: list[tuple[int, int]], shift: int, beats: float
) -> list[Played]:
    onsets = [frame for frame, _ in peaks]
    found = _struck(latents[:, LAYOUT.notes[part]], onsets, one_voice=part != "comp")
    notes = []
    for begin, end, row in found:
        start = _start(begin, latents[begin, LAYOUT.offset[part]])
        length = min(end / FRAMES_PER_BEAT, beats) - start
        if length > 0:
            velocity = _velocity(float(latents[begin, LAYOUT.velocity[part]][0]))
            notes.append(Played(start, length, row + PITCH_ROWS[part][0] + shift, velocity))
    return sorted(notes, key=lambda note: (note.start_beats, note.pitch))


def _struck(rows: np.ndarray, onsets: list[int], *, one_voice: bool) -> list[tuple[int, int, int]]:
    """Read one part, (begin, end, row) a note: notes begin at onsets and nowhere else."""
    ends: dict[tuple[int, int], int] = {}  # of each note, by the frame and row where it begins
    last: dict[int, int] = {}  # where the last note of each row begins
    for begin, end in itertools.pairwise([*onsets, len(rows)]):
        levels = rows[begin : min(end, begin + _PITCH_FRAMES)].mean(axis=0)
        chosen = _chosen(levels, one_voice=one_voice)
        held = {
            row
            for row in chosen
            if row in last and ends[last[row], row] >= begin and rows[begin - 1, row] > _SOUNDING
        }
        if one_voice or held == set(chosen):  # an onset begins at least one note
            held = set()
        for row in chosen:
            stop = begin + _length(rows[begin:end, row], float(levels[row]))
            if stop == end - 1 and end < len(rows):  # the silent frame before a note struck again
                stop = end
            if row not in held:
                last[row] = begin
            ends[last[row], row] = stop
    return [(begin, end, row) for (begin, row), end in ends.items()]


def _chosen(levels: np.ndarray, *, one_voice: bool) -> list[int]:
    """Return the rows of the notes that begin, by `levels` (rows,): their means after the onset."""
    most = float(levels.max())
    if most <= _DOUBTFUL:
        return []
    if one_voice:
        return [int(levels.argmax())]
    least = _SOUNDING if most > _SOUNDING else max(_DOUBTFUL, most - _NEAR)
    return [int(row) for row in np.flatnonzero(levels >= least)]


def _length(row: np.ndarray, level: float) -> int:
    """Return how many frames a note sounds, from its `row` (frames,) up to the next onset.

    It ends where it stays silent for _SHORTEST_FRAMES, or until the next onset.
    """
    silent = row <= min(_RELEASED, level - _LOST)
    first = _SHORTEST_FRAMES if len(row) > _SHORTEST_FRAMES else 1
    for frame in range(first, len(row)):
        if silent[frame : frame + _SHORTEST_FRAMES].all():
            return frame
    return len(row)
