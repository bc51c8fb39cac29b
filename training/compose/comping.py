"""The comping player: voicings that lead into each other, in the style's rhythm."""

from __future__ import annotations

from itertools import pairwise, product
from random import Random

from diffusion.embedded.performance import RANGES, Played
from training.compose.bar import Event, lay
from training.compose.chart import Chart
from training.compose.lines import COMP
from training.compose.piece import Chord

FORCE = {"X": 0.84, "x": 0.68, "o": 0.46, "b": 0.72, "t": 0.6}
Voicing = tuple[int, ...]


def play_comp(
    rng: Random,
    chart: Chart,
    active: list[bool],
    centre: float,
    voices: int,
    strum_beats: float,
    pattern: str,
) -> list[Played]:
    """The chord part, at most `voices` (3 to 5) notes at once around the MIDI note `centre`.

    `strum_beats` spreads a chord from its lowest note up. A `pattern` takes the place of the
    style's rhythms.
    """
    notes: list[Played] = []
    chosen: dict[tuple[str, int], str] = {}
    voicings = voice(chart.chords, centre, voices)
    index = {chord.start_beats: at for at, chord in enumerate(chart.chords)}
    for name, first, last in chart.spans():
        for bar in range(first, last):
            if not active[bar]:
                continue
            start = bar * chart.bar.beats
            tier = chart.tier(bar)
            if (name, tier) not in chosen:
                chosen[name, tier] = pattern or rng.choice(COMP[chart.style_name][tier])
            ending = chart.ends and bar == chart.bars - 1
            text = "X---------------" if ending else chosen[name, tier]
            for event in _with_changes(lay(text, chart.bar, bar - first), chart, start):
                beat = start + event.offset_beats
                chord = chart.chord_at(beat)
                tones = voicings[index[chord.start_beats]]
                limit = chord.start_beats + chord.length_beats
                length = min(event.length_beats, limit - beat)
                for at, pitch in enumerate(_pick(event.mark, tones)):
                    delay = at * strum_beats if event.mark not in "12345b" else 0.0
                    force = FORCE.get(event.mark, 0.66 + 0.06 * (event.mark == "1"))
                    notes.append(Played(round(beat + delay, 6), round(length, 6), pitch, force))
    notes.sort(key=lambda note: (note.start_beats, note.pitch))
    return notes


def _with_changes(events: list[Event], chart: Chart, start: float) -> list[Event]:
    """The events, with held chords struck again where the harmony changes under them."""
    out: list[Event] = []
    for event in events:
        begin, end = (
            start + event.offset_beats,
            start + event.offset_beats + event.length_beats,
        )
        cuts = [
            chord.start_beats
            for chord in chart.chords
            if begin + 1e-6 < chord.start_beats < end - 1e-6
        ]
        if event.mark in "12345b":
            cuts = []
        edges = [begin, *cuts, end]
        for left, right in pairwise(edges):
            out.append(Event(left - start, right - left, event.mark))
    return out


def _pick(mark: str, tones: Voicing) -> Voicing:
    if mark == "b":
        return tones[:1]
    if mark == "t":
        return tones[1:]
    if mark.isdigit():
        at = int(mark) - 1
        return (tones[at],) if at < len(tones) else (tones[2 * len(tones) - 2 - at],)
    return tones


def voice(chords: tuple[Chord, ...], centre: float, voices: int) -> list[Voicing]:
    """One voicing a chord, each as near to the one before as can be."""
    found: list[Voicing] = []
    known: dict[tuple[int, ...], list[Voicing]] = {}
    for chord in chords:
        if chord.pitch_classes not in known:
            known[chord.pitch_classes] = _candidates(chord.pitch_classes, centre, voices)
        last = found[-1] if found else None

        def cost(tones: Voicing, last: Voicing | None = last, root: int = chord.root) -> float:
            middle = abs(sum(tones) / len(tones) - centre) * 0.45
            middle += 0.7 * max(0.0, tones[-1] - centre - 7)
            if last is None:
                return middle
            moves = sum(min(abs(tone - old) for old in last) for tone in tones)
            return moves + abs(tones[-1] - last[-1]) * 0.8 + middle + 0.4 * (tones[0] % 12 != root)

        found.append(min(known[chord.pitch_classes], key=cost))
    return found


def _candidates(classes: tuple[int, ...], centre: float, voices: int) -> list[Voicing]:
    """All close and open voicings near the centre that hold every chord tone worth holding."""
    low, high = RANGES["comp"]
    low, high = max(low, round(centre) - 11), min(high, round(centre) + 12)
    wanted = list(classes)
    if len(wanted) > voices:
        wanted.remove(classes[2])
    places = [[p for p in range(low, high + 1) if p % 12 == tone] for tone in wanted]
    extra = [p for p in range(low, high + 1) if p % 12 == classes[0]]
    found: set[Voicing] = set()
    for choice in product(*places):
        for top in (None, *extra) if voices > len(wanted) else (None,):
            tones = tuple(sorted({*choice, *(() if top is None else (top,))}))
            gaps = [b - a for a, b in pairwise(tones)]
            muddy = any(
                gap <= 3 and low_tone < 50 for gap, low_tone in zip(gaps, tones, strict=False)
            )
            if 5 <= tones[-1] - tones[0] <= 19 and max(gaps) <= 9 and gaps[-1] > 1 and not muddy:
                found.add(tones)
    return sorted(found) or [tuple(sorted(choice)) for choice in product(*places)][:8]
