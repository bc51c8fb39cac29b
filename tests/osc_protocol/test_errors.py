"""The codes that clients rely on."""

from __future__ import annotations

import pickle

import pytest

from osc_protocol.errors import Code, DecodeError, NoAnswer, ProtocolError

FROZEN = (
    "internal unknown-address bad-type out-of-range unknown-key missing-argument not-found "
    "queue-full rid-conflict path-forbidden unauthorized too-large rate-limited model-unavailable "
    "out-of-memory disk-full timeout cancelled bad-midi unsupported shutting-down "
    "incompatible-protocol gone"
)


def test_codes_count_from_1_and_keep_their_symbols() -> None:
    assert [code.symbol for code in sorted(Code)] == FROZEN.split()
    assert sorted(Code) == list(range(1, 24))


def test_an_error_reads_as_its_sentence() -> None:
    error = ProtocolError(Code.OUT_OF_RANGE, "bpm must be from 20 to 400, not 0", "bpm")
    assert str(error) == "bpm must be from 20 to 400, not 0"
    assert (error.code, error.symbol, error.field) == (4, "out-of-range", "bpm")


def test_a_code_of_a_later_version_is_unknown_but_carried() -> None:
    assert (ProtocolError(99, "?").code, ProtocolError(99, "?").symbol) == (99, "unknown")


@pytest.mark.parametrize(
    "error", [ProtocolError(Code.GONE, "gone", "job"), DecodeError("cut"), NoAnswer("nothing")]
)
def test_an_error_crosses_processes_whole(error: ProtocolError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (copy.code, str(copy), copy.field) == (error.code, str(error), error.field)
