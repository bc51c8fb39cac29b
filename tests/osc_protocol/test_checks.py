"""Every argument of the table at its limits, past them, and of the wrong kind."""

from __future__ import annotations

import math
import re

import pytest

from osc_protocol.argument import Arg as Argument
from osc_protocol.checks import MAX_SHOWN, check, shown
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.messages import TABLE

EVERY = sorted({argument for row in TABLE for argument in row.fields}, key=str)
NUMERIC = [a for a in EVERY if a.kind in ("int", "float", "flag")]
WHOLE = [a for a in NUMERIC if a.kind == "int"]
BOUNDED = [a for a in NUMERIC if a.kind != "flag" and not a.choices]
TEXTUAL = [a for a in EVERY if a.kind == "text"]
CHOSEN = [a for a in EVERY if a.choices and a.kind != "names"]


def name_of(argument: Argument) -> str:
    return argument.name


def refusal(argument: Argument, value: object) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        check(argument, value)
    assert caught.value.field == argument.name
    assert argument.name in caught.value.message
    return caught.value


@pytest.mark.parametrize("argument", BOUNDED, ids=name_of)
def test_a_number_may_be_at_its_limits_but_not_past_them(argument: Argument) -> None:
    step = 1 if argument.kind == "int" else 1e-3
    for limit, past in ((argument.low, -step), (argument.high, step)):
        if limit is None:
            continue
        assert check(argument, limit) == limit
        error = refusal(argument, limit + past)
        assert error.code == Code.OUT_OF_RANGE
        assert str(limit) in error.message and str(limit + past) in error.message


@pytest.mark.parametrize("argument", NUMERIC, ids=name_of)
def test_a_number_must_be_finite(argument: Argument) -> None:
    for value in (math.nan, math.inf, -math.inf):
        error = refusal(argument, value)
        assert error.code == (Code.BAD_TYPE if argument.kind == "flag" else Code.OUT_OF_RANGE)
        assert str(value) in error.message


@pytest.mark.parametrize("argument", NUMERIC, ids=name_of)
def test_a_number_must_not_be_something_else(argument: Argument) -> None:
    for value in ("text", "", "12x", "1_0", "0x10", "1e9", "٣", b"\0\1", (1, 2, 3, 4)):
        error = refusal(argument, value)
        assert error.code == Code.BAD_TYPE
        assert shown(value) in error.message


@pytest.mark.parametrize("argument", WHOLE, ids=name_of)
def test_a_whole_number_has_no_fraction_and_is_no_truth_value(argument: Argument) -> None:
    assert refusal(argument, 2.5).code == Code.OUT_OF_RANGE
    assert refusal(argument, True).code == Code.BAD_TYPE


@pytest.mark.parametrize("argument", [a for a in BOUNDED if a.low is not None], ids=name_of)
def test_numbers_may_be_ints_floats_or_decimal_text(argument: Argument) -> None:
    low = int(argument.low or 0)
    for value in (low, float(low), str(low), f"{low}.0"):
        found = check(argument, value)
        assert found == low
        assert type(found) is (int if argument.kind == "int" else float)


@pytest.mark.parametrize("argument", [a for a in NUMERIC if a.kind == "flag"], ids=name_of)
def test_a_flag_is_zero_or_one_in_any_kind(argument: Argument) -> None:
    assert [check(argument, v) for v in (0, 1, 0.0, 1.0, False, True, "0", "1")] == [
        False, True, False, True, False, True, False, True,
    ]  # fmt: skip
    assert refusal(argument, 2).code == Code.OUT_OF_RANGE


@pytest.mark.parametrize("argument", TEXTUAL, ids=name_of)
def test_text_must_be_text(argument: Argument) -> None:
    for value in (5, 5.0, True, None, b"text"):
        assert refusal(argument, value).code == Code.BAD_TYPE


FREE = [
    a
    for a in TEXTUAL
    if not a.choices and (not a.pattern or re.fullmatch(a.pattern, "a" * a.max_bytes))
]


@pytest.mark.parametrize("argument", FREE, ids=name_of)
def test_text_may_be_as_long_as_its_limit_in_bytes(argument: Argument) -> None:
    assert check(argument, "a" * argument.max_bytes)
    error = refusal(argument, "a" * (argument.max_bytes + 1))
    assert error.code == Code.TOO_LARGE
    assert f"at most {argument.max_bytes} bytes" in error.message
    two_bytes_each = "é" * (argument.max_bytes // 2 + 1)
    assert refusal(argument, two_bytes_each).code == Code.TOO_LARGE


@pytest.mark.parametrize("argument", TEXTUAL, ids=name_of)
def test_text_has_no_controls_and_no_halves_of_letters(argument: Argument) -> None:
    for value in ("a\0b", "a\x1b[31mb", "a\x7f", "a\x9bb", "\udc80"):
        error = refusal(argument, value)
        assert error.code == Code.OUT_OF_RANGE
        assert error.message.isprintable()


@pytest.mark.parametrize(
    "argument", [a for a in EVERY if a.choices and a.kind != "names"], ids=name_of
)
def test_a_choice_takes_its_words_and_names_them(argument: Argument) -> None:
    for choice in argument.choices:
        assert str(check(argument, int(choice) if argument.kind == "int" else choice)) == choice
    error = refusal(argument, 7 if argument.kind == "int" else "something else")
    assert error.code == Code.OUT_OF_RANGE
    assert all(choice in error.message for choice in argument.choices)


@pytest.mark.parametrize("argument", [a for a in EVERY if a.kind == "rid"], ids=name_of)
def test_a_request_id_is_short_and_plain_or_a_whole_number(argument: Argument) -> None:
    assert check(argument, "Take-1._:") == "Take-1._:"
    assert check(argument, 42) == "42"
    assert check(argument, "a" * 64) == "a" * 64
    for value in ("a" * 65, "a b", "a/b", "é", "a\n", "../x"):
        assert refusal(argument, value).code == Code.OUT_OF_RANGE
    for value in (1.5, True, None, b"a", 2**63):
        assert refusal(argument, value).code == Code.BAD_TYPE


def test_a_target_is_a_request_id_or_a_job_number() -> None:
    argument = Argument("target", "target", "", low=0)
    assert check(argument, "take1") == "take1"
    assert check(argument, 7) == 7
    assert check(argument, 7.0) == 7
    for value in ("", "a b", -1, 1.5, math.nan):
        assert refusal(argument, value).code == Code.OUT_OF_RANGE


def test_a_line_is_cut_and_cleaned_but_never_refused_for_its_content() -> None:
    argument = Argument("message", "line", "", max_bytes=10)
    assert check(argument, "short") == "short"
    assert check(argument, "a\x1b[31m\0b") == "a?[31m?b"
    assert check(argument, "x" * 11) == "x" * 7 + "..."
    assert check(argument, "é" * 6) == "é" * 3 + "..."  # 7 bytes hold three of two, not a half
    assert check(argument, "\udc80") == "?"
    assert refusal(argument, 5).code == Code.BAD_TYPE


def test_a_blob_has_a_limit() -> None:
    argument = Argument("melody", "bytes", "", max_bytes=4)
    assert check(argument, bytearray(b"abcd")) == b"abcd"
    assert refusal(argument, b"abcde").code == Code.TOO_LARGE
    assert refusal(argument, "abcd").code == Code.BAD_TYPE


def test_only_an_argument_that_may_be_missing_may_be_none() -> None:
    assert check(Argument("seed", "int", "", default=None), None) is None
    assert refusal(Argument("bars", "int", "", default=8), None).code == Code.BAD_TYPE


def test_an_enormous_number_is_refused_quickly_and_in_a_short_sentence() -> None:
    assert len(refusal(Argument("bars", "int", "", low=1, high=9), 10**5_000).message) < 100
    assert refusal(Argument("x", "float", ""), 10**5_000).code == Code.OUT_OF_RANGE


@pytest.mark.parametrize("value", ["\x1b[2J", "a" * 500, "\u202ex", b"\0" * 9, math.nan, 10**99])
def test_a_value_is_shown_in_one_short_printable_line(value: object) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= MAX_SHOWN


def test_windows_line_ends_become_newlines() -> None:
    assert check(Argument("lyrics", "text", ""), "one\r\ntwo") == "one\ntwo"
