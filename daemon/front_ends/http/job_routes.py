"""The routes of jobs: order, look, cancel, listen, rate."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from daemon import ratings
from daemon.errors import DaemonError
from daemon.front_ends.http.door import Door, door_of, host_address, is_local, owner_of
from daemon.front_ends.http.events import stream
from daemon.front_ends.http.job_json import job_json
from daemon.front_ends.http.messages import CancelJob, Submit, Taken
from daemon.front_ends.http.openapi import ANSWERS, BODY, EVENT_STREAM, PROBLEM, answer
from daemon.front_ends.http.orders import Refused, names_of, read_body, read_order, refused
from daemon.front_ends.http.problems import problem
from daemon.front_ends.http.references import Finder
from daemon.front_ends.http.webhooks import HEADER
from daemon.front_ends.order_check import check_acceptable
from daemon.job_folders import is_there
from daemon.jobs import Event, Job
from osc_protocol import messages as osc
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.jobs import MAX_RATING
from stems.manifest import MANIFEST_NAME

MAX_LISTED = 100
MAX_SEQ = (1 << 53) - 1
CLIENT_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

router = APIRouter(prefix="/v1", tags=["jobs"])


@router.post("/jobs", summary="Order a job", status_code=202, openapi_extra=BODY, responses={
    202: ANSWERS["Job"], 200: ANSWERS["Checked"], **PROBLEM})  # fmt: skip
async def order(request: Request) -> Response:
    """Make a job of a request; the same Idempotency-Key is the same job, over OSC as well."""
    door, owner = door_of(request), _owner(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        sentence = "content-type must be application/json"
        return problem(ProtocolError(Code.UNSUPPORTED, sentence, "content-type"), status=415)
    body: dict[str, Any] = {}
    try:
        body = read_body(await request.body())
        rid = request.headers.get("idempotency-key") or f"http-{secrets.token_hex(8)}"
        if not CLIENT_ID.fullmatch(rid):
            sentence = "idempotency-key must be 1 to 64 characters of A-Z a-z 0-9 . _ : -"
            error = ProtocolError(Code.OUT_OF_RANGE, sentence, "idempotency-key")
            raise Refused(error, rid, {"pattern": CLIENT_ID.pattern})
        wanted = await asyncio.to_thread(_wanted, door, body, rid, owner, is_local(request))
        webhook = request.headers.get(HEADER, "")
        if webhook:
            door.webhooks.check(webhook)
        if wanted.dry_run:
            return JSONResponse({"request": wanted.as_dict()})
        host = host_address(request)
        taken: Taken = await door.link.ask(Submit(
            owner, wanted.rid, wanted.digest, wanted.as_dict(), f"{host}/http",
            wanted.priority, wanted.music_seconds,
        ))  # fmt: skip
        if webhook:
            await asyncio.to_thread(door.webhooks.keep, taken.job.number, webhook)
    except Refused as refusal:
        return problem(refusal.error, value=refusal.value, limit=refusal.limit, names=_names(body))
    headers = {"Location": f"/v1/jobs/{taken.job.number}"}
    found = job_json(door, taken.job, is_local(request)) | {
        "queue_position": taken.position, "eta_seconds": taken.eta_seconds,
        "duplicate": taken.is_duplicate,
    }  # fmt: skip
    return JSONResponse(found, 202, headers)


@router.get("/jobs", summary="List jobs, newest first",
            responses={200: ANSWERS["Jobs"], **PROBLEM})  # fmt: skip
async def jobs(
    request: Request,
    offset: int = Query(0, ge=0, le=MAX_SEQ),
    limit: int = Query(20, ge=1, le=MAX_LISTED),
) -> Response:
    """List jobs; `total` says how many there are."""
    door = door_of(request)

    def listed() -> dict[str, object]:
        found, total = door.journal.page(offset, limit)
        return {"jobs": [job_json(door, each, is_local(request)) for each in found],
                "total": total}  # fmt: skip

    return JSONResponse(await asyncio.to_thread(listed))


@router.get("/jobs/{job}", summary="See how a job is",
            responses={200: ANSWERS["Job"], **PROBLEM})  # fmt: skip
async def job(request: Request, job: str) -> Response:
    """Look up a job by its number, or by the Idempotency-Key it was ordered with."""
    door = door_of(request)
    found = door.job(job, _owner(request))
    details = job_json(door, found, is_local(request))
    return JSONResponse(details | {"request": dict(found.request)})


@router.delete("/jobs/{job}", summary="Cancel a job",
               responses={200: ANSWERS["Cancelled"], **PROBLEM})  # fmt: skip
async def cancel(request: Request, job: str) -> Response:
    """Cancel a job that waits or runs; one that has ended stays as it is."""
    door = door_of(request)
    found = door.job(job, _owner(request))
    outcome = await door.link.ask(CancelJob(found.number))
    return JSONResponse({"job": found.number, "outcome": outcome})


@router.put("/jobs/{job}/rating", summary="Rate a result", openapi_extra={"requestBody": {
    "required": True, "content": {"application/json": {"schema": {
        "type": "object", "required": ["rating"], "additionalProperties": False,
        "properties": {"rating": {"type": "integer", "minimum": 0, "maximum": MAX_RATING}},
    }}}}}, responses={200: answer("the rating"), **PROBLEM})  # fmt: skip
async def rate(request: Request, job: str) -> Response:
    """Rate the result of a job from 1 to 5; 0 takes the rating back."""
    door = door_of(request)
    found = door.job(job, _owner(request))
    try:
        body = read_body(await request.body())
        command = osc.Rate("http", found.number, **body)
    except Refused as refusal:
        return problem(refusal.error, value=refusal.value, limit=refusal.limit)
    except TypeError:
        sentence = "the body must be an object with a rating, and nothing else"
        return problem(ProtocolError(Code.MISSING_ARGUMENT, sentence, "rating"))
    if not is_there(door.folder(found)):
        raise ProtocolError(Code.NOT_FOUND, f"job {found.number} has no files to rate", "job")
    try:
        manifest = door.folder(found) / MANIFEST_NAME
        await asyncio.to_thread(ratings.rate, manifest, command.rating)
    except DaemonError as error:
        raise ProtocolError(Code.DISK_FULL, str(error)) from None
    return JSONResponse({"job": found.number, "rating": command.rating})


@router.get("/jobs/{job}/events", summary="Listen to a job",
            responses={200: EVENT_STREAM, 204: {"description": "there are no more"}, **PROBLEM},
            response_class=StreamingResponse)  # fmt: skip
async def job_events(request: Request, job: str) -> Response:
    """Send a job's events as they happen, after Last-Event-ID where there is one, to its end."""
    door = door_of(request)
    number = door.job(job, _owner(request)).number
    return await _listen(request, door, number, _last_event_id(request, door) or 0)


@router.get("/events", summary="Listen to all jobs",
            responses={200: EVENT_STREAM, **PROBLEM}, response_class=StreamingResponse)  # fmt: skip
async def events(request: Request) -> Response:
    """Send the events of all jobs: those after Last-Event-ID, or from now on."""
    door = door_of(request)
    return await _listen(request, door, None, _last_event_id(request, door))


async def _listen(request: Request, door: Door, number: int | None, after: int | None) -> Response:
    with door.hub.listening(number):  # refused now, where there are too many
        pass

    def past() -> tuple[list[Event], Job | None]:
        if number is not None:
            job = door.journal.find(number)
            assert job is not None, "no job is ever forgotten"
            return door.journal.events_of(job, after or 0), job
        found: list[Event] = []
        seq = after
        while seq is not None:
            events, through = door.journal.events_after(seq, "all", "", "")
            found += events
            seq = through if events and through > seq else None
        return found, None

    events, job = await asyncio.to_thread(past)
    if job is not None and job.state.is_final and not events:
        return Response(status_code=204)

    async def body() -> Any:
        with door.hub.listening(number) as listener:
            events, job = await asyncio.to_thread(past)  # what came before it listened, too
            async for data in stream(door.hub, listener, events, job):
                yield data

    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(body(), headers=headers, media_type="text/event-stream")


def _wanted(
    door: Door, body: dict[str, Any], rid: str, owner: str, is_local: bool
) -> osc.AnyRequest:
    """Make and check the request of a body, in a thread: it reads files."""
    finder = Finder(door, owner, is_local)
    request = read_order(body, rid, finder.path)
    try:
        check_acceptable(
            request, finder.roots, door.config.engines,
            lambda: door.journal.find_rid(owner, rid) is None,
        )  # fmt: skip
    except ProtocolError as error:
        given = {a.field: body.get(name) for a in request.row.fields
                 for name in (a.name.replace("-", "_"),) if name in body}  # fmt: skip
        raise refused(error, type(request), given) from None
    return request


def _names(body: dict[str, Any]) -> dict[str, str]:
    from daemon.front_ends.http.orders import kinds

    kind = body.get("kind")
    request = kinds().get(kind) if isinstance(kind, str) else None
    return names_of(request) if request else {}


def _owner(request: Request) -> str:
    client_id = request.headers.get("backline-client", "")
    if client_id and not CLIENT_ID.fullmatch(client_id):
        sentence = "backline-client must be 1 to 64 characters of A-Z a-z 0-9 . _ : -"
        raise ProtocolError(Code.OUT_OF_RANGE, sentence, "backline-client")
    return owner_of(request)


def _last_event_id(request: Request, door: Door) -> int | None:
    text = request.headers.get("last-event-id", "")
    if not text:
        return None
    head = door.journal.head_seq
    if not (text.isascii() and text.isdecimal()) or len(text) > 16 or int(text) > head:
        sentence = f"last-event-id must be a number of an event, 0 to {head}"
        raise ProtocolError(Code.OUT_OF_RANGE, sentence, "last-event-id")
    return int(text)
