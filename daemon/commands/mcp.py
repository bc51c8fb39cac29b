"""`backline mcp`: tools for agents, over standard input and output."""

from __future__ import annotations

import asyncio
import importlib.util

from daemon.commands.options import Port, send_config
from daemon.errors import UsageError


def mcp(osc_port: Port = None) -> None:
    """Serve the tools generate, split, plan, conform, measure, jobs and library to an agent."""
    if importlib.util.find_spec("mcp") is None:
        raise UsageError("mcp needs the package mcp: pip install 'backline[mcp]'")
    from daemon.agents.server import serve

    asyncio.run(serve(send_config(osc_port)))
