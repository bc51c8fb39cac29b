"""The `backline` command: its subcommands, and what it prints when something goes wrong."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from daemon.commands.options import GroupedCommand
from daemon.failure import INTERRUPTED, failure_of
from daemon.screen import say, say_aside


def _show_version(wanted: bool) -> None:
    if wanted:
        from stems.version import backline_version

        say(f"backline {backline_version()}")
        raise typer.Exit


# Each command as "module:function", or "module:app" for a group of commands, in order of the help.
COMMANDS = {
    "generate": "daemon.commands.generate:generate",
    "plan": "daemon.commands.plan:plan",
    "reproduce": "daemon.commands.generate:reproduce",
    "serve": "daemon.commands.service:serve",
    "config": "daemon.commands.config:config",
    "demo": "daemon.commands.service:demo",
    "doctor": "daemon.commands.service:doctor",
    "install-reaper": "daemon.commands.install_reaper:install_reaper",
    "export": "daemon.commands.export:export",
    "measure": "daemon.commands.measure:measure",
    "conform": "daemon.commands.conform:conform",
    "energy": "daemon.commands.measure:energy",
    "split": "daemon.commands.split:split",
    "to-midi": "daemon.commands.stem_files:to_midi",
    "slice": "daemon.commands.stem_files:slice_",
    "play": "daemon.commands.library:play",
    "open": "daemon.commands.library:open_",
    "mcp": "daemon.commands.mcp:mcp",
    "prune": "daemon.commands.prune:prune",
    "styles": "daemon.commands.styles:styles",
    "train-lora": "daemon.commands.train_lora:train_lora",
    "service": "daemon.commands.autostart:service",
    "send": "daemon.commands.send:send",
    "library": "daemon.commands.library:library",
    "models": "daemon.commands.models:models",
}


def app_of(words: Sequence[str]) -> typer.Typer:
    """Return the command line with the one command that `words` begin with, or with all.

    So that a command starts without reading the modules of the others.
    """
    app = typer.Typer(
        help="The band behind your DAW: stems generated in time, in key, on the grid.",
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,  # plain help: quick, and the same on every terminal
        pretty_exceptions_enable=False,
    )
    app.callback()(backline)
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:
        command = pkgutil.resolve_name(COMMANDS[name])
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, cls=GroupedCommand)(command)
    return app


def backline(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version)
    ] = False,
) -> None:
    """The band behind your DAW: stems generated in time, in key, on the grid."""


def main() -> None:
    """Run the command; whatever goes wrong ends in one sentence and an exit status."""
    for stream in (sys.stdout, sys.stderr):  # names of files may hold bytes that are no UTF-8
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app_of(sys.argv[1:])()
    except KeyboardInterrupt:
        say_aside("stopped")
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(_report(error))


def _report(error: Exception) -> int:
    """Print the sentence of an error and return the exit status."""
    failure = failure_of(error)
    cancelled = failure.status == INTERRUPTED
    say_aside(failure.sentence if cancelled else f"error: {failure.sentence}")
    return failure.status
