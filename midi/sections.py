"""Sections of a song in words: runs of bars, each with a structure tag, free words, or both.

"1-8: intro, soft pads 9-16: chorus" reads as two sections. What stands before the first comma (or
bracket) is a tag where it is one of TAGS, with or without a number; everything else is words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from midi.errors import SectionError
from midi.number import shown

# Parts of a song as musicians call them; other spellings of them, without spaces and hyphens.
TAGS = (
    "intro", "verse", "pre-chorus", "chorus", "post-chorus", "hook", "refrain", "bridge", "build",
    "drop", "breakdown", "break", "interlude", "instrumental", "solo", "outro",
)  # fmt: skip
_SPELLINGS = {re.sub("-", "", tag): tag for tag in TAGS} | {
    "buildup": "build", "coda": "outro", "ending": "outro", "middleeight": "bridge",
}  # fmt: skip
MAX_SECTION_BYTES = 256
_ENTRY = re.compile(r"(?:^|(?<=[\s;]))([0-9]{1,9})-([0-9]{1,9}):")
_HEAD = re.compile(r"\s*([^,(]*?)\s*(?:[0-9]+[a-z]?)?\s*(?:$|[,(])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SectionText:
    """What a section is called: one of TAGS or "", and words on how it sounds, or ""."""

    tag: str
    words: str

    @property
    def name(self) -> str:
        """Both in one line, which section_text() reads again."""
        return ", ".join(filter(None, (self.tag, self.words)))


@dataclass(frozen=True, slots=True)
class BarSpan:
    """Bars from `first_bar` up to but without `end_bar` (from 0) that have the same `name`."""

    first_bar: int
    end_bar: int
    name: str


def section_text(name: str) -> SectionText:
    """Read "Verse 2, soft pads" into tag and words; hyphens stand for spaces where there are none.

    "chorus,loud,big-drums", which a message of words without spaces holds, has the words "loud,
    big drums".
    """
    text = " ".join(name.split())
    head = _HEAD.match(text)
    tag = _SPELLINGS.get(re.sub(r"[\s-]", "", head[1].lower()), "") if head else ""
    words = text[head.end() :].removesuffix(")") if head and tag else text
    if " " not in text:
        words = re.sub("[-_]", " ", words)
    return SectionText(tag, ", ".join(filter(None, (each.strip() for each in words.split(",")))))


def read_sections(text: str, bars: int) -> tuple[str, ...]:
    """Read "1-4: verse 5-8: chorus, loud" (bars from 1, both included) into one name a bar.

    Entries stand in order, apart from each other by a space, a line or a semicolon; bars that
    none names are "". Nothing at all where there are no sections. Raises SectionError.
    """
    entries = list(_ENTRY.finditer(text))
    before = text[: entries[0].start()] if entries else text
    if before.strip(" \n\t;"):
        raise SectionError(
            "sections must be first-last:name, such as 1-4: verse, soft pads, "
            f"not {shown(before.strip())}"
        )
    if not entries:
        return ()
    names = [""] * bars
    end = 0
    limits = [entry.start() for entry in entries[1:]] + [len(text)]
    for entry, limit in zip(entries, limits, strict=True):
        said = text[entry.end() : limit].strip(" \n\t;")
        name = section_text(said).name
        which = f"{entry[1]}-{entry[2]}"
        first, last = int(entry[1]), int(entry[2])
        if not end < first <= last <= bars:
            raise SectionError(
                f"sections must be in order, apart and within bars 1 to {bars}, not {which}"
            )
        if not name:
            raise SectionError(f"sections must say what bars {which} are, such as {which}: verse")
        if len(said.encode()) > MAX_SECTION_BYTES:
            raise SectionError(
                f"sections must have at most {MAX_SECTION_BYTES} bytes of words each, "
                f"not {len(said.encode())} for bars {which}"
            )
        names[first - 1 : last] = [name] * (last - first + 1)
        end = last
    return tuple(names)


def spans(names: Sequence[str]) -> tuple[BarSpan, ...]:
    """Join one name a bar into runs of bars; those without a name are runs too."""
    found = []
    bar = 0
    for name, run in groupby(names):
        end = bar + len(list(run))
        found.append(BarSpan(bar, end, name))
        bar = end
    return tuple(found)
