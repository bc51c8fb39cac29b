"""A page for TouchOSC made of the drafts: faders, buttons and what is shown while jobs run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from audio.stem_names import STEMS
from diffusion.embedded.vocabulary import STYLES
from docs.pages.tosc import GREY, Control, Osc, Part, layout
from midi.key import Key
from osc_protocol.argument import Arg
from osc_protocol.draft import DRAFT_KEYS, DRAFT_PREFIX
from osc_protocol.jobs import (
    Cancel,
    DraftClear,
    DraftGo,
    PauseQueue,
    ResumeQueue,
    UiBusy,
    UiError,
    UiProgress,
    UiStage,
    UiState,
)  # fmt: skip
from osc_protocol.message import Event
from osc_protocol.sessions import Notify

WIDTH, MARGIN, GAP, ROW = 768, 12, 6, 34
RECEIVE_PORT = 9000  # where TouchOSC is to listen: it may send from another
CAPTION = 124  # how wide the names at the left are
# Faders with what a hand can aim at, within the limits of the table; None is the table's own.
FADERS: tuple[tuple[str, float | None, float | None], ...] = (
    ("bpm", 60, 200), ("bars", 1, 64), ("takes", None, None), ("swing", None, None),
    ("humanise", None, None), ("tail-seconds", None, None), ("loudness", None, None),
)  # fmt: skip
KEYS = tuple(Key(tonic, mode).name for mode in ("minor", "major") for tonic in range(12))
METERS = ("3/4", "4/4", "5/4", "6/8", "7/8")
CHOSEN = ("engine", "ending", "lead", "format")  # whose values the table lists
TEXTS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("key", KEYS, 6),
    ("tags", tuple(style.replace("_", " ") for style in STYLES), 6),
    ("meter", METERS, 5),
    ("stems", (",".join(STEMS), *STEMS), 5),
    *((name, DRAFT_KEYS[name].choices, len(DRAFT_KEYS[name].choices)) for name in CHOSEN),
)
COLOURS = {"go": (0.1, 0.5, 0.25), "key": (0.2, 0.3, 0.5), "tags": (0.35, 0.25, 0.45)}


def touchosc_xml() -> str:
    """Return the page as XML, which zlib.compress makes a .tosc of."""
    controls: list[Control] = []
    bottom = MARGIN
    for row, height in _rows():
        controls += [_moved(each, bottom) for each in row]
        bottom += height + GAP
    return layout("backline", WIDTH, bottom + MARGIN, controls)


def _rows() -> Iterator[tuple[list[Control], int]]:
    """Give the rows of the page from above, each with its height; all lie at the top."""
    one, rid = Part("CONSTANT", "1", "INTEGER"), Part("CONSTANT", "page", "STRING")
    lease = Notify.row.short_values["lease"]
    words = ("port", RECEIVE_PORT, "style", "simple", "lease", lease)
    subscribe = [rid, one, *(Part("CONSTANT", str(word), "STRING") for word in words)]
    commands = [("listen", Notify, subscribe)] + [
        (name, command, [one])
        for name, command in (("go", DraftGo), ("clear", DraftClear), ("cancel", Cancel),
                              ("pause", PauseQueue), ("resume", ResumeQueue))
    ]  # fmt: skip
    yield _captioned([
        (name, Osc(command.row.address, parts, "RISE")) for name, command, parts in commands
    ], 2 * ROW), 2 * ROW  # fmt: skip
    yield _shown(("state", UiState), ("stage", UiStage)), ROW
    lamps = [Osc(each.row.address, [_value("FLOAT")], takes=True) for each in (UiBusy, UiProgress)]
    (lamp, bar), still = _columns((1, 5)), {"interactive": 0}
    yield [
        Control("BUTTON", "busy", (*lamp, ROW), lamps[0], more=still),
        Control("FADER", "progress", (*bar, ROW), lamps[1], more={**still, "orientation": 1}),
    ], ROW  # fmt: skip
    yield _shown(("error", UiError)), ROW
    for name, low, high in FADERS:
        yield _fader(DRAFT_KEYS[name], low, high), ROW
    for name, values, across in TEXTS:
        for first in range(0, len(values), across):
            told = [] if first else [_label(name, name)]
            sent = [(value, Osc(DRAFT_PREFIX + name, [Part("CONSTANT", value, "STRING")], "RISE"))
                    for value in values[first : first + across]]  # fmt: skip
            yield [*told, *_captioned(sent, ROW, name, across)], ROW


def _value(conversion: str, low: float = 0, high: float = 1, name: str = "x") -> Part:
    return Part("VALUE", name, conversion, low, high)


def _columns(shares: Sequence[float], left: float = 0) -> list[tuple[float, float, float]]:
    """Return x, y and width of columns with these shares of what is right of `left`."""
    whole = WIDTH - 2 * MARGIN - left - GAP * (len(shares) - 1)
    found, x = [], MARGIN + left
    for share in shares:
        width = whole * share / sum(shares)
        found.append((round(x, 1), 0.0, round(width, 1)))
        x += width + GAP
    return found


def _label(name: str, text: str, osc: Osc | None = None, frame: object = None) -> Control:
    place = frame if isinstance(frame, tuple) else (MARGIN, 0.0, CAPTION, ROW)
    return Control("LABEL", f"{name} label", place, osc, text, more={"background": 0, "outline": 0})


def _captioned(
    sent: Sequence[tuple[str, Osc]], height: int, name: str = "", across: int = 0
) -> list[Control]:
    """Return buttons side by side with their words on them: a button has none of its own."""
    controls = []
    columns = _columns([1] * (across or len(sent)), CAPTION + GAP if name else 0)
    for (word, osc), place in zip(sent, columns, strict=False):
        frame = (*place, height)
        colour = COLOURS.get(name or word, GREY)
        controls += [
            Control("BUTTON", f"{name} {word}".strip(), frame, osc, colour=colour),
            _label(f"{name} {word}".strip(), "all" if "," in word else word, frame=frame),
        ]
    return controls


def _shown(*told: tuple[str, type[Event]]) -> list[Control]:
    """Return labels that show what events say."""
    return [
        _label(name, name, Osc(event.row.address, [_value("STRING", name="text")], takes=True),
               (*place, ROW))
        for (name, event), place in zip(told, _columns([1] * len(told)), strict=True)
    ]  # fmt: skip


def _fader(argument: Arg, low: float | None, high: float | None) -> list[Control]:
    """Return name, fader and the value as the daemon keeps it, which it sends back."""
    assert argument.low is not None and argument.high is not None
    low, high = argument.low if low is None else low, argument.high if high is None else high
    conversion = "INTEGER" if argument.kind == "int" else "FLOAT"
    address, (bar, kept) = DRAFT_PREFIX + argument.name, _columns((5, 1), CAPTION + GAP)
    part = _value(conversion, low, high)
    unit = f" ({argument.unit})" if argument.unit and argument.unit != argument.name else ""
    return [
        _label(argument.name, argument.name + unit),
        Control("FADER", argument.name, (*bar, ROW), Osc(address, [part], "ANY", takes=True),
                more={"orientation": 1}),
        _label(f"{argument.name} kept", "-", Osc(address, [_value("STRING", name="text")],
                                                 takes=True), (*kept, ROW)),
    ]  # fmt: skip


def _moved(control: Control, y: float) -> Control:
    left, _, width, height = control.frame
    return replace(control, frame=(left, y, width, height))
