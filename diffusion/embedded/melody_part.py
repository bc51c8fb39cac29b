"""The user's melody as a part of the band: moved into the part's range, else kept as written."""

from __future__ import annotations

from collections.abc import Sequence

from diffusion.embedded.intent import Harmony
from diffusion.embedded.performance import RANGES, Played
from midi.chords import Chord
from midi.melody import Melody


def tune_of(melody: Melody, part: str) -> tuple[tuple[Played, ...], tuple[str, ...]]:
    """Return `melody` as notes of `part`, and sentences on what had to be moved.

    The whole melody moves by octaves until most of it lies in the part's range; single notes
    still outside are moved by octaves of their own.
    """
    low, high = RANGES[part]
    pitches = [note.pitch for note in melody.notes]

    def outside(octaves: int) -> int:
        return sum(not low <= pitch + 12 * octaves <= high for pitch in pitches)

    octaves = min(range(-6, 7), key=lambda o: (outside(o), abs(o)))
    remarks = []
    if octaves:
        remarks.append(f"melody moved by {octaves:+d} octave(s) into the range of the {part} part")
    folded = outside(octaves)
    if folded:
        remarks.append(f"{folded} note(s) moved by an octave into the range of the {part} part")
    notes = []
    for note in melody.notes:
        pitch = note.pitch + 12 * octaves
        while pitch > high:
            pitch -= 12
        while pitch < low:
            pitch += 12
        notes.append(
            Played(float(note.start_beats), float(note.length_beats), pitch, note.velocity / 127.0)
        )
    return tuple(notes), tuple(remarks)


def harmony_of(chords: Sequence[Chord], melody: Melody | None) -> tuple[Harmony, ...] | None:
    """Return the chords, or else the melody with the notes below it, None where there are none."""
    if chords:
        return tuple(
            Harmony(each.start_beats, each.length_beats, each.pitch_classes, each.bass)
            for each in chords
        )
    if melody is None or not melody.harmony:
        return None
    return tuple(
        Harmony(float(note.start_beats), float(note.length_beats), (note.pitch % 12,), struck=False)
        for note in (*melody.harmony, *melody.notes)
    )


def agreement(played: Sequence[Played], tune: Sequence[Played]) -> float:
    """Return the F1 of note onsets: same pitch, within an eighth of a beat."""
    left = list(played)
    for note in tune:
        for other in left:
            if other.pitch == note.pitch and abs(other.start_beats - note.start_beats) <= 0.125:
                left.remove(other)
                break
    total = len(played) + len(tune)
    return 2.0 * (len(played) - len(left)) / total if total else 1.0
