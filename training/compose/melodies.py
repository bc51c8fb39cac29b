"""Tunes written by rules: motifs that return, answer each other and come to rest.

A phrase is four units of two bars or one. Units share a motif (a rhythm and a contour in scale
steps); "a b a c" and its kin give the repetition a listener holds on to, and over the same chords
a unit comes back note by note. Strong notes are chord
tones; a note that is not moves by step, so that nothing is wrong against the harmony.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from diffusion.embedded.bar import Bar
from diffusion.embedded.performance import Played
from training.compose.harmony import chord_scale, scale_of
from training.compose.motifs import Character, Motif, cadence, invent, vary
from training.compose.piece import Chord

PLANS = ("abac", "aabc", "aaac", "abab", "aaba", "abac", "aabb")


def write_tune(
    rng: Random,
    spans: list[tuple[str, int, int]],
    bar: Bar,
    bpm: float,
    chords: tuple[Chord, ...],
    tonic: int,
    mode: str,
    low: int,
    high: int,
    character: Character,
) -> list[Played]:
    """A tune over the sections `spans` (name, first bar, bar after the last), low..high.

    Intros are silent; a bridge may be; choruses lie higher. All velocities are 0.8.
    """
    centre = rng.uniform(low + 0.35 * (high - low), low + 0.6 * (high - low))
    books: dict[str, dict[str, Motif]] = {}
    plans: dict[str, str] = {}
    sung: dict[tuple[object, ...], list[Played]] = {}
    at_first: dict[tuple[object, ...], float] = {}
    models: dict[tuple[str, str], tuple[int, ...]] = {}
    notes: list[Played] = []
    bridge_rests = rng.random() < 0.35
    pickup = 0 if character.span_semitones < 8 else rng.choice((0, 0, 0, 1, 2, 3))
    for name, first, last in spans:
        if name == "intro" or (name == "bridge" and bridge_rests):
            continue
        book = books.setdefault("verse" if name == "outro" else name, {})
        plan = plans.setdefault(name, rng.choice(PLANS))
        unit_bars = 2 if bar.beats <= 4.5 and (last - first) >= 4 else 1
        lift = {"chorus": 3.0, "bridge": 1.0, "outro": -1.0}.get(name, 0.0)
        units = -(-(last - first) // unit_bars)
        for unit in range(units):
            at = first + unit * unit_bars
            size = min(unit_bars, last - at)
            letter = plan[unit % 4]
            closing = unit == units - 1
            if character.gap and unit % 2 == 1 and rng.random() < character.gap and not closing:
                continue
            key = f"{letter}{size}"
            if key not in book:
                extra = 0.1 if name == "chorus" else -0.05 if name == "bridge" else 0.0
                book[key] = invent(rng, bar, size, bpm, character, extra)
            motif = book[key]
            if unit % 4 == 3 or closing:
                motif = cadence(motif, bar, size)
            elif rng.random() < 0.1:
                motif = vary(rng, motif)
            arch = 0.8 * "abcd".index(letter)
            target = min(high - 2.0, max(low + 2.0, centre + lift + arch))
            goal = _goal(chords, at, size, bar, tonic, closing or unit % 4 == 3)
            start = at * bar.beats
            same = (motif, target, goal, _harmony_under(chords, start, size * bar.beats))
            if same not in sung:
                sung[same] = _realise(
                    motif, bar, start, target, chords, tonic, mode, low, high, character, goal,
                    models.get((name, key), ()),
                )  # fmt: skip
                models.setdefault((name, key), tuple(note.pitch for note in sung[same]))
            move = start - at_first.setdefault(same, start)
            phrase = [
                replace(note, start_beats=round(note.start_beats + move, 6)) for note in sung[same]
            ]
            if pickup and unit % 2 == 0:
                scale = chord_scale(_chord_at(chords, phrase[0].start_beats - 0.01), tonic, mode)
                lead_in = _lead_in(notes, phrase, pickup, scale, 0.5)
                if lead_in and all(low <= note.pitch <= high for note in lead_in):
                    if notes:
                        old = notes[-1]
                        length = min(old.length_beats, lead_in[0].start_beats - old.start_beats)
                        notes[-1] = Played(old.start_beats, length, old.pitch, old.velocity)
                    notes += lead_in
            notes += phrase
    if character.chromatic:
        notes = _pass_chromatically(rng, notes, character.chromatic)
    return notes


def _goal(
    chords: tuple[Chord, ...], at: int, size: int, bar: Bar, tonic: int, closing: bool
) -> int | None:
    """The pitch class a cadence rests on: the tonic where its chord allows, else a chord tone."""
    if not closing:
        return None
    last = _chord_at(chords, (at + size - 1) * bar.beats)
    if tonic in last.pitch_classes:
        return tonic
    fifth = (tonic + 7) % 12
    return fifth if fifth in last.pitch_classes else last.pitch_classes[0]


def _harmony_under(
    chords: tuple[Chord, ...], start: float, beats: float
) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """The chords of a phrase, counted from its start: what decides whether it can be repeated."""
    inside = [
        (round(max(chord.start_beats - start, 0.0), 6), chord.pitch_classes)
        for chord in chords
        if start - chord.length_beats + 1e-6 < chord.start_beats < start + beats - 1e-6
    ]
    return tuple(inside)


def _chord_at(chords: tuple[Chord, ...], beat: float) -> Chord:
    found = chords[0]
    for chord in chords:
        if chord.start_beats > beat + 1e-6:
            break
        found = chord
    return found


def _ladder(classes: tuple[int, ...], low: int, high: int) -> list[int]:
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def _realise(
    motif: Motif,
    bar: Bar,
    start_beats: float,
    target: float,
    chords: tuple[Chord, ...],
    tonic: int,
    mode: str,
    low: int,
    high: int,
    character: Character,
    goal: int | None,
    model: tuple[int, ...],
) -> list[Played]:
    """Pitches for a motif: contour from the target, strong notes on the chord, others by step.

    `model` are the pitches the motif had before: each is kept where the harmony lets it be.
    """
    if model:
        target = (min(model) + max(model)) / 2
    reach = max(character.span_semitones, max(model, default=0) - min(model, default=0)) / 2
    floor = int(max(low, target - reach))
    ceiling = int(min(high, target + reach))
    home = _ladder(scale_of(tonic, mode), low, high)
    first_chord = _chord_at(chords, start_beats + motif.rhythm[0][0])
    anchor = min(
        _ladder(first_chord.pitch_classes, floor, ceiling) or home,
        key=lambda p: abs(p - target),
    )
    base = min(range(len(home)), key=lambda at: abs(home[at] - anchor))
    pitches: list[int] = []
    strong: list[bool] = []
    for at, ((offset, length), step) in enumerate(zip(motif.rhythm, motif.steps, strict=True)):
        beat = start_beats + offset
        chord = _chord_at(chords, beat)
        wish = _reflect(home[max(0, min(len(home) - 1, base + step))], floor, ceiling)
        heavy = bar.weight(round(beat % bar.beats, 6)) >= 2
        firm = at in (0, len(motif.steps) - 1) or length >= 0.99 or heavy
        classes = chord.pitch_classes[:3] if firm else chord_scale(chord, tonic, mode)
        if goal is not None and at == len(motif.steps) - 1:
            classes = (goal,)
        options = _ladder(classes, floor, ceiling) or _ladder(classes, low, high)
        last = pitches[-1] if pitches else wish
        way = step - motif.steps[at - 1] if at else 0
        known = model[at] if at < len(model) else None
        pitches.append(known if known in options else _fittest(options, wish, last, way))
        strong.append(firm)
    for at in range(1, len(pitches) - 1):
        chord = _chord_at(chords, start_beats + motif.rhythm[at][0])
        if strong[at] or pitches[at] % 12 in chord.pitch_classes:
            continue
        before, after = pitches[at - 1], pitches[at + 1]
        if abs(pitches[at] - before) > 2 or abs(after - pitches[at]) > 2:
            options = _ladder(chord.pitch_classes, floor, ceiling) or [pitches[at]]
            pitches[at] = _fittest(options, pitches[at], before, 1 if pitches[at] > before else -1)
    notes = []
    for (offset, length), pitch in zip(motif.rhythm, pitches, strict=True):
        beat = start_beats + offset
        later = _chord_at(chords, beat + length - 1e-3)
        if later is not _chord_at(chords, beat) and pitch % 12 not in later.pitch_classes:
            length = max(0.25, min(length, later.start_beats - beat))
        notes.append(Played(round(beat, 6), round(length, 6), pitch, 0.8))
    return notes


def _fittest(options: list[int], wish: int, before: int, way: int) -> int:
    """The option nearest the wish that goes the motif's `way` from the note before."""

    def cost(pitch: int) -> float:
        stuck = 4.0 if pitch == before and way else 0.0
        astray = 1.3 if (pitch - before) * way < 0 else 0.0
        return abs(pitch - wish) + stuck + astray + 0.25 * max(0, abs(pitch - before) - 7)

    return min(options, key=cost)


def _reflect(pitch: int, floor: int, ceiling: int) -> int:
    """A pitch beyond the span turned back into it, so that lines do not stick to its edge."""
    if pitch > ceiling:
        pitch = 2 * ceiling - pitch
    if pitch < floor:
        pitch = 2 * floor - pitch
    return max(floor, min(ceiling, pitch))


def _lead_in(
    notes: list[Played],
    phrase: list[Played],
    count: int,
    scale: tuple[int, ...],
    step: float,
) -> list[Played]:
    """Pickup notes by step into the phrase's first note, where the line before leaves room."""
    first = phrase[0]
    free = notes[-1].start_beats + 0.5 * notes[-1].length_beats if notes else 0.0
    ladder = _ladder(scale, first.pitch - 12, first.pitch + 12)
    below = [pitch for pitch in ladder if pitch < first.pitch]
    above = [pitch for pitch in ladder if pitch > first.pitch]
    rising = not notes or notes[-1].pitch <= first.pitch
    path = below[-count:] if rising else above[:count][::-1]
    start = first.start_beats - count * step
    if start < free + 0.25 or len(path) < count or first.start_beats % 0.5 > 1e-6:
        return []
    return [Played(round(start + k * step, 6), step, p, 0.72) for k, p in enumerate(path)]


def _pass_chromatically(rng: Random, notes: list[Played], chance: float) -> list[Played]:
    """Splits a note before a whole step and fills the gap with the semitone between."""
    out: list[Played] = []
    for note, after in zip(notes, [*notes[1:], None], strict=True):
        joined = after and abs(after.start_beats - note.start_beats - note.length_beats) < 1e-6
        if (
            after
            and joined
            and abs(after.pitch - note.pitch) == 2
            and note.length_beats >= 0.5
            and rng.random() < chance
        ):
            half = note.length_beats / 2
            if half > 1.01:
                half = 0.5
            lead_in = note.start_beats + note.length_beats - half
            between = (note.pitch + after.pitch) // 2
            out.append(Played(note.start_beats, note.length_beats - half, note.pitch, 0.8))
            out.append(Played(round(lead_in, 6), half, between, 0.72))
        else:
            out.append(note)
    return out
