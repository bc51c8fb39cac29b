"""The form of a request: a target, headers and a body that can be read in one way only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope

from daemon.front_ends.http.problems import SlowBody
from osc_protocol.errors import Code, ProtocolError

Refusal = tuple[ProtocolError, int, Mapping[str, str]]  # with which status and headers

MAX_TARGET_BYTES = 4096
MAX_HEADERS = 64
MAX_HEAD_BYTES = 16 << 10
MAX_BODY_BYTES = 4 << 20  # of JSON
BODY_SECONDS = 30.0  # between two pieces of a body
ONCE = frozenset({"host", "origin", "authorization", "content-length", "content-type",
                  "content-range", "idempotency-key", "last-event-id", "range",
                  "backline-webhook"})  # fmt: skip
# Fragments of a target that no route has, and that lead proxies and file systems astray.
NOT_IN_PATHS = ("..", "%2e", "%2f", "%5c", "%00", "\\", "//", "%25", ";", "%0d", "%0a", "\x7f")


def fault_in_form(scope: Scope, headers: list[tuple[str, str]]) -> Refusal | None:
    """Say what is wrong with target, headers or framing of a request; None where nothing is."""
    counts = Counter(name for name, _ in headers)
    raw = scope["raw_path"].decode("latin-1")
    query = scope["query_string"]
    if len(raw) + len(query) > MAX_TARGET_BYTES:
        return refuse(414, f"the target must have at most {MAX_TARGET_BYTES} bytes", "target")
    bad = not raw.startswith("/") or any(ord(letter) <= 32 for letter in raw)
    if bad or any(each in raw.lower() for each in NOT_IN_PATHS):
        return refuse(400, "the target must be a plain path that begins with /", "target")
    if "\ufffd" in scope["path"] or any(ord(each) < 32 for each in scope["path"]):
        return refuse(400, "the target must be a plain path of UTF-8", "target")
    if scope.get("http_version") not in ("1.0", "1.1"):
        return refuse(400, "the version must be HTTP/1.0 or HTTP/1.1", "version")
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > MAX_HEADERS or size > MAX_HEAD_BYTES:
        most = f"at most {MAX_HEADERS} headers of together {MAX_HEAD_BYTES} bytes"
        return refuse(431, f"there must be {most}", "headers")
    twice = sorted(name for name in ONCE if counts[name] > 1)
    if twice:
        return refuse(400, f"{twice[0]} must stand only once", twice[0])
    if counts["transfer-encoding"] and (counts["content-length"] or
                                        scope.get("http_version") == "1.0"):  # fmt: skip
        both = "content-length and transfer-encoding must not stand together"
        return refuse(400, both, "transfer-encoding")
    if counts["upgrade"]:
        return refuse(400, "this server changes to no other protocol", "upgrade")
    length = dict(headers).get("content-length", "0")
    is_upload = scope["path"].startswith("/v1/uploads/")
    if not is_upload and length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:
        return refuse(413, f"the body must have at most {MAX_BODY_BYTES} bytes", "body",
                       Code.TOO_LARGE)  # fmt: skip
    return None


def refuse(status: int, sentence: str, field: str, code: Code = Code.OUT_OF_RANGE) -> Refusal:
    """Return a refusal.

    What was not read of the request must not be taken for another one: the connection ends.
    """
    return ProtocolError(code, sentence, field), status, {"Connection": "close"}


def limited_body(scope: Scope, receive: Receive) -> Receive:
    """Bound a body that does not say its length, and how long a piece of it may take."""
    size, is_upload = 0, scope["path"].startswith("/v1/uploads/")

    async def limited() -> Message:
        nonlocal size
        if size < 0:  # all of the body is here: what comes is the end of the connection
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), BODY_SECONDS)
        except TimeoutError:
            sentence = f"nothing came of the body for {BODY_SECONDS:g} s"
            raise SlowBody(Code.TIMEOUT, sentence, "body") from None
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > MAX_BODY_BYTES and not is_upload:
                sentence = f"the body must have at most {MAX_BODY_BYTES} bytes"
                raise ProtocolError(Code.TOO_LARGE, sentence, "body")
            if not message.get("more_body"):
                size = -1
        return message

    return limited
