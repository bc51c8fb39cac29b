"""docs/guide/protocol.md is the table's, and what it tells people to type is right."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.config import Config
from daemon.front_ends import osc, outbox, spool, subscribers
from daemon.server import HEARTBEAT_SECONDS
from docs.pages import __main__ as pages
from docs.pages.__main__ import stale
from docs.pages.protocol_page import LISTENER_PORT, protocol_page
from osc_protocol.codec import decode
from osc_protocol.errors import Code
from osc_protocol.grammar import read_command
from osc_protocol.messages import CLASSES, TABLE, Cancel, Conform, Generate, Message, Notify
from osc_protocol.protocol import DEFAULT_PORT

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "protocol.md"
needs_oscsend = pytest.mark.skipif(
    shutil.which("oscsend") is None, reason="needs oscsend (Debian: liblo-tools)"
)


def shell_lines() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_committed_files_are_what_the_table_says() -> None:
    assert stale() == [], "run: python -m docs.pages"


def test_the_command_writes_what_is_stale_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    for name in pages.FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(sys, "argv", ["pages", "--check"])
    assert pages.main() == 1 and stale() == list(pages.FILES)
    monkeypatch.setattr(sys, "argv", ["pages"])
    assert pages.main() == 0 and stale() == []
    assert "wrote docs/guide/protocol.md" in capsys.readouterr().out


def test_every_address_key_and_code_is_on_the_page() -> None:
    page = protocol_page()
    for row in TABLE:
        assert f"| `{row.address}` |" in page
    for argument in Generate.row.keys:
        assert f"`{argument.name}`" in page
    for code in Code:
        assert f"| {code.value} | `{code.symbol}` | {code.meaning} |" in page


def test_the_page_names_no_keys_or_addresses_that_are_not() -> None:
    known = {row.address for row in TABLE} | {"/backline/ui"}
    assert set(re.findall(r"/backline(?:/[a-z.]+)+", protocol_page())) == known


def test_the_limits_on_the_page_are_the_daemons() -> None:
    page = " ".join(protocol_page().split())
    per_second, burst = int(osc.PER_CLIENT_HZ), int(osc.PER_CLIENT_BURST)
    assert f"{per_second} messages a second (bursts of {burst})" in page
    hosts, per_host = subscribers.MAX_SUBSCRIBERS, subscribers.MAX_SUBSCRIBERS_PER_HOST
    queued = Config(home=Path("nowhere")).max_queued_jobs
    assert f"{hosts} subscribers, {per_host} of one IP address, and {queued} jobs waiting" in page
    assert f"Every {HEARTBEAT_SECONDS:g} s." in page
    assert f"port {Config(home=Path('nowhere')).osc_port}" in page


def test_the_numbers_of_the_spool_on_the_page_are_the_daemons() -> None:
    page = " ".join(protocol_page().partition("packets as files")[2].split())
    assert f"sign of life, written every {HEARTBEAT_SECONDS:g} s" in page
    assert f"of at most {spool.MAX_PACKET_BYTES} bytes" in page
    assert f"more than {spool.MAX_AGE_SECONDS:g} s away from now" in page
    assert f"When more than {outbox.MAX_WAITING_FILES} wait" in page
    assert spool.FORGOTTEN_SECONDS == 86_400 and "untouched for a day" in page
    rounds_hz = 1 / spool.LIVE_PAUSE_SECONDS
    assert (
        f"At most {spool.FILES_A_ROUND} files are taken a round, some {rounds_hz:g} rounds" in page
    )


def heard(arguments: list[str]) -> Message | None:
    """What the daemon would read of an oscsend line, sent over a real socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(20)
        port = str(ear.getsockname()[1])
        subprocess.run([*arguments[:2], port, *arguments[3:]], check=True, timeout=20)
        (osc,) = decode(ear.recv(65_536))
    return read_command(osc)


@needs_oscsend
def test_every_line_for_a_terminal_is_a_command_the_daemon_understands() -> None:
    lines = shell_lines()
    assert lines[0] == ["oscdump", "-L", str(LISTENER_PORT), "&"]
    read = []
    for line in lines[1:]:
        assert line[:3] == ["oscsend", "localhost", str(DEFAULT_PORT)]
        read.append(heard(line))
    assert [type(message).__name__ for message in read] == [
        "Notify", "Generate", "QueryJob", "QueryStems", "QueryJobs", "QueryStatus", "Generate",
        "Cancel", "Quit", "Split",
    ]  # fmt: skip
    assert read[0] == Notify("", True, LISTENER_PORT, lease=3600)
    first, second = (message for message in read if isinstance(message, Generate))
    assert (first.rid, first.bpm, first.key) == ("take1", 92.0, "A minor")
    assert (second.bpm, second.meter, second.bars) == (61.7, "7/8", 4)
    assert isinstance(read[7], Cancel) and read[7].target == second.rid


@needs_oscsend
def test_oscsend_can_send_every_command_of_the_table() -> None:
    for row in TABLE:
        if row.direction == "command" and row.name not in ("Ping", "Generate", "Plan", "Conform"):
            values = ["take1" if tag == "s" else "1" for tag in row.tags]
            values[1:2] = {"Quit": ["now"], "Split": ["/sounds/song.wav"]}.get(
                row.name, values[1:2]
            )
            line = ["oscsend", "localhost", "0", row.address, row.tags, *values]
            message = heard(line)
            assert isinstance(message, CLASSES[row.name])


@needs_oscsend
def test_oscsend_can_order_a_conform() -> None:
    line = "oscsend localhost 0 /backline/conform sssf take1 /sounds/song.wav bpm 92.5"
    assert heard(shlex.split(line)) == Conform("/sounds/song.wav", bpm=92.5, rid="take1")


def test_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, osc_protocol.client\n"
        "heavy = {'numpy', 'torch', 'mido', 'librosa', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
