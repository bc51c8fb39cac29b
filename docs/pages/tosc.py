"""The format of TouchOSC's layouts: XML, which a .tosc file holds compressed by zlib.

Of its elements those are written that TouchOSC 1.1 and later need, a control's properties in the
order of their names; ids come from the names, so that they are the same at each making.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, tostring

NAMES = uuid.UUID("7d9f0f0e-6a44-5f1c-9d4c-3b8f5c1f7a10")
GREY = (0.25, 0.25, 0.27)
FIRST = {"BUTTON": "x", "FADER": "x", "LABEL": "text"}  # the value that a kind has


@dataclass(frozen=True, slots=True)
class Part:
    """A partial of an argument: a constant or the value of the control, scaled to low..high."""

    kind: str
    value: str
    conversion: str
    low: float = 0
    high: float = 1


@dataclass(frozen=True, slots=True)
class Osc:
    """What a control sends and takes at an address; `trigger` is "" where it only takes."""

    address: str
    parts: Sequence[Part] = ()
    trigger: str = ""
    takes: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A control of the page; `text` is what a label shows at first."""

    kind: str
    name: str
    frame: tuple[float, float, float, float]
    osc: Osc | None = None
    text: str = ""
    colour: tuple[float, float, float] = GREY
    more: dict[str, int] = field(default_factory=dict)


def layout(name: str, width: float, height: float, controls: Sequence[Control]) -> str:
    """Return a page of that size with its controls, the last on top."""
    root = Element("lexml", version="6")
    page = _node(root, Control("GROUP", name, (0, 0, width, height)))
    page.insert(0, Element("includes"))
    children = SubElement(page, "children")
    for control in controls:
        _node(children, control)
    return tostring(root, encoding="unicode", xml_declaration=True)


def _node(parent: Element, control: Control) -> Element:
    node = SubElement(parent, "node", ID=str(uuid.uuid5(NAMES, control.name)), type=control.kind)
    properties = SubElement(node, "properties")
    red, green, blue = control.colour
    x, y, width, height = control.frame
    found: dict[str, tuple[str, object]] = {
        "color": ("c", {"r": red, "g": green, "b": blue, "a": 1}),
        "frame": ("r", {"x": x, "y": y, "w": width, "h": height}),
        "interactive": ("b", int(control.kind in ("BUTTON", "FADER"))),
        "name": ("s", control.name),
        **{name: ("i" if name == "orientation" else "b", value)
           for name, value in control.more.items()},
    }  # fmt: skip
    for key, (kind, value) in sorted(found.items()):
        each = SubElement(properties, "property", type=kind)
        SubElement(each, "key").text = key
        _plain(SubElement(each, "value"), value)
    values = SubElement(node, "values")
    if control.kind in FIRST:
        each = SubElement(values, "value")
        default = control.text if control.kind == "LABEL" else "0"
        for tag, text in (("key", FIRST[control.kind]), ("locked", "0"),
                          ("lockedDefaultCurrent", "0"), ("default", default),
                          ("defaultPull", "0")):  # fmt: skip
            SubElement(each, tag).text = text
    if control.osc is not None:
        _message(SubElement(SubElement(node, "messages"), "osc"), control.osc)
    return node


def _message(message: Element, osc: Osc) -> None:
    for tag, text in (("enabled", "1"), ("send", str(int(bool(osc.trigger)))),
                      ("receive", str(int(osc.takes))), ("feedback", "0"), ("noDuplicates", "0"),
                      ("connections", "0000000001")):  # fmt: skip
        SubElement(message, tag).text = text
    if osc.trigger:
        trigger = SubElement(SubElement(message, "triggers"), "trigger")
        SubElement(trigger, "var").text = "x"
        SubElement(trigger, "condition").text = osc.trigger
    path = SubElement(message, "path")
    _partial(path, Part("CONSTANT", osc.address, "STRING"))
    arguments = SubElement(message, "arguments")
    for part in osc.parts:
        _partial(arguments, part)


def _partial(parent: Element, part: Part) -> None:
    found = SubElement(parent, "partial")
    for tag, value in (("type", part.kind), ("conversion", part.conversion), ("value", part.value),
                       ("scaleMin", part.low), ("scaleMax", part.high)):  # fmt: skip
        _plain(SubElement(found, tag), value)


def _plain(element: Element, value: object) -> None:
    if isinstance(value, dict):
        for tag, number in value.items():
            _plain(SubElement(element, tag), number)
    else:
        element.text = f"{value:g}" if isinstance(value, int | float) else str(value)
