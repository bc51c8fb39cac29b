"""What the band plays: five parts of notes with their timbres, before any sound is made.

The diffusion model writes a Performance (through diffusion.embedded.latents), the decoder turns
it into sound, and training composes Performances to learn from. It knows no seconds: every time
is in beats (quarter notes), so a tempo map only enters when sound is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from diffusion.errors import EngineError

# Drum classes and the General MIDI percussion note each is written as.
DRUMS: Mapping[str, int] = {
    "kick": 36,
    "snare": 38,
    "side_stick": 37,
    "clap": 39,
    "closed_hat": 42,
    "open_hat": 46,
    "low_tom": 45,
    "mid_tom": 47,
    "high_tom": 50,
    "crash": 49,
    "ride": 51,
    "shaker": 70,
}

# Timbres a part can have; the first is the default. Drums: kits. Vocals: voices.
TIMBRES: Mapping[str, tuple[str, ...]] = {
    "drums": ("standard", "room", "power", "electronic", "808", "jazz"),
    "bass": ("finger", "pick", "acoustic", "fretless", "slap", "synth"),
    "comp": (
        "piano",
        "electric_piano",
        "nylon_guitar",
        "steel_guitar",
        "clean_guitar",
        "organ",
        "strings",
        "pad",
    ),
    "lead": (
        "piano",
        "flute",
        "violin",
        "trumpet",
        "sax",
        "nylon_guitar",
        "overdriven_guitar",
        "saw_lead",
        "vibraphone",
    ),
    "vocals": ("alto", "tenor", "soprano"),
}

# Which stem each part sounds in; the melody stem holds the chords and the lead instrument.
PART_STEM: Mapping[str, str] = {
    "drums": "drums",
    "bass": "bass",
    "comp": "melody",
    "lead": "melody",
    "vocals": "vocals",
}

# Lowest and highest MIDI note of each pitched part, inclusive. Only comp is polyphonic.
RANGES: Mapping[str, tuple[int, int]] = {
    "bass": (28, 55),
    "comp": (45, 83),
    "lead": (52, 91),
    "vocals": (50, 81),
}


@dataclass(frozen=True, slots=True)
class Played:
    """One note or drum hit: start and length in beats, MIDI pitch, velocity in 0..1.

    `syllable` is what a voice sings on it ("" elsewhere; "-" carries the last one on).
    """

    start_beats: float
    length_beats: float
    pitch: int
    velocity: float
    syllable: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """All notes of one part in order of start, with its timbre and level.

    Raises EngineError when the timbre is not one of TIMBRES for any part.
    """

    notes: tuple[Played, ...]
    timbre: str
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        if not any(self.timbre in names for names in TIMBRES.values()):
            raise EngineError(f"timbre {self.timbre!r} is not known")


@dataclass(frozen=True, slots=True)
class Performance:
    """The parts by name (a subset of TIMBRES' names) over `beats` quarter notes."""

    beats: float
    parts: Mapping[str, Part]

    def with_notes(self, name: str, notes: Sequence[Played]) -> Performance:
        """Return it with other notes of one part, in that part's timbre and at its level."""
        part = replace(self.parts[name], notes=tuple(notes))
        return Performance(self.beats, {**self.parts, name: part})


def as_plain(performance: Performance) -> dict[str, object]:
    """Give a Performance as JSON types: what score.json holds."""
    return {
        "beats": performance.beats,
        "parts": {
            name: {
                "timbre": part.timbre,
                "gain_db": part.gain_db,
                "notes": [list(astuple(note)) for note in part.notes],
            }
            for name, part in performance.parts.items()
        },
    }


def from_plain(plain: Mapping[str, Any]) -> Performance:
    """Read what as_plain gave; raises EngineError for anything else."""
    try:
        parts = {
            name: Part(
                tuple(
                    Played(float(start), float(length), int(pitch), float(velocity), str(syllable))
                    for start, length, pitch, velocity, syllable in part["notes"]
                ),
                str(part["timbre"]),
                float(part["gain_db"]),
            )
            for name, part in plain["parts"].items()
            if name in TIMBRES
        }
        return Performance(float(plain["beats"]), parts)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EngineError(f"the score cannot be read: {type(error).__name__} {error}") from None
