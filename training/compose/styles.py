"""Styles: tempo, feel, sounds and harmony of each kind of music the composer writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """What makes a style, besides its patterns (grooves, lines).

    `felt_bpm` counts felt pulses. `swing` is where the offbeat falls in its pair (0.5 straight,
    2/3 triplet) and `swing_unit_beats` the length of the pair. `lag_beats` lays the snare back
    (negative pushes), `loose_beats` is the players' timing spread. `modes` are weights for major,
    minor, dorian and mixolydian; `sevenths` how likely chords carry a seventh; `drummed` how
    likely there is a drummer at all; `tunefulness` how dense rule-made tunes are (0..1).
    """

    felt_bpm: tuple[float, float]
    modes: tuple[float, float, float, float]
    drums: tuple[str, ...]
    bass: tuple[str, ...]
    comp: tuple[str, ...]
    lead: tuple[str, ...]
    family: str = "pop"
    sevenths: float = 0.0
    swing: float = 0.5
    swing_unit_beats: float = 1.0
    lag_beats: float = 0.0
    loose_beats: float = 0.007
    drummed: float = 1.0
    tunefulness: float = 0.5


STYLE_BOOK: dict[str, Style] = {
    "pop": Style(
        (84, 132),
        (7, 4, 0, 0.5),
        ("standard", "room", "electronic"),
        ("finger", "pick", "synth"),
        ("piano", "clean_guitar", "steel_guitar", "pad"),
        ("piano", "saw_lead", "overdriven_guitar", "flute"),
        sevenths=0.15,
    ),
    "rock": Style(
        (96, 168),
        (6, 4, 0.5, 2),
        ("power", "room", "standard"),
        ("pick", "finger"),
        ("clean_guitar", "organ", "steel_guitar", "piano"),
        ("overdriven_guitar", "overdriven_guitar", "saw_lead", "sax"),
    ),
    "folk": Style(
        (72, 132),
        (7, 2, 1, 1),
        ("standard", "room", "jazz"),
        ("acoustic", "finger"),
        ("steel_guitar", "nylon_guitar", "piano"),
        ("violin", "flute", "nylon_guitar"),
        drummed=0.8,
    ),
    "ballad": Style(
        (54, 84),
        (6, 5, 0, 0),
        ("standard", "room", "jazz"),
        ("finger", "fretless", "acoustic"),
        ("piano", "electric_piano", "strings", "nylon_guitar"),
        ("piano", "violin", "sax", "flute", "overdriven_guitar"),
        sevenths=0.4,
        lag_beats=0.006,
        drummed=0.85,
        tunefulness=0.4,
    ),
    "lofi": Style(
        (66, 92),
        (5, 5, 1, 0),
        ("standard", "808", "jazz"),
        ("finger", "fretless", "acoustic"),
        ("electric_piano", "piano", "nylon_guitar"),
        ("vibraphone", "sax", "flute", "piano"),
        "jazz",
        0.95,
        swing=0.58,
        swing_unit_beats=0.5,
        lag_beats=0.012,
        loose_beats=0.01,
        tunefulness=0.35,
    ),
    "hiphop": Style(
        (78, 102),
        (3, 7, 1, 0),
        ("808", "electronic", "standard"),
        ("synth", "finger", "fretless"),
        ("electric_piano", "piano", "strings", "pad"),
        ("flute", "saw_lead", "vibraphone", "trumpet"),
        sevenths=0.5,
        swing=0.56,
        swing_unit_beats=0.5,
        lag_beats=0.012,
        tunefulness=0.4,
    ),
    "trap": Style(
        (126, 152),
        (2, 8, 0, 0),
        ("808",),
        ("synth",),
        ("pad", "piano", "strings"),
        ("saw_lead", "flute", "vibraphone"),
        loose_beats=0.002,
        tunefulness=0.35,
    ),
    "house": Style(
        (116, 130),
        (4, 6, 1, 0),
        ("electronic", "808"),
        ("synth", "finger"),
        ("piano", "organ", "electric_piano", "pad"),
        ("saw_lead", "vibraphone", "sax"),
        sevenths=0.5,
        swing=0.53,
        swing_unit_beats=0.5,
        loose_beats=0.002,
        tunefulness=0.4,
    ),
    "techno": Style(
        (124, 142),
        (1, 8, 1, 0),
        ("808", "electronic"),
        ("synth",),
        ("pad", "organ", "strings"),
        ("saw_lead", "vibraphone"),
        loose_beats=0.0,
        tunefulness=0.25,
    ),
    "drum_and_bass": Style(
        (160, 178),
        (3, 7, 1, 0),
        ("electronic", "standard", "power"),
        ("synth", "slap"),
        ("pad", "electric_piano", "strings"),
        ("saw_lead", "flute", "vibraphone"),
        sevenths=0.4,
        loose_beats=0.003,
        tunefulness=0.3,
    ),
    "synthwave": Style(
        (80, 122),
        (4, 7, 0, 0),
        ("electronic", "power", "808"),
        ("synth",),
        ("pad", "strings", "organ"),
        ("saw_lead", "saw_lead", "sax"),
        loose_beats=0.001,
    ),
    "funk": Style(
        (88, 116),
        (2, 3, 3, 3),
        ("standard", "room"),
        ("slap", "finger"),
        ("clean_guitar", "electric_piano", "organ"),
        ("sax", "trumpet", "saw_lead"),
        sevenths=0.8,
        swing=0.53,
        swing_unit_beats=0.5,
        lag_beats=0.006,
    ),
    "disco": Style(
        (106, 126),
        (4, 6, 0, 0),
        ("standard", "room", "electronic"),
        ("finger", "slap", "synth"),
        ("clean_guitar", "strings", "electric_piano"),
        ("trumpet", "saw_lead", "violin", "flute"),
        sevenths=0.4,
    ),
    "reggae": Style(
        (64, 92),
        (5, 5, 0, 0.5),
        ("standard", "room"),
        ("finger", "fretless"),
        ("organ", "clean_guitar", "piano"),
        ("trumpet", "sax", "flute"),
        swing=0.55,
        swing_unit_beats=0.5,
        lag_beats=0.01,
    ),
    "jazz_swing": Style(
        (88, 192),
        (6, 3, 1.5, 0.5),
        ("jazz",),
        ("acoustic", "fretless"),
        ("piano", "electric_piano", "clean_guitar"),
        ("sax", "trumpet", "vibraphone", "piano", "flute"),
        "jazz",
        1.0,
        swing=2 / 3,
        lag_beats=0.004,
        loose_beats=0.009,
        tunefulness=0.6,
    ),
    "bossa": Style(
        (108, 152),
        (6, 4, 0, 0),
        ("jazz", "standard"),
        ("acoustic", "finger", "fretless"),
        ("nylon_guitar", "electric_piano"),
        ("flute", "sax", "nylon_guitar", "vibraphone"),
        "jazz",
        1.0,
    ),
    "cinematic": Style(
        (60, 132),
        (3, 7, 1.5, 0),
        ("power", "room"),
        ("acoustic", "synth"),
        ("strings", "pad", "piano"),
        ("violin", "trumpet", "flute", "piano"),
        drummed=0.65,
        tunefulness=0.35,
    ),
    "waltz": Style(
        (84, 168),
        (7, 4, 0, 0),
        ("jazz", "standard"),
        ("acoustic", "finger"),
        ("piano", "nylon_guitar", "strings"),
        ("violin", "piano", "flute"),
        sevenths=0.1,
        drummed=0.8,
    ),
    "blues": Style(
        (60, 126),
        (7, 3, 0, 1),
        ("room", "standard"),
        ("finger", "acoustic", "pick"),
        ("clean_guitar", "organ", "piano"),
        ("overdriven_guitar", "sax", "piano", "trumpet"),
        "blues",
        0.3,
        swing=2 / 3,
        lag_beats=0.008,
        loose_beats=0.009,
    ),
    "country": Style(
        (88, 138),
        (9, 1.5, 0, 1),
        ("standard", "room"),
        ("pick", "acoustic"),
        ("steel_guitar", "clean_guitar", "piano"),
        ("violin", "overdriven_guitar", "nylon_guitar"),
    ),
    "soul": Style(
        (70, 118),
        (6, 3, 1, 1),
        ("standard", "room"),
        ("finger", "fretless"),
        ("electric_piano", "organ", "clean_guitar", "piano"),
        ("sax", "trumpet", "flute"),
        sevenths=0.6,
        lag_beats=0.012,
    ),
    "celtic": Style(
        (90, 126),
        (5, 3, 3, 3),
        ("room", "standard"),
        ("acoustic",),
        ("steel_guitar", "nylon_guitar", "piano"),
        ("violin", "flute", "violin"),
        drummed=0.9,
        tunefulness=0.7,
    ),
    "ambient": Style(
        (56, 92),
        (5, 5, 1, 0),
        ("808", "electronic"),
        ("synth", "fretless"),
        ("pad", "strings", "electric_piano"),
        ("vibraphone", "flute", "piano"),
        sevenths=0.5,
        drummed=0.6,
        tunefulness=0.15,
    ),
}

STYLES: tuple[str, ...] = tuple(STYLE_BOOK)
