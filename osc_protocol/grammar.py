"""How a message lies in OSC arguments: first those by position, then name, value pairs.

read() turns a decoded OSC message into one of osc_protocol.messages, write() does the reverse.
Numbers may come as i, h, f, d or decimal text, flags as T, F or a number, text as s, S or c. A
32-bit float is read as the shortest decimal it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from osc_protocol.argument import Arg
from osc_protocol.checks import refuse, shown
from osc_protocol.codec import ENCODED_TAGS, OscMessage, encode, fits_single, shortest
from osc_protocol.draft import DRAFT_PREFIX, Draft, draft_of
from osc_protocol.errors import Code, ProtocolError, refusal
from osc_protocol.message import sent
from osc_protocol.messages import CLASSES, Message, Ping, Pong, Row
from osc_protocol.request_paths import check_absolute

MAX_PING_ARGUMENTS = 8
_PINGS = {"/ping": "/pong", "/backline/ping": "/backline/pong"}
_PONGS = {pong: ping for ping, pong in _PINGS.items()}
_COMMANDS = {cls.row.address: cls for cls in CLASSES.values() if cls.direction == "command"}
_ANSWERS: dict[str, list[type[Message]]] = {}
for _class in CLASSES.values():
    if _class.direction != "command":
        _ANSWERS.setdefault(_class.row.address, []).append(_class)


def is_ping(osc: OscMessage) -> bool:
    """Say whether a message is a ping, in either form: all that needs no order among requests."""
    return osc.address in _PINGS


def pong_to(datagram: bytes, osc: OscMessage) -> bytes | None:
    """Return what answers the datagram of a ping; None where read_command() has to refuse it.

    It is the same but for one letter, and is neither read nor written again.
    """
    if len(osc.args) > MAX_PING_ARGUMENTS or not ENCODED_TAGS.issuperset(osc.tags):
        return None
    at = len(osc.address) - len("ing")
    return datagram[:at] + b"o" + datagram[at + 1 :]


def read_command(osc: OscMessage) -> Message | None:
    """Return the command that a client sent; None for a button that was let go.

    Raises ProtocolError naming the argument at fault.
    """
    if osc.address in _PINGS:
        return _read_ping(osc)
    command = _COMMANDS.get(osc.address)
    if command is None and osc.address.startswith(DRAFT_PREFIX):
        return draft_of(osc.address, _plain(osc))
    if command is None:
        raise ProtocolError(
            Code.UNKNOWN_ADDRESS, f"{shown(osc.address)} is not an address of this daemon"
        )
    row = command.row
    values = _plain(osc)
    all_numbers = not any(isinstance(value, str | bytes) for value in values)
    if row.button and len(values) <= 1 and all_numbers:
        return command() if not values or _is_pressed(row, values[0]) else None
    for form in row.short:
        if len(values) == len(form) and all_numbers:
            by_name = dict(zip(form, values, strict=True))
            return command(**{"rid": "", **row.short_values, **by_name})
    message = command(**_keyed(row, values))
    check_absolute(message)
    return message


def read_answer(osc: OscMessage) -> Message:
    """Return the reply or event that the daemon sent; arguments beyond ours are left alone.

    Raises ProtocolError for an address or arguments this version does not know.
    """
    if osc.address in _PONGS:
        return Pong(osc.args, osc.tags, osc.address)
    values = _plain(osc)
    if osc.address.startswith(DRAFT_PREFIX):
        return draft_of(osc.address, values)
    for answer in _ANSWERS.get(osc.address, ()):
        args = answer.row.args
        names_command = len(args) > 1 and len(args[1].choices) == 1
        if not names_command or values[1:2] == [args[1].choices[0]]:
            return answer(**_by_position(answer.row, values[: len(args)]))
    raise ProtocolError(Code.UNKNOWN_ADDRESS, f"{shown(osc.address)} is not an answer known here")


def write(message: Message) -> bytes:
    """Return the datagram of a message; keys that are at their default are left out."""
    if isinstance(message, Ping | Pong):
        return encode(message.address, message.tags, message.args)
    if isinstance(message, Draft):
        return encode(
            message.address, message.argument.tag, (sent(message.argument, message.value),)
        )
    row = message.row
    tags, args = "", list[object]()
    for argument in row.args:
        tag, value = _tagged(row, argument, getattr(message, argument.field))
        tags += tag
        args.append(value)
    for argument in row.keys:
        value = getattr(message, argument.field)
        if not argument.is_default(value) and argument.field not in getattr(message, "drawn", ()):
            tag, value = _tagged(row, argument, value)
            tags += "s" + tag
            args += [argument.name, value]
    return encode(row.address, tags, args)


def request_id(osc: OscMessage) -> str:
    """Return the id of a request that may be wrong in all else, for the error that answers it."""
    command = _COMMANDS.get(osc.address)
    if command is None or not osc.args or command.row.args[0].kind != "rid":
        return ""
    row = command.row
    if osc.tags[0] not in "sS" and (row.short or (row.button and len(osc.args) == 1)):
        return ""  # a short form or a button, which has no id
    first = osc.args[0]
    return str(first) if isinstance(first, str | int) and not isinstance(first, bool) else ""


def _read_ping(osc: OscMessage) -> Ping:
    if len(osc.args) > MAX_PING_ARGUMENTS:
        raise ProtocolError(
            Code.TOO_LARGE,
            f"ping must have at most {MAX_PING_ARGUMENTS} arguments, not {len(osc.args)}",
        )
    unsent = [tag for tag in osc.tags if tag not in ENCODED_TAGS]
    if unsent:
        raise ProtocolError(
            Code.UNSUPPORTED, f"ping cannot send back arguments of type {unsent[0]!a}"
        )
    return Ping(osc.args, osc.tags, osc.address)


def _keyed(row: Row, values: Sequence[object]) -> dict[str, Any]:
    """Read positional arguments, then the frozen ones where they are there, then the keys."""
    keys_only = len(values) > len(row.args) and isinstance(values[len(row.args)], str)
    positional = row.args if keys_only else row.beginning
    found = {a.field: value for a, value in zip(positional, values, strict=False)}
    for argument in positional:
        if argument.field not in found and (row.button or argument.is_required):
            wanted = ", ".join(a.name for a in positional)
            missing = f" is missing: {row.address} begins with {wanted}"
            raise refusal(argument.field, missing, Code.MISSING_ARGUMENT)
        if argument.must_be_sent and found[argument.field] == "":
            refuse(Code.OUT_OF_RANGE, argument, "1 to 64 characters", "")
    found |= _read_keys(row, values[len(positional) :], found)
    for argument in row.required_keys:
        if argument.field not in found:
            name = argument.name
            raise ProtocolError(Code.MISSING_ARGUMENT, f"{name} is missing", name)
    return found


def _read_keys(
    row: Row, values: Sequence[object], found: Mapping[str, object]
) -> dict[str, object]:
    keyed: dict[str, object] = {}
    for place in range(0, len(values), 2):
        key = values[place]
        if not isinstance(key, str):
            raise ProtocolError(
                Code.BAD_TYPE, f"{row.address}: a key must stand before {shown(key)}"
            )
        argument = row.key_names.get(key.removeprefix("?"))
        if argument is None:
            if key.startswith("?"):
                continue
            raise ProtocolError(
                Code.UNKNOWN_KEY, f"{shown(key)} is not a key of {row.address}", key
            )
        if place + 1 == len(values):
            raise ProtocolError(Code.MISSING_ARGUMENT, f"{key} has no value", argument.field)
        if argument.field in keyed or argument.field in found:
            raise ProtocolError(Code.OUT_OF_RANGE, f"{key} must stand only once", argument.field)
        keyed[argument.field] = values[place + 1]
    return keyed


def _by_position(row: Row, values: Sequence[object]) -> dict[str, Any]:
    found = dict(zip((a.field for a in row.args), values, strict=False))
    for argument in row.args[len(values) :]:
        if argument.is_required:
            raise ProtocolError(
                Code.MISSING_ARGUMENT, f"{row.address}: {argument.name} is missing", argument.field
            )
    return found


def _plain(osc: OscMessage) -> list[object]:
    """The arguments, 32-bit floats as the decimals they stand for."""
    return [
        shortest(value) if tag == "f" and isinstance(value, float) else value
        for tag, value in zip(osc.tags, osc.args, strict=True)
    ]


def _is_pressed(row: Row, value: object) -> bool:
    if not isinstance(value, int | float):
        raise ProtocolError(Code.BAD_TYPE, f"{row.address}: a button must send a number")
    return value != 0


def _tagged(row: Row, argument: Arg, value: object) -> tuple[str, object]:
    """The type tag and the value that go on the wire: more than 32 bits only to the daemon."""
    tag, value = argument.tag, sent(argument, value)
    if argument.kind == "target" and isinstance(value, int):
        tag = "i"
    if tag == "i" and isinstance(value, int) and not -(2**31) <= value < 2**31:
        tag = "h"
    if tag == "f" and row.direction == "command" and not fits_single(float(str(value))):
        tag = "d"
    return tag, value
