"""The routes of facts: engines, styles, status and figures for Prometheus."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from daemon.front_ends.http.door import Door, door_of
from daemon.front_ends.http.messages import QueryState, ServiceNow
from daemon.front_ends.http.openapi import PROBLEM, answer
from daemon.jobs import JobState
from osc_protocol.protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from stems.version import backline_version

router = APIRouter(tags=["facts"])


@router.get("/v1/engines", summary="List the engines",
            responses={200: answer("The engines, the default first"), **PROBLEM})  # fmt: skip
async def engines(request: Request) -> Response:
    """List what can play: stems, limits, the fields only it takes, and why not if it cannot."""

    def rows() -> list[dict[str, object]]:
        return [
            {
                "name": spec.name, "gives": spec.gives, "stems": list(spec.stems),
                "accepts": sorted(spec.accepts), "meters": list(spec.meters),
                "bpm": spec.bpm, "seconds": spec.seconds,
                "unavailable": spec.reason_against(),
            }
            for spec in door_of(request).config.engines
        ]  # fmt: skip

    return JSONResponse({"engines": await asyncio.to_thread(rows)})


@router.get("/v1/styles", summary="List the styles",
            responses={200: answer("Styles that the default engine knows by name"),
                       **PROBLEM})  # fmt: skip
async def styles() -> Response:
    """List the styles that `tags` may name; other words are understood as far as they go."""

    def names() -> list[str]:
        from diffusion.embedded.vocabulary import STYLES

        return list(STYLES)

    return JSONResponse({"styles": await asyncio.to_thread(names)})


@router.get("/v1/status", summary="See how the daemon is",
            responses={200: answer("The daemon"), **PROBLEM})  # fmt: skip
async def status(request: Request) -> Response:
    """Say whether the daemon works, what it has loaded and how much waits."""
    door = door_of(request)
    now: ServiceNow = await door.link.ask(QueryState())
    stage, fraction = door.progress
    return JSONResponse({
        "state": now.state, "engine": now.engine, "epoch": door.journal.epoch,
        "running": door.journal.count(JobState.RUNNING),
        "queued": door.journal.count(JobState.QUEUED),
        "stage": stage, "fraction": fraction, "head_seq": door.journal.head_seq,
        "listeners": door.hub.listeners, "uptime_seconds": int(_uptime_seconds(door)),
        "version": backline_version(), "protocol": f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}",
    })  # fmt: skip


@router.get("/metrics", summary="Figures for Prometheus", responses={
    200: {"description": "Text", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **PROBLEM}, response_class=Response)  # fmt: skip
async def metrics(request: Request) -> Response:
    """Give jobs by state, requests by method and status, listeners and uptime."""
    door = door_of(request)
    lines = [
        "# HELP backline_jobs Jobs in the journal by state.",
        "# TYPE backline_jobs gauge",
        *(f'backline_jobs{{state="{state}"}} {door.journal.count(state)}' for state in JobState),
        "# HELP backline_events_total Durable events so far.",
        "# TYPE backline_events_total counter",
        f"backline_events_total {door.journal.head_seq}",
        "# HELP backline_http_listeners Clients that listen to events.",
        "# TYPE backline_http_listeners gauge",
        f"backline_http_listeners {door.hub.listeners}",
        "# HELP backline_http_uptime_seconds Since the HTTP process began.",
        "# TYPE backline_http_uptime_seconds gauge",
        f"backline_http_uptime_seconds {_uptime_seconds(door):.0f}",
        "# HELP backline_http_requests_total Requests answered.",
        "# TYPE backline_http_requests_total counter",
        *(f'backline_http_requests_total{{method="{method}",status="{status}"}} {count}'
          for (method, status), count in sorted(door.answered.items())),
    ]  # fmt: skip
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _uptime_seconds(door: Door) -> float:
    return time.monotonic() - door.started_seconds
