"""Figures of one piece of music as notes: what a producer would hear at once, counted.

A hit counts as audible above a velocity of AUDIBLE; up to GHOST it is lost in any mix.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from diffusion.embedded.performance import Performance, Played

GHOST, AUDIBLE = 0.15, 0.3
ON_TIME_BEATS = 0.1  # a hit so near to a bar's beginning is on its beat
LATE_BASS_BEATS = 0.3  # a bass may come so much after its chord
QUIETEST_DB = -60.0
REST_BEATS = 0.5  # a rest so long ends a phrase
WIDE_LEAP = 7  # semitones
PITCHED = ("bass", "comp", "lead", "vocals")
# The chords that are looked for, as semitones above the root, and how much less likely each is.
TRIADS: tuple[tuple[tuple[int, ...], float], ...] = (
    ((0, 4, 7), 0.0), ((0, 3, 7), 0.0), ((0, 4, 7, 10), 0.06), ((0, 3, 7, 10), 0.06),
    ((0, 4, 7, 11), 0.06), ((0, 3, 6), 0.05), ((0, 5, 7), 0.05), ((0, 3, 6, 10), 0.11),
)  # fmt: skip

Figures = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Planned:
    """A chord that was asked or planned: beats in quarters, `root` and `bass` 0 to 11."""

    start_beats: float
    length_beats: float
    root: int
    bass: int


@dataclass(frozen=True, slots=True)
class Music:
    """Notes by part over bars; `bars` holds where each begins and, last, where the music ends.

    `tune` names the part that carries the melody, `off` for each part the bars (from 0) in which
    it was to be silent.
    """

    parts: Mapping[str, tuple[Played, ...]]
    bars: tuple[float, ...]
    tune: str
    chords: tuple[Planned, ...] = ()
    off: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def in_bars(self, part: str) -> list[list[Played]]:
        """Return the notes of `part` bar by bar; one just before a bar belongs to it."""
        found: list[list[Played]] = [[] for _ in self.bars[1:]]
        for note in self.parts.get(part, ()):
            at = int(np.searchsorted(self.bars, note.start_beats + 0.06, side="right")) - 1
            if 0 <= at < len(found):
                found[at].append(note)
        return found


def music_of(
    performance: Performance, bars: Sequence[float], tune: str, chords: Iterable[Planned] = ()
) -> Music:
    """Return the notes of a Performance of the embedded engine or of the composer."""
    parts = {name: part.notes for name, part in performance.parts.items()}
    return Music(parts, tuple(bars), tune, tuple(chords))


def figures_of(music: Music) -> Figures:
    """Return every figure of one piece; None where there is nothing to count."""
    drums = music.parts.get("drums", ())
    notes = [note for part in music.parts.values() for note in part]
    tune = music.parts.get(music.tune, ())
    steps = [abs(b.pitch - a.pitch) for a, b in itertools.pairwise(tune)]
    played = [bar for bar in music.in_bars("drums") if bar]
    starts = [start for start, bar in zip(music.bars, music.in_bars("drums"), strict=False) if bar]
    return {
        "ghost_drums": _share(note.velocity <= GHOST for note in drums),
        "ghost_notes": _share(note.velocity <= GHOST for note in notes),
        "audible_downbeat": _share(
            any(h.velocity > AUDIBLE and abs(h.start_beats - at) <= ON_TIME_BEATS for h in drums)
            for at in starts
        ),
        "audible_drums_a_bar": _mean([sum(h.velocity > AUDIBLE for h in bar) for bar in played]),
        "bass_on_chord": bass_on_chord(music),
        "chord_as_planned": chord_as_planned(music),
        "wide_leaps": _share(step > WIDE_LEAP for step in steps),
        "notes_a_phrase": _median(phrase_lengths(tune)),
        "melody_repeats": melody_repeats(music),
        "drums_second_half_db": second_half_db(drums, music.bars[-1]),
        "stray": strays(music),
    }


def bass_on_chord(music: Music) -> float | None:
    """Return how often the bass note at a chord's start is the chord's bass note.

    Where no chords are planned the chord is the one that the accompaniment plays in each bar.
    """
    chords = music.chords or _played_chords(music)
    right = []
    for chord in chords:
        first = [
            note
            for note in music.parts.get("bass", ())
            if -ON_TIME_BEATS <= note.start_beats - chord.start_beats < LATE_BASS_BEATS
        ]
        if first:
            right.append(first[0].pitch % 12 == chord.bass)
    return _share(right)


def _played_chords(music: Music) -> list[Planned]:
    found = []
    for begin, end in itertools.pairwise(music.bars):
        root = root_of(music.parts.get("comp", ()), begin, end)
        if root is not None:
            found.append(Planned(begin, end - begin, root, root))
    return found


def chord_as_planned(music: Music) -> float | None:
    """Return the share of planned chords whose root bass and accompaniment play."""
    notes = (*music.parts.get("bass", ()), *music.parts.get("comp", ()))
    right = []
    for chord in music.chords:
        root = root_of(notes, chord.start_beats, chord.start_beats + chord.length_beats)
        if root is not None:
            right.append(root == chord.root)
    return _share(right)


def root_of(notes: Iterable[Played], begin: float, end: float) -> int | None:
    """Return the root of the chord that fits best what sounds from `begin` to `end`."""
    weight = np.zeros(12)
    for note in notes:
        shared = min(note.start_beats + note.length_beats, end) - max(note.start_beats, begin)
        if shared > 0.02:
            weight[note.pitch % 12] += shared
    if not weight.any():
        return None
    weight /= weight.sum()
    scores: dict[int, float] = {}
    for root in range(12):
        for tones, doubt in TRIADS:
            found = weight[[(root + tone) % 12 for tone in tones]]
            # A note more explains more: it costs, and so does each tone that nobody plays.
            score = found.sum() - doubt - 0.08 * (found < 0.03).sum()
            scores[root] = max(scores.get(root, -9.0), float(score))
    return max(scores, key=lambda root: scores[root])


def phrase_lengths(tune: Sequence[Played]) -> list[int]:
    """Return how many notes each phrase has, phrases being parted by rests of REST_BEATS."""
    lengths: list[int] = []
    end = -np.inf
    for note in sorted(tune, key=lambda note: note.start_beats):
        if note.start_beats - end >= REST_BEATS:
            lengths.append(0)
        lengths[-1] += 1
        end = max(end, note.start_beats + note.length_beats)
    return lengths


def melody_repeats(music: Music) -> float | None:
    """Return, over the bars with melody, the mean F1 of the likest earlier bar, on sixteenths."""
    bars = [
        {(round((note.start_beats - start) * 4), note.pitch) for note in notes}
        for start, notes in zip(music.bars, music.in_bars(music.tune), strict=False)
    ]
    return _mean(
        [
            max(f1(bar, earlier) for earlier in bars[:number])
            for number, bar in enumerate(bars)
            if number and bar
        ]
    )


def f1(one: set[tuple[int, int]], other: set[tuple[int, int]]) -> float:
    """Return the F1 of two sets: 1 for equal ones, two empty ones too."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def second_half_db(hits: Sequence[Played], beats: float) -> float | None:
    """Return the first half's level above the second's in dB; a velocity is an amplitude's root.

    A silent half counts as QUIETEST_DB under one full hit a beat.
    """
    if not hits:
        return None
    power = [
        sum(h.velocity**4 for h in hits if begin <= h.start_beats < begin + beats / 2)
        for begin in (0.0, beats / 2)
    ]
    first, second = (10 * np.log10(each / beats * 2 + 10 ** (QUIETEST_DB / 10)) for each in power)
    return float(first - second)


def strays(music: Music) -> float | None:
    """Return 1 where any part sounds in a bar in which it was to be silent, else 0."""
    if not music.off:
        return None
    found = any(
        notes
        for part, silent in music.off.items()
        for bar, notes in enumerate(music.in_bars(part))
        if bar in silent
    )
    return float(found)


def _share(found: Iterable[bool]) -> float | None:
    return _mean([float(each) for each in found])


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if len(values) else None
