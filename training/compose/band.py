"""The band: every player of a chart in turn, and what each sounds like."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from diffusion.embedded.performance import TIMBRES, Part, Performance, Played
from training.compose.bass import play_bass
from training.compose.chart import Chart
from training.compose.comping import play_comp
from training.compose.drums import as_played, play_drums
from training.compose.perform import articulate, humanise, shade, swing, within
from training.compose.presence import Presence, plan_presence, planned_bars
from training.compose.voices import answer, sing_backing

# The share of pieces in which a mood's pattern or drum takes the place of the style's.
MOOD_PATTERNS = 0.7
GAINS_DB = {"drums": 0.0, "bass": -1.0, "comp": -5.0, "lead": -2.0, "vocals": -1.0}


def perform_chart(rng: Random, chart: Chart) -> tuple[Performance, dict[str, tuple[bool, ...]]]:
    """Every player in turn: drums first, the bass on the kick, chords, the tune, the others.

    Also returned: per part and bar, whether it plays.
    """
    style, bar, mood = chart.style, chart.bar, chart.mood
    presence: Presence = plan_presence(rng, chart)
    total = chart.bars * bar.beats
    timbres = _timbres(rng, chart)
    hits, kicks = play_drums(rng, chart, presence.drums, _kit(rng, chart))
    raw: dict[str, list[Played]] = {
        "drums": as_played(hits, mood.force, chart.intensity, bar.beats),
        "bass": play_bass(rng, chart, presence.bass, kicks, _pattern(rng, mood.bass)),
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
        _pattern(rng, mood.comping),
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
    # An answer may run on into a bar in which its part is out.
    raw[other] = [n for n in raw[other] if second[int((n.start_beats + 0.05) / bar.beats)]]
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
            short = mood.short if name in ("bass", "comp") else 0.96 * min(1.0, mood.short**0.5)
            notes = within(name, articulate(notes, min(1.0, short), name == "comp", total))
        parts[name] = Part(tuple(notes), timbres[name], round(max(-9.0, gains[name]), 1))
    parts[tune_part] = Part(
        tuple(_play_tune(rng, chart, tune_part, exact, total)),
        timbres[tune_part],
        round(max(-9.0, gains[tune_part]), 1),
    )
    active = {
        "drums": presence.drums, "bass": presence.bass, "comp": presence.comp,
        other: second, tune_part: [True] * chart.bars,
    }  # fmt: skip
    plays = {
        name: planned_bars(parts[name].notes, active[name], chart.spans(), bar) for name in TIMBRES
    }
    return Performance(total, {name: parts[name] for name in TIMBRES}), plays


def _pattern(rng: Random, pattern: str) -> str:
    """The mood's pattern in most pieces; "" leaves the player to the style's."""
    return pattern if rng.random() < MOOD_PATTERNS else ""


def _kit(rng: Random, chart: Chart) -> dict[str, str]:
    """The drums that take the place of others in this piece, by the mood."""
    return dict(chart.mood.kit) if rng.random() < MOOD_PATTERNS else {}


def _comp_centre(rng: Random, chart: Chart) -> float:
    """The middle of the chords: bright or dark as the mood is, and out of the tune's way."""
    wish = rng.uniform(57, 64) + 0.6 * chart.mood.register_semitones
    if not chart.tune:
        return wish
    middle = sum(note.pitch for note in chart.tune) / len(chart.tune)
    return max(52.0, min(wish, middle - 8))


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
    gate = min(1.0, rng.uniform(0.9, 1.0) * chart.mood.short ** (0.5 if part == "vocals" else 1.0))
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
