"""Words become syllables, and syllables find their notes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffusion.embedded.performance import Played
from diffusion.embedded.voice.lyrics import place_lyrics, read_lyrics
from diffusion.embedded.voice.phonemes import SYMBOLS, Syllable, may_begin
from diffusion.embedded.voice.spelling import sounds_of
from diffusion.embedded.voice.words import WORDS
from diffusion.errors import EngineError


def quarters(count: int, rest_after: tuple[int, ...] = ()) -> list[Played]:
    """`count` quarter notes; after the numbers in `rest_after` comes a beat of rest."""
    notes, start = [], 0.0
    for number in range(count):
        notes.append(Played(start, 1.0, 60 + number % 5, 0.6))
        start += 2.0 if number in rest_after else 1.0
    return notes


def syllables_on(notes: list[Played], text: str) -> list[str]:
    return [note.syllable for note in place_lyrics(notes, text)[0]]


def test_a_line_becomes_its_syllables_in_order() -> None:
    said = [str(syllable) for syllable in read_lyrics("Amazing grace, how sweet the sound")[0]]
    assert said == [
        *("AX", "M EY", "Z IH NG", "G R EY S", "HH AW", "S W IY T", "DH AX", "S AW N D"),
    ]


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("light", "L AY T"),
        ("shining", "SH AY N IH NG"),
        ("stopped", "S T AA P T"),
        ("dreams", "D R IY M Z"),
        ("kisses", "K IH S IH Z"),
        ("lovin'", "L AH V IH N"),
        ("we'll", "W IY AX L"),
        ("station", "S T EY SH AX N"),
        ("bridge", "B R IH JH"),
        ("queen", "K W IY N"),
        ("knee", "N IY"),
        ("candle", "K AE N D AX L"),
    ],
)
def test_regular_words_are_read_by_rule(word: str, sounds: str) -> None:
    assert word not in WORDS
    assert sounds_of(word) == tuple(sounds.split())


def test_every_listed_word_is_made_of_known_sounds() -> None:
    assert not [word for word, sounds in WORDS.items() if not set(sounds) <= set(SYMBOLS)]


def test_consonants_go_to_the_next_syllable_as_far_as_english_allows() -> None:
    assert [str(one) for one in read_lyrics("children")[0]] == ["CH IH L", "D R AX N"]
    assert may_begin(("S", "T", "R")) and not may_begin(("L", "D"))


def test_section_lines_are_not_sung() -> None:
    assert read_lyrics("[verse 1]\nla\n[chorus]\nna")[0] == read_lyrics("la\nna")[0]


def test_accents_fall_off_and_unsingable_characters_are_reported() -> None:
    syllables, unknown = read_lyrics("café 夜")
    assert [str(one) for one in syllables] == [str(one) for one in read_lyrics("cafe")[0]]
    assert unknown == "夜"
    remarks = place_lyrics(quarters(4), "café 夜")[1]
    assert any("夜" in remark for remark in remarks)


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error_and_every_syllable_can_be_sung(text: str) -> None:
    for syllable in read_lyrics(text)[0]:
        assert Syllable.parse(str(syllable)).vowel == syllable.vowel


def test_as_many_notes_as_syllables_take_one_each() -> None:
    assert syllables_on(quarters(4), "how sweet the sound") == [
        *("HH AW", "S W IY T", "DH AX", "S AW N D"),
    ]


def test_a_spare_note_carries_a_vowel_on() -> None:
    sung = syllables_on(quarters(4), "how sweet sound")
    assert sung[0] == "HH AW"
    assert sung.count("-") == 1


def test_lines_start_where_phrases_start() -> None:
    # two phrases of 4 notes, lines of 3 and 4 syllables: the first phrase has the spare note
    sung = syllables_on(quarters(8, rest_after=(3,)), "how sweet now\nthat saved me here")
    assert sung[4] == "DH AE T"
    assert sung[:4].count("-") == 1
    assert "-" not in sung[4:]


def test_no_vowel_is_carried_over_a_rest() -> None:
    notes = quarters(12, rest_after=(2, 5, 8))
    sung = syllables_on(notes, "one two three four five nine ten")
    assert [sung[first] for first in (0, 3, 6, 9)].count("-") == 0


def test_words_without_notes_are_reported() -> None:
    placed, remarks = place_lyrics(quarters(2), "how sweet the sound")
    assert [note.syllable for note in placed] == ["HH AW", "S W IY T"]
    assert remarks == ("lyrics: 2 syllables found no note: the sound",)


def test_short_lyrics_are_sung_again_and_that_is_said() -> None:
    placed, remarks = place_lyrics(quarters(16), "how sweet the sound")
    assert [note.syllable for note in placed].count("HH AW") > 1
    assert any("times over" in remark for remark in remarks)


def test_without_lyrics_open_vowels_are_sung() -> None:
    placed, remarks = place_lyrics(quarters(8, rest_after=(3,)), "")
    assert {note.syllable for note in placed} <= {"AA", "OW", "UW", "-"}
    assert placed[0].syllable != "-" and placed[4].syllable != "-"
    assert remarks == ()


def test_no_notes_need_no_lyrics() -> None:
    assert place_lyrics([], "la la") == ([], ())


def test_only_syllables_change() -> None:
    notes = quarters(3)
    for before, after in zip(notes, place_lyrics(notes, "one two three")[0], strict=True):
        assert (before.start_beats, before.pitch) == (after.start_beats, after.pitch)


@pytest.mark.parametrize("text", ["S T", "AA IY", "XX AA", ""])
def test_what_is_not_one_syllable_is_refused(text: str) -> None:
    with pytest.raises(EngineError, match="syllable"):
        Syllable.parse(text)
