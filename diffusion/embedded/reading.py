"""Latents -> Performance: which notes stand in what the network wrote.

The network predicts means, so a place it is unsure of is neither played nor silent. Drums, lead and
voice are read channel by channel. Bass and chords are read as their players think: the onset
channel says when something is struck, the lanes only which pitches and how long. Read from the
lanes alone, every flicker of a doubtful pitch began a note, and patterns fell apart
(docs/lab/training.md).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from diffusion.embedded.latents import (
    FRAMES_PER_BEAT,
    GAIN_SCALE_DB,
    LANES,
    LAYOUT,
    PARTS,
    tonic_shift,
)
from diffusion.embedded.performance import DRUMS, TIMBRES, Part, Performance, Played

_PRESENT = -0.4  # half way between silent (-1) and the softest hit (0.2)
# A lane sounds above this. The network predicts means, 2p - 1 where it gives a pitch the chance p;
# at nought every note it hesitates over would be lost and the band would play too little.
_SOUNDING = -0.4
# Where something is struck but no lane sounds, the likeliest above this does, and those near it.
_DOUBTFUL, _NEAR = -0.9, 0.15
_RELEASED = -0.1  # a struck lane ends here, or where it has lost _LOST if it was weaker
_LOST = 0.3
_HEARD_FRAMES = 6  # half a beat after the onset is averaged to find the pitches
_SHORTEST_FRAMES = 3
_DRUM_NOTE = tuple(DRUMS.values())


def decode(latents: np.ndarray, tonic: int, beats: float) -> Performance:
    """Return the Performance that `latents` (frames, channels) show, `beats` long.

    The latents need not be clean; the timbre of a part is the one with the most weight over all
    frames.
    """
    shift = tonic_shift(tonic)
    parts: dict[str, Part] = {}
    for part in PARTS:
        notes = _notes(latents, part, shift, beats)
        weights = latents[:, LAYOUT.timbre[part]].mean(axis=0)
        gain_db = float(np.clip(latents[:, LAYOUT.gain[part]].mean() * GAIN_SCALE_DB, -15, 6))
        parts[part] = Part(tuple(notes), TIMBRES[part][int(weights.argmax())], round(gain_db, 2))
    return Performance(beats, parts)


def _notes(latents: np.ndarray, part: str, shift: int, beats: float) -> list[Played]:
    if part == "drums":
        return _decode_drums(latents, beats)
    if part in ("bass", "comp"):
        return _decode_struck(latents, part, shift, beats)
    return _decode_line(latents, part, shift, beats)


def _velocity(value: float) -> float:
    return float(np.clip((value - 0.2) / 0.8, 0.1, 1.0))


def _start(frame: int, offset: float) -> float:
    return max(0.0, (frame + float(np.clip(offset / 2.0, -0.5, 0.5))) / FRAMES_PER_BEAT)


def _decode_drums(latents: np.ndarray, beats: float) -> list[Played]:
    hits = latents[:, LAYOUT.notes["drums"]]
    offsets = latents[:, LAYOUT.offset["drums"]]
    notes = []
    for frame, lane in zip(*np.nonzero(hits > _PRESENT), strict=True):
        value = hits[frame, lane]
        # Of two neighbouring frames that both claim the hit the stronger one has it.
        if frame and hits[frame - 1, lane] >= value:
            continue
        if frame + 1 < len(hits) and hits[frame + 1, lane] > value:
            continue
        start = _start(int(frame), offsets[frame])
        if start < beats:
            notes.append(Played(start, 0.25, _DRUM_NOTE[lane], _velocity(value)))
    return notes


def _decode_line(latents: np.ndarray, part: str, shift: int, beats: float) -> list[Played]:
    """Read one voice: the strongest lane has the frame."""
    low, _ = LANES[part]
    lanes = latents[:, LAYOUT.notes[part]]
    onset = latents[:, LAYOUT.onset[part]]
    strongest = np.zeros(lanes.shape, bool)
    strongest[np.arange(len(lanes)), lanes.argmax(axis=1)] = True
    sounding = (lanes > _SOUNDING) & strongest
    notes = []
    for lane in np.nonzero(sounding.any(axis=0))[0]:
        for begin, end in _runs(sounding[:, lane], onset):
            value = onset[begin]
            velocity = _velocity(value) if value > _PRESENT else 0.6
            offset = latents[begin, LAYOUT.offset[part]] if value > _PRESENT else 0.0
            start = _start(begin, offset)
            length = min(end / FRAMES_PER_BEAT, beats) - start
            if length > 0:
                notes.append(Played(start, length, int(lane) + low + shift, velocity))
    return sorted(notes, key=lambda note: (note.start_beats, note.pitch))


def _runs(sounding: np.ndarray, onset: np.ndarray) -> list[tuple[int, int]]:
    """Return (begin, end) of each run, which is cut where a new onset stands inside it.

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


def _decode_struck(latents: np.ndarray, part: str, shift: int, beats: float) -> list[Played]:
    """Read bass or chords: notes begin where the onset channel says so, and nowhere else."""
    low, _ = LANES[part]
    lanes = latents[:, LAYOUT.notes[part]]
    onset = latents[:, LAYOUT.onset[part]]
    struck: list[_Struck] = []
    last: dict[int, _Struck] = {}  # by lane
    for begin, end in itertools.pairwise([*_peaks(onset), len(lanes)]):
        heard = lanes[begin : min(end, begin + _HEARD_FRAMES)].mean(axis=0)
        chosen = _chosen(heard, one_voice=part == "bass")
        held = {
            lane
            for lane in chosen
            if lane in last and last[lane].end >= begin and lanes[begin - 1, lane] > _SOUNDING
        }
        if part == "bass" or held == set(chosen):  # an onset strikes something
            held = set()
        for lane in chosen:
            stop = begin + _length(lanes[begin:end, lane], float(heard[lane]))
            if stop == end - 1 and end < len(lanes):  # the silent frame before a note struck again
                stop = end
            if lane in held:
                last[lane].end = stop
            else:
                last[lane] = _Struck(begin, lane, stop)
                struck.append(last[lane])
    notes = []
    for note in struck:
        start = _start(note.begin, latents[note.begin, LAYOUT.offset[part]])
        length = min(note.end / FRAMES_PER_BEAT, beats) - start
        if length > 0:
            velocity = _velocity(onset[note.begin])
            notes.append(Played(start, length, note.lane + low + shift, velocity))
    return sorted(notes, key=lambda note: (note.start_beats, note.pitch))


@dataclass(slots=True)
class _Struck:
    """A note on its way: frames and lane; the end moves while it is held."""

    begin: int
    lane: int
    end: int


def _peaks(onset: np.ndarray) -> list[int]:
    """Return the frames with an onset; of neighbours that both claim it the stronger has it."""
    padded = np.pad(onset, 1, constant_values=-np.inf)
    peak = (onset > _PRESENT) & (onset > padded[:-2]) & (onset >= padded[2:])
    return [int(frame) for frame in np.flatnonzero(peak)]


def _chosen(heard: np.ndarray, *, one_voice: bool) -> list[int]:
    """Return the lanes that are struck, of `heard` (lanes,) means after the onset."""
    most = float(heard.max())
    if most <= _DOUBTFUL:
        return []
    if one_voice:
        return [int(heard.argmax())]
    least = _SOUNDING if most > _SOUNDING else max(_DOUBTFUL, most - _NEAR)
    return [int(lane) for lane in np.flatnonzero(heard >= least)]


def _length(lane: np.ndarray, heard: float) -> int:
    """Return for how many frames a struck lane sounds, of `lane` (frames,) up to the next onset.

    It ends where it stays silent for _SHORTEST_FRAMES, or until the next onset.
    """
    silent = lane <= min(_RELEASED, heard - _LOST)
    first = _SHORTEST_FRAMES if len(lane) > _SHORTEST_FRAMES else 1
    for frame in range(first, len(lane)):
        if silent[frame : frame + _SHORTEST_FRAMES].all():
            return frame
    return len(lane)
