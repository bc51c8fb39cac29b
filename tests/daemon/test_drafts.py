"""Requests made of one value after the other, as a page of faders and buttons sends them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken


class Page:
    """A control surface: it listens where it sends."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(DEADLINE_SECONDS)
        self._socket.connect(("127.0.0.1", port))

    def close(self) -> None:
        self._socket.close()

    def send(self, address: str, tags: str = "", *args: object) -> None:
        self._socket.send(encode(f"/backline/{address}", tags, args))

    def read(self) -> OscMessage:
        (message,) = decode(self._socket.recv(65_507))
        return message

    def read_until(self, address: str) -> OscMessage:
        while (message := self.read()).address != f"/backline/{address}":
            pass
        return message

    def ask(self, address: str, tags: str = "", *args: object) -> OscMessage:
        self.send(address, tags, *args)
        return self.read()


@pytest.fixture
def pages(daemon) -> Iterator[tuple[Page, Page]]:
    both = Page(daemon.port), Page(daemon.port)
    yield both
    both[0].ask("draft/clear")
    for page in both:
        page.close()


@pytest.fixture
def page(pages: tuple[Page, Page]) -> Page:
    return pages[0]


@pytest.mark.parametrize(
    ("key", "tags", "value"),
    [("bpm", "f", 92.5), ("bars", "i", 4), ("key", "s", "A minor"), ("tags", "s", "dub")],
)
def test_a_value_comes_back_at_its_address(page: Page, key: str, tags: str, value: object) -> None:
    assert page.ask(f"draft/{key}", tags, value) == OscMessage(
        f"/backline/draft/{key}", tags, (value,)
    )


def test_a_whole_number_may_come_from_a_fader(page: Page) -> None:
    assert page.ask("draft/bars", "f", 4.0) == OscMessage("/backline/draft/bars", "i", (4,))


def test_a_value_out_of_range_is_refused_and_the_old_one_is_shown(page: Page) -> None:
    page.ask("draft/bpm", "f", 92.5)
    assert page.ask("draft/bpm", "f", 900.0) == OscMessage("/backline/draft/bpm", "f", (92.5,))
    error = page.read()
    assert error.address == "/backline/error"
    assert (error.args[2], error.args[5]) == (Code.OUT_OF_RANGE, "bpm")


def test_faders_and_a_button_order_music(page: Page) -> None:
    for address, tags, value in (
        ("bpm", "f", 240.0), ("key", "s", "A minor"), ("bars", "i", 1), ("tags", "s", "refuse"),
    ):  # fmt: skip
        page.ask(f"draft/{address}", tags, value)
    page.send("draft/go", "f", 0.0)  # the button before it is pressed
    accepted = page.ask("draft/go", "f", 1.0)
    assert accepted.address == "/backline/accepted"
    assert str(accepted.args[0]).startswith("draft-")
    again = page.ask("draft/go", "f", 1.0)  # the same values, and another request
    assert again.args[1] != accepted.args[1]


def test_a_draft_without_a_tempo_says_so(page: Page) -> None:
    page.ask("draft/clear")
    error = page.ask("draft/go")
    assert error.args[2:4] == (Code.MISSING_ARGUMENT, "missing-argument")
    assert error.args[5] == "bpm"


def test_one_page_shows_what_another_of_the_host_sends(pages: tuple[Page, Page]) -> None:
    left, right = pages
    right.send("notify", "sisssi", "n1", 1, "style", "simple", "lease", 3_600)
    right.read_until("done")
    left.ask("draft/bpm", "f", 61.7)
    echo = right.read_until("draft/bpm")
    assert echo.args == (pytest.approx(61.7, abs=1e-5),)  # a 32-bit float
    right.send("notify", "si", "n2", 0)
    right.read_until("done")


@pytest.mark.parametrize(("address", "code"), [
    ("draft/tempo", Code.UNKNOWN_ADDRESS), ("draft/", Code.UNKNOWN_ADDRESS),
    ("draft/bpm/x", Code.UNKNOWN_ADDRESS), ("draft/bpm", Code.MISSING_ARGUMENT),
])  # fmt: skip
def test_what_is_no_value_of_a_key_is_refused(page: Page, address: str, code: Code) -> None:
    assert page.ask(address).args[2] == code
