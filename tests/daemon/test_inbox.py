"""The folder of packets: whose turn it is, and which files are not touched."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import DaemonError
from daemon.front_ends.inbox import ENTRIES_A_ROUND, Inbox, check_private
from daemon.front_ends.outbox import Outbox
from daemon.front_ends.spool import FILES_A_ROUND, SpoolFrontEnd
from osc_protocol.codec import encode

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
posix_only = pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")


def put(folder: Path, session: str, number: int) -> str:
    name = f"{round(time.time() * 1000):013}-{session}-{number:06}.osc"
    (folder / name).touch()
    return name


def test_a_flood_of_one_session_keeps_no_other_waiting(tmp_path: Path) -> None:
    flood = 2 * ENTRIES_A_ROUND
    for number in range(flood):
        put(tmp_path, "flood", number)
    calm = put(tmp_path, "calm", 1)
    inbox = Inbox(tmp_path, FILES_A_ROUND)
    rounds = 0
    names: list[str] = []
    while calm not in names:
        names = inbox.round()
        rounds += 1
    # 8193 entries at 4096 a round are seen after 3, and a session's turn comes in each round.
    assert rounds == 3
    assert len(names) <= FILES_A_ROUND


def test_sessions_take_turns_and_each_keeps_its_order(tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path, "a", number)
    for number in range(3):
        put(tmp_path, "b", number)
    inbox, given = Inbox(tmp_path, FILES_A_ROUND), list[str]()
    while names := inbox.round():
        given += names
        for name in names:
            (tmp_path / name).unlink()
    assert len(given) == len(set(given)) == 43
    for session in ("a", "b"):
        of_session = [name for name in given if f"-{session}-" in name]
        assert of_session == sorted(of_session)
    assert {name.split("-")[1] for name in given[:2]} == {"a", "b"}


def test_a_file_that_stays_is_given_again_in_the_next_look(tmp_path: Path) -> None:
    name = put(tmp_path, "a", 1)
    inbox = Inbox(tmp_path, FILES_A_ROUND)
    assert [inbox.round(), inbox.round()] == [[name], [name]]


@posix_only
def test_answers_are_not_written_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "session").symlink_to(elsewhere)
    with pytest.raises(OSError):
        Outbox(tmp_path / "session").put(b"secret", droppable=False)
    assert list(elsewhere.iterdir()) == []


@posix_only
def test_a_session_whose_folder_is_a_link_gets_nothing_and_others_are_served(
    daemon, tmp_path: Path
) -> None:
    spool, elsewhere = daemon.home / "spool", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (spool / "out" / "linked").symlink_to(elsewhere)
    secret = tmp_path / "secret.osc"
    secret.write_bytes(encode("/ping", "s", ("through a link",)))
    now = round(time.time() * 1000)
    linked = spool / "in" / f"{now}-calm-000001.osc"
    linked.symlink_to(secret)
    for session, number in (("linked", 2), ("calm", 3)):
        path = spool / "in" / f"{now}-{session}-{number:06}.tmp"
        path.write_bytes(encode("/ping", "s", (session,)))
        path.rename(path.with_suffix(".osc"))
    end, never = time.monotonic() + DEADLINE_SECONDS, threading.Event()
    while not list((spool / "out").glob("calm/*.osc")):
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.01)
    (answer,) = (spool / "out").glob("calm/*.osc")
    assert answer.read_bytes() == encode("/pong", "s", ("calm",))
    assert list(elsewhere.iterdir()) == []
    assert secret.exists()
    linked.unlink()


@posix_only
def test_the_folders_are_for_this_user_alone(daemon) -> None:
    for folder in ("spool", "spool/in", "spool/out"):
        assert stat.S_IMODE((daemon.home / folder).stat().st_mode) == 0o700


@posix_only
def test_a_folder_that_others_could_use_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    check_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@posix_only
def test_a_spool_that_is_a_link_is_refused_in_a_sentence(
    tmp_path: Path, service_in: Callable[[Path], object]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DaemonError, match="it is a link"):
        SpoolFrontEnd(service_in(tmp_path)).open()  # type: ignore[arg-type]
