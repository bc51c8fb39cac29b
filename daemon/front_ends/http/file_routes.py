"""The routes of files: stems in any format, results, all by hash, in parts where that is asked."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from audio.encodings import ENCODINGS, WAV
from daemon.front_ends.http.conversion import converted
from daemon.front_ends.http.door import Door, door_of, owner_of
from daemon.front_ends.http.guard import FILES_POLICY
from daemon.front_ends.http.openapi import PROBLEM
from daemon.front_ends.http.problems import problem
from daemon.front_ends.http.uploads import SHA256
from daemon.jobs import Job, JobState
from midi.user_file import is_below
from osc_protocol.errors import Code, ProtocolError
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, Manifest, read_manifest

TYPES = {
    ".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg",
    ".mid": "audio/midi", ".aiff": "audio/aiff", ".json": "application/json", ".png": "image/png",
}  # fmt: skip
GAIN = "Backline-Gain-Db"
OTHERWISE = "application/octet-stream"  # nothing else is shown or run, least of all HTML
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
Format = Literal["wav", "flac", "ogg", "mp3"]
FORMATS: tuple[str, ...] = get_args(Format)
assert {f".{each}" for each in FORMATS} <= {WAV, *ENCODINGS}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"*/*": {"schema": {"type": "string"}}}},
    206: {"description": "The part that Range asks for"},
    304: {"description": "It is the one of If-None-Match"},
    416: {"description": "It has no such part"},
    **PROBLEM,
}

router = APIRouter(prefix="/v1", tags=["files"])


@router.get("/jobs/{job}/stems/{name}", summary="Download a stem, or the mix",
            responses=FILE, response_class=Response)  # fmt: skip
async def stem(
    request: Request,
    job: str,
    name: str,
    take: int = Query(1, ge=1, le=100),
    format: Format | None = None,
) -> Response:
    """Send a stem of a job: drums.wav, also as flac, ogg or mp3; mix.wav is all together."""
    door = door_of(request)
    found, manifest = await asyncio.to_thread(result_of, door, request, job)
    which, _, ending = name.partition(".")
    if which not in (*manifest.stems, "mix") or (ending and ending not in FORMATS):
        files = ", ".join(f"{each}.wav" for each in (*manifest.stems, "mix"))
        return problem(
            ProtocolError(Code.NOT_FOUND, f"there is no such stem, only {files}", "name"),
            value=name, limit={"choices": [*manifest.stems, "mix"]},
        )  # fmt: skip
    try:
        path = manifest.sound_path(None if which == "mix" else which, take)
    except StemError as error:
        raise ProtocolError(Code.NOT_FOUND, str(error), "take") from None
    sha256 = next(entry.sha256 for entry in manifest.files if entry.path == path)
    file, own, gain_db = door.folder(found) / path, PurePosixPath(path).suffix[1:], 0.0
    wanted = format or ending or own
    if wanted != own:
        together = [door.folder(found) / each for each in manifest.sound_paths(take)]
        file, gain_db = await converted(door, file, sha256, wanted, together)
        sha256 = f"{sha256}-{wanted}-{gain_db:g}"
    filename = f"{which}.{wanted}" if take == 1 else f"{which}-take-{take}.{wanted}"
    return await _send(request, door, file, sha256, filename, {GAIN: f"{gain_db:g}"})


@router.get("/jobs/{job}/manifest.json", summary="Read what was made and measured",
            responses=FILE, response_class=Response)  # fmt: skip
async def manifest_file(request: Request, job: str) -> Response:
    """Send the manifest of a job: docs/guide/manifest.schema.json describes it."""
    door = door_of(request)
    found, _ = await asyncio.to_thread(result_of, door, request, job)
    path = door.folder(found) / MANIFEST_NAME
    return await _send(request, door, path, f"manifest-{_version(path)}", MANIFEST_NAME)


@router.get("/jobs/{job}/files/{path:path}", summary="Download a file of a result",
            responses=FILE, response_class=Response)  # fmt: skip
async def result_file(request: Request, job: str, path: str) -> Response:
    """Send a file that the manifest of a job names: notes, score, plan, project, overview."""
    door = door_of(request)
    found, manifest = await asyncio.to_thread(result_of, door, request, job)
    for entry in manifest.files:
        if entry.path == path:
            name = PurePosixPath(path).name
            return await _send(request, door, door.folder(found) / path, entry.sha256, name)
    raise ProtocolError(Code.NOT_FOUND, "the manifest names no such file", "path")


@router.get("/files/{sha256}", summary="Download a file by its hash",
            responses=FILE, response_class=Response)  # fmt: skip
async def file_by_hash(request: Request, sha256: str) -> Response:
    """Send an upload, or a stem of a result, that has that SHA-256."""
    door = door_of(request)
    found = await asyncio.to_thread(_by_hash, door, sha256)
    if found is None:
        sentence = "there is no file of that hash, 64 hexadecimal digits in small letters"
        raise ProtocolError(Code.NOT_FOUND, sentence, "sha256")
    return await _send(request, door, found, sha256, found.name)


def result_of(door: Door, request: Request, target: str) -> tuple[Job, Manifest]:
    """Return a job that has files, with its manifest; raises ProtocolError that says why not."""
    job = door.job(target, owner_of(request))
    if door.is_gone(job):
        raise ProtocolError(Code.GONE, f"the files of job {job.number} were deleted", "job")
    if job.state is not JobState.DONE:
        sentence = f"job {job.number} has no files: it is {job.state}"
        raise ProtocolError(Code.NOT_FOUND, sentence, "job")
    try:
        return job, read_manifest(door.folder(job), check_files=False)
    except StemError as error:
        raise ProtocolError(Code.GONE, str(error), "job") from None


def _by_hash(door: Door, sha256: str) -> Path | None:
    if not SHA256.fullmatch(sha256):
        return None
    upload = door.uploads.find(sha256)
    if upload is not None:
        return upload
    for text in door.journal.paths_of_sound(sha256):
        if Path(text).is_file():
            return Path(text)
    return None


def _version(path: Path) -> str:
    with suppress(OSError):
        found = path.stat()
        return f"{found.st_mtime_ns:x}-{found.st_size:x}"
    return "0"


async def _send(
    request: Request,
    door: Door,
    path: Path,
    tag: str,
    filename: str,
    more_headers: Mapping[str, str] | None = None,
) -> Response:
    """Send a file, or its part, or only that it is still the same."""
    folders = [each.resolve() for each in (door.config.home, door.config.jobs_folder)]
    if not await asyncio.to_thread(is_below, path, folders):
        raise ProtocolError(Code.PATH_FORBIDDEN, "the file lies outside the home", "path")
    try:
        found = await asyncio.to_thread(os.stat, path)
    except OSError as error:
        raise ProtocolError(Code.GONE, f"the file is not there: {error.strerror}") from None
    etag = f'"{tag}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache",
               "Content-Security-Policy": FILES_POLICY, **(more_headers or {})}  # fmt: skip
    asked = request.headers.get("if-none-match", "")
    if asked == "*" or etag in [each.strip().removeprefix("W/") for each in asked.split(",")]:
        return Response(status_code=304, headers=headers)
    range_ = request.headers.get("range")
    if range_ is not None and not _is_single(range_):  # what is no range is left out of account
        request.scope["headers"] = [
            (name, value) for name, value in request.scope["headers"] if name != b"range"
        ]
    elif range_ is not None and "if-range" not in request.headers:
        first, last = RANGE.fullmatch(range_).groups()  # type: ignore[union-attr]
        if (first and int(first) >= found.st_size) or (not first and int(last) == 0):
            sentence = f"range must begin within the {found.st_size} bytes"
            more = {"Content-Range": f"bytes */{found.st_size}"}
            beyond = ProtocolError(Code.OUT_OF_RANGE, sentence, "range")
            return problem(beyond, status=416, value=range_, headers=more)
    kind = TYPES.get(path.suffix.lower(), OTHERWISE)
    return FileResponse(path, 200, headers, kind, filename=filename, stat_result=found)


def _is_single(text: str) -> bool:
    found = RANGE.fullmatch(text)
    if found is None or found.groups() == ("", ""):
        return False
    first, last = found.groups()
    return not (first and last) or int(first) <= int(last)
