"""Free text becomes the model's own words, and what it does not know is said."""

from __future__ import annotations

import pytest

from diffusion.embedded.performance import TIMBRES
from diffusion.embedded.phrases import GRAMMAR, read_table
from diffusion.embedded.vocabulary import SLOTS, STYLES, TOKENS, parse_prompt
from training.judges.prompts import share_understood


def test_a_style_a_mood_and_an_instrument_are_understood() -> None:
    prompt = parse_prompt("dark lofi, upright bass")
    assert (prompt.style, prompt.moods, prompt.timbres) == ("lofi", ("dark",), {"bass": "acoustic"})
    assert prompt.unknown == ()


def test_longer_phrases_win_over_their_words() -> None:
    assert parse_prompt("drum and bass").style == "drum_and_bass"
    assert parse_prompt("bossa nova").style == "bossa"


def test_an_unknown_word_is_reported_and_not_dropped() -> None:
    assert parse_prompt("house with kazoo").unknown == ("kazoo",)


def test_two_styles_are_blended_and_a_third_is_reported() -> None:
    prompt = parse_prompt("rock, waltz, disco")
    assert (prompt.style, prompt.blended) == ("rock", "waltz")
    assert prompt.remarks == ("disco: left out; two styles are blended at most",)
    assert [TOKENS[token] for token in prompt.blended_tokens()][SLOTS:] == ["style:waltz"]


def test_a_general_word_gives_way_to_a_style() -> None:
    assert parse_prompt("acoustic jazz").style == "jazz_swing"
    assert parse_prompt("acoustic").style == "folk"


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("no drums", ("drums",)),
        ("jazz without drums, bass or vocals", ("drums", "bass", "vocals")),
        ("without any drums and bass", ("drums", "bass")),
        ("drumless", ("drums",)),
        ("instrumental", ("vocals",)),
        ("ohne Schlagzeug", ("drums",)),
        ("keine Drums, kein Gesang", ("drums", "vocals")),
        ("sans batterie ni voix", ("drums", "vocals")),
        ("sin batería", ("drums",)),
        ("sem bateria e sem vocais", ("drums", "vocals")),
        ("不要鼓", ("drums",)),
        ("没有人声的爵士", ("vocals",)),
        ("ドラムとベースなし", ("drums", "bass")),
        ("ボーカル抜き", ("vocals",)),
        ("drums, bass and vocals", ()),
        ("no, drums", ()),
    ],
)
def test_a_part_that_is_negated_is_left_out(text: str, without: tuple[str, ...]) -> None:
    prompt = parse_prompt(text)
    assert prompt.without == without
    assert prompt.unknown == ()


@pytest.mark.parametrize(
    ("text", "unknown"), [("no piano", "no piano"), ("ピアノなし", "ピアノ なし")]
)
def test_an_instrument_that_is_negated_is_not_asked_for(text: str, unknown: str) -> None:
    prompt = parse_prompt(text)
    assert prompt.timbres is None
    assert prompt.unknown == (unknown,)


def test_an_instrument_the_engine_lacks_is_played_by_the_nearest_and_said() -> None:
    prompt = parse_prompt("guzheng")
    assert prompt.timbres == {"comp": "nylon_guitar"}
    assert prompt.remarks == ("guzheng: the nearest sound the embedded engine has is nylon guitar",)


def test_two_instruments_of_the_chords_share_chords_and_lead() -> None:
    assert parse_prompt("piano, strings").timbres == {"comp": "strings", "lead": "piano"}
    assert parse_prompt("strings, piano").timbres == {"comp": "strings", "lead": "piano"}


def test_words_are_known_with_other_endings_accents_and_in_compounds() -> None:
    assert parse_prompt("TRAURIGES KLAVIERSTÜCK").timbres == {"comp": "piano"}
    assert parse_prompt("froehlicher Walzer").moods == ("happy",)
    assert parse_prompt("musica epica").moods == ("epic",)
    assert parse_prompt("Ｊａｚｚ").style == "jazz_swing"


def test_an_unknown_word_between_known_ones_is_found_without_spaces() -> None:
    prompt = parse_prompt("悲伤的唐卡钢琴")
    assert (prompt.moods, prompt.timbres) == (("sad",), {"comp": "piano"})
    assert prompt.unknown == ("唐卡",)


def test_every_meaning_of_the_table_is_one_the_model_has() -> None:
    for meaning in set(read_table()) - set(GRAMMAR):
        kind, name = meaning.lstrip("~?").split(":")
        if kind in ("part", "without"):
            assert set(name.split(",")) <= set(TIMBRES), meaning
        else:
            assert f"{kind}:{name}" in TOKENS, meaning


def test_no_phrase_of_the_table_has_two_meanings() -> None:
    meanings: dict[str, set[str]] = {}
    for meaning, phrases in read_table().items():
        for phrase in phrases if meaning not in GRAMMAR else ():
            meanings.setdefault(phrase, set()).add(meaning)
    assert {phrase: found for phrase, found in meanings.items() if len(found) > 1} == {}


def test_nine_of_ten_words_in_six_languages_are_understood() -> None:
    # 60 prompts with 173 meanings, written down before the table was.
    assert share_understood() >= 0.9


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
