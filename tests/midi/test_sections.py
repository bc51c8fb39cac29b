"""Sections in words: what is a tag, what are words, and which bars they lie on."""

from __future__ import annotations

import pytest

from midi.errors import SectionError
from midi.sections import BarSpan, SectionText, read_sections, section_text, spans


@pytest.mark.parametrize(
    ("name", "tag", "words"),
    [
        ("verse", "verse", ""),
        ("Verse 2", "verse", ""),
        ("Pre Chorus 1", "pre-chorus", ""),
        ("Build-up", "build", ""),
        ("intro, soft pads", "intro", "soft pads"),
        ("Chorus (big drums)", "chorus", "big drums"),
        ("soft pads, warm", "", "soft pads, warm"),
        ("Big drop", "", "Big drop"),
        ("versed", "", "versed"),
        ("intro, lo-fi drums", "intro", "lo-fi drums"),
        ("chorus,loud,big-drums", "chorus", "loud, big drums"),  # as a text without spaces has it
    ],
)
def test_what_stands_first_is_a_tag_where_it_is_known_and_words_follow(
    name: str, tag: str, words: str
) -> None:
    assert section_text(name) == SectionText(tag, words)
    assert section_text(section_text(name).name) == SectionText(tag, words), "said again"


def test_sections_are_read_with_words_and_without() -> None:
    names = read_sections("1-2: Intro 1, soft pads; 3-3: drop\n5-6:big-drums 7-7:verse", 8)
    assert names == (
        "intro, soft pads", "intro, soft pads", "drop", "", "big drums", "big drums", "verse", "",
    )  # fmt: skip
    assert read_sections("", 8) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loud", "first-last:name"),
        ("5: loud", "first-last:name"),
        ("1-4: a 4-8: b", "apart and within bars 1 to 8, not 4-8"),
        ("5-8: a 1-4: b", "in order"),
        ("5-9: a", "bars 1 to 8, not 5-9"),
        ("0-4: a", "not 0-4"),
        ("1-4: 5-8: b", "must say what bars 1-4 are"),
        ("1-4: " + "x" * 257, "at most 256 bytes of words each, not 257 for bars 1-4"),
    ],
)
def test_sections_that_cannot_be_are_refused_with_their_bars(text: str, said: str) -> None:
    with pytest.raises(SectionError, match="sections must") as refused:
        read_sections(text, 8)
    assert said in str(refused.value)


def test_runs_of_bars_with_one_name_are_joined() -> None:
    assert spans(("a", "a", "", "a")) == (BarSpan(0, 2, "a"), BarSpan(2, 3, ""), BarSpan(3, 4, "a"))
