"""HTTP to another backline: JSON, uploads and downloads, each going on where it broke off."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from osc_protocol.errors import Code, ProtocolError

FILE_PATIENCE_SECONDS = 30.0  # without a byte of a file
UPLOAD_PATIENCE_SECONDS = 600.0  # until a file that was sent is checked there
BLOCK_BYTES = 1 << 20
BUSY = frozenset({408, 429, 502, 503, 504})  # statuses of one that may take it later


class Away(Exception):
    """The other machine does not answer, or takes nothing now; it may later."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none: a token is for the machine that it was given for."""


class Connection:
    """One backline's HTTP. `client` is under which name our jobs' keys are kept there,
    `patience_seconds` how long an answer without a file may take.

    All methods raise Away, and ProtocolError for what is refused for good.
    """

    def __init__(self, url: str, token: str, client: str, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self.host = urlsplit(url).netloc
        self._url = url.rstrip("/")
        self._headers = {"Backline-Client": client}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        # No proxy: a machine of the own network is behind none, and would not be asked.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return what a route of JSON answers."""
        data = None if body is None else json.dumps(body).encode()
        more = {"Content-Type": "application/json"} if data else {}
        with self._open(method, path, data, more | dict(headers or {})) as answer:
            try:
                found = json.loads(answer.read())
            except (OSError, http.client.HTTPException) as error:
                raise Away(_reason(error)) from error
            except ValueError:
                found = None
        if not isinstance(found, dict):
            raise ProtocolError(
                Code.INTERNAL, f"{self.host} answers no JSON object: is it backline?"
            )
        return found

    def upload(self, path: Path) -> str:
        """Send a file, or the rest of it; returns what names it in a request."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size, there = os.fstat(file.fileno()).st_size, self._uploaded(sha256)
            if there is not None and size:
                file.seek(there)
                more = {
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(size - there),
                    "Content-Range": f"bytes {there}-{size - 1}/{size}",
                }
                self._put(f"/v1/uploads/{sha256}", file, more)
        return f"sha256:{sha256}"

    def _put(self, path: str, file: IO[bytes], headers: Mapping[str, str]) -> None:
        try:
            with self._open("PUT", path, file, headers, UPLOAD_PATIENCE_SECONDS):
                pass
        except ProtocolError as error:
            if error.code != Code.RID_CONFLICT:
                raise
            raise Away("what was sent before a cut is still being written there") from error

    def _uploaded(self, sha256: str) -> int | None:
        """Return how much of a file is there, None for all of it."""
        try:
            with self._open("HEAD", f"/v1/uploads/{sha256}") as answer:
                if answer.headers.get("Upload-Complete") == "?1":
                    return None
                return int(answer.headers.get("Upload-Offset", "0"))
        except ProtocolError as error:
            if error.code == Code.NOT_FOUND:
                return 0
            raise

    def download(self, path: str, target: Path, size: int, sha256: str) -> None:
        """Fetch a file, or what `target` lacks of it, and check it; a wrong one is fetched anew."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            while (there := file.tell()) < size:
                try:
                    self._rest(path, file, there)
                except Away:
                    if file.tell() == there:  # while something comes, go on at once
                        raise
        with target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            target.unlink()
            raise Away(f"{path} came with another hash than the manifest says")

    def _rest(self, path: str, file: IO[bytes], there: int) -> None:
        more = {"Range": f"bytes={there}-"} if there else {}
        with self._open("GET", path, None, more, FILE_PATIENCE_SECONDS) as answer:
            if there and answer.status != http.client.PARTIAL_CONTENT:
                file.truncate(0)
            if not _copy(answer, file):
                raise Away(f"{path} is shorter than the manifest says")

    def _open(
        self, method: str, path: str, data: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None, patience_seconds: float = 0,
    ) -> Any:  # fmt: skip
        request = urllib.request.Request(
            self._url + quote(path, safe="/:?=&"), data, self._headers | dict(headers or {}),
            method=method,
        )  # fmt: skip
        try:
            return self._opener.open(request, timeout=patience_seconds or self._patience_seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise Away(_reason(error)) from error

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        try:
            problem = json.loads(error.read())
            sentence, code = str(problem["detail"]), int(problem["code"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            sentence, code = f"HTTP status {error.code}", Code.INTERNAL
            if error.code == http.client.NOT_FOUND:  # HEAD has no body
                code = Code.NOT_FOUND
        if error.code in BUSY:
            return Away(sentence)
        return ProtocolError(code, f"{self.host}: {sentence}")


def _copy(answer: Any, file: IO[bytes]) -> int:
    """Write what comes and return how much; of an answer that breaks off it stays in the file."""
    size = 0
    while True:
        try:
            block = answer.read(BLOCK_BYTES)
        except http.client.IncompleteRead as error:
            file.write(error.partial)
            raise Away("the connection broke off") from error
        except (OSError, http.client.HTTPException) as error:
            raise Away(_reason(error)) from error
        if not block:
            return size
        size += file.write(block)


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message}); see SSL_CERT_FILE"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
