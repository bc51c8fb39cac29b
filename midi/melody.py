"""The melody: one voice of notes in beats on a grid, read from a MIDI file or from text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from midi.errors import MelodyError
from midi.grid import Grid
from midi.note import Note
from midi.number import counted, exact
from midi.smf import Score, read_smf

MAX_NOTES = 10_000
ROLLED_BEATS = Fraction(1, 16)  # a note cut to less than a 64th was part of a rolled chord

__all__ = ["Melody", "Note", "melody_from_text", "read_melody", "top_voice"]


@dataclass(frozen=True, slots=True)
class Melody:
    """A tune of one voice, the notes under it, and sentences on what was changed to fit it.

    `notes` do not overlap; both tuples ascend by start. Raises MelodyError.
    """

    notes: tuple[Note, ...]
    harmony: tuple[Note, ...] = ()
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.notes:
            raise MelodyError("melody holds no note")
        for note, following in pairwise(self.notes):
            if following.start_beats < note.end_beats:
                raise MelodyError(
                    f"melody must be one voice, but the note at beat "
                    f"{float(following.start_beats):g} begins before the one at beat "
                    f"{float(note.start_beats):g} has ended"
                )


def read_melody(source: Path | bytes, grid: Grid) -> Melody:
    """Read a Standard MIDI File (a path or its bytes) and fit it to the grid.

    Ticks become beats: a tempo map in the file moves no note, the grid's tempo counts. Beat 0 of
    the file is beat 0 of the grid; where the file opens with a shorter bar (a pickup written as
    1/4 before 4/4, as notation programs do) it stands at the end of the grid's first bar.
    Drums (channel 10) are not read. Raises MelodyError.
    """
    score = read_smf(source)
    changes = list(score.repairs)
    notes: Sequence[Note] = score.notes
    if not notes:
        drums = ", only drums (channel 10)" if score.drums else ""
        raise MelodyError(f"melody holds no pitched note{drums}")
    pickup = _pickup_beats(score)
    if pickup:
        shift = grid.bar_starts[1] - pickup % grid.bar_starts[1]
        notes = [replace(note, start_beats=note.start_beats + shift) for note in notes]
        changes.append(
            f"The pickup of {counted(pickup, 'beat')} stands at the end of bar 1; "
            f"the file's first full bar is bar 2."
        )
    return _fitted(notes, grid, changes)


def melody_from_text(text: str, grid: Grid) -> Melody:
    """Read "60:0:1 62:1:0.5:90", pitch:start:length[:velocity] in beats, and fit it to the grid.

    Starts and lengths may be fractions such as 1/3. Raises MelodyError.
    """
    words = text.split()
    if not words:
        raise MelodyError("notes must hold at least one pitch:start:length")
    if len(words) > MAX_NOTES:
        raise MelodyError(f"notes must be at most {MAX_NOTES}, not {len(words)}")
    return _fitted([_note_from_word(word) for word in words], grid, [])


def top_voice(notes: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """Split notes into the top voice and the rest.

    Of notes that begin together the highest is the melody. A higher note takes over from a lower
    one and ends it; a lower one that begins while the melody sounds is harmony if the melody
    note goes on for at least half of it, else it is the next note, played legato. What a takeover
    leaves shorter than a 64th was the start of a rolled chord and is harmony, uncut.
    """
    voice: list[Note] = []
    rest: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start_beats, -n.pitch, -n.length_beats)):
        held = voice[-1] if voice else None
        if held is None or held.end_beats <= note.start_beats:
            voice.append(note)
            continue
        overlap = min(held.end_beats, note.end_beats) - note.start_beats
        sounded = note.start_beats - held.start_beats
        if sounded == 0 or (note.pitch < held.pitch and 2 * overlap >= note.length_beats):
            rest.append(note)
            continue
        voice.pop()
        if sounded < ROLLED_BEATS:
            rest.append(held)
        else:
            voice.append(replace(held, length_beats=sounded))
        voice.append(note)
    return voice, sorted(rest, key=lambda n: (n.start_beats, n.pitch))


def _note_from_word(word: str) -> Note:
    numbers = [exact(part) for part in word.split(":")]
    if len(numbers) == 3:
        numbers.append(Fraction(100))
    if len(numbers) != 4 or None in numbers:
        raise MelodyError(
            f"notes must be pitch:start:length or pitch:start:length:velocity, not {word:.40}"
        )
    pitch, start, length, velocity = (number for number in numbers if number is not None)
    if pitch.denominator != 1 or velocity.denominator != 1:
        raise MelodyError(f"notes must have a whole pitch and velocity, not {word:.40}")
    return Note(start, length, int(pitch), int(velocity))


def _pickup_beats(score: Score) -> Fraction:
    """Length of a first bar that its own meter makes shorter than the bars after it, or 0."""
    opening = [meter for beat, meter in score.meters if beat == 0]
    until = min((beat for beat, _ in score.meters if beat > 0), default=Fraction(0))
    following = [meter for beat, meter in score.meters if beat == until]
    # Each track may repeat the meters, and a default may stand beside the pickup's own.
    short = any(until <= first.beats < second.beats for first in opening for second in following)
    return until if short else Fraction(0)


def _fitted(notes: Sequence[Note], grid: Grid, changes: list[str]) -> Melody:
    """Take the top voice and cut what lies past the end of the grid."""
    voice, rest = top_voice(notes)
    if rest:
        changes.append(
            f"The top voice of {counted(len(notes), 'note')} is the melody "
            f"({counted(len(voice), 'note')}); the rest is kept as harmony."
        )
    inside = _cut(voice, grid.beats)
    if not inside:
        raise MelodyError(
            f"melody has no note within {counted(grid.bars, 'bar')}: the first begins at beat "
            f"{float(voice[0].start_beats):g}, the grid ends at beat {float(grid.beats):g}"
        )
    if len(inside) < len(voice):
        left_out = counted(len(voice) - len(inside), "note")
        changes.append(f"Cut at the end of bar {grid.bars}: {left_out} left out.")
    if inside[-1] != voice[len(inside) - 1]:
        changes.append(f"The last note was shortened to end with bar {grid.bars}.")
    last_bar = bisect_left(grid.bar_starts, inside[-1].end_beats)
    if last_bar < grid.bars:
        changes.append(f"The melody ends in bar {last_bar}; rests fill bars up to {grid.bars}.")
    return Melody(tuple(inside), tuple(_cut(rest, grid.beats)), tuple(changes))


def _cut(notes: Sequence[Note], end: Fraction) -> list[Note]:
    return [
        note if note.end_beats <= end else replace(note, length_beats=end - note.start_beats)
        for note in notes
        if note.start_beats < end
    ]
