"""Jobs of the daemon as tools: order and wait, list, look, cancel."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.agents.tool import Report, Tool, ToolError
from daemon.config import Config
from daemon.front_ends.http.orders import Refused, body_schema, kinds, read_order
from daemon.front_ends.http.table_json import plain
from osc_protocol.client import Client
from osc_protocol.errors import ProtocolError
from osc_protocol.messages import AnyRequest, Finished, Progress
from osc_protocol.request_paths import absolute
from stems.manifest import MANIFEST_NAME, read_manifest

NAME = "backline mcp"
WAIT = {"type": "boolean", "default": True, "description": "false: answer once it is accepted"}
TARGET = {"type": ["integer", "string"], "description": "number or request id of a job"}


def job_tools(config: Config) -> list[Tool]:
    """Return the tools that talk to the daemon of these settings, which is started if need be."""
    orders = [_order_tool(config, kind, request) for kind, request in kinds().items()]
    return [*orders, *_look_tools(config)]


def _order_tool(config: Config, kind: str, request: type[AnyRequest]) -> Tool:
    body = body_schema(kind, request)
    properties = {k: v for k, v in body["properties"].items() if k != "kind"} | {"wait": WAIT}
    required = [name for name in body["required"] if name != "kind"]
    schema = body | {"properties": properties, "required": required}

    async def run(arguments: Mapping[str, Any], report: Report) -> object:
        given = dict(arguments)
        wait = given.pop("wait", True)
        if not isinstance(wait, bool):
            raise ToolError("wait must be true or false")
        try:
            rid = f"mcp-{secrets.token_hex(8)}"
            wanted = read_order(given | {"kind": kind}, rid, absolute)
        except Refused as refusal:
            raise refusal.error from None
        return await _played(config, wanted, wait, report)

    about = f"{request.row.about} Waits for the end and returns the folder and its files."
    return Tool(kind, about, schema, run)


async def _played(config: Config, request: AnyRequest, wait: bool, report: Report) -> object:
    """Order a job in a thread, pass on its progress, cancel it where this task is cancelled."""
    loop = asyncio.get_running_loop()

    def show(fraction: float, stage: str) -> None:
        asyncio.run_coroutine_threadsafe(report_quietly(fraction, stage), loop)

    async def report_quietly(fraction: float, stage: str) -> None:
        with suppress(Exception):  # a client that is gone needs no progress
            await report(fraction, stage)

    ended = threading.Event()

    def work() -> object:
        try:
            return _order(config, request, wait, show)
        finally:
            ended.set()

    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        if not ended.is_set():
            await asyncio.shield(asyncio.to_thread(_cancel, config, request.rid))
            with suppress(ToolError, ProtocolError):
                await asyncio.shield(working)
        raise


def _order(
    config: Config, request: AnyRequest, wait: bool, show: Callable[[float, str], None]
) -> object:
    from daemon.running import port_is_free, start_daemon

    if port_is_free(config.osc_port):
        start_daemon(config)
    with Client(port=config.osc_port, name=NAME) as client:
        client.subscribe(scope="mine")
        accepted = client.submit(request, rid=request.rid)
        if request.dry_run:
            return request.as_dict()
        if not wait:
            return plain(accepted)
        for event in client.watch(accepted.job):
            if isinstance(event, Progress):
                show(event.fraction, event.stage)
            if isinstance(event, Finished):
                return _ending(event)
    raise ToolError(f"the daemon sent no end of job {accepted.job}")


def _ending(finished: Finished) -> object:
    if finished.state != "done":
        why = f": {finished.message}" if finished.message else ""
        raise ToolError(f"job {finished.job} {finished.state}{why}")
    folder = Path(finished.folder)
    manifest = read_manifest(folder / MANIFEST_NAME, check_files=False)
    return {
        "job": finished.job,
        "folder": finished.folder,
        "seconds": finished.elapsed_seconds,
        "files": [
            {"path": str(folder / entry.path), "role": entry.role, "stem": entry.stem,
             "take": entry.take}
            for entry in manifest.files
        ],
    }  # fmt: skip


def _cancel(config: Config, target: str) -> None:
    with suppress(ProtocolError), Client(port=config.osc_port, name=NAME) as client:
        client.cancel(target)


def _look_tools(config: Config) -> list[Tool]:
    def asked(ask: Callable[[Client, Mapping[str, Any]], object]) -> Any:
        def answer(arguments: Mapping[str, Any]) -> object:
            with Client(port=config.osc_port, name=NAME) as client:
                return ask(client, arguments)

        async def run(arguments: Mapping[str, Any], report: Report) -> object:
            return await asyncio.to_thread(answer, arguments)

        return run

    one = {"type": "object", "properties": {"job": TARGET}, "required": ["job"],
           "additionalProperties": False}  # fmt: skip
    none = {"type": "object", "properties": {}, "additionalProperties": False}
    return [
        Tool("jobs", "Lists the newest jobs of the daemon, newest first.", none,
             asked(lambda client, given: [plain(each, "rid", "index") for each in client.jobs()])),
        Tool("job", "Says how a job is.", one,
             asked(lambda client, given: plain(client.job(_target(given)), "rid"))),
        Tool("cancel", "Cancels a job that waits or runs.", one,
             asked(lambda client, given: plain(client.cancel(_target(given)), "rid"))),
    ]  # fmt: skip


def _target(given: Mapping[str, Any]) -> str | int:
    target = given.get("job")
    if isinstance(target, bool) or not isinstance(target, str | int) or len(given) != 1:
        raise ToolError("job must be the number or the request id of a job, and nothing else")
    return target
