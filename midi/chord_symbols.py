"""Chord symbols as musicians write them: read, and made of the notes that sound.

Read are the spellings of lead sheets, songbooks, iReal, music21 and Brazilian books: Cmaj7 CM7 C∆
C7M, Cm7b5 Cø Ch, C°7 Co7 Cdim7, C+ Caug, C-7 Cmin7, C7alt, C7(b9,#11), C6/9, Csus4, Cadd9, C5,
Bb/D, N.C.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from midi.chord_quality import semitones_of
from midi.errors import ChordError
from midi.key import Key
from midi.number import shown

NO_CHORD = "N.C."
_NO_CHORDS = {"nc", "n.c.", "n.c", "nc.", "n", "nochord", "tacet"}
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_MIXED = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_FLAT_MAJORS, _SHARP_MAJORS = (5, 10, 3, 8, 1), (7, 2, 9, 4, 11, 6)
_LETTERS = str.maketrans({
    "♯": "#", "♭": "b", "𝄪": "x", "𝄫": "bb", "△": "Δ", "∆": "Δ", "^": "Δ", "º": "°", "˚": "°",
    "Ø": "ø", "−": "-", "–": "-", "⁺": "+", "＃": "#",
})  # fmt: skip

# "Bbb5" is B flat with a flat fifth, "Bbb7" would be B double flat: only before no number of it.
_ROOT = re.compile(r"([A-H])(bb(?!\d)|b|##|#|x)?")
_GERMAN_ROOT = re.compile(r"([A-H])(is(?:is)?|es(?:es)?|(?<=[AE])s(?!us))")
_MUSIC21_ROOT = re.compile(r"([A-G])(--|-)")
# A minus after the root is a minor third, except where the quality is said once more behind it.
_MUSIC21_SURE = re.compile(r"([A-G])(--|-)(?=m(?!aj|M)|dim|o(?!m)|ø)")

# What intervals are called, the plainest first; all of these are read back as the same.
_NAMES = (
    "", "m", "7", "m7", "maj7", "dim", "sus4", "m7b5", "dim7", "sus2", "7sus4", "6", "m6", "aug",
    "5", "9", "m9", "maj9", "add9", "madd9", "m7add11", "6/9", "m(maj7)", "7#5", "7b5", "7b9",
    "7#9", "7#11", "maj7#11", "maj7#5", "11", "m11", "13", "m13", "maj13", "9sus4", "13sus4",
    "7b9sus4", "m6/9", "m9(maj7)", "7b13", "9#5", "9b5", "9#11", "maj9#11", "13#11", "13b9",
    "13#9", "7b9b13", "7#9b13", "7#9#5", "7b9#5", "7b9#11", "7#9#11", "7b9b5", "7alt", "maj7b5",
    "maj7sus4", "madd11", "add11", "dim(maj7)", "(b5)", "m(#5)", "m7#5", "m9b5", "m11b5",
    "maj13#11", "7add13", "maj7add13", "m(b6)", "7sus2", "sus24", "7(no3)", "maj7(no3)", "7(no5)",
    "m7(no5)", "maj7(no5)", "m(no5)", "(no5)", "addb9", "add#11", "madd#11", "m7b9", "m7b13",
    "maj7#9", "9(no5)", "m9(no5)",
)  # fmt: skip
# What a name costs in ranks of that list where the bass is another note of the chord, or none.
_INVERTED, _FOREIGN_BASS = 9, 22


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a chord symbol says; root and bass are pitch classes, all None or empty for N.C.

    `text` is the symbol in English spelling, `pitch_classes` the chord's own, root first; a bass
    of another note is not among them.
    """

    text: str
    root: int | None
    bass: int | None
    pitch_classes: tuple[int, ...]


def parse_symbol(text: str, *, german_h: bool = False, music21: bool = False) -> Symbol:
    """Read one chord symbol; raises ChordError.

    With `german_h` H is B natural and B is B flat, and Fis, Es and the like are read. With
    `music21` a minus after the root is a flat, as that program writes it, in every symbol.
    """
    plain = "".join(text.split()).translate(_LETTERS)
    if plain.lower() in _NO_CHORDS:
        return Symbol(NO_CHORD, None, None, ())
    root, written, rest = _read_root(plain, german_h, music21)
    if root is None:
        raise ChordError(_reason(text, plain, german_h))
    quality, bass, bass_text = rest, root, ""
    head, slash, tail = rest.rpartition("/")
    if slash:
        found, name, after = _read_root(tail, german_h, music21)
        if found is not None and not after:
            quality, bass, bass_text = head, found, f"/{name}"
    semitones = semitones_of(quality)
    if semitones is None:
        raise ChordError(_reason(text, plain, german_h))
    tones = dict.fromkeys((root + each) % 12 for each in semitones)
    return Symbol(f"{written}{quality}{bass_text}", root, bass, tuple(tones))


def symbol_of(pitch_classes: Iterable[int], bass: int | None, key: Key | None = None) -> str:
    """Return the symbol that fits pitch classes and a bass best, spelled as in `key`; N.C. of none.

    It holds exactly these notes where a usual symbol does; a bass that is no note of the chord
    stands after a slash.
    """
    wanted = frozenset(each % 12 for each in pitch_classes)
    if not wanted:
        return NO_CHORD
    root, name = _best(wanted, bass)
    names = spelling(key)
    slash = "" if bass is None or bass == root else f"/{names[bass]}"
    return names[root] + name + slash


def spelling(key: Key | None) -> Sequence[str]:
    """Return what the twelve pitch classes are called in a key."""
    if key is None:
        return _MIXED
    major = next(
        (
            each
            for each in range(12)
            if set(Key(each, "major").pitch_classes) == set(key.pitch_classes)
        ),
        0,
    )
    return _FLATS if major in _FLAT_MAJORS else _SHARPS if major in _SHARP_MAJORS else _MIXED


@lru_cache(maxsize=1)
def _known() -> tuple[tuple[frozenset[int], str], ...]:
    return tuple((frozenset(s % 12 for s in semitones_of(name) or ()), name) for name in _NAMES)


@lru_cache(maxsize=4096)
def _best(wanted: frozenset[int], bass: int | None) -> tuple[int, str]:
    """The root and quality of least cost: wrong notes first, then a slash, then a rare name."""
    foreign = wanted - {bass} if bass is not None else wanted

    def cost(root: int, rank: int, tones: frozenset[int]) -> tuple[int, float]:
        chord = frozenset((root + each) % 12 for each in tones)
        alone = bass is not None and bass not in chord
        wrong = len(chord ^ (foreign if alone else wanted))
        return wrong, rank + (0 if bass in (None, root) else _FOREIGN_BASS if alone else _INVERTED)

    _, root, name = min(
        (cost(root, rank, tones), root, name)
        for root in range(12)
        for rank, (tones, name) in enumerate(_known())
    )
    return root, name


def _read_root(text: str, german_h: bool, music21: bool) -> tuple[int | None, str, str]:
    """Return pitch class, English name and the rest; None where the text begins with no root."""
    if german_h and (match := _GERMAN_ROOT.match(text)):
        letter, ending = match[1], match[2]
        shift = ending.count("is") or -(ending.count("es") or 1)
        sign = "#" * shift if shift > 0 else "b" * -shift
        letter = "B" if letter == "H" else letter
        return (_NATURALS[letter] + shift) % 12, letter + sign, text[match.end() :]
    minus = (_MUSIC21_ROOT if music21 else _MUSIC21_SURE).match(text)
    match = minus or _ROOT.match(text)
    if match is None or (match[1] == "H" and not german_h):
        return None, "", text
    sign = {"x": "##", "-": "b", "--": "bb"}.get(match[2] or "", match[2] or "")
    letter = match[1]
    if german_h and letter == "H":
        letter = "B"
    elif german_h and letter == "B" and not sign:
        sign = "b"
    shift = sign.count("#") - sign.count("b")
    return (_NATURALS[letter] + shift) % 12, letter + sign, text[match.end() :]


def _reason(text: str, plain: str, german_h: bool) -> str:
    """Say what is wrong with a symbol, and what was perhaps meant."""
    hint = "such as Cmaj7, F#m7b5, Bb/D, G7sus4 or N.C."
    if plain[:1] == "H" and not german_h:
        hint = "H is B natural where German spelling is asked for (--german-h)"
    elif plain[:1] in tuple("abcdefgh"):
        name = plain[0].upper()
        hint = f"roots are capital letters: {name} is major, {name}m is minor"
    return f"{shown(text)} is no chord symbol; {hint}"
