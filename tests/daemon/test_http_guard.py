"""The guard of HTTP for machines of the lan: which addresses, which names, which token."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from daemon.config import Config
from daemon.errors import UsageError
from daemon.front_ends.http.guard import MAX_WRONG_TOKENS, Guard

TOKEN = "correct-horse-battery"
PORT = 9788
OTHER = "192.168.1.7"  # another machine of the lan
RIGHT = f"Bearer {TOKEN}"


async def _app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in"})


@pytest.fixture
def lan(tmp_path: Path) -> dict[str, Any]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    return {
        "home": tmp_path / "home", "lan": ("192.168.1.0/24",), "token_file": token,
        "http_port": PORT, "tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem",
    }  # fmt: skip


def ask(guard: Guard, sender: str = OTHER, target: str = "/v1/jobs", **headers: str) -> int:
    """The status of a GET from an address."""
    headers = {"host": f"192.168.1.2:{PORT}"} | headers
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "client": (sender, 5000), "http_version": "1.1",
        "headers": [(name.replace("_", "-").encode(), text.encode("latin-1"))
                    for name, text in headers.items()],
    }  # fmt: skip
    found: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    asyncio.run(guard(scope, receive, send))
    return found[0]


def test_another_machine_comes_in_with_the_token_and_this_one_without(lan: dict[str, Any]) -> None:
    guard = Guard(_app, Config(**lan), PORT, {})
    assert ask(guard, authorization=RIGHT) == 200
    assert ask(guard, "127.0.0.1", host=f"localhost:{PORT}") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"authorization": f"Bearer {TOKEN} "},
        {"authorization": f"Bearer {TOKEN.upper()}"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": "Bearer ÿÿ"},
        {"cookie": f"token={TOKEN}"},
        {"x_forwarded_for": "127.0.0.1"},
    ],
)
def test_without_the_token_in_its_header_nobody_comes_in(
    lan: dict[str, Any], headers: dict[str, str]
) -> None:
    assert ask(Guard(_app, Config(**lan), PORT, {}), **headers) == 401


@pytest.mark.parametrize("name", ["token", "access_token", "authorization"])
def test_a_token_in_the_address_is_none(lan: dict[str, Any], name: str) -> None:
    guard = Guard(_app, Config(**lan), PORT, {})
    assert ask(guard, target=f"/v1/jobs?{name}={TOKEN}") == 401


@pytest.mark.parametrize("sender", ["192.168.2.7", "10.0.0.1", "8.8.8.8"])
def test_an_address_of_no_network_is_refused_even_with_the_token(
    lan: dict[str, Any], sender: str
) -> None:
    assert ask(Guard(_app, Config(**lan), PORT, {}), sender, authorization=RIGHT) == 403


@pytest.mark.parametrize("host", ["evil.example:9788", "192.168.2.2:9788", "192.168.1.2:80"])
def test_a_host_of_no_network_is_refused(lan: dict[str, Any], host: str) -> None:
    guard = Guard(_app, Config(**lan), PORT, {})
    assert ask(guard, host=host, authorization=RIGHT) == 421


def test_who_guesses_tokens_must_wait(lan: dict[str, Any]) -> None:
    guard = Guard(_app, Config(**lan), PORT, {})
    for _ in range(MAX_WRONG_TOKENS):
        assert ask(guard, authorization="Bearer guess") == 401
    assert ask(guard, authorization=RIGHT) == 429
    assert ask(guard, "192.168.1.8", authorization=RIGHT) == 200  # another one need not


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [(("tls_cert", "tls_key"), "^http-port with lan needs"), (("tls_key",), "^tls-cert and tls-")],
)
def test_tokens_travel_encrypted_only(
    lan: dict[str, Any], left_out: tuple[str, ...], sentence: str
) -> None:
    for each in left_out:
        del lan[each]
    with pytest.raises(UsageError, match=sentence):
        Config(**lan)
