"""The app: all routes, the guard around them, and what becomes of an error."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from daemon.front_ends.http import (
    fact_routes,
    file_routes,
    job_routes,
    osc_query_routes,
    page_routes,
    timing_routes,
    upload_routes,
)
from daemon.front_ends.http.door import Door
from daemon.front_ends.http.guard import Guard
from daemon.front_ends.http.openapi import document
from daemon.front_ends.http.problems import problem
from osc_protocol.errors import Code, ProtocolError
from stems.version import backline_version

log = logging.getLogger("backline.http")

ABOUT = (
    "Orders stems from a backline daemon, follows jobs and downloads what they make. A field that "
    "names a file takes sha256: and the hash of an upload, job: and the number of a job, or a path "
    "of the daemon's machine."
)


def app_for(door: Door) -> ASGIApp:
    """Return the app of a door."""
    app = FastAPI(
        title="backline", version=backline_version(), description=ABOUT,
        docs_url=None, redoc_url=None, openapi_url=None,
    )  # fmt: skip
    app.state.door = door
    for routes in (
        job_routes, file_routes, timing_routes, upload_routes, fact_routes, page_routes,
        osc_query_routes,
    ):  # fmt: skip
        app.include_router(routes.router)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    app.add_exception_handler(ProtocolError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(sqlite3.Error, _journal)
    app.add_exception_handler(Exception, _unexpected)
    return Guard(app, door.config, door.port, door.answered)


def _refused(request: Request, error: Any) -> Response:
    return problem(error)


def _invalid(request: Request, error: Any) -> Response:
    """A part of the target that FastAPI has checked by its annotation."""
    first = error.errors()[0]
    field = str(first["loc"][-1])
    sentence = f"{field}: {first['msg']}"
    return problem(
        ProtocolError(Code.OUT_OF_RANGE, sentence, field),
        value=first.get("input"), limit=first.get("ctx"),
    )  # fmt: skip


def _no_route(request: Request, error: Any) -> Response:
    code = Code.UNKNOWN_ADDRESS if error.status_code == 404 else Code.UNSUPPORTED
    if error.status_code == 405:
        sentence = "this address does not know the method"
    else:
        sentence = "there is nothing at this address"
    return problem(ProtocolError(code, sentence, "target"), status=error.status_code,
                   headers=error.headers)  # fmt: skip


def _journal(request: Request, error: Any) -> Response:
    log.warning("the journal cannot be read: %s", error)
    return problem(ProtocolError(Code.DISK_FULL, f"the journal cannot be read: {error}"))


def _unexpected(request: Request, error: Any) -> Response:
    log.exception("%s failed", request.url.path, exc_info=error)
    sentence = f"an unexpected error ({type(error).__name__}); the details are in http.log"
    return problem(ProtocolError(Code.INTERNAL, sentence))
