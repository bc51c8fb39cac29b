"""The quality of a chord, all of its symbol but root and bass, as semitones above the root.

A chord holds what is usually played of it: an eleventh leaves out the major third, a thirteenth the
eleventh, an altered chord the natural fifth.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"(?P<add>(?i:add))(?P<added>[b#+-]?(?:13|11|9|7|6|5|4|3|2))"
    r"|(?P<omit>(?i:omit|no|subtract)\.?)(?P<omitted>[1357])(?i:rd|th)?"
    r"|(?P<sus>(?i:sus))(?P<sustained>24|42|2|4)?"
    r"|(?P<dim>(?i:dim(?:inished)?)|°|o(?!m))"
    r"|(?P<half>ø|h(?=$|[\d /]))"
    r"|(?P<aug>(?i:aug(?:mented)?))"
    r"|(?P<power>(?i:power|pedal))"
    r"|(?P<dominant>(?i:dom))"
    r"|(?P<major>(?i:major|maj)|(?i:ma)(?!dd)|Δ|M(?![Ii])|j)"
    r"|(?P<minor>(?i:minor|min|mi)|m)"
    r"|(?P<altered>(?:(?i:alter))?[b#+-](?:13|11|9|7|6|5|4|2))"
    r"|(?P<alt>(?i:alt(?:ered)?))"
    r"|(?P<after>(?:13|11|9|5)[+-](?!\d))"
    r"|(?P<number>69|13|11|9|7|6|5|4|2)"
    r"|(?P<plus>\+)"
)
# The sign that a quality begins with is a third or fifth of its own, but for "C-5", a flat fifth.
_SIGN = re.compile(r"(?!-5)(?:(?P<plus>\+)|(?P<minus>[-]))")
_DEGREE_SEMITONES = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11, 9: 14, 11: 17, 13: 21}
_SHIFT = {"b": -1, "-": -1, "#": 1, "+": 1, "": 0}


@lru_cache(maxsize=1024)
def semitones_of(quality: str) -> tuple[int, ...] | None:
    """Return the semitones of "m7b5", from the root up; None where it is no quality."""
    pieces = [piece for piece in re.split(r"[()\[\],/]+", quality) if piece]
    if not pieces and quality:
        return None
    chord = _Stack()
    for number, piece in enumerate(pieces):
        at = 0
        in_brackets = number > 0 or not quality.startswith(piece)
        while at < len(piece):
            sign = None if at or in_brackets else _SIGN.match(piece)
            match = sign or _TOKEN.match(piece, at)
            if match is None or not chord.take(match, in_brackets=in_brackets):
                return None
            at = match.end()
    return chord.semitones()


class _Stack:
    """A chord while its symbol is read: semitones by degree."""

    def __init__(self) -> None:
        self.tones: dict[int, set[int]] = {1: {0}, 3: {4}, 5: {7}}
        self.family = ""
        self.major_seventh = self.has_number = False
        self.omitted: set[int] = set()

    def take(self, match: re.Match[str], *, in_brackets: bool) -> bool:
        """Add one token; False where it makes no sense here."""
        kind, text = match.lastgroup or "", match[0]
        if kind == "added":
            return self._add(text[3:])
        if kind == "omitted":
            self.omitted.add(int(match["omitted"]))
        elif kind in ("minus", "minor"):
            return not self.has_number and not self.family and self._third("minor")
        elif kind in ("dim", "half", "aug", "power", "dominant"):
            return not (self.family and kind != "aug") and self._third(kind)
        elif kind == "plus":
            return self._third("aug")
        elif kind == "alt":
            self.tones |= {7: {10}, 5: {8}, 9: {13, 15}}
        elif kind == "sustained" or kind == "sus":
            self._suspend(match["sustained"] or "4")
        elif kind == "major":
            return self._major(text)
        elif kind == "altered":
            return self._alter(text.lower().removeprefix("alter"))
        elif kind == "after":
            return self._alter(text[-1] + text[:-1])
        else:
            return self._number(int(text), in_brackets)
        return True

    def semitones(self) -> tuple[int, ...]:
        """All of it, from the root up by thirds."""
        if self.major_seventh and not self.has_number and 7 not in self.tones:
            self.tones[7] = {11}
        degrees = sorted(set(self.tones) - self.omitted)
        return tuple(each for degree in degrees for each in sorted(self.tones[degree]))

    def _third(self, kind: str) -> bool:
        if kind == "dominant":
            return True
        if kind == "power":
            self.tones.pop(3, None)
            return True
        self.family = kind if not (self.family and kind == "aug") else self.family
        if kind in ("minor", "dim", "half"):
            self.tones[3] = {3}
        if kind in ("dim", "half"):
            self.tones[5] = {6}
        if kind == "half":
            self.tones[7] = {10}
        if kind == "aug":
            self.tones[5] = {8}
        return True

    def _major(self, text: str) -> bool:
        if self.major_seventh or self.family == "major":
            return False
        if self.has_number:  # 7M, as Brazilians write it
            self.tones[7] = {11}
        elif text in "Δj" or self.family:
            self.major_seventh = True
        else:
            self.family = "major"
        return True

    def _number(self, number: int, in_brackets: bool) -> bool:
        if number == 5:
            plain = not self.has_number and not self.family and not in_brackets
            return plain and self._third("power")
        if number == 2:
            return self._add("9")
        if number == 4 and 3 in self.tones and self.family != "minor":
            self._suspend("4")
            return True
        if number in (4, 6, 69):
            self.has_number = True
            return all(self._add(each) for each in {4: ["11"], 6: ["6"], 69: ["6", "9"]}[number])
        if self.has_number or (in_brackets and not self._wants_seventh(number)):
            return number != 7 and self._add(str(number))
        self.has_number = True
        major = self.major_seventh or self.family == "major"
        self.tones.setdefault(7, {11 if major else 9 if self.family == "dim" else 10})
        if number >= 9:
            self.tones.setdefault(9, {14})
        if number == 11:
            self.tones[11] = {17}
            if self.tones.get(3) == {4}:
                del self.tones[3]
        if number == 13:
            self.tones[13] = {21}
        return True

    def _wants_seventh(self, number: int) -> bool:
        """Whether a number in brackets is the chord's own: C(7), Cm(maj7), but not C(9)."""
        return number == 7 or self.major_seventh

    def _add(self, text: str) -> bool:
        sign, number = text.rstrip("0123456789"), int(text.lstrip("b#+-"))
        degree = {2: 9, 4: 11}.get(number, number)
        self.tones.setdefault(degree, set()).add(_DEGREE_SEMITONES[degree] + _SHIFT[sign])
        return True

    def _alter(self, text: str) -> bool:
        sign, number = text[0], int(text[1:])
        degree = {2: 9, 4: 11}.get(number, number)
        if number == 7:
            self.tones[7] = {11 if sign in "#+" else 10}
            return True
        natural = _DEGREE_SEMITONES[degree]
        tones = self.tones.setdefault(degree, set())
        tones.discard(natural)
        tones.add(natural + _SHIFT[sign])
        return True

    def _suspend(self, notes: str) -> None:
        self.tones.pop(3, None)
        self.tones.pop(11, None)
        if "2" in notes:
            self.tones[2] = {2}
        if "4" in notes:
            self.tones[4] = {5}
