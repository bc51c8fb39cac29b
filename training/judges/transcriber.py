"""Notes found by basic-pitch (its ONNX network is in its wheel), which is imported only here."""

from __future__ import annotations

import contextlib
import io
import logging
from functools import cache
from pathlib import Path
from typing import Any

NoteHeard = tuple[float, float, int]  # start and end in seconds, MIDI pitch


@cache
def _network() -> Any:
    logging.disable(logging.WARNING)
    import basic_pitch
    from basic_pitch.inference import Model

    folder = Path(basic_pitch.__file__).parent / "saved_models/icassp_2022"
    return Model(folder / "nmp.onnx")


def notes_of(path: Path) -> list[NoteHeard]:
    """Return the notes of a sound file in order of start."""
    with contextlib.redirect_stdout(io.StringIO()):
        network = _network()
        from basic_pitch.inference import predict

        _, _, events = predict(path, network)
    return sorted((float(start), float(end), int(pitch)) for start, end, pitch, *_ in events)


def f1(
    heard: list[NoteHeard],
    written: list[NoteHeard],
    others: list[NoteHeard] = (),  # type: ignore[assignment]
    within_seconds: float = 0.05,
) -> float:
    """Return the F1 of `written` in `heard`: equal pitch, onsets within so many seconds.

    What is heard of `others`, which play in the same sound, counts neither for nor against.
    """
    left = list(heard)

    def take(notes: list[NoteHeard]) -> int:
        hits = 0
        for start, _, pitch in notes:
            near = [h for h in left if h[2] == pitch and abs(h[0] - start) <= within_seconds]
            if near:
                left.remove(min(near, key=lambda h: abs(h[0] - start)))
                hits += 1
        return hits

    found = take(written)
    take(others)
    # What rings on in the others is no false note either: a pitch that sounds there just now.
    left = [
        h
        for h in left
        if not any(o[2] == h[2] and o[0] - 0.1 <= h[0] <= o[1] + 0.2 for o in others)
    ]
    total = len(written) + found + len(left)
    return 2 * found / total if total else 1.0
