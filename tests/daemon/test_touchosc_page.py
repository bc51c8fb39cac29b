"""examples/touchosc/backline.tosc: what its controls send and show is of the protocol."""

from __future__ import annotations

import socket
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from docs.pages.touchosc_page import RECEIVE_PORT
from osc_protocol.checks import check
from osc_protocol.codec import decode, encode
from osc_protocol.draft import Draft
from osc_protocol.grammar import read_command
from osc_protocol.messages import CLASSES

PAGE = Path(__file__).parents[2] / "examples" / "touchosc" / "backline.tosc"
ROOT = fromstring(zlib.decompress(PAGE.read_bytes()).decode())
NODES = {node.findtext("properties/property[key='name']/value", ""): node for node in
         ROOT.iterfind("node/children/node")}  # fmt: skip
TAGS = {"STRING": "s", "INTEGER": "i", "FLOAT": "f"}
DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken


def box(node: Element) -> tuple[float, float, float, float]:
    frame = node.find("properties/property[key='frame']/value")
    assert frame is not None
    return tuple(float(frame.findtext(side, "")) for side in "xywh")  # type: ignore[return-value]


def osc_of(node: Element, direction: str) -> Iterator[Element]:
    return (osc for osc in node.iterfind("messages/osc") if osc.findtext(direction) == "1")


def address(osc: Element) -> str:
    return osc.findtext("path/partial/value", "")


def sent(osc: Element, x: float, port: int = RECEIVE_PORT) -> bytes:
    """What TouchOSC, listening at a port, sends of a control whose value is x, from 0 to 1."""
    tags, values = "", []
    for part in osc.iterfind("arguments/partial"):
        value: object = part.findtext("value")
        if value == str(RECEIVE_PORT):
            value = str(port)
        if part.findtext("type") == "VALUE":
            low, high = (float(part.findtext(end, "")) for end in ("scaleMin", "scaleMax"))
            value = low + x * (high - low)
        tag = TAGS[part.findtext("conversion", "")]
        tags += tag
        values.append({"s": str, "i": lambda v: int(float(v)), "f": float}[tag](value))
    return encode(address(osc), tags, values)


SENDING = [(name, osc) for name, node in NODES.items() for osc in osc_of(node, "send")]
SHOWING = [(name, osc) for name, node in NODES.items() for osc in osc_of(node, "receive")]


@pytest.mark.parametrize("x", [0.0, 0.37, 1.0])
def test_all_that_its_controls_send_is_taken(x: float) -> None:
    assert len(SENDING) > 70
    for name, osc in SENDING:
        command = read_command(*decode(sent(osc, x)))
        assert command is not None, name
        if isinstance(command, Draft):
            check(command.argument, command.value)


def test_all_that_its_controls_show_is_sent_in_that_type() -> None:
    events = {cls.row.address: cls.row for cls in CLASSES.values() if cls.direction == "event"}
    for name, osc in SHOWING:
        if address(osc).startswith("/backline/draft/"):
            continue  # the echo, which the other test has as a command
        tag = TAGS[osc.findtext("arguments/partial/conversion", "")]
        assert [each.tag for each in events[address(osc)].args] == [tag], name


def test_it_is_a_layout_of_one_group_whose_ids_are_unique() -> None:
    assert (ROOT.tag, ROOT.get("version")) == ("lexml", "6")
    (page,) = ROOT
    assert page.get("type") == "GROUP"
    ids = [node.get("ID") for node in ROOT.iter("node")]
    assert len(ids) == len(set(ids)) == len(NODES) + 1
    for each in ROOT.iter("properties"):
        keys = [key.text for key in each.iterfind("property/key")]
        assert keys == sorted(keys)  # as TouchOSC writes them


def test_no_control_covers_another_or_leaves_the_page() -> None:
    page = ROOT.find("node")
    assert page is not None
    *_, width, height = box(page)
    touched = [(name, *box(node)) for name, node in NODES.items()
               if node.get("type") in ("BUTTON", "FADER")]  # fmt: skip
    for name, x, y, w, h in touched:
        assert 0 <= x and x + w <= width and 0 <= y and y + h <= height, name
        for other, x2, y2, w2, h2 in touched:
            apart = x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
            assert name == other or apart, f"{name} covers {other}"


def test_pressing_its_buttons_orders_music_and_fills_its_lamps(daemon) -> None:
    by_name: dict[str, Element] = dict(SENDING)
    udp = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*udp) as tablet, socket.socket(*udp) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(DEADLINE_SECONDS)
        port = ear.getsockname()[1]
        tablet.connect(("127.0.0.1", daemon.port))
        answers: Counter[str] = Counter()

        def read_until(wanted: str, value: object = None) -> None:
            while True:
                (message,) = decode(ear.recv(65_507))
                answers[message.address] += 1
                if message.address == wanted and value in (None, *message.args):
                    return

        faders = {"bpm": 0.5, "bars": 0.0}
        for name in ("clear", "listen", *faders, "key A minor", "tags drum and bass", "go"):
            tablet.send(sent(by_name[name], faders.get(name, 1.0), port))
        read_until("/backline/ui/state", "done")
        tablet.send(sent(by_name["clear"], 1.0))
    echoes = {f"/backline/draft/{key}" for key in ("bpm", "bars", "key", "tags")}
    shown = {address(osc) for _, osc in SHOWING}
    assert echoes <= answers.keys()
    assert "/backline/ui/progress" in shown & answers.keys()
