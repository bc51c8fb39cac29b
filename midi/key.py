"""The key: a tonic and a mode, read from what musicians write."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from midi.errors import KeyNameError

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
MODES = tuple(SCALES)
_PARENT_DEGREES = ("major", "dorian", "phrygian", "lydian", "mixolydian", "minor", "locrian")
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MODE_NAMES = {
    "maj": "major", "ma": "major", "major": "major", "ionian": "major", "ion": "major",
    "min": "minor", "mi": "minor", "m": "minor", "minor": "minor", "aeolian": "minor",
    "aeol": "minor", "aeo": "minor", "dorian": "dorian", "dor": "dorian",
    "phrygian": "phrygian", "phryg": "phrygian", "phr": "phrygian",
    "lydian": "lydian", "lyd": "lydian", "mixolydian": "mixolydian", "mixolyd": "mixolydian",
    "mixo": "mixolydian", "mix": "mixolydian", "locrian": "locrian", "loc": "locrian",
}  # fmt: skip
_KEY = re.compile(
    r"(?P<letter>[A-Ga-g])"
    r"(?:[ -]?(?P<accidental>(?:sharp|flat)(?![a-z])|##?|♯♯?|bb?|♭♭?))?"
    r"(?:[ :_-]*(?P<mode>[A-Za-z]+))?"
)
_ACCIDENTALS = str.maketrans({"♯": "#", "♭": "b"})
_MAX_TEXT = 40


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic as pitch class 0..11 (C is 0) and one of MODES.

    `spelling` is the tonic's name, chosen by the key signature where none is given; keys that
    differ in it alone are equal. Raises KeyNameError.
    """

    tonic: int
    mode: str
    spelling: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.tonic, bool) or self.tonic not in range(12):
            raise KeyNameError(f"key tonic must be a pitch class from 0 to 11, not {self.tonic}")
        if self.mode not in SCALES:
            raise KeyNameError(f"key mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if not self.spelling:
            object.__setattr__(self, "spelling", _spelled(self.tonic, self.mode))
        elif _pitch_class(self.spelling) != self.tonic:
            raise KeyNameError(f"key spelling {self.spelling!r} is not pitch class {self.tonic}")

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read "Cm", "c# minor", "B♭ major", "F# dorian", "A", "a"; raises KeyNameError.

        A letter without a mode is major where it is a capital and minor where it is not, as in
        harmonic analysis: "A" is A major, "a" is A minor. Likewise "CM" is major, "Cm" minor.
        """
        plain = " ".join(text.split()) if isinstance(text, str) and len(text) <= _MAX_TEXT else ""
        bare = "major" if plain[:1].isupper() else "minor"
        for written in (plain, plain.lower()):  # as it stands first: CM is not Cm
            match = _KEY.fullmatch(written)
            mode = _mode(match["mode"] or "", bare) if match else None
            if match and mode:
                accidental = (match["accidental"] or "").translate(_ACCIDENTALS)
                accidental = {"sharp": "#", "flat": "b"}.get(accidental, accidental)
                spelling = match["letter"].upper() + accidental
                return cls(_pitch_class(spelling), mode, spelling)
        shown = repr(text) if len(repr(text)) <= _MAX_TEXT else repr(text)[:_MAX_TEXT] + "..."
        raise KeyNameError(
            f"key must be a tonic and a mode such as 'C minor', 'F#m' or 'Bb mixolydian' "
            f"(modes: {', '.join(MODES)}), not {shown}"
        )

    @property
    def name(self) -> str:
        """Such as "F# minor"."""
        return f"{self.spelling} {self.mode}"

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The seven degrees of the scale as pitch classes, upwards from the tonic."""
        return tuple((self.tonic + step) % 12 for step in SCALES[self.mode])

    @property
    def is_minorish(self) -> bool:
        """True where the third is minor."""
        return SCALES[self.mode][2] == 3

    def __str__(self) -> str:
        return self.name


def _mode(text: str, bare: str) -> str | None:
    if not text:
        return bare
    return "major" if text == "M" else _MODE_NAMES.get(text.lower())


def _pitch_class(spelling: str) -> int:
    shift = spelling.count("#") - spelling[1:].count("b")
    return (_NATURALS[spelling[0]] + shift) % 12


def _spelled(tonic: int, mode: str) -> str:
    """The tonic's name in the key signature of the major scale with the same notes."""
    degree = _PARENT_DEGREES.index(mode)
    parent = _MAJOR_NAMES[(tonic - SCALES["major"][degree]) % 12]
    letters = "CDEFGAB"
    letter = letters[(letters.index(parent[0]) + degree) % 7]
    shift = (tonic - _NATURALS[letter] + 6) % 12 - 6
    return letter + ("#" * shift if shift > 0 else "b" * -shift)
