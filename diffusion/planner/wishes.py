"""What a plan has to keep to: what the user gave, by bars, and what the request says besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from diffusion.embedded.moods import MOODS, blend
from diffusion.embedded.performance import RANGES
from diffusion.embedded.vocabulary import STYLES, ParsedPrompt
from diffusion.planner import vocabulary as v
from diffusion.planner.material import Material, put_chords, put_tune
from midi.grid import Grid
from midi.key import MODES, Key
from midi.lead_sheet import LeadSheet
from midi.sections import section_text

# Sections that the planner was not trained on, by the names of those it was.
TRAINED_AS = {
    "hook": "chorus", "refrain": "chorus", "drop": "chorus", "post-chorus": "chorus",
    "pre-chorus": "verse", "build": "verse", "solo": "verse", "instrumental": "verse",
    "breakdown": "bridge", "break": "bridge", "interlude": "bridge",
}  # fmt: skip
EMBEDDED_PARTS = {"comp": "chords", "lead": "melody"}
# Semitones that a planned tune keeps from the ends of its part's range.
EDGE = {"melody": (3, 6), "vocals": (2, 3)}


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that a plan keeps to. Bars count from 0; `tonic_shift` counts pitches from a tonic of C.

    `sections` maps the first bar of a given section to its name and bars, `parts` a part to
    whether it plays in each bar, `intensity` is one number a bar. `known` holds the given chords
    and tune by bars.
    """

    known: Material
    sections: Mapping[int, tuple[str, int]]
    parts: Mapping[str, tuple[bool, ...]]
    intensity: tuple[float, ...] | None
    lead: str
    ending: str
    has_tune: bool
    chords_given: bool
    tune_given: bool
    scale: frozenset[int]
    minor: bool
    low: int
    high: int
    shortest_units: int
    facts: Mapping[str, int] = field(default_factory=dict)

    @property
    def bars(self) -> int:
        return len(self.known.starts) - 1


def wishes_of(
    sheet: LeadSheet, grid: Grid, key: Key, prompt: ParsedPrompt, lead: str, ending: str
) -> Wishes:
    """Read what was given into bars; what the prompt leaves out counts as given."""
    starts = [round(start * v.UNITS) for start in grid.bar_starts]
    known = Material(starts)
    shift = tonic_shift(key)
    if sheet.chords:
        put_chords(known, [
            (
                chord.start_beats, chord.length_beats,
                None if chord.root is None else (chord.root - key.tonic) % 12,
                None if chord.bass is None else (chord.bass - key.tonic) % 12,
                [(each - key.tonic) % 12 for each in chord.pitch_classes],
            )
            for chord in sheet.chords
        ])  # fmt: skip
    if sheet.tune:
        put_tune(known, [
            (float(n.start_beats), float(n.length_beats), _near(n.pitch - shift))
            for n in sheet.tune.notes
        ])  # fmt: skip
        lead = sheet.tune.part
    parts = _parts(sheet, grid.bars, prompt, lead)
    part_low, part_high = RANGES["lead" if lead == "melody" else "vocals"]
    below, above = EDGE[lead]
    move = blend(Random(0), prompt.moods).register_semitones
    shortest = (0.15 if lead == "vocals" else 0.1) * grid.bpm / 60 * v.UNITS
    wishes = Wishes(
        known=known,
        sections=_sections(sheet),
        parts=parts,
        intensity=sheet.intensity,
        lead=lead,
        ending=ending,
        has_tune=sheet.tune is not None or any(parts.get(lead, (True,))),
        chords_given=bool(sheet.chords),
        tune_given=sheet.tune is not None,
        scale=frozenset((each - key.tonic) % 12 for each in key.pitch_classes),
        minor=key.is_minorish,
        low=max(v.LOWEST, part_low + below + max(0, move) - shift),
        high=min(v.HIGHEST, part_high - above + min(0, move) - shift),
        shortest_units=max(1, min(12, int(shortest + 0.999))),
    )
    return _with_facts(wishes, grid, key, prompt)


def tonic_shift(key: Key) -> int:
    """Semitones from a tonic of C up to the key's, -5..6."""
    return key.tonic if key.tonic <= 6 else key.tonic - 12


def _near(pitch: int) -> int:
    return min(v.HIGHEST, max(v.LOWEST, pitch))


def _sections(sheet: LeadSheet) -> dict[int, tuple[str, int]]:
    found = {}
    for each in sheet.sections:
        tag = section_text(each.name).tag
        name = TRAINED_AS.get(tag, tag)
        bars = each.last_bar - each.first_bar + 1
        found[each.first_bar - 1] = (name if name in v.SECTIONS else "verse", bars)
    return found


def _parts(
    sheet: LeadSheet, bars: int, prompt: ParsedPrompt, lead: str
) -> dict[str, tuple[bool, ...]]:
    parts = {
        name: tuple(sheet.plays(name, bar) for bar in range(1, bars + 1)) for name in sheet.parts
    }
    silent = (False,) * bars
    for name in prompt.without:
        parts.setdefault(EMBEDDED_PARTS.get(name, name), silent)
    if lead == "melody" and "vocals" not in (prompt.timbres or {}):
        parts.setdefault("vocals", silent)  # nobody asked for a voice
    if sheet.tune:  # a given tune is played wherever it has notes
        parts.pop(sheet.tune.part, None)
    return parts


def _with_facts(wishes: Wishes, grid: Grid, key: Key, prompt: ParsedPrompt) -> Wishes:
    moods = [1 + MOODS.index(mood) for mood in prompt.moods[:2]] + [0, 0]
    meter = f"{grid.meter.numerator}/{grid.meter.denominator}"
    facts = {
        "manner": 0,
        "style": 1 + STYLES.index(prompt.style) if prompt.style else 0,
        "mood": moods[0],
        "second_mood": moods[1],
        "mode": MODES.index(TRAINED_MODE.get(key.mode, key.mode)),
        "tonic": key.tonic,
        "meter": v.METERS.index(meter) if meter in v.METERS else len(v.METERS) - 1,
        "tempo": v.bucket_of_tempo(grid.bpm),
        "bars": v.bucket_of_bars(grid.bars),
        "ending": int(wishes.ending == "full"),
        "lead": 1 + int(wishes.lead == "vocals"),
        "order": int(wishes.tune_given and not wishes.chords_given),
    }
    return replace(wishes, facts=facts)


# Modes without training data, by the nearest with; the scale that is kept to is the key's own.
TRAINED_MODE = {"lydian": "major", "phrygian": "minor", "locrian": "minor"}
