"""The stems' names in the order in which they are listed everywhere, and which can lead.

A splitter may give more than the four: EXTRA_STEMS, which are part of the melody for all others, or
the REST beside the vocals and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

STEMS: tuple[str, ...] = ("drums", "bass", "melody", "vocals")
LEADS: tuple[str, ...] = ("melody", "vocals")  # the stems that can carry the melody
EXTRA_STEMS: tuple[str, ...] = ("guitar", "piano")
REST = "instrumental"
SPLIT_STEMS: tuple[str, ...] = (*STEMS, *EXTRA_STEMS, REST)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names among SPLIT_STEMS, each once, in their order."""
    chosen = set(names)
    return tuple(name for name in SPLIT_STEMS if name in chosen)


def is_whole(names: Iterable[str]) -> bool:
    """Whether stems of these names, with no doubles among them, make up all of a mix."""
    chosen = set(names)
    return chosen >= set(STEMS) or chosen == {"vocals", REST}
