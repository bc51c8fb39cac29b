"""What must be refused over HTTP: each row is sent as its bytes, and nothing is done or given away.

The daemon serves its own machine; another one, with a token, is asked as if from the lan.
"""

from __future__ import annotations

import hashlib
import io
import json
import socket
import struct
import wave
import zipfile
import zlib
from contextlib import suppress

import httpx
import pytest

DEADLINE_SECONDS = 120.0
QUIET_SECONDS = 0.5  # after an answer: a second one would have followed at once
CLOSE = "Connection: close\r\n\r\n"
SECRET = b"the secret of the file beside the home"
TUNE = {"kind": "generate", "bpm": 240, "key": "Am", "bars": 1}


@pytest.fixture(scope="module")
def daemon(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "secret.txt").write_bytes(SECRET)
    return launch(folder / "home", grace_seconds=1.0, config={"http_port": 0})


def said(port: int, data: bytes) -> bytes:
    """All that the server answers to some bytes until it closes or has answered."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as link:
        link.sendall(data)
        found = b""
        with suppress(TimeoutError, ConnectionError):
            while piece := link.recv(65536):
                found += piece
                link.settimeout(QUIET_SECONDS)
        return found


def statuses(answer: bytes) -> list[int]:
    """The status of each response there is."""
    lines = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    return [int(line.split()[1]) for line in lines]


PATHS = [
    "/../secret.txt", "/v1/../../secret.txt", "/v1/files/../../secret.txt",
    "/v1/files/..%2f..%2fsecret.txt", "/v1/files/%2e%2e/%2e%2e/secret.txt",
    "/v1/files/%2E%2E%2Fsecret.txt", "/v1/files/..%5c..%5csecret.txt",
    "/v1/files/..\\..\\secret.txt", "/v1/files/%252e%252e%252fsecret.txt",
    "/v1/files//etc/passwd", "//etc/passwd", "/v1/files/etc/passwd%00.wav",
    "/v1/jobs/1/files/../../../secret.txt", "/v1/jobs/1/files/%2e%2e/journal.sqlite3",
    "/v1/jobs/../journal.sqlite3", "/v1/jobs/1/stems/..;/secret.txt",
    "/v1/jobs/1/stems/%c0%ae%c0%ae/secret.txt", "/v1/uploads/../journal.sqlite3",
    "/file:///etc/passwd", "/v1/files/" + "a" * 5000, "/v1/jobs/1/stems/drums.wav%0d%0aX-Bad:1",
    "/page/../../secret.txt", "/page/%2e%2e%2fapp.py", "/journal.sqlite3", "/log/daemon.log",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_leads_elsewhere_is_refused(daemon, path: str) -> None:  # type: ignore[no-untyped-def]
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{daemon.http_port}\r\n{CLOSE}"
    answer = said(daemon.http_port, request.encode())
    assert statuses(answer)[0] in (400, 404, 414, 422)
    assert SECRET not in answer and b"root:" not in answer and b"SQLite" not in answer


HOSTS = [
    "evil.example", "evil.example:{port}", "localhost", "127.0.0.1", "127.0.0.1:1",
    "127.0.0.1:{port}.evil.example", "127.0.0.1:{port}@evil.example", "evil@127.0.0.1:{port}",
    "localhost.evil.example:{port}", "127.0.0.2:{port}", "0.0.0.0:{port}", "[::]:{port}",
    "2130706433:{port}", "0x7f000001:{port}", "127.1:{port}", "127.0.0.1:0{port}", "",
    "localhost.:{port}",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_another_name_in_host_is_refused(daemon, host: str) -> None:  # type: ignore[no-untyped-def]
    name = host.format(port=daemon.http_port)
    answer = said(daemon.http_port, f"GET /v1/jobs HTTP/1.1\r\nHost: {name}\r\n{CLOSE}".encode())
    assert statuses(answer)[0] in (400, 421)
    assert b'"jobs"' not in answer


ORIGINS = [
    "Origin: http://evil.example", "Origin: null", "Origin: https://127.0.0.1:{port}",
    "Origin: http://127.0.0.1", "Origin: http://127.0.0.1:1",
    "Origin: http://localhost.evil.example:{port}", "Origin: http://127.0.0.1:{port}.evil.example",
    "Origin: file://", "Origin: http://127.0.0.1:{port}, http://evil.example",
    "Origin: http://127.0.0.1:{port}\r\nOrigin: http://evil.example",
    "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate",
]  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_another_site_is_refused_and_may_read_nothing(  # type: ignore[no-untyped-def]
    daemon, origin: str, method: str
) -> None:
    body = json.dumps(TUNE)
    head = (
        f"{method} /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{daemon.http_port}\r\n"
        f"{origin.format(port=daemon.http_port)}\r\n"
        f"Access-Control-Request-Method: POST\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{CLOSE}"
    )
    answer = said(daemon.http_port, (head + body).encode())
    assert statuses(answer)[0] in (400, 403)
    assert b"access-control-allow" not in answer.lower()


def test_a_form_cannot_order(daemon) -> None:  # type: ignore[no-untyped-def]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = httpx.post(
            f"{daemon.url}/v1/jobs", content=json.dumps(TUNE), headers={"Content-Type": kind}
        )
        assert response.status_code == 415


SMUGGLED = [
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n"
    "\r\n0\r\n\r\nGET /v1/status HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nGET /",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5, 6\r\n\r\nGET /",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: +5\r\n\r\nGET /",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\nGET /",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0x10\r\n\r\nGET /",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "POST /v1/jobs HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n",
    "GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\n X-Folded: 1\r\nA\x00B: 1\r\n\r\n",
    "GET /v1/jobs HTTP/1.1\nHost : {host}\n\n",
    "GET http://evil.example/v1/jobs HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "GET /v1/jobs HTTP/1.1\r\n\r\n",
    "GET /v1/jobs HTTP/3.7\r\nHost: {host}\r\n\r\n",
    "GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "TRACE /v1/jobs HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\n" + "X: 1\r\n" * 100 + "\r\n",
    "GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\nX: " + "x" * 40_000 + "\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "#bundle\x00" + "\x00" * 32 + "\r\n\r\n",
]


@pytest.mark.parametrize("number", range(len(SMUGGLED)))
def test_a_request_that_can_be_read_in_two_ways_is_read_in_none(daemon, number: int) -> None:  # type: ignore[no-untyped-def]
    text = SMUGGLED[number].replace("{host}", f"127.0.0.1:{daemon.http_port}")
    found = statuses(said(daemon.http_port, text.encode("latin-1")))
    assert len(found) <= 1
    assert all(400 <= status < 500 for status in found)


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("tune.mid", b"MThd" + bytes(1 << 20))
    return file.getvalue()


def _midi(tracks: bytes, count: int = 1, division: int = 480, kind: int = 0) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, kind, count, division) + tracks


def _track(events: bytes, size: int | None = None) -> bytes:
    return b"MTrk" + struct.pack(">I", len(events) if size is None else size) + events


def _wav(data: bytes, *, rate: int = 44_100, channels: int = 2, size: int | None = None) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(data)
    made = bytearray(file.getvalue())
    if size is not None:
        made[4:8] = made[40:44] = struct.pack("<I", size)
    return bytes(made)


NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00\x00\xff\x2f\x00"
FILES = {
    "zip": _zip_bomb(),
    "gzip": b"\x1f\x8b\x08\x00" + zlib.compress(bytes(1 << 20)),
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "html behind MThd": b"MThd<script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "program": b"\x7fELF" + bytes(60),
    "script": b"#!/bin/sh\nrm -rf /\n",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "empty": b"",
    "three bytes": b"MTh",
    "MIDI without a track": _midi(b"", 0),
    "MIDI of 65535 tracks": _midi(_track(NOTE) * 65_535, 65_535, kind=1),
    "MIDI with a division of 0": _midi(_track(NOTE), division=0),
    "MIDI of 2 MiB": _midi(_track(b"\x00\x90\x3c\x40" * (1 << 19))),
    "MIDI with a number of five bytes": _midi(_track(b"\xff\xff\xff\xff\xff\x90\x3c\x40")),
    "WAV that says 4 GB and has nothing": _wav(b"", size=0xFFFFFFF0),
    "WAV of 0 channels": _wav(bytes(64)).replace(b"\x02\x00\x44\xac", b"\x00\x00\x44\xac", 1),
    "WAV of 65535 channels": _wav(bytes(64)).replace(b"\x02\x00\x44\xac", b"\xff\xff\x44\xac", 1),
    "WAV of 400 MHz": _wav(bytes(64), rate=400_000_000),
    "WAV of 1 Hz": _wav(bytes(64), rate=1),
    "WAV cut in its head": _wav(bytes(64))[:30],
    "FLAC that is none": b"fLaC" + b"\xff" * 60,
    "OGG that is none": b"OggS" + b"\xff" * 60,
    "MP3 that is none": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(60),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_music_is_not_taken(daemon, name: str) -> None:  # type: ignore[no-untyped-def]
    data = FILES[name]
    sha256 = hashlib.sha256(data).hexdigest()
    response = httpx.put(f"{daemon.url}/v1/uploads/{sha256}", content=data, timeout=60)
    assert response.status_code in (413, 422), response.text
    assert response.json()["field"] in ("body", "sha256")
    assert httpx.get(f"{daemon.url}/v1/files/{sha256}").status_code == 404
    held = [each for each in (daemon.home / "uploads").rglob("*") if each.is_file()]
    assert [each for each in held if sha256 in each.name] == []


BODIES = [
    b"", b"null", b"[]", b"{", b'{"kind":"generate","kind":"split"}', b'{"bpm":NaN}',
    b"[" * 100_000, b'{"kind":"generate","bpm":1e999,"key":"Am"}', b"\xff\xfe{}",
    b'{"kind":"generate","bpm":' + b"9" * 5000 + b',"key":"Am"}',
    b'{"kind":{"$ref":"file:///etc/passwd"}}', b'{"kind":"generate","__proto__":{"bpm":120}}',
    b'{"kind":"split","path":"/etc/passwd"}', b'{"kind":"split","path":"/proc/self/environ"}',
    b'{"kind":"split","path":"sha256:../../secret.txt"}', b'{"kind":"split","path":"job:../.."}',
    b'{"kind":"split","path":"\\\\\\\\evil\\\\share\\\\a.wav"}',
    b'{"kind":"split","path":"http://evil.example/a.wav"}',
    b'{"kind":"generate","bpm":120,"key":"Am","loras":"/etc/passwd:1"}',
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_body_that_asks_for_something_else_is_refused(daemon, number: int) -> None:  # type: ignore[no-untyped-def]
    response = httpx.post(
        f"{daemon.url}/v1/jobs", content=BODIES[number],
        headers={"Content-Type": "application/json"}, timeout=60,
    )  # fmt: skip
    assert response.status_code in (403, 422)
    problem = response.json()
    assert problem["field"] and problem["detail"]
    assert "root:" not in response.text


def test_a_body_without_end_is_cut_off(daemon) -> None:  # type: ignore[no-untyped-def]
    response = httpx.post(
        f"{daemon.url}/v1/jobs", content=(b" " * 65536 for _ in range(100)),
        headers={"Content-Type": "application/json"}, timeout=60,
    )  # fmt: skip
    assert (response.status_code, response.json()["field"]) == (413, "body")


def test_what_is_said_has_the_headers_that_keep_a_browser_safe(daemon) -> None:  # type: ignore[no-untyped-def]
    for path in ("/v1/status", "/nothing", "/openapi.json"):
        headers = httpx.get(daemon.url + path, timeout=60).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers
        assert headers["request-id"]


def test_the_log_names_each_request_by_its_id(daemon) -> None:  # type: ignore[no-untyped-def]
    number = httpx.get(f"{daemon.url}/v1/status", timeout=60).headers["request-id"]
    httpx.get(f"{daemon.url}/v1/status", timeout=60)  # the line follows the answer
    assert number in (daemon.home / "log" / "http.log").read_text("utf-8")


def test_after_all_that_the_daemon_serves_and_made_no_job(daemon) -> None:  # type: ignore[no-untyped-def]
    assert httpx.get(f"{daemon.url}/v1/jobs", timeout=60).json() == {"jobs": [], "total": 0}
    with daemon.client() as osc:
        osc.ping()


def test_there_are_at_least_sixty_rows() -> None:
    rows = len(PATHS) + len(HOSTS) + len(ORIGINS) + len(SMUGGLED) + len(FILES) + len(BODIES)
    assert rows >= 60
