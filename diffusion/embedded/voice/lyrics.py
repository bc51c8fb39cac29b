"""Lyrics: words to syllables, and a syllable for every sung note."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from diffusion.embedded.performance import Played
from diffusion.embedded.voice.phonemes import VOWELS, Syllable, may_begin
from diffusion.embedded.voice.spelling import sounds_of
from diffusion.embedded.voice.words import WORDS
from midi.number import counted

CARRIED = "-"
# A rest this long starts a new phrase.
PHRASE_REST_BEATS = 0.5
# Lyrics with fewer syllables than this share of the notes are sung again from the start.
REPEAT_SHARE = 0.5
MAX_WORDS_NAMED = 12
_DIGITS = "zero one two three four five six seven eight nine".split()
# Letters that Unicode does not take apart into a base letter and accents.
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "þ": "th",
                          "ð": "th", "ı": "i", "’": "'", "‘": "'", "´": "'", "`": "'"})  # fmt: skip


def read_lyrics(text: str) -> tuple[list[Syllable], str]:
    """The syllables of lyrics, and the characters in them that nobody can sing."""
    syllables: list[Syllable] = []
    unknown: dict[str, None] = {}
    for line in text.splitlines():
        plain = _plain(re.sub(r"\[[^\]]*\]", " ", line))
        for character in plain:
            if not (character.isascii() or character.isspace()) and character.isalnum():
                unknown[character] = None
        count = len(syllables)
        for word in re.findall(r"[a-z']+|[0-9]", plain):
            spoken = _DIGITS[int(word)] if word.isdigit() else _trim(word)
            if spoken:
                syllables += _split(sounds_of(spoken), word)
        if len(syllables) > count:
            syllables[-1] = replace(syllables[-1], ends_line=True)
    return syllables, "".join(unknown)


def _plain(line: str) -> str:
    lowered = unicodedata.normalize("NFKD", line.lower().translate(_LETTERS))
    return "".join(character for character in lowered if not unicodedata.combining(character))


def _trim(word: str) -> str:
    """Quotation marks off, but "'cause" and "lovin'" kept."""
    kept = word.strip("'")
    if word.startswith("'") and f"'{kept}" in WORDS:
        return f"'{kept}"
    return f"{kept}'" if kept.endswith("in") and word.endswith("'") else kept


def _split(sounds: Sequence[str], word: str) -> list[Syllable]:
    """Sounds to syllables: each takes as many consonants before its vowel as English allows."""
    vowels = [place for place, sound in enumerate(sounds) if sound in VOWELS]
    cuts = [0]
    for left, right in pairwise(vowels):
        begin = left + 1
        while not may_begin(tuple(sounds[begin:right])):
            begin += 1
        cuts.append(begin)
    cuts.append(len(sounds))
    return [
        Syllable(
            tuple(sounds[begin:vowel]),
            sounds[vowel],
            tuple(sounds[vowel + 1 : end]),
            spelling=word if vowel == vowels[0] else "",
        )
        for begin, vowel, end in zip(cuts, vowels, cuts[1:], strict=False)
    ]


def place_lyrics(notes: Sequence[Played], text: str) -> tuple[list[Played], tuple[str, ...]]:
    """Put a syllable on each note, in order; "-" carries the last one on.

    Lines of the lyrics start where phrases start if they can (a rest of PHRASE_REST_BEATS or
    more starts a phrase); spare notes carry a vowel on, the shortest and least accented first.
    Lyrics that are much too short are sung again. Without lyrics, open vowels are sung. Also
    returns sentences about what could not be sung.
    """
    ordered = sorted(notes, key=lambda note: note.start_beats)
    if not ordered:
        return [], ()
    syllables, unknown = read_lyrics(text)
    remarks = []
    if unknown:
        shown = " ".join(unknown[:MAX_WORDS_NAMED])
        remarks.append(f"lyrics: no sound is known for {shown}")
    starts = _phrase_starts(ordered)
    if not syllables:
        return _open_vowels(ordered, starts), tuple(remarks)
    times = 1
    if len(syllables) < REPEAT_SHARE * len(ordered):
        times = round(len(ordered) / len(syllables) * 0.85) or 1
    if times > 1:
        remarks.append(f"lyrics: sung {times} times over, the melody has {len(ordered)} notes")
    sung = syllables * times
    begins = _align(ordered, starts, sung)
    placed = [
        replace(note, syllable=CARRIED if syllable is None else str(sung[syllable]))
        for note, syllable in zip(ordered, begins, strict=True)
    ]
    last = max(syllable for syllable in begins if syllable is not None)
    left = [syllable.spelling for syllable in sung[last + 1 :] if syllable.spelling]
    if sung[last + 1 :]:
        shown = " ".join(left[:MAX_WORDS_NAMED]) + (" ..." if len(left) > MAX_WORDS_NAMED else "")
        number = counted(len(sung) - last - 1, "syllable")
        remarks.append(f"lyrics: {number} found no note: {shown or 'the last ones'}")
    return placed, tuple(remarks)


def _phrase_starts(notes: Sequence[Played]) -> npt.NDArray[np.bool_]:
    starts = np.zeros(len(notes), dtype=bool)
    starts[0] = True
    for here in range(1, len(notes)):
        before = notes[here - 1]
        rest = notes[here].start_beats - before.start_beats - before.length_beats
        starts[here] = rest >= PHRASE_REST_BEATS - 1e-6
    return starts


def _align(
    notes: Sequence[Played], starts: npt.NDArray[np.bool_], sung: Sequence[Syllable]
) -> list[int | None]:
    """The syllable that begins on each note, by dynamic programming; None where one is carried.

    State j after note i: j syllables have begun. Costs are in units of one misplaced line.
    """
    count, size = len(notes), min(len(sung), len(notes))
    ends = np.array([syllable.ends_line for syllable in sung[:size]])
    line_start = np.concatenate([[True], ends[:-1]])
    ratio = min(1.0, len(sung) / count)
    begun = np.arange(size + 1)
    cost = np.where(begun == 0, 0.0, np.inf)
    carried = np.zeros((count, size + 1), dtype=bool)
    for here, note in enumerate(notes):
        take = np.full(size + 1, np.inf)
        phrase = bool(starts[here])
        misplaced = np.where(line_start, 0.0 if phrase else 1.0, 0.8 if phrase else 0.0)
        take[1:] = cost[:-1] + misplaced
        carry = cost + (4.0 if phrase else _carry_cost(note)) - 0.15 * np.append(False, ends)
        carry[0] = np.inf
        carried[here] = carry < take
        cost = np.minimum(take, carry) + 0.03 * np.abs(begun - ratio * (here + 1))
    begins: list[int | None] = [None] * count
    at = int(np.argmin(cost + 3.0 * (size - begun)))
    for here in range(count - 1, -1, -1):
        if not carried[here, at]:
            at -= 1
            begins[here] = at
    return begins


def _carry_cost(note: Played) -> float:
    """Long notes and notes on the beat want a syllable of their own."""
    off = abs(note.start_beats - round(note.start_beats))
    return 0.5 + 0.5 * min(note.length_beats, 2.0) + (0.4 if off < 0.1 else 0.0)


def _open_vowels(notes: Sequence[Played], starts: npt.NDArray[np.bool_]) -> list[Played]:
    """ "ah", "oh" or "oo" by phrase: soft ones closed, strong ones open, long notes opened."""
    placed: list[Played] = []
    firsts = [*np.flatnonzero(starts).tolist(), len(notes)]
    for number, (first, end) in enumerate(pairwise(firsts)):
        phrase = notes[first:end]
        strength = float(np.mean([note.velocity for note in phrase]))
        vowel = "AA" if strength > 0.75 else "UW" if strength < 0.5 else ("OW", "AA")[number % 2]
        sung = ""
        for here, note in enumerate(phrase):
            wanted = "AA" if note.length_beats >= 2.0 and vowel == "OW" else vowel
            again = here > 0 and note.pitch == phrase[here - 1].pitch
            syllable = CARRIED if wanted == sung and not again else wanted
            placed.append(replace(note, syllable=syllable))
            sung = wanted
    return placed
