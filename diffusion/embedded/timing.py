"""When notes begin: exactly on the grid, or beside it as people play.

The network writes each note on a frame, a twelfth of a beat, and how far beside it the note is
played. The grid are sixteenths and their triplets; a frame that is neither is a swung one and goes
to the triplet beside it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import replace

from diffusion.embedded.latents import FRAMES_PER_BEAT
from diffusion.embedded.performance import Part, Performance

# For each twelfth of a beat the one on the grid.
_ON_GRID = (0, 0, 2, 3, 4, 4, 6, 8, 8, 9, 10, 12)
_HALF, _SWUNG = 6, 8  # the second eighth of a beat, straight and in triplets
SHORTEST_BEATS = 1 / FRAMES_PER_BEAT
TOUCHING_BEATS = 0.05  # a note that ends so near the next one's start ends with it


def retimed(
    performance: Performance,
    humanise: float = 0.0,
    swing: float | None = None,
    kept: Collection[str] = (),
) -> Performance:
    """Return `performance` with its notes beside the grid by a share of what was played.

    `humanise` 0 is exactly on the grid, 1 as played. `swing` moves the second eighth of each beat,
    0 straight, 1 to the last triplet; None leaves it as the style has it. Ends move with starts
    where they touch; the parts in `kept` stay as they are.
    """
    parts = {
        name: part if name in kept else _retimed(part, humanise, swing, performance.beats)
        for name, part in performance.parts.items()
    }
    return Performance(performance.beats, parts)


def place(start_beats: float, humanise: float = 0.0, swing: float | None = None) -> float:
    """Return where a note that was played at `start_beats` begins, in beats."""
    exact = start_beats * FRAMES_PER_BEAT
    frame = int(exact + 0.5)
    beat, twelfth = divmod(frame, FRAMES_PER_BEAT)
    on_grid = float(_ON_GRID[twelfth])
    if swing is not None and on_grid in (_HALF, _SWUNG):
        on_grid = _HALF + (_SWUNG - _HALF) * swing
    beside = exact - frame
    return max(0.0, (beat * FRAMES_PER_BEAT + on_grid + humanise * beside) / FRAMES_PER_BEAT)


def _retimed(part: Part, humanise: float, swing: float | None, beats: float) -> Part:
    moves = {
        note.start_beats: place(note.start_beats, humanise, swing) - note.start_beats
        for note in part.notes
    }
    begins = sorted(moves)
    notes = []
    for note in part.notes:
        start = note.start_beats + moves[note.start_beats]
        end = note.start_beats + note.length_beats
        at = bisect_left(begins, end - TOUCHING_BEATS)
        touched = at < len(begins) and begins[at] <= end + TOUCHING_BEATS
        end += moves[begins[at] if touched else note.start_beats]
        if start < beats:
            length = min(max(end - start, SHORTEST_BEATS), beats - start)
            notes.append(replace(note, start_beats=start, length_beats=length))
    notes.sort(key=lambda note: (note.start_beats, note.pitch))
    return replace(part, notes=tuple(notes))
