"""The planner's tokens: sections, their bars, parts and level, then chords and notes by length.

Pitches and roots are counted from the tonic, lengths in twelfths of a beat (UNITS).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from diffusion.embedded.moods import MOODS
from diffusion.embedded.vocabulary import STYLES
from midi.chord_quality import semitones_of
from midi.key import MODES

UNITS = 12  # a beat
SECTIONS = ("intro", "verse", "chorus", "bridge", "outro")
PARTS = ("drums", "bass", "chords", "melody", "vocals")
PLAYS = ("out", "in", "late")  # late: from the middle of the section on
LEVELS = 8
MOST_SECTION_BARS = 32
# Where a bar may come back from: the bar at this place of the last section of its name, or so many
# bars ago.
SOURCES = ("section", "4", "8", "2", "1", "16")
REFERENCES = ("new", "rest", *SOURCES)
QUALITIES = (
    "", "m", "7", "m7", "maj7", "dim", "m7b5", "dim7", "sus4", "7sus4", "6", "m6", "aug", "7#5",
    "9", "m9", "maj9", "add9", "7b9", "7b5", "m(maj7)", "madd9", "5", "sus2",
)  # fmt: skip
LENGTHS: tuple[int, ...] = (*range(1, 49), 54, 60, 66, 72, 84, 96, 120, 144, 192)
LOWEST, HIGHEST = 36, 96  # pitches, counted from a tonic of C

# Token ids: each kind is a run.
SECTION = 0
BARS = SECTION + len(SECTIONS)
PLAY = BARS + MOST_SECTION_BARS
LEVEL = PLAY + len(PLAYS)
REFERENCE = LEVEL + LEVELS
CHORD = REFERENCE + len(REFERENCES)
NO_CHORD = CHORD + 12 * len(QUALITIES)
SLASH = NO_CHORD + 1
LENGTH = SLASH + 12
PITCH = LENGTH + len(LENGTHS)
PAUSE = PITCH + HIGHEST - LOWEST + 1
TOKENS = PAUSE + 1

STAGES = ("section", "bars", "play", "level", "chord_source", "chord", "chord_length",
          "tune_source", "note", "note_length")  # fmt: skip
METERS = ("4/4", "3/4", "2/4", "6/8", "12/8", "9/8", "7/8", "5/4", "5/8", "2/2", "")
MANNERS = ("composer", "people")

# What is the same for a whole sheet: name -> number of values.
GLOBALS = {
    "manner": len(MANNERS),
    "style": len(STYLES) + 1,
    "mood": len(MOODS) + 1,
    "second_mood": len(MOODS) + 1,
    "mode": len(MODES),
    "tonic": 12,
    "meter": len(METERS),
    "tempo": 10,
    "bars": 16,
    "ending": 2,
    "lead": 3,
    "order": 2,
}
# What a token's place says: name -> number of values.
PLACE = {
    "stage": len(STAGES),
    "position": 98,
    "left": 98,
    "section": len(SECTIONS) + 1,
    "bar_in_section": 17,
    "section_left": 10,
    "piece_left": 16,
    "level": LEVELS + 1,
    "root": 14,
    "quality": len(QUALITIES) + 1,
    "next_root": 14,
    "source_pitch": HIGHEST - LOWEST + 4,
    "source_length": len(LENGTHS) + 1,
    "source_chord": 12 * len(QUALITIES) + 2,
    "last_pitch": HIGHEST - LOWEST + 2,
    "phrase": 14,
}
HISTOGRAM = 12  # the tune's pitch classes over the rest of the bar, for chords under a tune

_BAR_EDGES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96)


def bucket_of_bars(bars: int) -> int:
    """0..15: exact up to six bars, coarser above."""
    return sum(bars > edge for edge in _BAR_EDGES)


def bucket_of_tempo(bpm: float) -> int:
    """1..9 by twenty bpm; 0 is kept for not known."""
    return 1 + min(8, max(0, int((bpm - 50) // 20)))


def length_token(units: int) -> int:
    """The token of the longest length up to `units`."""
    at = units - 1 if units <= 48 else max(i for i, each in enumerate(LENGTHS) if each <= units)
    return LENGTH + at


def length_of(token: int) -> int:
    """The units of a length token."""
    return LENGTHS[token - LENGTH]


@lru_cache(maxsize=1)
def quality_tones() -> tuple[frozenset[int], ...]:
    """The semitones of each quality above its root, within an octave."""
    return tuple(frozenset(each % 12 for each in semitones_of(name) or ()) for name in QUALITIES)


@lru_cache(maxsize=4096)
def nearest_quality(tones: frozenset[int]) -> int:
    """The index of the quality with the fewest tones too many or too few; the third counts most."""
    thirds = {3, 4}

    def cost(at: int) -> tuple[int, int]:
        differ = quality_tones()[at] ^ tones
        return len(differ) + 2 * len(differ & thirds), at

    return min(range(len(QUALITIES)), key=cost)


def chord_index(root: int, pitch_classes: Sequence[int], tonic: int) -> int:
    """0 .. 12 * qualities - 1 for a chord, its root counted from the tonic."""
    tones = frozenset((each - root) % 12 for each in pitch_classes)
    return (root - tonic) % 12 * len(QUALITIES) + nearest_quality(tones)
