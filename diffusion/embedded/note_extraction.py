"""Latents -> Performance: the notes in what the network generated.

The network predicts means, so an uncertain place is neither played nor silent. Drums, lead and
voice are read channel by channel. For bass and chords the onset channel decides when a note begins,
the pitch rows only which pitches and how long: read from the rows alone, every uncertain pitch
that flickers begins a note, and patterns break up (docs/lab/training.md).
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
    tonic_shift,
)
from diffusion.embedded.performance import DRUMS, TIMBRES, Part, Performance, Played

_PRESENT = -0.4  # half way between silent (-1) and the softest hit (0.2)
# A row sounds above this. The network predicts means, 2p - 1 for a pitch of probability p; with a
# threshold of 0 all uncertain notes would be lost and the band would play too little.
_SOUNDING = -0.4
# At an onset without a sounding row the likeliest above _DOUBTFUL sounds, and those _NEAR it.
_DOUBTFUL, _NEAR = -0.9, 0.15
_RELEASED = -0.1  # a note ends below this, or after a fall by _LOST if it was weaker
_LOST = 0.3
_PITCH_FRAMES = 6  # half a beat after the onset is averaged to find the pitches
_SHORTEST_FRAMES = 3
_DRUM_NOTE = tuple(DRUMS.values())


def decode(latents: np.ndarray, tonic: int, beats: float) -> Performance:
    """Return the Performance in `latents` (frames, channels), `beats` long.

    The latents need not be clean; the timbre of a part is the one with the most weight over all
    frames.
    """
    parts: dict[str, Part] = {}
    for part in PARTS:
        if part == "drums":
            notes = _drum_notes(latents, beats)
        else:
            notes = _pitched_notes(latents, part, tonic_shift(tonic), beats)
        weights = latents[:, LAYOUT.timbre[part]].mean(axis=0)
        gain_db = float(np.clip(latents[:, LAYOUT.gain[part]].mean() * GAIN_SCALE_DB, -15, 6))
        parts[part] = Part(tuple(notes), TIMBRES[part][int(weights.argmax())], round(gain_db, 2))
    return Performance(beats, parts)


def _velocity(value: float) -> float:
    return float(np.clip((value - 0.2) / 0.8, 0.1, 1.0))


def _start(frame: int, offset: float) -> float:
    return max(0.0, (frame + float(np.clip(offset / 2.0, -0.5, 0.5))) / FRAMES_PER_BEAT)


def _drum_notes(latents: np.ndarray, beats: float) -> list[Played]:
    hits = latents[:, LAYOUT.notes["drums"]]
    offsets = latents[:, LAYOUT.offset["drums"]]
    notes = []
    for frame, row in zip(*np.nonzero(hits > _PRESENT), strict=True):
        value = hits[frame, row]
        # Of neighbouring frames with the same hit the strongest counts.
        if frame and hits[frame - 1, row] >= value:
            continue
        if frame + 1 < len(hits) and hits[frame + 1, row] > value:
            continue
        start = _start(int(frame), offsets[frame])
        if start < beats:
            notes.append(Played(start, 0.25, _DRUM_NOTE[row], _velocity(value)))
    return notes


def _pitched_notes(latents: np.ndarray, part: str, shift: int, beats: float) -> list[Played]:
    rows = latents[:, LAYOUT.notes[part]]
    onset = latents[:, LAYOUT.onset[part]]
    if part in ("bass", "comp"):
        found = _struck(rows, onset, one_voice=part == "bass")
    else:
        found = _sung(rows, onset)
    notes = []
    for begin, end, row in found:
        struck = onset[begin] > _PRESENT
        start = _start(begin, latents[begin, LAYOUT.offset[part]] if struck else 0.0)
        length = min(end / FRAMES_PER_BEAT, beats) - start
        if length > 0:
            velocity = _velocity(onset[begin]) if struck else 0.6
            notes.append(Played(start, length, row + PITCH_ROWS[part][0] + shift, velocity))
    return sorted(notes, key=lambda note: (note.start_beats, note.pitch))


def _sung(rows: np.ndarray, onset: np.ndarray) -> list[tuple[int, int, int]]:
    """Read one voice, (begin, end, row) a note: in each frame the strongest row sounds."""
    strongest = np.zeros(rows.shape, bool)
    strongest[np.arange(len(rows)), rows.argmax(axis=1)] = True
    sounding = (rows > _SOUNDING) & strongest
    return [
        (begin, end, int(row))
        for row in np.nonzero(sounding.any(axis=0))[0]
        for begin, end in _runs(sounding[:, row], onset)
    ]


def _runs(sounding: np.ndarray, onset: np.ndarray) -> list[tuple[int, int]]:
    """Return (begin, end) of each run; an onset inside a run begins another.

    The silent frame that encode puts before a repeated note is given back to the note before.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], sounding.astype(np.int8), [0]))))
    runs: list[tuple[int, int]] = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        for frame in [f for f in range(begin + 2, end) if onset[f] > _PRESENT + 0.4]:
            runs.append((begin, frame))
            begin = frame
        runs.append((begin, end))
    return [
        (begin, end + 1 if i + 1 < len(runs) and runs[i + 1][0] == end + 1 else end)
        for i, (begin, end) in enumerate(runs)
    ]


def _struck(rows: np.ndarray, onset: np.ndarray, *, one_voice: bool) -> list[tuple[int, int, int]]:
    """Read bass or chords, (begin, end, row) a note: they begin at onsets and nowhere else."""
    ends: dict[tuple[int, int], int] = {}  # of each note, by the frame and row where it begins
    last: dict[int, int] = {}  # where the last note of each row begins
    for begin, end in itertools.pairwise([*_peaks(onset), len(rows)]):
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


def _peaks(onset: np.ndarray) -> list[int]:
    """Return the frames with an onset; of neighbours the strongest."""
    padded = np.pad(onset, 1, constant_values=-np.inf)
    peak = (onset > _PRESENT) & (onset > padded[:-2]) & (onset >= padded[2:])
    return [int(frame) for frame in np.flatnonzero(peak)]


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
