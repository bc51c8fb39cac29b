"""OSC 1.0 packets: bytes to messages within hard limits, and messages to bytes.

Encoding is python-osc's, but for plain numbers and text, of which nearly all messages are: that
takes a tenth of its time. Decoding is our own, because a server must survive any datagram: a
bundle element of negative size hangs python-osc 1.10's decoder for good, and text that is not
UTF-8 gets out of it as another exception. Spec: Wright, "The Open Sound Control 1.0
Specification", 2002.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pythonosc.osc_message_builder import BuildError, OscMessageBuilder

from osc_protocol.errors import Code, DecodeError, ProtocolError

MAX_DATAGRAM_BYTES = 65_507  # what fits into one UDP datagram over IPv4
MAX_ELEMENTS = 64  # messages and bundles inside one bundle, over all depths
MAX_DEPTH = 4
MAX_ARGUMENTS = 256
MAX_ADDRESS_BYTES = 255
ENCODED_TAGS = frozenset("ihfdsbrmTFN")

_BUNDLE = b"#bundle\0"
_FIXED = {
    "i": struct.Struct(">i"),
    "h": struct.Struct(">q"),
    "f": struct.Struct(">f"),
    "d": struct.Struct(">d"),
    "t": struct.Struct(">Q"),
    "r": struct.Struct(">I"),
    "c": struct.Struct(">I"),
    "m": struct.Struct(">4B"),
}
_PLAIN = {"s": str, "i": int, "h": int, "f": float, "d": float}
_WITHOUT_BYTES: dict[str, object] = {"T": True, "F": False, "N": None, "I": True}


@dataclass(frozen=True, slots=True)
class OscMessage:
    """An address, one type tag for each argument (no comma), and the arguments.

    i, h, t and r are ints, f and d floats, s and S text, c one character, b bytes, m a tuple of
    four ints, T and I True, F False, N None.
    """

    address: str
    tags: str = ""
    args: tuple[object, ...] = ()


def decode(datagram: bytes, max_bytes: int = MAX_DATAGRAM_BYTES) -> tuple[OscMessage, ...]:
    """Return the messages of a packet in their order; of a bundle all or nothing.

    Time tags of bundles are ignored. Takes time linear in the size. Raises DecodeError.
    """
    if len(datagram) > max_bytes:
        raise DecodeError(f"datagram must be at most {max_bytes} bytes: {len(datagram)}")
    if not datagram or len(datagram) % 4:
        raise DecodeError(f"datagram must be a multiple of 4 bytes, not {len(datagram)}")
    if datagram[0] != 0x23:  # "#"
        return (_message(datagram, 0, len(datagram)),)
    found: list[OscMessage] = []
    _bundle(datagram, 0, len(datagram), 1, 0, found)
    return tuple(found)


def encode(address: str, tags: str, args: Sequence[object]) -> bytes:
    """Return the datagram of one message; raises ProtocolError where it cannot be written."""
    if len(tags) != len(args):
        raise ProtocolError(Code.BAD_TYPE, f"{len(args)} arguments have {len(tags)} type tags")
    datagram = _plainly_encoded(address, tags, args) or _encoded(address, tags, args)
    if len(datagram) > MAX_DATAGRAM_BYTES:
        raise ProtocolError(
            Code.TOO_LARGE,
            f"a message must be at most {MAX_DATAGRAM_BYTES} bytes, not {len(datagram)}",
        )
    return datagram


def _plainly_encoded(address: str, tags: str, args: Sequence[object]) -> bytes:
    """Return the datagram of text, ints and floats; nothing where there is anything else."""
    parts = [_padded(address), _padded("," + tags)]
    try:
        for tag, value in zip(tags, args, strict=True):
            if type(value) is not _PLAIN.get(tag):
                return b""
            if isinstance(value, str):
                if "\0" in value:
                    return b""
                parts.append(_padded(value))
            else:
                parts.append(_FIXED[tag].pack(value))
    except (struct.error, OverflowError, UnicodeEncodeError):  # which _encoded() puts into words
        return b""
    return b"".join(parts)


def _padded(text: str) -> bytes:
    data = text.encode()
    return data + b"\0" * (4 - len(data) % 4)


def _encoded(address: str, tags: str, args: Sequence[object]) -> bytes:
    """Return the datagram that python-osc makes."""
    builder = OscMessageBuilder(address=address)
    for tag, value in zip(tags, args, strict=True):
        if tag not in ENCODED_TAGS:
            raise ProtocolError(Code.UNSUPPORTED, f"arguments of type {tag!r} are never sent")
        if isinstance(value, str) and "\0" in value:
            raise ProtocolError(Code.OUT_OF_RANGE, "text must not hold NUL: it ends OSC strings")
        if value == b"":  # python-osc refuses what the specification allows: an empty blob
            raise ProtocolError(Code.UNSUPPORTED, "a blob must hold at least one byte")
        builder.add_arg(value, tag)
    try:
        return bytes(builder.build().dgram)
    except (BuildError, OverflowError, ValueError, TypeError) as error:
        raise ProtocolError(Code.BAD_TYPE, f"{address} cannot be written: {error}") from None


def shortest(value: float) -> float:
    """Return the shortest decimal that is this number in 32 bits: 92.69999695 is meant as 92.7.

    A person who sends bpm 92.7 as an OSC float means the decimal. Raises DecodeError for a number
    that 32 bits cannot hold.
    """
    if value.is_integer() and abs(value) < 2**24:  # what 32 bits hold as it is
        return value
    single = _FIXED["f"]
    try:
        packed = single.pack(value)
        for digits in range(1, 10):  # 9 significant digits tell all 32-bit floats apart
            decimal = float(f"{value:.{digits}g}")
            if _packs_to(decimal, packed):
                return decimal
    except OverflowError:
        raise DecodeError(f"{value!r} is no 32-bit float") from None
    return value  # NaN, whose bits may differ


def fits_single(value: float) -> bool:
    """Return whether a 32-bit float carries this number so that shortest() gives it back."""
    try:
        return shortest(_FIXED["f"].unpack(_FIXED["f"].pack(value))[0]) == value
    except (OverflowError, DecodeError):
        return False


def _packs_to(decimal: float, packed: bytes) -> bool:
    try:
        return _FIXED["f"].pack(decimal) == packed
    except OverflowError:  # the largest floats, rounded up to fewer digits
        return False


def _bundle(
    data: bytes, start: int, end: int, depth: int, elements: int, found: list[OscMessage]
) -> int:
    """Append the messages between two offsets to `found`; return the elements counted so far."""
    if depth > MAX_DEPTH:
        raise DecodeError(f"bundles must be nested at most {MAX_DEPTH} deep")
    if data[start : start + 8] != _BUNDLE or end - start < 16:
        raise DecodeError(f"bundle at byte {start} must begin with #bundle and a time tag")
    position = start + 16
    while position < end:
        # Sizes are multiples of 4 all the way up, so that 4 bytes are left to read here.
        size = int.from_bytes(data[position : position + 4], "big", signed=True)
        position += 4
        if size <= 0 or size % 4 or size > end - position:
            raise DecodeError(
                f"element at byte {position} must have 4 to {end - position} bytes, "
                f"a multiple of 4, not {size}"
            )
        elements += 1
        if elements > MAX_ELEMENTS:
            raise DecodeError(f"bundle must have at most {MAX_ELEMENTS} elements")
        if data[position] == 0x23:
            elements = _bundle(data, position, position + size, depth + 1, elements, found)
        else:
            found.append(_message(data, position, position + size))
        position += size
    return elements


def _message(data: bytes, start: int, end: int) -> OscMessage:
    address, position = _text(data, start, end)
    if not address.startswith("/") or len(address) > MAX_ADDRESS_BYTES:
        raise DecodeError(f"address must begin with / and have at most {MAX_ADDRESS_BYTES} bytes")
    if not address.isascii() or not address.isprintable() or " " in address:
        raise DecodeError("address must be printable ASCII without spaces")
    if position == end:  # older senders leave the type tags out where there is no argument
        return OscMessage(address)
    tags, position = _text(data, position, end)
    if not tags.startswith(","):
        raise DecodeError("type tags must begin with a comma")
    tags = tags[1:]
    if len(tags) > MAX_ARGUMENTS:
        raise DecodeError(f"a message must have at most {MAX_ARGUMENTS} arguments, not {len(tags)}")
    args: list[object] = []
    for tag in tags:
        value, position = _argument(tag, data, position, end)
        args.append(value)
    if position != end:
        raise DecodeError(f"{end - position} bytes are left after the last argument")
    return OscMessage(address, tags, tuple(args))


def _argument(tag: str, data: bytes, position: int, end: int) -> tuple[object, int]:
    """Return one argument and the offset after it."""
    if tag == "s":
        return _text(data, position, end)
    fixed = _FIXED.get(tag)
    if fixed is not None:
        if end - position < fixed.size:
            raise DecodeError(f"argument of type {tag} is cut short at byte {position}")
        parts = fixed.unpack_from(data, position)
        position += fixed.size
        if tag == "c":
            if not 0 < parts[0] < 128:
                raise DecodeError(f"character {parts[0]} is not ASCII")
            return chr(parts[0]), position
        return (parts if tag == "m" else parts[0]), position
    if tag == "S":
        return _text(data, position, end)
    if tag == "b":
        size = int.from_bytes(data[position : position + 4], "big", signed=True)
        padded = (size + 3) // 4 * 4
        position += 4
        if size < 0 or padded > end - position:
            raise DecodeError(f"blob of {size} bytes at byte {position} is cut short")
        _check_padding(data, position + size, position + padded)
        return bytes(data[position : position + size]), position + padded
    if tag in _WITHOUT_BYTES:
        return _WITHOUT_BYTES[tag], position
    raise DecodeError(f"type tag {tag!a} is not supported")


def _text(data: bytes, position: int, end: int) -> tuple[str, int]:
    """Return the string at an offset and the offset after its padding."""
    stop = data.find(0, position, end)
    if stop < 0:
        raise DecodeError(f"text at byte {position} has no end")
    after = position + (stop - position) // 4 * 4 + 4
    if after > end:
        raise DecodeError(f"text at byte {position} is cut short")
    if after > stop + 1:
        _check_padding(data, stop, after)
    try:
        return data[position:stop].decode("utf-8"), after
    except UnicodeDecodeError:
        raise DecodeError(f"text at byte {position} is not UTF-8") from None


def _check_padding(data: bytes, start: int, end: int) -> None:
    if data.count(0, start, end) != end - start:
        raise DecodeError(f"padding at byte {start} must be zero")
