"""Free text, in any of several languages, taken apart into phrases of the table words.json.

The table holds, by meaning, what musicians write for it: "style:waltz": "waltz, walzer, ワルツ".
Case, accents and the width of letters do not count. Where words are written with spaces, runs of
words are looked up, longest first, then without their endings, then as two words in one
("Klavierballade"). In Chinese and Japanese the longest piece of the text that the table knows is
taken, wherever it begins. Which words say what is the table's; nothing here knows a style.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

TABLE = "words.json"
# Words that mean something only beside others.
BREAK, FILLER, AND, NOT_BEFORE, NOT_AFTER = "break", "filler", "and", "not before", "not after"
GRAMMAR = (FILLER, AND, NOT_BEFORE, NOT_AFTER)
MOST_WORDS = 5
LEAST_STEM = 4  # letters that remain of a word without its ending, and of each half of a compound
# Endings of adjectives and plurals in the languages of the table, the longest first.
ENDINGS = ("es", "en", "er", "em", "as", "os", "s", "e", "a", "o")
# Scripts without spaces between words: kana and Han characters.
_UNSPACED = "\u3005\u3007\u3040-\u309f\u30a0-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+|[^\w\s'’`&+_-]|\n|[&+]")
_GRAMMAR_KANA = re.compile("[\u3040-\u309f]{1,3}")
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
_UMLAUT = re.compile("([aou])e")  # as German is written on other keyboards: froehlich


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of a text as it was written, and what the table says it means.

    `meanings` are the table's keys: one of a style, mood, instrument or part, or some of GRAMMAR;
    BREAK for a comma and its like; nothing where the piece is unknown.
    """

    text: str
    meanings: tuple[str, ...] = ()

    def is_(self, meaning: str) -> bool:
        """Whether that is among its meanings."""
        return meaning in self.meanings


def phrases_of(text: str) -> list[Phrase]:
    """Return `text` as phrases in the order in which they stand."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("w/o", "without")
    tokens = _TOKEN.findall(plain)
    found: list[Phrase] = []
    at = 0
    while at < len(tokens):
        if re.match(f"[{_UNSPACED}]", tokens[at]):
            found += _unspaced(tokens[at])
            at += 1
        elif not tokens[at][0].isalnum() and tokens[at] not in "&+":
            found.append(Phrase(tokens[at], (BREAK,)))
            at += 1
        else:
            pieces, count = _spaced(tokens[at : at + MOST_WORDS])
            found += pieces
            at += count
    return found


def _spaced(tokens: list[str]) -> tuple[list[Phrase], int]:
    """The phrases that the first of `tokens` begins, and how many tokens they take."""
    words: list[str] = []
    for token in tokens:
        if not (token[0].isalnum() or token in "&+") or re.match(f"[{_UNSPACED}]", token):
            break
        words.append("and" if token in "&+" else _fold(token))
    table = _table()
    for count in range(len(words), 0, -1):
        joined = " ".join(words[:count])
        meanings = table.exact.get(joined) or table.stemmed.get(_stem(joined))
        if meanings:
            return [Phrase(" ".join(tokens[:count]), meanings)], count
    umlauts = _UMLAUT.sub(r"\1", words[0])
    meanings = table.exact.get(umlauts) or table.stemmed.get(_stem(umlauts))
    parts = [meanings] if meanings else _compound(words[0]) or _compound(umlauts)
    return [Phrase(tokens[0], meanings) for meanings in parts] or [Phrase(tokens[0])], 1


def _compound(word: str) -> list[tuple[str, ...]]:
    """The meanings of a word that is two of the table's words in one; none if it is not."""
    table = _table()
    for cut in range(len(word) - LEAST_STEM, LEAST_STEM - 1, -1):
        left, right = word[:cut], word[cut:]
        whole = table.exact.get(f"{left} {right}")
        if whole:
            return [whole]
        halves = [table.exact.get(left) or table.exact.get(left.removesuffix("s"))]
        halves.append(table.exact.get(right) or table.stemmed.get(_stem(right)))
        known = [meanings for meanings in halves if meanings]
        if len(known) == 2 and not all(set(each) <= set(GRAMMAR) for each in known):
            return known
    return []


def _unspaced(run: str) -> Iterator[Phrase]:
    """The phrases of a run of characters without spaces."""
    table = _table()
    unknown = ""
    at = 0
    while at < len(run):
        longest = min(table.longest, len(run) - at)
        pieces = (run[at : at + size] for size in range(longest, 0, -1))
        piece = next((piece for piece in pieces if piece in table.exact), "")
        meanings = table.exact.get(piece, ())
        # A particle within an unknown word belongs to it.
        if not piece or (unknown and len(piece) == 1 and meanings == (FILLER,)):
            unknown += run[at]
            at += 1
            continue
        yield from _leftover(unknown)
        unknown = ""
        yield Phrase(piece, meanings)
        at += len(piece)
    yield from _leftover(unknown)


def _leftover(unknown: str) -> Iterator[Phrase]:
    """An unknown piece without the particles at its end; nothing if it is but an ending."""
    while unknown and FILLER in _table().exact.get(unknown[-1], ()):
        unknown = unknown[:-1]
    if unknown and not _GRAMMAR_KANA.fullmatch(unknown):
        yield Phrase(unknown)


@dataclass(frozen=True, slots=True)
class _Table:
    """Meanings by folded phrase and by phrase without endings; the longest unspaced phrase."""

    exact: Mapping[str, tuple[str, ...]]
    stemmed: Mapping[str, tuple[str, ...]]
    longest: int


@lru_cache(maxsize=1)
def _table() -> _Table:
    exact: dict[str, tuple[str, ...]] = {}
    for meaning, phrases in read_table().items():
        for phrase in phrases:
            spelling = _fold(phrase)
            known = exact.get(spelling, ())
            # A word of the field before one of grammar; in the field its first meaning.
            if not known or (meaning in GRAMMAR and set(known) <= set(GRAMMAR)):
                exact[spelling] = (*known, meaning)
    stemmed: dict[str, tuple[str, ...]] = {}
    for phrase, meanings in exact.items():
        if not set(meanings) <= set(GRAMMAR):
            stemmed.setdefault(_stem(phrase), meanings)
    unspaced = [len(phrase) for phrase in exact if re.match(f"[{_UNSPACED}]", phrase)]
    return _Table(exact, stemmed, max(unspaced))


def read_table() -> dict[str, tuple[str, ...]]:
    """Return the phrases of words.json by their meaning."""
    text = (resources.files("diffusion.embedded") / TABLE).read_text("utf-8")
    return {
        meaning: tuple(phrase.strip() for phrase in phrases.split(","))
        for meaning, phrases in json.loads(text).items()
    }


def _fold(phrase: str) -> str:
    """Without case and accents; the marks that tell kana apart (ば, は) are kept."""
    apart = unicodedata.normalize("NFD", phrase.casefold().translate(_LETTERS))
    bare = "".join(letter for letter in apart if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", bare)


def _stem(phrase: str) -> str:
    """Each word without its endings, two at most ("dunkl-er-es"), if enough remains."""
    return " ".join(_without_ending(_without_ending(word)) for word in phrase.split(" "))


def _without_ending(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= LEAST_STEM:
            return word[: -len(ending)]
    return word
