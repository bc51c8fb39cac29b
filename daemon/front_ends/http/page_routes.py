"""The page at /, its modules, and the peaks that it draws."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from pathlib import Path

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from daemon.front_ends.http.door import door_of
from daemon.front_ends.http.file_routes import result_of
from daemon.front_ends.http.openapi import PROBLEM, answer
from daemon.front_ends.http.osc_query_routes import osc_query_node
from osc_protocol.errors import Code, ProtocolError
from stems.errors import StemError

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
MIN_POINTS, MAX_POINTS = 10, 4_000
BLOCK_FRAMES = 1 << 16

router = APIRouter()


@router.get("/", include_in_schema=False)
async def index(request: Request) -> Response:
    """Send the page to who reads HTML, and OSCQuery's tree to who does not."""
    if "text/html" in request.headers.get("accept", "") and not request.url.query:
        return _asset("index.html")
    return await osc_query_node(request, "")


@router.get("/page/{name}", include_in_schema=False)
async def asset(name: str) -> Response:
    """Send a file of the page."""
    return _asset(name)


@router.get("/v1/jobs/{job}/peaks/{name}", tags=["files"], summary="See a stem",
            responses={200: answer("Lowest and highest samples"), **PROBLEM})  # fmt: skip
async def peaks(
    request: Request,
    job: str,
    name: str,
    points: int = Query(800, ge=MIN_POINTS, le=MAX_POINTS),
    take: int = Query(1, ge=1, le=100),
) -> Response:
    """Give the lowest and highest sample in each of so many equal parts of a stem."""
    door = door_of(request)
    found, manifest = await asyncio.to_thread(result_of, door, request, job)
    if name not in (*manifest.stems, "mix"):
        raise ProtocolError(Code.NOT_FOUND, "there is no such stem", "name")
    try:
        path = manifest.sound_path(None if name == "mix" else name, take)
    except StemError as error:
        raise ProtocolError(Code.NOT_FOUND, str(error), "take") from None
    entry = next(each for each in manifest.files if each.path == path)
    kept = door.config.home / "converted" / f"{entry.sha256}-{points}.json"
    async with door.converting:
        made = await asyncio.to_thread(
            _kept_peaks, kept, door.folder(found) / path, points, entry.frames
        )
    return JSONResponse({"points": len(made), "peaks": made})


def _asset(name: str) -> Response:
    """Return a file that lies in the page's folder; nothing else can be named."""
    files = {each.name: each for each in PAGE.iterdir() if each.suffix in TYPES}
    if name not in files:
        raise ProtocolError(Code.UNKNOWN_ADDRESS, "there is nothing at this address", "target")
    headers = {"Cache-Control": "no-cache"}
    return Response(files[name].read_bytes(), headers=headers, media_type=TYPES[files[name].suffix])


def _kept_peaks(kept: Path, path: Path, points: int, frames: int) -> list[list[float]]:
    if kept.is_file():
        found: list[list[float]] = json.loads(kept.read_text("utf-8"))
        return found
    made = _peaks(path, points, frames)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f".{secrets.token_hex(4)}.json")
    partial.write_text(json.dumps(made), "utf-8")
    os.replace(partial, kept)
    return made


def _peaks(path: Path, points: int, frames: int) -> list[list[float]]:
    """Return the lowest and highest sample of each part, all channels together."""
    import numpy as np

    from audio.errors import AudioError
    from audio.sound_reader import SoundReader

    points = min(points, frames)
    low, high = np.zeros(points), np.zeros(points)
    at = 0
    try:
        with SoundReader(path) as sound:
            while (block := sound.read(BLOCK_FRAMES)).shape[1]:
                where = (np.arange(at, at + block.shape[1]) * points) // frames
                where = where.clip(max=points - 1)
                np.minimum.at(low, where, block.min(axis=0))
                np.maximum.at(high, where, block.max(axis=0))
                at += block.shape[1]
    except AudioError as error:
        raise ProtocolError(Code.GONE, str(error), "name") from None
    return [[round(float(a), 4), round(float(b), 4)] for a, b in zip(low, high, strict=True)]
