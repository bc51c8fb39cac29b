"""The comping player: voicings that lead into each other, in the style's rhythm."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from diffusion.embedded.bar import Event, lay
from diffusion.embedded.figures import CHORD_FORCE, SINGLE_FORCE, picked
from diffusion.embedded.performance import Played
from diffusion.embedded.voicing import voicings_of
from training.compose.chart import Chart
from training.compose.lines import COMP


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
    voicings = voicings_of([chord.pitch_classes for chord in chart.chords], centre, voices)
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
                for at, pitch in enumerate(picked(event.mark, tones)):
                    delay = at * strum_beats if event.mark not in "12345b" else 0.0
                    force = CHORD_FORCE.get(event.mark, SINGLE_FORCE)
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
