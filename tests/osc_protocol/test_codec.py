"""The decoder against hostile bytes, python-osc and golden datagrams."""

from __future__ import annotations

import math
import random
import struct

import numpy as np
import pytest
from pythonosc.osc_message import OscMessage as PythonOscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from osc_protocol.codec import (
    MAX_ARGUMENTS,
    MAX_DATAGRAM_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    OscMessage,
    decode,
    encode,
    fits_single,
    shortest,
)
from osc_protocol.errors import Code, DecodeError, ProtocolError
from osc_protocol.grammar import read_answer, read_command, write
from osc_protocol.messages import Generate, Progress

PING = b"/ping\0\0\0,\0\0\0"
NOW = b"\0\0\0\0\0\0\0\1"

# Written by hand from the OSC 1.0 specification; every line is four bytes of the wire.
GOLDEN = {
    "/ping": (
        "2f70696e"  # /pin
        "67000000"  # g
        "2c000000",  # ,
        OscMessage("/ping"),
    ),
    "/oscillator/4/frequency 440.0": (  # the specification's own example
        "2f6f7363 696c6c61 746f722f 342f6672 65717565 6e637900"  # /oscillator/4/frequency
        "2c660000"  # ,f
        "43dc0000",  # 440 = 1.71875 * 2**8
        OscMessage("/oscillator/4/frequency", "f", (440.0,)),
    ),
    "/foo 1000 -1 hello 1.234 5.678": (  # the specification's second example
        "2f666f6f 00000000"  # /foo
        "2c696973 66660000"  # ,iisff
        "000003e8"  # 1000
        "ffffffff"  # -1
        "68656c6c 6f000000"  # hello
        "3f9df3b6"  # 1.234 in 32 bits
        "40b5b22d",  # 5.678 in 32 bits
        OscMessage(
            "/foo",
            "iisff",
            (1000, -1, "hello", struct.unpack(">f", b"\x3f\x9d\xf3\xb6")[0],
             struct.unpack(">f", b"\x40\xb5\xb2\x2d")[0]),
        ),
    ),
    "every type": (
        "2f740000"  # /t
        "2c696866 64735362 63726d74 54464e49 00000000"  # ,ihfdsSbcrmtTFNI
        "80000000"  # i -2**31
        "7fffffff ffffffff"  # h 2**63 - 1
        "c0000000"  # f -2
        "3ff80000 00000000"  # d 1.5
        "c3a90000"  # s é in UTF-8
        "61626364 00000000"  # S abcd: four letters need four zeros
        "00000003 01020300"  # b three bytes, padded
        "00000041"  # c A
        "ff000080"  # r
        "00903c40"  # m
        "00000000 00000001"  # t at once
        "",  # T F N I have no bytes
        OscMessage(
            "/t",
            "ihfdsSbcrmtTFNI",
            (-(2**31), 2**63 - 1, -2.0, 1.5, "é", "abcd", b"\1\2\3", "A", 0xFF000080,
             (0, 0x90, 0x3C, 0x40), 1, True, False, None, True),
        ),
    ),
}  # fmt: skip


def bundle(*elements: bytes, tag: bytes = NOW) -> bytes:
    return b"#bundle\0" + tag + b"".join(struct.pack(">i", len(e)) + e for e in elements)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_datagram_is_read(name: str) -> None:
    text, message = GOLDEN[name]
    assert decode(bytes.fromhex(text)) == (message,)


@pytest.mark.parametrize("name", ["/ping", "/oscillator/4/frequency 440.0"])
def test_a_golden_datagram_is_written(name: str) -> None:
    text, message = GOLDEN[name]
    assert encode(message.address, message.tags, message.args) == bytes.fromhex(text)


def test_an_order_lies_on_the_wire_byte_for_byte() -> None:
    order = Generate(rid="take1", bpm=92.5, key="A minor", bars=2)
    assert write(order) == bytes.fromhex(
        "2f626163 6b6c696e 652f6765 6e657261 74650000"  # /backline/generate
        "2c737366 73737369 00000000"  # ,ssfsssi
        "74616b65 31000000"  # take1
        "62706d00 42b90000"  # bpm 92.5 = 1.4453125 * 2**6
        "6b657900 41206d69 6e6f7200"  # key A minor
        "62617273 00000000 00000002"  # bars 2
    )


def test_an_event_lies_on_the_wire_byte_for_byte() -> None:
    assert write(Progress(7, "t", 3, "write", 0.5, -1.0)) == bytes.fromhex(
        "2f626163 6b6c696e 652f7072 6f677265 73730000"  # /backline/progress
        "2c697369 73666600"  # ,isisff
        "00000007 74000000 00000003"  # 7 t 3
        "77726974 65000000"  # write
        "3f000000 bf800000"  # 0.5 -1
    )


HOSTILE = {
    "nothing": b"",
    "one byte": b"/",
    "not a multiple of four": PING + b"\0",
    "no slash": b"ping\0\0\0\0,\0\0\0",
    "address without an end": b"/abcdefg",
    "address padding cut": b"/ab\0/cd",
    "address padding not zero": b"/a\0x,\0\0\0",
    "a space in the address": b"/a b\0\0\0\0,\0\0\0",
    "a newline in the address": b"/a\nb\0\0\0\0,\0\0\0",
    "Latin-1 in the address": b"/\xe9\0\0,\0\0\0",
    "UTF-8 in the address": b"/\xc3\xa9\0,\0\0\0",
    "an address of 300 bytes": b"/" + b"a" * 299 + b"\0\0\0\0,\0\0\0",
    "tags without comma": b"/a\0\0if\0\0\0\0\0\1\0\0\0\0",
    "tags without an end": b"/a\0\0,iii",
    "Latin-1 in the tags": b"/a\0\0,\xe9\0\0",
    "an unknown tag": b"/a\0\0,q\0\0\0\0\0\0",
    "an array": b"/a\0\0,[i]\0\0\0\0\0\0\0\1",
    "an open array": b"/a\0\0,[[[\0\0\0\0",
    "a cut int": b"/a\0\0,i\0\0",
    "a cut float": b"/a\0\0,f\0\0",
    "a cut second int": b"/a\0\0,ii\0\0\0\0\1",
    "a cut double": b"/a\0\0,d\0\0\0\0\0\0",
    "a cut midi event": b"/a\0\0,m\0\0",
    "a cut time tag": b"/a\0\0,t\0\0\0\0\0\0",
    "a missing string": b"/a\0\0,s\0\0",
    "a string without an end": b"/a\0\0,s\0\0abcd",
    "string padding not zero": b"/a\0\0,s\0\0a\0b\0",
    "Latin-1 in a string": b"/a\0\0,s\0\0\xe9\0\0\0",
    "a surrogate in a string": b"/a\0\0,s\0\0\xed\xa0\x80\0",
    "an overlong NUL in a string": b"/a\0\0,s\0\0\xc0\x80\0\0",
    "a character of 300": b"/a\0\0,c\0\0\0\0\1\x2c",
    "a NUL character": b"/a\0\0,c\0\0\0\0\0\0",
    "a missing blob": b"/a\0\0,b\0\0",
    "a blob of -1": b"/a\0\0,b\0\0\xff\xff\xff\xff",
    "a blob of 2**31-1": b"/a\0\0,b\0\0\x7f\xff\xff\xff",
    "a blob of -2**31": b"/a\0\0,b\0\0\x80\0\0\0",
    "a blob cut short": b"/a\0\0,b\0\0\0\0\0\5abcd",
    "blob padding not zero": b"/a\0\0,b\0\0\0\0\0\1abcd",
    "bytes left over": b"/a\0\0,\0\0\0\0\0\0\0",
    "257 arguments": b"/a\0\0," + b"T" * 257 + b"\0\0",
    "60000 arguments": b"/a\0\0," + b"T" * 60_003,
    "13000 ints": b"/a\0\0," + b"i" * 13_000 + b"\0" * 3 + b"\0" * 52_000,
    "half a bundle head": b"#bundle\0",
    "a bundle with half a time tag": b"#bundle\0\0\0\0\0",
    "something else with a #": b"#bungle\0" + NOW,
    "an element of size -4": b"#bundle\0" + NOW + b"\xff\xff\xff\xfc",  # 20 bytes hang python-osc
    "an element of size 0": b"#bundle\0" + NOW + b"\0\0\0\0",
    "an element of size 3": b"#bundle\0" + NOW + b"\0\0\0\3" + b"/a\0\0",
    "an element beyond the end": b"#bundle\0" + NOW + b"\0\0\0\x40" + PING,
    "an element of size 2**31-1": b"#bundle\0" + NOW + b"\x7f\xff\xff\xfc" + PING,
    "an element of size -2**31": b"#bundle\0" + NOW + b"\x80\0\0\0" + PING,
    "a good element and a bad one": bundle(PING, b"/a\0\0,i\0\0"),
    "an empty element in a bundle of bundles": bundle(bundle(b"")),
    "65 elements": bundle(*[PING] * (MAX_ELEMENTS + 1)),
    "2500 elements": bundle(*[PING] * 2_500),
    "65 elements over two depths": bundle(bundle(*[PING] * 40), *[PING] * 24),
    "65 empty bundles": bundle(*[bundle()] * 65),
    "65508 bytes and more": b"/a\0\0,b\0\0" + struct.pack(">i", 65_500) + b"\0" * 65_500,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_datagram_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(DecodeError, match=r"\w+ \w+"):
        decode(HOSTILE[name])


def test_bundles_nested_400_deep_are_refused() -> None:
    datagram = bundle(PING)
    for _ in range(399):
        datagram = bundle(datagram)
    with pytest.raises(DecodeError, match=f"at most {MAX_DEPTH} deep"):
        decode(datagram)


def test_bundles_are_read_as_deep_and_as_long_as_the_limits_allow() -> None:
    deep = PING
    for _ in range(MAX_DEPTH):
        deep = bundle(deep)
    assert decode(deep) == (OscMessage("/ping"),)
    assert decode(bundle(*[PING] * MAX_ELEMENTS)) == (OscMessage("/ping"),) * MAX_ELEMENTS
    assert decode(bundle()) == ()


def test_messages_of_a_bundle_come_in_their_order_whatever_its_time_tag() -> None:
    letters = [OscMessage(f"/{letter}") for letter in "abcd"]
    a, b, c, d = (encode(message.address, "", ()) for message in letters)
    year_2036 = b"\xff\xff\xff\xff\0\0\0\0"
    assert list(decode(bundle(a, bundle(b, c), d, tag=year_2036))) == letters


def test_a_message_may_have_256_arguments() -> None:
    tags = "TF" * (MAX_ARGUMENTS // 2)
    assert decode(encode("/a", tags, [True, False] * 128))[0].tags == tags


def test_a_message_without_type_tags_has_no_arguments() -> None:
    assert decode(b"/ping\0\0\0") == (OscMessage("/ping"),)


def test_wildcards_are_no_pattern_but_an_address_nobody_has() -> None:
    stars = "/backline/" + "*" * 40 + "!"  # 51 bytes that keep a regular expression busy for ever
    (message,) = decode(encode(stars, "", ()))
    with pytest.raises(ProtocolError) as caught:
        read_command(message)
    assert caught.value.code == Code.UNKNOWN_ADDRESS


def random_arguments(rng: random.Random) -> tuple[str, list[object]]:
    makers = {
        "i": lambda: rng.randrange(-(2**31), 2**31),
        "h": lambda: rng.randrange(-(2**63), 2**63),
        "f": lambda: struct.unpack(">f", struct.pack(">f", rng.uniform(-1e30, 1e30)))[0],
        "d": lambda: rng.uniform(-1e300, 1e300),
        "s": lambda: "".join(rng.choices("abcXYZ 0189_é日", k=rng.randrange(9))),
        "b": lambda: rng.randbytes(rng.randrange(1, 20)),
        "r": lambda: rng.randrange(2**32),
        "m": lambda: tuple(rng.randbytes(4)),
        "T": lambda: True,
        "F": lambda: False,
        "N": lambda: None,
    }
    tags = "".join(rng.choices(list(makers), k=rng.randrange(12)))
    return tags, [makers[tag]() for tag in tags]


def test_valid_messages_are_read_as_python_osc_reads_them() -> None:
    rng = random.Random(1)
    for _ in range(3_000):
        tags, args = random_arguments(rng)
        builder = OscMessageBuilder("/a" + "b" * rng.randrange(9))
        for tag, value in zip(tags, args, strict=True):
            builder.add_arg(value, tag)
        datagram = builder.build().dgram
        theirs = PythonOscMessage(datagram)
        (ours,) = decode(datagram)
        assert (ours.address, list(ours.args)) == (theirs.address, theirs.params)
        assert encode(ours.address, ours.tags, ours.args) == datagram


def seeds_for_fuzzing() -> list[bytes]:
    good = [bytes.fromhex(text) for text, _ in GOLDEN.values()]
    good.append(write(Generate(rid="take1", bpm=92.7, key="A minor", notes="60:0:1")))
    good.append(encode("/backline/notify", "ii", (1, 9902)))
    good.append(encode("/backline/generate", "sfsfs", ("t", 92.7, "Am", 4.0, "dub")))
    good.append(write(Progress(7, "t", 3, "write", 0.5, -1.0)))
    return [*good, bundle(*good), bundle(bundle(good[0], good[5]), good[6])]


def mutant(seed: bytes, rng: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                data[at : at + 4] = struct.pack(">i", rng.choice((-4, -1, 0, 4, 8, 2**31 - 1)))
            case 2:
                del data[at : at + rng.choice((1, 4, 8))]
            case 3:
                data[at:at] = rng.choice((b"\0\0\0\0", b"#bundle\0", b",s\0\0", b"*{}[]"))
            case _:
                del data[at // 4 * 4 :]
    return bytes(data)


def test_20000_mutants_are_read_or_refused_and_nothing_else() -> None:
    rng = random.Random(9787)
    seeds = seeds_for_fuzzing()
    read = refused = 0
    for _ in range(20_000):
        try:
            messages = decode(mutant(rng.choice(seeds), rng))
        except DecodeError:
            refused += 1
            continue
        read += 1
        for message in messages:
            for reader in (read_command, read_answer):
                try:
                    reader(message)
                except ProtocolError as error:
                    assert error.message
    assert read > 1_000 and refused > 1_000  # else the mutants would prove nothing


@pytest.mark.parametrize(
    ("tag", "value", "why"),
    [
        ("s", "a\0b", "NUL"),
        ("s", "\udc80", "cannot be written"),
        ("s", 5, "cannot be written"),
        ("i", 2**31, "cannot be written"),
        ("i", "5", "cannot be written"),
        ("f", 1e39, "cannot be written"),
        ("b", b"", "at least one byte"),
        ("c", "x", "never sent"),
        ("s", "x" * MAX_DATAGRAM_BYTES, "at most 65507 bytes"),
    ],
)
def test_what_cannot_be_written_is_said(tag: str, value: object, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        encode("/a", tag, [value])


def test_plain_messages_are_written_as_python_osc_writes_them() -> None:
    chance = random.Random(4)
    make = {
        "s": lambda: "".join(chance.choice("a Zé音\n") for _ in range(chance.randrange(9))),
        "i": lambda: chance.randrange(-(2**31), 2**31),
        "h": lambda: chance.randrange(-(2**63), 2**63),
        "f": lambda: chance.uniform(-1e9, 1e9),
        "d": lambda: chance.uniform(-1e300, 1e300),
    }
    for _ in range(500):
        tags = "".join(chance.choice("sihfd") for _ in range(chance.randrange(8)))
        args = [make[tag]() for tag in tags]
        builder = OscMessageBuilder(address="/backline/some")
        for tag, value in zip(tags, args, strict=True):
            builder.add_arg(value, tag)
        assert encode("/backline/some", tags, args) == builder.build().dgram


def test_tags_and_arguments_must_agree_in_number() -> None:
    with pytest.raises(ProtocolError, match="2 arguments have 1 type tags"):
        encode("/a", "i", [1, 2])


def test_a_float_is_read_as_the_shortest_decimal_as_numpy_prints_it() -> None:
    rng = random.Random(3)
    for _ in range(5_000):
        value = struct.unpack(">f", rng.randbytes(4))[0]
        if math.isfinite(value):
            assert shortest(value) == float(str(np.float32(value)))


def test_tempi_of_two_decimals_travel_as_a_float() -> None:
    for hundredths in range(20_00, 400_01, 7):
        bpm = hundredths / 100
        assert shortest(struct.unpack(">f", struct.pack(">f", bpm))[0]) == bpm
        assert fits_single(bpm)


def test_infinity_and_nan_stay_what_they_are() -> None:
    assert shortest(math.inf) == math.inf
    assert shortest(-math.inf) == -math.inf
    assert math.isnan(shortest(math.nan))
    assert not fits_single(1e39)
    assert not fits_single(61.123456789)
