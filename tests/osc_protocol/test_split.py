"""An order to split a sound: what it holds, what it refuses, how it travels."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from audio.stem_names import STEMS
from osc_protocol.codec import decode, encode
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.grammar import read_command, write
from osc_protocol.messages import Generate, Split

WHOLE = Split(
    "/sounds/my song.wav",
    ("drums", "vocals"),
    "htdemucs_ft",
    loop=True,
    start_seconds=1.25,
    length_seconds=3.5,
    at_seconds=700.123456,
    format="flac",
    dry_run=True,
    rid="r1",
)


def heard(tags: str, *args: object) -> Any:
    (osc,) = decode(encode("/backline/split", tags, args))
    return read_command(osc)


def refusal(tags: str, *args: object) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        heard(tags, *args)
    return caught.value


def test_a_path_is_enough() -> None:
    request = heard("ss", "r1", "/sounds/song.wav")
    assert request == Split("/sounds/song.wav", rid="r1")
    assert (request.stems, request.model, request.loop) == (STEMS, "", False)


def test_an_order_comes_back_from_the_wire_as_it_was() -> None:
    (osc,) = decode(write(WHOLE))
    assert read_command(osc) == WHOLE


def test_an_order_comes_back_from_json_as_it_was_and_says_its_kind() -> None:
    plain = json.loads(json.dumps(WHOLE.as_dict()))
    assert plain["kind"] == "split"
    assert replace(Split.from_dict(plain), rid="r1", dry_run=True) == WHOLE


def test_an_order_to_split_is_never_taken_for_one_to_generate() -> None:
    with pytest.raises(ProtocolError, match="kind"):
        Generate.from_dict({"bpm": 120.0, "key": "C", **WHOLE.as_dict()})


def test_the_same_order_in_another_form_has_the_same_digest() -> None:
    first = heard("ssssss", "r1", "/a.wav", "stems", "vocals, drums", "loop", "1")
    second = heard("sssTss", "r1", "/a.wav", "loop", True, "stems", "drums,vocals")
    other = heard("ssss", "r1", "/a.wav", "stems", "drums,vocals")
    assert first.digest == second.digest != other.digest


@pytest.mark.parametrize(
    ("tags", "args", "field", "words"),
    [
        ("s", ("r1",), "path", "path is missing"),
        ("ss", ("r1", ""), "path", "path must name a sound file"),
        ("ss", ("r1", "song.wav"), "path", "absolute"),
        ("ssss", ("r1", "/a.wav", "stems", "drums,kazoo"), "stems", "'kazoo'"),
        ("ssss", ("r1", "/a.wav", "stems", "bass,bass"), "stems", "once"),
        ("ssss", ("r1", "/a.wav", "format", "mp3"), "format", "wav16, wav24, wav32f, flac"),
        ("sssf", ("r1", "/a.wav", "from", -1.0), "start-seconds", "from 0 to 604800 s, not -1.0"),
        ("sssfsf", ("r1", "/a.wav", "at", 1.0, "at-beats", 1.0), "at-beats", "not both"),
        ("ssss", ("r1", "/a.wav", "bpm", "120"), "bpm", "not a key of /backline/split"),
    ],
)
def test_a_refusal_names_field_and_limit(
    tags: str, args: tuple[object, ...], field: str, words: str
) -> None:
    error = refusal(tags, *args)
    assert error.field == field
    assert words in error.message
    assert error.code in (
        Code.OUT_OF_RANGE, Code.MISSING_ARGUMENT, Code.PATH_FORBIDDEN, Code.UNKNOWN_KEY,
    )  # fmt: skip
