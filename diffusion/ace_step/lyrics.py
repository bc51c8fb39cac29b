"""Lyrics as ACE-Step 1.5 reads them: blocks of lines, each under a structure tag in brackets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, pairwise

from midi.sections import section_text

INSTRUMENTAL = "[Instrumental]"
_TAG = re.compile(r"^\s*\[(?P<tag>[^\]\n]{1,64})\]\s*$", re.MULTILINE)

# Scripts that tell a language by themselves; the model takes ISO 639-1 codes.
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),  # kana first: Japanese uses Han characters too
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)


def structured(lyrics: str, sections: Sequence[str] = ()) -> str:
    """Join lyrics and section names (one a bar, "" for none) into tagged blocks.

    Each run of bars under a name that has a tag becomes a [tag]. Blocks of the lyrics that stand
    under tags go to the sections of the same name, in order; words without tags are dealt out to
    the sections by stanza (or line), in order. Without words the sections are instrumental.
    """
    words = lyrics.strip()
    names = [name for name, _ in groupby(sections) if name]
    tags = [tag for name in names if (tag := section_text(name).tag)]  # words: for the caption
    if not words:
        return "\n\n".join([INSTRUMENTAL, *(f"[{tag}]" for tag in tags)])
    if not tags:
        return words
    blocks = _blocks(words)
    if any(tag for tag, _ in blocks):
        return _by_name(blocks, tags)
    stanzas = _dealt(blocks[0][1], len(tags))
    return "\n\n".join(f"[{tag}]\n{text}".rstrip() for tag, text in zip(tags, stanzas, strict=True))


def language_of(lyrics: str) -> str:
    """Guess an ISO 639-1 code from the script; Latin letters are taken for English.

    Music without words is "unknown", as in the model's training.
    """
    if not _TAG.sub("", lyrics).strip():
        return "unknown"
    return next((code for code, script in _SCRIPTS if script.search(lyrics)), "en")


def _blocks(words: str) -> list[tuple[str, str]]:
    """Split at lines that hold nothing but a tag: (tag or "", text) each."""
    found = []
    start, tag = 0, ""
    for match in _TAG.finditer(words):
        found.append((tag, words[start : match.start()].strip()))
        start, tag = match.end(), match["tag"]
    found.append((tag, words[start:].strip()))
    return [(tag, text) for tag, text in found if tag or text]


def _by_name(blocks: list[tuple[str, str]], tags: Sequence[str]) -> str:
    """Give each section the next unused block of its name; what is left over follows at the end."""
    left = list(blocks)
    lines = []
    for tag in tags:
        place = next((i for i, (name, _) in enumerate(left) if _plain(name) == _plain(tag)), None)
        text = left.pop(place)[1] if place is not None else ""
        lines.append(f"[{tag}]\n{text}".rstrip())
    lines += [f"[{name}]\n{text}".rstrip() if name else text for name, text in left]
    return "\n\n".join(lines)


def _dealt(text: str, count: int) -> list[str]:
    """Deal stanzas, or lines where there is one stanza, evenly to `count` sections."""
    pieces = [piece for piece in re.split(r"\n\s*\n", text) if piece.strip()]
    joint = "\n\n"
    if len(pieces) < count:
        pieces, joint = [line for line in text.splitlines() if line.strip()], "\n"
    bounds = [round(i * len(pieces) / count) for i in range(count + 1)]
    return [joint.join(pieces[a:b]) for a, b in pairwise(bounds)]


def _plain(name: str) -> str:
    """A section's name without its number: "Verse 1" in the lyrics means "verse"."""
    return re.sub(r"[^a-z]", "", name.lower())
