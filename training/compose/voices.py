"""The second melodic part: backing vowels under a tune, or answers in its gaps."""

from __future__ import annotations

from random import Random

from diffusion.embedded.performance import Played
from training.compose.chart import Chart

# Open and closed vowels in ARPABET, as a choir sings them.
VOWELS = ("AA", "OW", "UW")


def sing_backing(
    rng: Random, chart: Chart, active: list[bool], low: int, high: int
) -> list[Played]:
    """Long chord tones led by the nearest step, one a chord, where `active`; never mixed vowels."""
    notes: list[Played] = []
    line = low + 0.55 * (high - low)
    vowel = rng.choice(VOWELS)
    for chord in chart.chords:
        bar = min(chart.bars - 1, int(chord.start_beats / chart.bar.beats + 1e-6))
        if not active[bar]:
            continue
        options = [p for p in range(low, high + 1) if p % 12 in chord.pitch_classes[:3]]
        pitch = _nearest(options, line, home=chart.tonic)
        last = notes[-1] if notes else None
        if (
            last
            and last.pitch == pitch
            and abs(last.start_beats + last.length_beats - chord.start_beats) < 1e-6
            and last.length_beats + chord.length_beats <= 2 * chart.bar.beats + 1e-6
            and bar % 4
        ):
            notes[-1] = Played(
                last.start_beats,
                last.length_beats + chord.length_beats,
                pitch,
                0.6,
                last.syllable,
            )
        else:
            notes.append(Played(chord.start_beats, chord.length_beats, pitch, 0.6, vowel))
        line = 0.75 * pitch + 0.25 * (low + 0.55 * (high - low))
    return [_breathe(note) for note in notes]


def _nearest(options: list[int], line: float, home: int | None = None) -> int:
    """The option nearest the line, the pitch class `home` a little nearer than it is."""
    return min(options, key=lambda pitch: abs(pitch - line) - 0.6 * (pitch % 12 == home))


def _breathe(note: Played) -> Played:
    length = note.length_beats - min(0.5, note.length_beats * 0.12)
    return Played(note.start_beats, round(length, 6), note.pitch, note.velocity, note.syllable)


def answer(
    rng: Random,
    chart: Chart,
    active: list[bool],
    low: int,
    high: int,
    least_beats: float,
) -> list[Played]:
    """Short fills where the tune rests for `least_beats` or holds a note that long.

    An answer takes up the tune's last notes on the chord that sounds, and ends on a chord tone.
    """
    notes: list[Played] = []
    total = chart.bars * chart.bar.beats
    step = 0.5
    for start, end in _gaps(chart, least_beats, total):
        bar = min(chart.bars - 1, int(start / chart.bar.beats + 1e-6))
        if not active[bar] or rng.random() < 0.25:
            continue
        begin = -(-start // step) * step + (step if rng.random() < 0.5 else 0.0)
        count = min(int((end - begin) / step), rng.choice((2, 3, 3, 4, 5)))
        if count < 2:
            continue
        first = chart.chord_at(begin)
        options = [p for p in range(low, high + 1) if p % 12 in first.pitch_classes[:3]]
        at = rng.choice(options[len(options) // 4 : -len(options) // 4 or None] or options)
        direction = rng.choice((-1, 1))
        for k in range(count):
            beat = begin + k * step
            scale = chart.scale_at(beat)
            last = k == count - 1
            if k:
                at = _step(at, direction, scale, low, high)
                if rng.random() < 0.2:
                    direction = -direction
            if last:
                tones = chart.chord_at(beat).pitch_classes[:3]
                near = [p for p in range(low, high + 1) if p % 12 in tones]
                at = _nearest(near, at)
            room = end - beat
            length = min(room, rng.choice((1.0, 1.5))) if last else step
            chord_end = chart.chord_at(beat).start_beats + chart.chord_at(beat).length_beats
            length = min(length, max(step, chord_end - beat))
            notes.append(Played(round(beat, 6), round(length, 6), at, 0.7))
    return notes


def _gaps(chart: Chart, least_beats: float, total: float) -> list[tuple[float, float]]:
    """Where the tune leaves room, in bar-long pieces at most."""
    edges: list[tuple[float, float]] = []
    end = 0.0
    for note in chart.tune:
        if note.start_beats - end >= least_beats:
            edges.append((end, note.start_beats))
        end = note.start_beats + min(note.length_beats, 1.0)
    if total - end >= least_beats and not chart.ends:
        edges.append((end, total))
    pieces = []
    for left, right in edges:
        while right - left >= least_beats:
            stop = min(right, left + chart.bar.beats)
            pieces.append((left, stop))
            left = stop + (chart.bar.beats if right - stop > 2 * chart.bar.beats else 0.0)
    return pieces


def _step(pitch: int, direction: int, scale: tuple[int, ...], low: int, high: int) -> int:
    for way in (direction, -direction):
        at = pitch + way
        while low <= at <= high:
            if at % 12 in scale:
                return at
            at += way
    return pitch
