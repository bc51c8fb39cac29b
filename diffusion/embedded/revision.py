"""Changes to a Performance: some parts, some bars, or notes that the user has edited.

What is kept is given to the network as known latents; the notes it generates replace the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffusion.embedded.latents import FRAMES_PER_BEAT, PARTS, encode, frames_of
from diffusion.embedded.performance import PART_STEM, TIMBRES, Part, Performance, Played
from midi.note import Note

# A note that anticipates its beat by less than half a latent frame belongs to that beat.
EARLY_BEATS = 0.5 / FRAMES_PER_BEAT
SAME_BEATS = 1 / 400  # what a MIDI file of 480 ticks a beat may move a note by


def parts_of(stems: Sequence[str]) -> tuple[str, ...]:
    """Return the parts that sound in `stems`, in the order of PARTS."""
    return tuple(part for part in PARTS if PART_STEM[part] in stems)


def known_around(
    old: Performance, tonic: int, parts: Sequence[str], span: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return latents (frames, channels) of `old` and what of them is kept, (frames, parts) 1 or 0.

    Everything is kept but `parts` from the first to the second beat of `span`.
    """
    latents = encode(old, tonic)
    kept = np.ones((len(latents), len(PARTS)), np.float32)
    begin, end = round(span[0] * FRAMES_PER_BEAT), frames_of(span[1])
    for part in parts:
        kept[begin:end, PARTS.index(part)] = 0.0
    return latents, kept


def splice(
    old: Performance, new: Performance, parts: Sequence[str], span: tuple[float, float]
) -> Performance:
    """Return `old` whose `parts` play what `new` has from the first to the second beat of `span`.

    A note belongs where it begins; one that rings on into the span is ended there, and one that
    would ring on out of it too. Where the span is the whole piece the new timbres come with it.
    """
    begin, end = span
    whole = begin <= 0 and end >= old.beats
    merged = dict(old.parts)
    for name in parts:
        inside = [
            replace(note, length_beats=min(note.length_beats, end - note.start_beats))
            for note in new.parts[name].notes
            if _is_in(note, span)
        ]
        if whole or name not in old.parts:
            merged[name] = replace(new.parts[name], notes=tuple(inside))
            continue
        outside = [
            replace(note, length_beats=begin - note.start_beats)
            if note.start_beats < begin < note.start_beats + note.length_beats
            else note
            for note in old.parts[name].notes
            if not _is_in(note, span)
        ]
        merged[name] = replace(old.parts[name], notes=_in_order([*outside, *inside]))
    return Performance(old.beats, merged)


def with_notes(old: Performance, stem: str, notes: Sequence[Note]) -> Performance:
    """Return `old` whose `stem` plays `notes` (an edited MIDI file) with the timbres it had.

    A note that was there is played as it was, to the last digit. In the melody stem a new or
    moved note goes to the part, chords or lead, that plays nearest to it in time and pitch.
    """
    names = parts_of([stem])
    played: dict[str, list[Played]] = {name: [] for name in names}
    for note in notes:
        start, length = float(note.start_beats), float(note.length_beats)
        if start >= old.beats:
            continue
        length = min(length, old.beats - start)
        moved = Played(start, length, note.pitch, note.velocity / 127)
        name, nearest = _nearest(moved, names, old)
        played[name].append(nearest if nearest and _is_same(nearest, moved) else moved)
    merged = dict(old.parts)
    for name in names:
        part = merged.get(name, Part((), TIMBRES[name][0]))
        merged[name] = replace(part, notes=_in_order(played[name]))
    return Performance(old.beats, merged)


def _nearest(note: Played, names: Sequence[str], old: Performance) -> tuple[str, Played | None]:
    """Return the part that plays nearest to `note` and its nearest note; a beat counts 4 tones."""

    def distance(played: tuple[str, Played]) -> float:
        apart = abs(played[1].start_beats - note.start_beats)
        return 8 * apart + abs(played[1].pitch - note.pitch)

    all_played = [(name, n) for name in names if name in old.parts for n in old.parts[name].notes]
    return min(all_played, key=distance, default=(names[-1], None))


def _is_same(one: Played, other: Played) -> bool:
    return (
        one.pitch == other.pitch
        and abs(one.start_beats - other.start_beats) < SAME_BEATS
        and abs(one.length_beats - other.length_beats) < 2 * SAME_BEATS
        and round(one.velocity * 127) == round(other.velocity * 127)
    )


def _is_in(note: Played, span: tuple[float, float]) -> bool:
    return span[0] - EARLY_BEATS <= note.start_beats < span[1] - EARLY_BEATS


def _in_order(notes: Sequence[Played]) -> tuple[Played, ...]:
    return tuple(sorted(notes, key=lambda note: (note.start_beats, note.pitch)))
