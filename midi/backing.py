"""A plain backing for a melody: drums on the meter, and a chord and its root in every bar.

Not music to keep: it tells an engine that hears audio only where the beats lie and which harmony
is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from midi.chords import Chord
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from midi.note import Note

KICK, SNARE, CLOSED_HAT = 36, 38, 42  # General MIDI
BASS_LOW, CHORD_LOW = 36, 55  # the lowest root of a bass, and of a chord
SHORT = Fraction(1, 4)
# What speaks for a chord: a quarter of melody on one of its notes, and being I, IV, V or vi.
DEGREE_WEIGHTS = (0.6, 0.0, 0.0, 0.4, 0.4, 0.3, -1.0)
FRAME_WEIGHT = 1.0  # the first and the last bar lean towards the tonic


Sounding = tuple[Fraction, Fraction, int, tuple[int, ...]]  # start, beats, bass, pitch classes


@dataclass(frozen=True, slots=True)
class Backing:
    """Notes of three parts, each ascending by start, within the grid."""

    drums: tuple[Note, ...]
    bass: tuple[Note, ...]
    chords: tuple[Note, ...]


def backing(
    grid: Grid, key: Key, melody: Melody | None = None, given: Sequence[Chord] = ()
) -> Backing:
    """Write a backing of the chords given, else of one triad of the key a bar.

    That triad is the one that fits the melody best.
    """
    bass: list[Note] = []
    chords: list[Note] = []
    for start, length, root, tones in _given(given) if given else _triads(grid, key, melody):
        bass.append(Note(start, length, BASS_LOW + (root - BASS_LOW) % 12, 96))
        for pitch_class in tones:
            pitch = CHORD_LOW + (pitch_class - CHORD_LOW) % 12
            chords.append(Note(start, length, pitch, 64))
    drums = sorted(_drums(grid), key=lambda note: (note.start_beats, note.pitch))
    return Backing(tuple(drums), tuple(bass), tuple(chords))


def _given(chords: Sequence[Chord]) -> Iterator[Sounding]:
    for chord in chords:
        if chord.bass is not None:
            start, length = Fraction(chord.start_beats), Fraction(chord.length_beats)
            yield start, length, chord.bass, chord.pitch_classes


def _triads(grid: Grid, key: Key, melody: Melody | None) -> Iterator[Sounding]:
    for bar in range(grid.bars):
        start, end = grid.bar_starts[bar], grid.bar_starts[bar + 1]
        tones = triad(key, _degree(grid, key, melody, bar))
        yield start, end - start, tones[0], tones


def triad(key: Key, degree: int) -> tuple[int, int, int]:
    """Pitch classes of the triad on a degree of the key (0 is the tonic): root, third, fifth."""
    scale = key.pitch_classes
    return scale[degree], scale[(degree + 2) % 7], scale[(degree + 4) % 7]


def _degree(grid: Grid, key: Key, melody: Melody | None, bar: int) -> int:
    """The degree whose triad holds most of the melody in a bar."""
    start, end = grid.bar_starts[bar], grid.bar_starts[bar + 1]
    sung: dict[int, float] = {}
    for note in melody.notes if melody else ():
        beats = min(note.end_beats, end) - max(note.start_beats, start)
        if beats > 0:
            sung[note.pitch % 12] = sung.get(note.pitch % 12, 0.0) + float(beats)

    def fit(degree: int) -> float:
        heard = sum(beats for pitch, beats in sung.items() if pitch in triad(key, degree))
        framing = FRAME_WEIGHT if degree == 0 and bar in (0, grid.bars - 1) else 0.0
        return heard + DEGREE_WEIGHTS[degree] + framing

    return max(range(7), key=fit)


def _drums(grid: Grid) -> Iterator[Note]:
    """Kick on the downbeat and the middle of even bars, snare between, hats in eighths."""
    for bar in range(grid.bars):
        start, beats = grid.bar_starts[bar], grid.meter_at_bar(bar).beats
        yield Note(start, SHORT, KICK, 112)
        pulse = Fraction(3, 2) if grid.meter_at_bar(bar).denominator == 8 else Fraction(1)
        place, count = pulse, 1
        while place < beats:
            yield Note(start + place, SHORT, SNARE if count % 2 else KICK, 104)
            place, count = place + pulse, count + 1
        eighths = -(-beats // Fraction(1, 2))
        for eighth in range(int(eighths)):
            yield Note(start + Fraction(eighth, 2), SHORT, CLOSED_HAT, 56 if eighth % 2 else 72)
