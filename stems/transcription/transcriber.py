"""From a stem's sound to notes in beats, on a grid or free of it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from audio.clip import Clip
from audio.stem_names import STEMS
from midi.grid import MAX_SECONDS, Grid
from midi.note import Note, TimedNote
from stems.errors import StemError
from stems.transcription.drums import detect_drums
from stems.transcription.pitched import VOICES, detect_voice

PARTS_A_BEAT = 960  # as fine as REAPER's own ticks
SHORTEST_PARTS = 20
FREE_BPM = 120  # where no tempo is known a beat is half a second


def detect(clip: Clip, stem: str) -> list[TimedNote]:
    """Return what a clip of that stem plays, with times in seconds, in order of start.

    Drums by stroke and General MIDI number, all others as one voice: where several sound at once,
    the loudest is taken, or none. Raises StemError for another stem or more than 10 minutes.
    """
    if stem not in STEMS:
        raise StemError(f"stem must be one of {', '.join(STEMS)}, not {stem!r}")
    if clip.seconds > MAX_SECONDS:
        raise StemError(f"the sound lasts {clip.seconds:.0f} s; the limit is {MAX_SECONDS} s")
    return detect_drums(clip) if stem == "drums" else detect_voice(clip, VOICES[stem])


def transcribe(clip: Clip, stem: str, grid: Grid | None = None) -> tuple[Note, ...]:
    """Return what a clip of that stem plays as notes in beats, where `grid` begins with the clip.

    Notes are not quantised: they are exact to a 960th of a beat. Without a grid a beat is half a
    second. Raises StemError.
    """
    grid = grid or Grid.constant(FREE_BPM, "4/4", 1)
    notes = []
    for each in detect(clip, stem):
        start, end = (
            round(grid.beat_at(second) * PARTS_A_BEAT)
            for second in (each.start_seconds, each.start_seconds + each.length_seconds)
        )
        start = max(start, 0)  # a sound on the first frame may be detected a little before it
        length = max(end - start, SHORTEST_PARTS)
        velocity = min(127, max(1, round(each.velocity * 127)))
        first, lasts = Fraction(start, PARTS_A_BEAT), Fraction(length, PARTS_A_BEAT)
        notes.append(Note(first, lasts, each.pitch, velocity))
    return tuple(notes)


def quantised(notes: Sequence[Note], step_beats: Fraction) -> tuple[Note, ...]:
    """Return notes that begin and end on multiples of `step_beats`, each at least one step long.

    Of notes of one pitch that come to begin together the loudest stays; a note ends at the latest
    where its pitch begins again. Raises StemError for a step of 0 or less.
    """
    if step_beats <= 0:
        raise StemError(f"a step must be more than 0 beats, not {step_beats}")
    found: dict[tuple[Fraction, int], Note] = {}
    for note in notes:
        start = round(note.start_beats / step_beats) * step_beats
        length = max(1, round(note.end_beats / step_beats - start / step_beats)) * step_beats
        there = found.get((start, note.pitch))
        if there is None or there.velocity < note.velocity:
            found[start, note.pitch] = Note(start, length, note.pitch, note.velocity)
    following: dict[int, Fraction] = {}
    out = []
    for (start, pitch), note in sorted(found.items(), reverse=True):
        end = min(note.end_beats, following.get(pitch, note.end_beats))
        following[pitch] = start
        out.append(Note(start, end - start, pitch, note.velocity))
    return tuple(reversed(out))
