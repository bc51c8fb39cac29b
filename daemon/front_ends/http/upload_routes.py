"""The routes of uploads: MIDI and sound by SHA-256, resumed where they broke off."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from daemon.front_ends.http.door import door_of
from daemon.front_ends.http.openapi import PROBLEM, answer
from daemon.front_ends.http.problems import problem
from daemon.front_ends.http.uploads import MAX_UPLOAD_BYTES, SHA256, Part
from osc_protocol.errors import Code, ProtocolError

CONTENT_RANGE = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})")
HASH_LIMIT = {"pattern": "[0-9a-f]{64}"}
SENT: dict[int | str, dict[str, Any]] = {
    201: answer("It is here; name it in a request as sha256: and the hash"),
    200: answer("It was here already"),
    202: answer("So much of it is here; send the rest"),
    **PROBLEM,
}

router = APIRouter(prefix="/v1", tags=["uploads"])


@router.put("/uploads/{sha256}", summary="Send a MIDI or sound file", status_code=201,
            responses=SENT, openapi_extra={
    "parameters": [{"name": "Content-Range", "in": "header",
                    "description": "bytes FIRST-LAST/TOTAL, to send it in parts or to resume",
                    "schema": {"type": "string"}}],
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {
        "type": "string", "format": "binary"}}}}})  # fmt: skip
async def upload(request: Request, sha256: str) -> Response:
    """Take a file whose SHA-256 is that of the address; Upload-Offset says how much is here."""
    uploads = door_of(request).uploads
    if not SHA256.fullmatch(sha256):
        sentence = "sha256 must be 64 hexadecimal digits in small letters"
        error = ProtocolError(Code.OUT_OF_RANGE, sentence, "sha256")
        return problem(error, value=sha256, limit=HASH_LIMIT, headers={"Connection": "close"})
    if uploads.find(sha256) is not None:
        return _here(sha256, 200)
    try:
        whole = await uploads.take(sha256, _part(request), request.stream())
    except ProtocolError as error:
        offset = {"Upload-Offset": str(uploads.has(sha256)), "Connection": "close"}
        limit = {"max_bytes": MAX_UPLOAD_BYTES} if error.code == Code.TOO_LARGE else None
        return problem(error, headers=offset, limit=limit)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    if whole is None:
        there = uploads.has(sha256)
        return JSONResponse({"sha256": sha256, "bytes": there}, 202,
                            {"Upload-Offset": str(there)})  # fmt: skip
    return _here(sha256, 201)


@router.head("/uploads/{sha256}", summary="Ask how much of a file is here",
             responses={200: {"description": "Upload-Offset says it"}, **PROBLEM})  # fmt: skip
async def uploaded(request: Request, sha256: str) -> Response:
    """Say in Upload-Offset how many bytes are here, in Upload-Complete whether it is all."""
    uploads = door_of(request).uploads
    whole = uploads.find(sha256)
    if whole is None and not (SHA256.fullmatch(sha256) and uploads.has(sha256)):
        raise ProtocolError(Code.NOT_FOUND, "there is no such upload", "sha256")
    there = whole.stat().st_size if whole else uploads.has(sha256)
    headers = {"Upload-Offset": str(there), "Upload-Complete": "?1" if whole else "?0"}
    return Response(headers=headers)


def _here(sha256: str, status: int) -> Response:
    headers = {"Location": f"/v1/files/{sha256}"}
    return JSONResponse({"sha256": sha256, "reference": f"sha256:{sha256}"}, status, headers)


def _part(request: Request) -> Part:
    """Return which bytes of how many come; raises ProtocolError."""
    text = request.headers.get("content-range")
    length = request.headers.get("content-length", "")
    if text is None:
        return Part(0, int(length[:20]) if length.isdecimal() else None)
    found = CONTENT_RANGE.fullmatch(text)
    first, last, total = map(int, found.groups()) if found else (1, 0, 0)
    if not first <= last < total or (length.isdecimal() and int(length[:20]) != last - first + 1):
        sentence = "content-range must be bytes FIRST-LAST/TOTAL and fit content-length"
        raise ProtocolError(Code.OUT_OF_RANGE, sentence, "content-range")
    return Part(first, total)
