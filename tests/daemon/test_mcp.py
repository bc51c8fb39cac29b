"""`backline mcp` in a process of its own, asked by the SDK's client as an agent asks it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.agents.server import tools_of
from daemon.config import Config
from osc_protocol.messages import REQUESTS

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120.0


@pytest.fixture(scope="module")
def daemon(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    return launch(tmp_path_factory.mktemp("home"), grace_seconds=1.0)


def asked(daemon: Any, what: Any) -> Any:
    """Run `what(client)` with a client of a server that talks to the daemon."""
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "daemon", "mcp", "--osc-port", str(daemon.port)],
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT), "BACKLINE_HOME": str(daemon.home)},
    )

    async def run() -> Any:
        async with asyncio.timeout(DEADLINE_SECONDS), Client(stdio_client(server)) as client:
            return await what(client)

    return asyncio.run(run())


def test_an_agent_orders_waits_and_gets_the_stems(daemon) -> None:  # type: ignore[no-untyped-def]
    shown: list[float] = []

    async def order(client: Any) -> Any:
        async def progress(fraction: float, total: float | None, message: str | None) -> None:
            shown.append(fraction)

        tools = await client.list_tools()
        wanted = {"bpm": 240, "key": "Am", "bars": 1, "seed": 4}
        played = await client.call_tool("generate", wanted, progress_callback=progress)
        refused = await client.call_tool("generate", {"bpm": 9999, "key": "Am"})
        jobs = await client.call_tool("jobs", {})
        return [tool.name for tool in tools.tools], played, refused, jobs

    names, played, refused, jobs = asked(daemon, order)
    assert {"generate", "plan", "split", "conform", "measure", "jobs", "library"} <= set(names)
    assert not played.is_error, played.content
    files = json.loads(played.content[0].text)["files"]
    stems = {each["stem"]: Path(each["path"]) for each in files if each["role"] == "stem"}
    assert list(stems) == ["drums", "bass", "melody", "vocals"]
    assert all(path.is_file() for path in stems.values())
    assert shown and shown == sorted(shown)
    assert refused.is_error
    assert refused.content[0].text == "bpm must be a number from 20 to 400, not 9999"
    assert json.loads(jobs.content[0].text)[0]["state"] == "done"


def test_an_agent_that_gives_up_cancels_the_job(daemon) -> None:  # type: ignore[no-untyped-def]
    async def give_up(client: Any) -> None:
        begun = asyncio.Event()

        async def progress(fraction: float, total: float | None, message: str | None) -> None:
            begun.set()

        wanted = {"bpm": 240, "key": "Am", "bars": 1, "tags": "hold"}
        call = asyncio.ensure_future(
            client.call_tool("generate", wanted, progress_callback=progress)
        )
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        while json.loads((await client.call_tool("jobs", {})).content[0].text)[0]["state"] in (
            "queued", "running",
        ):  # fmt: skip
            await asyncio.sleep(0.1)

    asked(daemon, give_up)
    with daemon.client() as osc:
        assert osc.jobs()[0].state == "cancelled"


def test_a_command_is_a_tool_with_its_options(tmp_path: Path) -> None:
    tools = tools_of(Config(home=tmp_path))
    fields = {a.name.replace("-", "_") for a in REQUESTS[""].row.fields} - {"rid"}
    assert tools["generate"].schema["properties"].keys() == fields | {"wait"}
    assert tools["measure"].schema["properties"]["bpm"]["type"] == "string"
    assert tools["measure"].schema["required"] == ["files"]
    assert tools["plan"].schema["properties"].keys() == fields | {"wait"}
    assert tools["conform"].schema["required"] == ["path", "bpm"]


def test_a_tool_of_a_command_gives_what_it_prints_or_its_error(tmp_path: Path) -> None:
    tools = tools_of(Config(home=tmp_path))

    async def no_report(fraction: float, stage: str) -> None:
        pass

    async def run() -> Any:
        given = {"home": str(tmp_path)}
        found = await tools["library"].run(given, no_report)
        with pytest.raises(Exception, match=r"^cannot read") as error:
            await tools["measure"].run({"files": [str(tmp_path / "-none.wav")]}, no_report)
        return found, str(error.value)

    found, sentence = asyncio.run(run())
    assert json.loads(found) == []
    assert "-none.wav" in sentence
