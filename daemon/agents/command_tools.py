"""Commands of the command line as tools: the schema is that of their options."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, get_args

import typer

from daemon.agents.tool import Report, Tool, ToolError
from daemon.cli import app_of
from daemon.running import environment

LEFT_OUT = frozenset({"help", "as_json"})  # as_json is always given where there is one
STOP_SECONDS = 10.0
KINDS = {int: "integer", float: "number"}


def command_tool(name: str, *words: str) -> Tool:
    """Return the tool that runs `backline` and the words; its result is what --json prints."""
    command = _command(words)
    parameters = [each for each in command.params if each.name not in LEFT_OUT]
    schema = {
        "type": "object",
        "properties": {each.name: _schema(each) for each in parameters},
        "required": [each.name for each in parameters if each.required],
        "additionalProperties": False,
    }

    async def run(arguments: Mapping[str, Any], report: Report) -> object:
        line = [*words, *_options(parameters, arguments)]
        if any(each.name == "as_json" for each in command.params):
            line.insert(len(words), "--json")
        return await _output_of(line)

    about = " ".join((command.help or "").split())
    return Tool(name, about, schema, run)


def _command(words: tuple[str, ...]) -> Any:
    found: Any = typer.main.get_command(app_of([words[0]]))
    for word in words:
        found = found.commands[word]
    return getattr(found, "commands", {}).get(getattr(found, "default", ""), found)


def _schema(parameter: Any) -> dict[str, Any]:
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", str)
    kinds = [KINDS[each] for each in (annotation, *get_args(annotation)) if each in KINDS]
    is_flag = getattr(parameter, "is_flag", False)
    one = {"type": "boolean" if is_flag else kinds[0] if kinds else "string"}
    is_many = parameter.multiple or parameter.nargs == -1
    found = {"type": "array", "items": one} if is_many else one
    text = getattr(parameter, "help", None) or parameter.name.replace("_", " ")
    return found | {"description": " ".join(str(text).split())}


def _options(parameters: list[Any], arguments: Mapping[str, Any]) -> list[str]:
    """Return the words of a command line; raises ToolError for what is no parameter."""
    known = {each.name: each for each in parameters}
    unknown = [name for name in arguments if name not in known]
    if unknown:
        raise ToolError(f"{unknown[0]} is no field; the fields are {', '.join(known)}")
    options, free = [], []
    for name, value in arguments.items():
        parameter = known[name]
        if value is None:
            continue
        values = [str(each) for each in (value if isinstance(value, list) else [value])]
        if not parameter.opts[0].startswith("-"):
            free += values
        elif getattr(parameter, "is_flag", False):
            options += [parameter.opts[0]] if value is True else []
        else:
            options += [f"{parameter.opts[0]}={each}" for each in values]
    return [*options, "--", *free] if free else options


async def _output_of(line: list[str]) -> object:
    """Run it, end it where nobody waits for it any more; raises ToolError with its sentence."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", *line,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=os.environ | dict(environment()),
    )  # fmt: skip
    try:
        out, said = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        if process.returncode is None:
            process.kill()
        raise
    if process.returncode:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        last = lines[-1].removeprefix("error: ") if lines else ""
        raise ToolError(last or f"it ended with {process.returncode}")
    return out.decode("utf-8", "replace").strip()
