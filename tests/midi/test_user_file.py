"""Files of the user's that are none, or too large, or begin with a byte order mark."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from midi.user_file import open_file, read_bytes, read_text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names there")


def test_what_is_no_regular_file_is_said_without_waiting(tmp_path: Path) -> None:
    pipe, sock, empty = tmp_path / "pipe", tmp_path / "s", tmp_path / "empty"
    os.mkfifo(pipe)
    empty.touch()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(sock))
    for path, reason in (
        (pipe, "a named pipe"),
        (sock, "a socket"),
        (tmp_path, "a folder"),
        (Path("/dev/zero"), "a device"),
        (empty, "it is empty"),
        (tmp_path / "gone", "No such file"),
        (Path("a\0b"), "no file of this name"),
    ):
        with pytest.raises(OSError) as refusal:
            open_file(path)
        assert reason in refusal.value.strerror


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    (tmp_path / "x").chmod(0)
    with pytest.raises(PermissionError):
        open_file(tmp_path / "x")


def test_a_byte_order_mark_is_dropped_and_a_large_file_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    assert read_text(file, 100) == "one\ntwo"
    assert len(read_bytes(file, 11)) == 11
    with pytest.raises(OSError) as refusal:
        read_bytes(file, 10)
    assert refusal.value.strerror == "it has more than 10 bytes"
