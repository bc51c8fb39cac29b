"""The table that the messages' classes make: complete, consistent, and frozen where it must be."""

from __future__ import annotations

from dataclasses import fields

import pytest

from osc_protocol.argument import TAGS
from osc_protocol.checks import check
from osc_protocol.fields import SOUND_FORMATS
from osc_protocol.generate import SAMPLE_RATES
from osc_protocol.messages import CLASSES, TABLE, Generate, Row
from stems import files


def names(row: Row) -> str:
    return row.name


def test_every_class_has_one_row_with_its_fields() -> None:
    assert [row.name for row in TABLE] == list(CLASSES) != []
    for name, message in CLASSES.items():
        if name not in ("Ping", "Pong"):
            assert {f.name for f in fields(message)} == {a.field for a in message.row.fields}


def test_what_is_positional_in_python_is_in_the_order_of_the_wire() -> None:
    for name, message in CLASSES.items():
        if message.direction != "command":
            assert [f.name for f in fields(message)] == [a.field for a in message.row.args] or (
                name == "Pong"
            )


def test_an_order_has_an_option_for_each_field_or_says_why_not() -> None:
    for row in (CLASSES["Generate"].row, CLASSES["Split"].row):
        options = [option for a in row.fields for option in a.options]
        assert len(set(options)) == len(options)
        assert {a.name for a in row.fields if a.wire_only} <= {"rid", "melody", "path"}


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
        assert CLASSES[answer].direction in ("reply", "event")


@pytest.mark.parametrize("row", [row for row in TABLE if row.direction != "command"], ids=names)
def test_the_daemon_sends_only_i_f_and_s(row: Row) -> None:
    assert set(row.tags) <= set("ifs")
    assert not row.keys


def test_addresses_of_commands_are_unique() -> None:
    addresses = [row.address for row in TABLE if row.direction == "command"]
    assert len(set(addresses)) == len(addresses)


def test_the_words_are_those_of_the_other_rooms() -> None:
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
    for name, tags in FROZEN_TAGS.items():
        row = CLASSES[name].row
        assert row.tags == tags if row.direction == "command" else row.tags.startswith(tags), name
    assert Generate.row.frozen == ("bpm", "key", "seconds", "tags")
