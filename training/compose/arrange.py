"""compose(): one seed, one piece: choices from the top down, then the players one by one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from diffusion.embedded.performance import TIMBRES, Part, Performance, Played
from training.compose.bar import Bar, bar_of
from training.compose.bass import play_bass
from training.compose.chart import Chart
from training.compose.comping import play_comp
from training.compose.drums import as_played, play_drums
from training.compose.folk import Tune, fit_meter, tunes_in
from training.compose.form import choose_form, form_around, intensities
from training.compose.harmonise import harmonise
from training.compose.harmony import SCALES, choose_progression, progression
from training.compose.melodies import choose_character, write_tune
from training.compose.perform import articulate, humanise, shade, swing, within
from training.compose.piece import Chord, Piece
from training.compose.presence import Presence, plan_presence
from training.compose.styles import (
    MOODS,
    OPPOSED,
    STYLE_BOOK,
    STYLES,
    Mood,
    Style,
    blend,
)
from training.compose.voices import answer, sing_backing

METERS = (
    ("4/4", 60), ("3/4", 12), ("6/8", 8), ("12/8", 4), ("7/8", 6), ("5/4", 4.5), ("2/4", 2),
    ("5/8", 1.5), ("9/8", 2),
)  # fmt: skip
TUNE_RANGE = {"melody": (55, 86), "vocals": (52, 79)}
# Collected tunes are played no faster than fingers and tongues go.
LEAST_ONSET_SECONDS = 0.095
GAINS_DB = {"drums": 0.0, "bass": -1.0, "comp": -5.0, "lead": -2.0, "vocals": -1.0}


def compose(
    seed: int,
    *,
    style: str | None = None,
    meter: str | None = None,
    tune: Tune | str | None = None,
    held_out_tunes: bool = False,
) -> Piece:
    """A piece from a seed: the same seed and arguments always give the same piece.

    `tune` is a Tune to arrange, "rules" for one written by rules or "folk" for a collected one
    (where there is a tunes file that has one in the meter); None tosses a coin. With
    `held_out_tunes` every tune is a held-out one, without it none is. Raises ValueError for an
    unknown style or a tune that does not fit the meter.
    """
    rng = Random(f"piece {seed} {held_out_tunes}")
    style_name = style or rng.choice(STYLES)
    if style_name not in STYLE_BOOK:
        raise ValueError(f"style: {style_name!r} is not one of {', '.join(STYLES)}")
    book = STYLE_BOOK[style_name]
    if meter is None:
        meter = tune.meter if isinstance(tune, Tune) else _choose_meter(rng, style_name)
    bar = bar_of(meter, rng.randrange(12))
    moods = _choose_moods(rng)
    mood = blend(moods)
    lead = rng.choice(("melody", "vocals"))
    mode = _choose_mode(rng, book, mood)
    bpm = _choose_bpm(rng, book, bar, mood)
    folk = _choose_folk(rng, tune, meter, mode, bpm, held_out_tunes)
    tonic = rng.randrange(12)
    low, high = TUNE_RANGE[lead]
    if folk:
        mode = folk.mode
        tonic = _fitting_tonic(rng, folk, tonic, low, high)
        form = form_around(rng, min(folk.bars, _most_bars(bar)), bar.beats)
        chords, notes = _arrange_folk(rng, folk, form, bar, tonic, book, mood, low, high)
        source = folk.source
    else:
        form = choose_form(rng, bar.beats)
        chords = _write_chords(rng, form, bar, tonic, mode, book, mood)
        tune_seed = seed * 10 if held_out_tunes else seed if seed % 10 else seed * 10 + 1
        source = f"rules:{tune_seed}"
        density = min(1.0, max(0.0, book.tunefulness + mood.density + rng.uniform(-0.15, 0.15)))
        shift = mood.register_semitones
        notes = write_tune(
            Random(f"tune {tune_seed}"),
            [span for span in _spans(form)],
            bar,
            bpm,
            tuple(chords),
            tonic,
            mode,
            max(low, low + 2 + shift),
            min(high, high - 3 + shift),
            choose_character(rng, density),
        )
    if form[-1][0] == "outro":
        notes = _end_tune(notes, form, bar, tonic, low, high)
    if folk is None or rng.random() < 0.8:
        notes = swing(notes, bar, book.swing, book.swing_unit_beats)
    end = sum(bars for _, bars in form) * bar.beats
    notes = articulate(sorted(notes, key=lambda note: note.start_beats), 1.0, False, end)
    chart = Chart(
        style_name,
        book,
        mood,
        bpm,
        bar,
        tonic,
        mode,
        tuple(form),
        tuple(intensities(rng, form, mood)),
        tuple(chords),
        tuple(notes),
        lead,
    )
    return Piece(
        style=style_name,
        moods=moods,
        bpm=bpm,
        meter=meter,
        bars=chart.bars,
        tonic=tonic,
        mode=mode,
        lead=lead,
        tune=chart.tune,
        tune_source=source,
        chords=chart.chords,
        sections=chart.sections,
        intensity=chart.intensity,
        performance=_perform(rng, chart),
    )


def _choose_meter(rng: Random, style_name: str) -> str:
    if style_name == "waltz" and rng.random() < 0.75:
        return "3/4"
    names, weights = zip(*METERS, strict=True)
    return str(rng.choices(names, weights)[0])


def _choose_moods(rng: Random) -> tuple[str, ...]:
    first = rng.choice(MOODS)
    if rng.random() < 0.55:
        return (first,)
    second = rng.choice([m for m in MOODS if m != first and {m, first} not in OPPOSED])
    return (first, second)


def _choose_bpm(rng: Random, style: Style, bar: Bar, mood: Mood) -> float:
    """Quarter notes a minute so that the felt pulse lies in the style's range."""
    low, high = style.felt_bpm
    at = min(1.0, max(0.0, 0.5 + 0.4 * mood.pace + rng.uniform(-0.45, 0.45)))
    felt = low + (high - low) * at
    if bar.ternary:
        while felt > 128:
            felt /= 2
        felt *= 1.5
    elif bar.meter.endswith("/8"):
        felt = felt * 1.1 if felt < 150 else felt
    bpm = min(200.0, max(50.0, felt))
    return round(bpm) * 1.0 if rng.random() < 0.5 else round(bpm, 2)


def _choose_mode(rng: Random, style: Style, mood: Mood) -> str:
    major, minor, dorian, mixolydian = style.modes
    weights = (major, minor * mood.minor, dorian * mood.minor, mixolydian)
    return rng.choices(tuple(SCALES), weights)[0]


def _choose_folk(
    rng: Random, tune: Tune | str | None, meter: str, mode: str, bpm: float, held: bool
) -> Tune | None:
    if isinstance(tune, Tune):
        fitted = fit_meter(tune, meter)
        if fitted is None:
            raise ValueError(f"tune: {tune.source} is in {tune.meter} and does not fit {meter}")
        return fitted
    wanted = rng.random() < 0.56
    choices = tunes_in(meter, held)
    if tune == "rules" or not choices or (tune is None and not wanted):
        return None
    # Most collected tunes are major: the style and the mood choose the mode first.
    in_mode = [found for found in choices if found.mode == mode] or list(choices)
    for _ in range(12):
        found = rng.choice(in_mode)
        if found.shortest_beats() * 60 / bpm >= LEAST_ONSET_SECONDS:
            return found
    return None


def _most_bars(bar: Bar) -> int:
    return min(32, int(128 // bar.beats))


def _spans(form: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    spans, at = [], 0
    for name, bars in form:
        spans.append((name, at, at + bars))
        at += bars
    return spans


def _half(bar: Bar) -> float:
    """Where a bar's second chord comes in."""
    if bar.accents:
        return bar.accents[len(bar.accents) // 2]
    return bar.pulses[-1].start_beats if len(bar.pulses) > 1 else bar.beats


def _write_chords(
    rng: Random,
    form: list[tuple[str, int]],
    bar: Bar,
    tonic: int,
    mode: str,
    style: Style,
    mood: Mood,
) -> list[Chord]:
    """A progression for each kind of section; the last bar before home is left open."""
    seventh = rng.random() < style.sevenths + mood.colour
    texts: dict[str, str] = {}
    chords: list[Chord] = []
    for at, (name, first, last) in enumerate(_spans(form)):
        kind = "verse" if name in ("intro", "outro") else name
        if kind not in texts:
            texts[kind] = choose_progression(rng, mode, style.family, texts.get("verse", ""))
        final = at == len(form) - 1
        ending = "home" if name == "outro" or (final and rng.random() < 0.5) else ""
        if not final and rng.random() < 0.5:
            ending = "open"
        chords += progression(
            last - first,
            first * bar.beats,
            bar.beats,
            _half(bar),
            texts[kind],
            tonic,
            mode,
            seventh=seventh,
            ending=ending,
        )
    return chords


def _arrange_folk(
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
    own = [span for span in _spans(form) if span[0] in ("verse", "chorus")]
    tune_bars = sum(last - first for _, first, last in own)
    shift = _transposition(rng, tune, tonic, low, high, mood)
    inside = [
        (start, min(length, tune_bars * bar.beats - start), _fold(pitch + shift, low, high))
        for start, length, pitch in tune.notes
        if start < tune_bars * bar.beats - 1e-6
    ]
    seventh = rng.random() < style.sevenths + mood.colour
    plain = harmonise(
        inside,
        bar,
        tune_bars,
        tonic,
        tune.mode,
        halves=(tune.source.startswith("bach") or rng.random() < 0.4) and len(bar.pulses) > 1,
        seventh=seventh,
        colour=rng.random(),
        split_beats=_half(bar),
    )
    chords: list[Chord] = []
    notes: list[Played] = []
    text = choose_progression(rng, tune.mode, "pop")
    done = 0
    for name, first, last in _spans(form):
        at = first * bar.beats
        if name not in ("verse", "chorus"):
            chords += progression(
                last - first, at, bar.beats, _half(bar), text, tonic, tune.mode,
                seventh=seventh, ending="home" if name == "outro" else "open",
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


def _fitting_tonic(rng: Random, tune: Tune, tonic: int, low: int, high: int) -> int:
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


def _end_tune(
    notes: list[Played], form: list[tuple[str, int]], bar: Bar, tonic: int, low: int, high: int
) -> list[Played]:
    """The tune brought home: its last bar is one long tonic, near where the tune was."""
    last = (sum(bars for _, bars in form) - 1) * bar.beats
    before = [note for note in notes if note.start_beats < last - 1e-6]
    outro = (sum(bars for name, bars in form if name != "outro")) * bar.beats
    if not before or before[-1].start_beats < outro - bar.beats:
        return before
    near = before[-1].pitch
    homes = [p for p in range(low, high + 1) if p % 12 == tonic] or [near]
    home = min(homes, key=lambda pitch: abs(pitch - near))
    return [*before, Played(last, bar.beats * 0.75, home, 0.8)]


def _perform(rng: Random, chart: Chart) -> Performance:
    """Every player in turn: drums first, the bass on the kick, chords, the tune, the others."""
    style, bar, mood = chart.style, chart.bar, chart.mood
    presence: Presence = plan_presence(rng, chart)
    total = chart.bars * bar.beats
    timbres = _timbres(rng, chart)
    hits, kicks = play_drums(rng, chart, presence.drums)
    raw: dict[str, list[Played]] = {
        "drums": as_played(hits, mood.force, chart.intensity, bar.beats),
        "bass": play_bass(rng, chart, presence.bass, kicks),
    }
    strummed = timbres["comp"].endswith("guitar") and chart.style_name not in (
        "funk",
        "disco",
    )
    raw["comp"] = play_comp(
        rng,
        chart,
        presence.comp,
        _comp_centre(rng, chart),
        rng.choice((3, 4, 4)) if len(chart.chords[0].pitch_classes) < 4 else rng.choice((4, 4, 5)),
        0.012 if strummed else 0.0,
    )
    tune_part, other = ("lead", "vocals") if chart.lead == "melody" else ("vocals", "lead")
    second = presence.second
    if other == "vocals":
        make = rng.choice(
            ("backing", "backing", "answer", "none" if rng.random() < 0.5 else "both")
        )
        low, high = (54, 74)
        backing = sing_backing(rng, chart, second, low, high) if make in ("backing", "both") else []
        if make == "answer":
            backing = answer(rng, chart, second, 57, 77, 2.0)
        raw[other] = [_vowel(note, "AA") for note in backing]
    else:
        raw[other] = _second_lead(rng, chart, second)
    exact = {round(first * bar.beats, 6) for _, first, _ in chart.spans()}
    parts: dict[str, Part] = {}
    gains = {name: gain + rng.uniform(-2.0, 2.0) for name, gain in GAINS_DB.items()}
    gains[other] -= 3.0
    for name in ("drums", "bass", "comp", other):
        notes = raw[name]
        notes = swing(notes, bar, style.swing, style.swing_unit_beats)
        notes = (
            shade(notes, chart.intensity, bar, mood.force, name == other)
            if name != "drums"
            else notes
        )
        notes = humanise(
            rng,
            notes,
            loose_beats=style.loose_beats,
            lag_beats=style.lag_beats * (0.5 if name == "bass" else 1.0),
            exact=exact,
            spread=0.03 if name == "drums" else 0.05,
            drums=name == "drums",
        )
        if name != "drums":
            short = mood.short if name in ("bass", "comp") else 0.96
            notes = within(name, articulate(notes, min(1.0, short), name == "comp", total))
        parts[name] = Part(tuple(notes), timbres[name], round(max(-9.0, gains[name]), 1))
    parts[tune_part] = Part(
        tuple(_play_tune(rng, chart, tune_part, exact, total)),
        timbres[tune_part],
        round(max(-9.0, gains[tune_part]), 1),
    )
    return Performance(total, {name: parts[name] for name in TIMBRES})


def _comp_centre(rng: Random, chart: Chart) -> float:
    """The middle of the chords: bright or dark as the mood is, and out of the tune's way."""
    wish = rng.uniform(57, 64) + 0.5 * chart.mood.register_semitones
    if not chart.tune:
        return wish
    middle = sum(note.pitch for note in chart.tune) / len(chart.tune)
    return max(54.0, min(wish, middle - 8))


def _second_voice(rng: Random, chart: Chart, active: list[bool]) -> list[Played]:
    """Backing vowels under an instrument's tune, answers to it, or nothing."""
    role = rng.choices(("backing", "answer", "nothing"), (6, 2.5, 1))[0]
    if role == "backing":
        return sing_backing(rng, chart, active, 54, 74)
    if role == "answer":
        return [_vowel(note, "AA") for note in answer(rng, chart, active, 57, 77, 2.0)]
    return []


def _second_lead(rng: Random, chart: Chart, active: list[bool]) -> list[Played]:
    """Answers to the singer, a slow counter line of chord tones, or nothing."""
    role = rng.choices(("answer", "line", "nothing"), (6.5, 2.5, 1))[0]
    if role == "answer":
        return answer(rng, chart, active, 60, 84, 1.5)
    if role == "line":
        return [replace(note, syllable="") for note in sing_backing(rng, chart, active, 64, 82)]
    return []


def _play_tune(
    rng: Random, chart: Chart, part: str, exact: set[float], total: float
) -> list[Played]:
    notes = [_vowel(note, "") for note in chart.tune]
    if part == "vocals":
        notes = [_vowel(note, "AA" if note.length_beats >= 1 else "OW") for note in notes]
    notes = shade(notes, chart.intensity, chart.bar, chart.mood.force, True)
    notes = humanise(
        rng, notes, loose_beats=chart.style.loose_beats * 1.2,
        lag_beats=0.6 * chart.style.lag_beats, exact=exact, spread=0.05,
    )  # fmt: skip
    gate = min(1.0, rng.uniform(0.9, 1.0) * (1.0 if part == "vocals" else chart.mood.short))
    return articulate(notes, gate, False, total)


def _vowel(note: Played, vowel: str) -> Played:
    return Played(
        note.start_beats,
        note.length_beats,
        note.pitch,
        note.velocity,
        note.syllable or vowel,
    )


def _timbres(rng: Random, chart: Chart) -> dict[str, str]:
    """Sounds of the style, now and then any other, bent by the mood; voice by the tune's height."""
    style = chart.style
    chosen = {
        "drums": rng.choice(style.drums),
        "bass": rng.choice(style.bass),
        "comp": rng.choice(style.comp),
        "lead": rng.choice(style.lead),
    }
    for name in chosen:
        if rng.random() < 0.12:
            chosen[name] = rng.choice(TIMBRES[name])
    if chart.mood.force > 1.12 and "power" in style.drums:
        chosen["drums"] = "power"
    if chart.mood.force < 0.86 and rng.random() < 0.35:
        soft = [name for name in ("pad", "strings", "electric_piano") if name in style.comp]
        chosen["comp"] = rng.choice(soft or [chosen["comp"]])
    pitches = [note.pitch for note in chart.tune] if chart.lead == "vocals" else []
    middle = sum(pitches) / len(pitches) if pitches else rng.uniform(58, 72)
    order = ("tenor", "alto", "soprano")
    chosen["vocals"] = order[0 if middle < 61 else 1 if middle < 68 else 2]
    return chosen
