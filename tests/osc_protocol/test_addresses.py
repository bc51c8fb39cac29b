"""The table itself: complete, consistent, and the same as the classes made for it."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from audio import stem_names
from diffusion.engines import engine_names
from osc_protocol.addresses import (
    BY_NAME,
    COMMANDS,
    ENGINES,
    GENERATE_KEYS,
    LEADS,
    SAMPLE_RATES,
    SOUND_FORMATS,
    TABLE,
    Row,
)
from osc_protocol.argument import TAGS
from osc_protocol.checks import check
from osc_protocol.generate_request import GenerateRequest
from osc_protocol.messages import CLASSES
from stems import files

PLAIN_ROWS = [row for row in TABLE if row.name not in ("Ping", "Pong", "Generate")]


def names(row: Row) -> str:
    return row.name


def test_every_row_has_one_class_and_every_class_one_row() -> None:
    assert list(CLASSES) != [] and set(CLASSES) == {row.name for row in TABLE}
    assert len(BY_NAME) == len(TABLE)


@pytest.mark.parametrize("row", PLAIN_ROWS, ids=names)
def test_a_class_has_the_fields_of_its_row_in_its_order(row: Row) -> None:
    assert [f.name for f in fields(CLASSES[row.name])] == [a.field for a in row.fields]


@pytest.mark.parametrize("row", PLAIN_ROWS, ids=names)
def test_a_class_has_the_defaults_of_its_row(row: Row) -> None:
    for field, argument in zip(fields(CLASSES[row.name]), row.fields, strict=True):
        if field.default is not MISSING:
            assert field.default == argument.default, field.name
        else:
            # An id may be left out on the wire, but not by a Python program that forgot it.
            assert argument.is_required or argument.kind == "rid", field.name


def test_a_request_has_a_field_for_each_key_but_seconds_and_dry_run() -> None:
    keys = {a.field for a in GENERATE_KEYS} - {"seconds", "dry_run"}
    assert keys == {f.name for f in fields(GenerateRequest)}


@pytest.mark.parametrize("row", TABLE, ids=names)
def test_a_rows_cells_are_well_formed(row: Row) -> None:
    assert row.address.startswith("/backline/")
    assert row.direction in ("command", "reply", "event")
    assert row.about.endswith(".")
    all_names = [name for a in row.fields for name in (a.name, *a.aliases)]
    assert len(set(all_names)) == len(all_names)
    optional = [not a.is_required for a in row.args]
    if not row.button and not row.short:
        assert optional == sorted(optional), "an optional argument before a required one"
    for argument in row.fields:
        assert argument.kind in TAGS
        assert argument.about
        if not argument.is_required:
            check(argument, argument.default)  # a default that is refused could never be left out


@pytest.mark.parametrize("row", [row for row in TABLE if row.direction == "command"], ids=names)
def test_a_command_is_answered_by_replies_of_the_table(row: Row) -> None:
    assert row.answers
    for answer in row.answers:
        assert BY_NAME[answer].direction in ("reply", "event")


@pytest.mark.parametrize("row", [row for row in TABLE if row.direction != "command"], ids=names)
def test_the_daemon_sends_only_i_f_and_s(row: Row) -> None:
    assert set(row.tags) <= set("ifs")
    assert not row.keys


def test_addresses_of_commands_are_unique() -> None:
    assert len(COMMANDS) == sum(row.direction == "command" for row in TABLE)


def test_the_words_are_those_of_the_other_rooms() -> None:
    assert ENGINES == engine_names()
    assert LEADS == stem_names.LEADS
    assert SAMPLE_RATES == (44_100, 48_000, 96_000)
    assert tuple(files.SOUND_FORMATS) == SOUND_FORMATS


# Golden: tags that are out in the world can only grow at their end.
FROZEN_TAGS = {
    "Hello": "ss", "QueryVersion": "s", "QueryStatus": "s", "Sync": "s", "Notify": "si",
    "Generate": "s", "Split": "ss", "Cancel": "ss", "QueryJob": "ss", "QueryJobs": "sii",
    "QueryStems": "ss", "Quit": "ss", "Welcome": "ssiiissssi", "VersionReply": "ssiis",
    "StatusReply": "sisiiiiffis", "Synced": "sii", "Accepted": "sisiif", "NotifyDone": "ssiiii",
    "CancelDone": "ssis", "QuitDone": "sss", "JobReply": "sisssffiiss", "JobsItem": "siissf",
    "JobsEnd": "sii", "StemsEnd": "sii", "ErrorReply": "ssisss", "Queued": "isii", "Started": "isi",
    "Progress": "isisff", "StemReady": "isiiisssfiiisi", "Finished": "isisfiss",
    "Heartbeat": "iiii", "Bye": "s", "UiState": "s", "UiStage": "s", "UiProgress": "f",
    "UiEta": "f", "UiBusy": "f", "UiError": "s", "Ping": "", "Pong": "",
}  # fmt: skip


def test_the_positional_arguments_are_frozen() -> None:
    assert {row.name: row.tags for row in TABLE} == FROZEN_TAGS
    assert BY_NAME["Generate"].frozen == ("bpm", "key", "seconds", "tags")
