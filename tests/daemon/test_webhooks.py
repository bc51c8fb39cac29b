"""Webhooks, told by a real daemon to a real server of HTTP; and what may be told where."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.config import Config
from daemon.errors import UsageError
from daemon.web_address import is_below, web_address

DEADLINE_SECONDS = 120.0
TUNE = {"kind": "generate", "bpm": 240, "key": "Am", "bars": 1, "seed": 1}
SECRET = "a secret of more than sixteen characters"


class Receiver:
    """A server that answers with the statuses given, the last of them for good."""

    def __init__(self, *statuses: int, port: int = 0) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.came = threading.Semaphore(0)
        waiting = list(statuses)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                self.send_response(waiting.pop(0) if len(waiting) > 1 else waiting[0])
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.came.release()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def wait(self) -> None:
        assert self.came.acquire(timeout=DEADLINE_SECONDS)


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(*statuses)
    try:
        yield receiver
    finally:
        receiver.close()


def settings(folder: Path, port: int) -> dict[str, Any]:
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    target = f"http://127.0.0.1:{port}/hooks/"
    return {"http_port": 0, "webhook_target": [target], "webhook_secret_file": str(secret)}


def test_the_end_of_a_job_is_told_signed_and_again_until_it_is_taken(
    launch, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    with receiving(307, 503, 200) as receiver:
        daemon = launch(tmp_path / "home", config=settings(tmp_path, receiver.port))
        with httpx.Client(base_url=daemon.url, timeout=DEADLINE_SECONDS) as client:
            where = f"http://127.0.0.1:{receiver.port}/hooks/done?game=7"
            ordered = client.post("/v1/jobs", json=TUNE, headers={"Backline-Webhook": where})
            assert ordered.status_code == 202, ordered.text
            receiver.wait()
            first = receiver.got[0]
            receiver.wait()
            assert receiver.got[1][2] == first[2]  # after a redirection, which is not followed
            assert receiver.got[1][1]["Backline-Delivery"] == first[1]["Backline-Delivery"]
            path, headers, body = first
            assert path == "/hooks/done?game=7"
            told = json.loads(body)
            assert (told["job"], told["state"]) == (ordered.json()["job"], "done")
            fields = dict(each.split("=") for each in headers["Backline-Signature"].split(","))
            signed = f"{fields['t']}.".encode() + body
            assert fields["v1"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
            for wrong in (
                f"http://127.0.0.1:{receiver.port}/other", "http://127.0.0.1:1/hooks/x",
                f"http://127.0.0.1:{receiver.port}/hooks/../other",
                f"http://127.0.0.1:{receiver.port}@evil.example/hooks/", "file:///etc/passwd",
            ):  # fmt: skip
                refused = client.post("/v1/jobs", json=TUNE, headers={"Backline-Webhook": wrong})
                assert (refused.status_code, refused.json()["field"]) == (422, "backline-webhook")


@pytest.mark.slow
def test_what_is_not_told_yet_is_told_after_the_daemon_was_killed(launch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = settings(tmp_path, port)
    first = launch(tmp_path / "home", config=own)
    where = {"Backline-Webhook": f"http://127.0.0.1:{port}/hooks/done"}
    body = TUNE | {"tags": "hold"}
    job = httpx.post(f"{first.url}/v1/jobs", json=body, headers=where, timeout=100).json()["job"]
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait(DEADLINE_SECONDS)
    second = launch(tmp_path / "home", config=own)
    httpx.delete(f"{second.url}/v1/jobs/{job}", timeout=100)
    receiver = Receiver(200, port=port)
    try:
        receiver.wait()
        assert json.loads(receiver.got[0][2])["state"] == "cancelled"
    finally:
        receiver.close()


def test_without_a_target_there_are_no_webhooks(launch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    daemon = launch(tmp_path / "home", config={"http_port": 0})
    refused = httpx.post(
        f"{daemon.url}/v1/jobs", json=TUNE, timeout=100,
        headers={"Backline-Webhook": "https://example.com/x"},
    )  # fmt: skip
    assert refused.json()["field"] == "backline-webhook"
    assert "off" in refused.json()["detail"]
    assert httpx.get(f"{daemon.url}/v1/jobs", timeout=100).json()["total"] == 0


@pytest.mark.parametrize(
    ("address", "is_right"),
    [
        ("https://example.com/hooks/", True),
        ("https://EXAMPLE.com:443/hooks/a?b=c", True),
        ("https://example.com/hooks", False),
        ("https://example.com/hooks/../x", False),
        ("https://example.com/hooks/%2e%2e/x", False),
        ("https://example.com:8443/hooks/", False),
        ("http://example.com/hooks/", False),
        ("https://user@example.com/hooks/", False),
        ("https://example.com\\@evil.example/hooks/", False),
        ("https://example.com.evil.example/hooks/", False),
        ("https://example.com/hooks/\r\nX: y", False),
        ("//example.com/hooks/", False),
        ("https://example.com:port/hooks/", False),
        ("https://[example.com/hooks/", False),
    ],
)
def test_an_address_is_below_a_target_or_it_is_not(address: str, is_right: bool) -> None:
    assert is_below(address, ["https://example.com/hooks/"]) is is_right


@pytest.mark.parametrize(
    "target", ["example.com", "ftp://example.com/", "http://example.com/", "https://a.b/?q=1", "x"]
)
def test_a_target_that_is_no_safe_address_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match="webhook-target must"):
        web_address("webhook-target", target)


def test_targets_go_through_the_environment_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = ("https://example.com/hooks/", "http://127.0.0.1:8000/")
    secret = tmp_path / "secret"
    told = Config(home=tmp_path, webhook_target=targets, webhook_secret_file=secret).variables()
    for name, text in told.items():
        monkeypatch.setenv(name, text)
    assert Config(home=tmp_path).webhook_target == targets


def test_a_target_without_a_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="belong together"):
        Config(home=tmp_path, webhook_target=("https://example.com/",))
