"""Free text becomes the model's own words, and what it does not know is said."""

from __future__ import annotations

from diffusion.embedded.performance import TIMBRES
from diffusion.embedded.vocabulary import SLOTS, STYLES, TOKENS, parse_prompt


def test_a_style_a_mood_and_an_instrument_are_understood() -> None:
    prompt = parse_prompt("dark lofi, upright bass")
    assert (prompt.style, prompt.moods, prompt.timbres) == ("lofi", ("dark",), {"bass": "acoustic"})
    assert prompt.unknown == ()


def test_longer_phrases_win_over_their_words() -> None:
    assert parse_prompt("drum and bass").style == "drum_and_bass"
    assert parse_prompt("bossa nova").style == "bossa"


def test_an_unknown_word_is_reported_and_not_dropped() -> None:
    assert parse_prompt("house with kazoo").unknown == ("kazoo",)


def test_a_second_style_is_reported() -> None:
    prompt = parse_prompt("rock, waltz")
    assert prompt.style == "rock"
    assert prompt.unknown == ("waltz",)


def test_every_style_and_timbre_has_one_token() -> None:
    assert len(set(TOKENS)) == len(TOKENS)
    assert {f"style:{style}" for style in STYLES} <= set(TOKENS)
    assert {f"{p}:{t}" for p, names in TIMBRES.items() for t in names} <= set(TOKENS)


def test_tokens_stand_in_fixed_slots_with_zero_for_unsaid() -> None:
    tokens = parse_prompt("funk, happy, slap bass").tokens()
    assert len(tokens) == SLOTS
    assert [TOKENS[token] for token in tokens] == [
        "style:funk",
        "mood:happy",
        "",
        "",
        "bass:slap",
        "",
        "",
        "",
    ]


def test_no_text_says_nothing() -> None:
    assert parse_prompt("  ,. ").tokens() == (0,) * SLOTS
