"""The server of tools, by the official SDK, over standard input and output."""

from __future__ import annotations

import json
import logging
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from daemon.agents.command_tools import command_tool
from daemon.agents.job_tools import job_tools
from daemon.agents.tool import Tool, ToolError
from daemon.config import Config
from daemon.errors import DaemonError
from diffusion.errors import EngineError
from midi.errors import MidiError
from osc_protocol.errors import ProtocolError
from stems.errors import StemError
from stems.version import backline_version

log = logging.getLogger("backline.mcp")

REFUSALS = (ToolError, ProtocolError, DaemonError, EngineError, MidiError, StemError)


def tools_of(config: Config) -> dict[str, Tool]:
    """Return all tools by their names."""
    tools = [
        *job_tools(config),
        command_tool("measure", "measure"),
        command_tool("library", "library"),
    ]
    return {tool.name: tool for tool in tools}


def server_of(config: Config) -> Server[Any]:
    """Return the server of the tools; a refusal is a result that says it is an error."""
    tools = tools_of(config)

    async def list_tools(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[
            types.Tool(name=tool.name, description=tool.about, input_schema=dict(tool.schema))
            for tool in tools.values()
        ])  # fmt: skip

    async def call_tool(context: Any, params: Any) -> types.CallToolResult:
        tool = tools.get(params.name)
        if tool is None:
            return _said(f"there is no tool {params.name}, only {', '.join(tools)}", True)

        async def report(fraction: float, stage: str) -> None:
            await context.session.report_progress(fraction, 1.0, stage)

        try:
            found = await tool.run(params.arguments or {}, report)
        except REFUSALS as error:
            return _said(str(error), True)
        return _said(found if isinstance(found, str) else json.dumps(found, indent=1), False)

    return Server(
        "backline", version=backline_version(), on_list_tools=list_tools, on_call_tool=call_tool,
        instructions="Makes music in stems, splits, measures and conforms recordings on this "
        "machine. Files are named by paths of this machine.",
    )  # fmt: skip


async def serve(config: Config) -> None:
    """Serve until standard input ends."""
    server = server_of(config)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _said(text: str, is_error: bool) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], is_error=is_error
    )
