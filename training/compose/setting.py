"""Setting a collected tune: its key, its octave, its chords and its place in a form."""

from __future__ import annotations

from random import Random

from diffusion.embedded.bar import Bar
from diffusion.embedded.moods import Mood
from diffusion.embedded.performance import Played
from training.compose.choices import choose_thirds
from training.compose.folk import Tune
from training.compose.form import spans_of
from training.compose.harmonise import harmonise
from training.compose.harmony import choose_progression, progression
from training.compose.piece import Chord
from training.compose.styles import Style


def set_tune(
    rng: Random,
    tune: Tune,
    form: list[tuple[str, int]],
    bar: Bar,
    tonic: int,
    style: Style,
    mood: Mood,
    low: int,
    high: int,
) -> tuple[list[Chord], list[Played]]:
    """The tune in the new key and its chords, over the form that was made around it."""
    own = [span for span in spans_of(form) if span[0] in ("verse", "chorus")]
    tune_bars = sum(last - first for _, first, last in own)
    shift = _transposition(rng, tune, tonic, low, high, mood)
    inside = [
        (start, min(length, tune_bars * bar.beats - start), _fold(pitch + shift, low, high))
        for start, length, pitch in tune.notes
        if start < tune_bars * bar.beats - 1e-6
    ]
    thirds = choose_thirds(rng, style, mood)
    plain = harmonise(
        inside,
        bar,
        tune_bars,
        tonic,
        tune.mode,
        halves=(tune.source.startswith("bach") or rng.random() < 0.4) and len(bar.pulses) > 1,
        thirds=thirds,
        colour=rng.random(),
        split_beats=bar.half_beats,
    )
    chords: list[Chord] = []
    notes: list[Played] = []
    text = choose_progression(rng, tune.mode, "pop")
    done = 0
    for name, first, last in spans_of(form):
        at = first * bar.beats
        if name not in ("verse", "chorus"):
            chords += progression(
                last - first, at, bar.beats, bar.half_beats, text, tonic, tune.mode,
                thirds=thirds, ending="home" if name == "outro" else "open",
            )  # fmt: skip
            continue
        move = at - done * bar.beats
        until = (done + last - first) * bar.beats
        for chord in plain:
            if done * bar.beats - 1e-6 <= chord.start_beats < until - 1e-6:
                start = chord.start_beats + move
                chords.append(Chord(start, chord.length_beats, chord.root, chord.pitch_classes))
        pickup = min(1.0, bar.beats / 2) if done == 0 or first * bar.beats != done else 0.0
        for start, length, pitch in inside:
            early = start < done * bar.beats and start >= done * bar.beats - pickup
            if (early and start + move >= 0 and move + start not in _starts(notes)) or (
                done * bar.beats - 1e-6 <= start < until - 1e-6
            ):
                length = min(length, until - start)
                notes.append(Played(round(start + move, 6), round(length, 6), pitch, 0.8))
        done += last - first
    return chords, notes


def _starts(notes: list[Played]) -> set[float]:
    return {note.start_beats for note in notes}


def fitting_tonic(rng: Random, tune: Tune, tonic: int, low: int, high: int) -> int:
    """`tonic`, or another one where the tune would leave low..high in every octave."""
    lowest = min(pitch for _, _, pitch in tune.notes)
    highest = max(pitch for _, _, pitch in tune.notes)
    fitting = [(tune.tonic + up) % 12 for up in range(low - lowest, high - highest + 1)]
    return tonic if tonic in fitting or not fitting else rng.choice(fitting)


def _fold(pitch: int, low: int, high: int) -> int:
    """A pitch brought into low..high by octaves, for tunes too wide for any key."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def _transposition(rng: Random, tune: Tune, tonic: int, low: int, high: int, mood: Mood) -> int:
    pitches = [pitch for _, _, pitch in tune.notes]
    middle = (min(pitches) + max(pitches)) / 2
    wish = (low + high) / 2 + mood.register_semitones + rng.uniform(-3, 3)
    shifts = [octave * 12 + (tonic - tune.tonic) % 12 for octave in range(-6, 6)]
    inside = [s for s in shifts if min(pitches) + s >= low and max(pitches) + s <= high]
    return min(inside or shifts, key=lambda shift: abs(middle + shift - wish))


def end_tune(
    notes: list[Played], bars: int, bar: Bar, tonic: int, low: int, high: int
) -> list[Played]:
    """The tune brought home: its last bar is one long tonic, near where the tune was.

    A tune that has been silent for two bars stays so.
    """
    last = (bars - 1) * bar.beats
    before = [note for note in notes if note.start_beats < last - 1e-6]
    if not before or before[-1].start_beats < last - 2 * bar.beats:
        return before
    near = before[-1].pitch
    homes = [p for p in range(low, high + 1) if p % 12 == tonic] or [near]
    home = min(homes, key=lambda pitch: abs(pitch - near))
    return [*before, Played(last, bar.beats * 0.75, home, 0.8)]
