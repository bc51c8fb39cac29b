"""From the exact grid to a performance: swing, feel, small human errors, dynamics."""

from __future__ import annotations

from random import Random

from diffusion.embedded.bar import Bar
from diffusion.embedded.performance import DRUMS, RANGES, Played

MOST_DEVIATION_BEATS = 0.03
LEAST_VELOCITY = 0.18  # the softest ghost note that is still to be heard
SNARES = (DRUMS["snare"], DRUMS["clap"], DRUMS["side_stick"])


def swing_at(beat: float, bar: Bar, ratio: float, unit_beats: float) -> float:
    """`beat` moved as swing moves it: a pair of length `unit_beats` splits at `ratio`.

    Compound and odd meters with long groups stay straight.
    """
    if ratio <= 0.5 or bar.ternary or any(pulse.length_beats != 1.0 for pulse in bar.pulses):
        return beat
    pair, within = divmod(beat + 1e-9, unit_beats)
    phase = within / unit_beats
    triplet = abs(phase * 3 - round(phase * 3)) < 1e-4
    if triplet and unit_beats == 1.0 and phase > 0.01:
        return beat
    bent = 2 * phase * ratio if phase < 0.5 else ratio + (2 * phase - 1) * (1 - ratio)
    return round((pair + bent) * unit_beats, 6)


def swing(notes: list[Played], bar: Bar, ratio: float, unit_beats: float) -> list[Played]:
    """Notes with their starts and ends swung."""
    if swing_at(0.75, bar, ratio, unit_beats) == 0.75:
        return notes
    out = []
    for note in notes:
        start = swing_at(note.start_beats, bar, ratio, unit_beats)
        end = swing_at(note.start_beats + note.length_beats, bar, ratio, unit_beats)
        length = round(max(0.08, end - start), 6)
        out.append(Played(start, length, note.pitch, note.velocity, note.syllable))
    return out


def humanise(
    rng: Random,
    notes: list[Played],
    *,
    loose_beats: float,
    lag_beats: float,
    exact: set[float],
    spread: float,
    drums: bool = False,
) -> list[Played]:
    """Notes as a player plays them: a drift shared by what sounds together, lag and spread.

    `exact` are the beats (section starts) that stay within 0.01 beat; `spread` varies velocity.
    """
    out: list[Played] = []
    shared: dict[float, float] = {}
    drift = 0.0
    for note in notes:
        at = note.start_beats
        if at not in shared:
            drift = 0.7 * drift + 0.3 * rng.gauss(0, loose_beats)
            shared[at] = drift
        lag = lag_beats if not drums or note.pitch in SNARES else 0.0
        move = shared[at] + rng.gauss(0, loose_beats * 0.6) + lag
        limit = 0.008 if at in exact else MOST_DEVIATION_BEATS
        move = max(-limit, min(limit, move))
        if at + move < 0:
            move = 0.0
        velocity = note.velocity * (1 + rng.gauss(0, spread))
        velocity = round(min(1.0, max(LEAST_VELOCITY, velocity)), 3)
        start = round(at + move, 6)
        out.append(Played(start, note.length_beats, note.pitch, velocity, note.syllable))
    out.sort(key=lambda note: (note.start_beats, note.pitch))
    return out


def shade(
    notes: list[Played],
    intensity: tuple[float, ...],
    bar: Bar,
    force: float,
    phrase: bool,
) -> list[Played]:
    """Dynamics: by the bar's intensity, metric weight, and for tunes by the line's height."""
    if not notes:
        return notes
    middle = sum(note.pitch for note in notes) / len(notes)
    out = []
    for note in notes:
        index = min(len(intensity) - 1, int(note.start_beats / bar.beats + 1e-6))
        velocity = note.velocity * force * (0.74 + 0.34 * intensity[index])
        if phrase:
            weight = bar.weight(round(note.start_beats - index * bar.beats, 4))
            velocity *= 0.94 + 0.03 * weight + 0.008 * max(-8, min(8, note.pitch - middle))
        velocity = min(1.0, max(LEAST_VELOCITY, velocity))
        out.append(Played(note.start_beats, note.length_beats, note.pitch, velocity, note.syllable))
    return out


def articulate(notes: list[Played], short: float, polyphonic: bool, end: float) -> list[Played]:
    """Lengths scaled by `short` (under 1 detached), never past the next note or the end.

    In a monophonic part a note ends where the next starts; in a polyphonic one, where the same
    pitch is struck again, or where a chord struck as it ends pushed ahead of it.
    """
    out: list[Played] = []
    for at, note in enumerate(notes):
        stop = end
        close = note.start_beats + note.length_beats
        for later in notes[at + 1 :]:
            if later.start_beats > close:
                break
            pushed = later.start_beats > note.start_beats + 0.1 and (
                later.start_beats > close - 2.1 * MOST_DEVIATION_BEATS
            )
            if not polyphonic or later.pitch == note.pitch or pushed:
                stop = later.start_beats
                break
        length = min(note.length_beats * short, stop - note.start_beats)
        if length >= 0.04:
            length = round(length - 1e-6, 6)
            out.append(Played(note.start_beats, length, note.pitch, note.velocity, note.syllable))
    return out


def within(part: str, notes: list[Played]) -> list[Played]:
    """Notes octave-shifted one by one into the part's range."""
    low, high = RANGES[part]
    out = []
    for note in notes:
        pitch = note.pitch
        while pitch < low:
            pitch += 12
        while pitch > high:
            pitch -= 12
        out.append(Played(note.start_beats, note.length_beats, pitch, note.velocity, note.syllable))
    return out
