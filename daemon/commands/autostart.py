"""`backline service`: a daemon that runs whenever its user is logged in."""

from __future__ import annotations

import sys
from typing import Any

import typer

from daemon import autostart
from daemon.commands.options import GroupedCommand
from daemon.commands.setting_options import takes_settings
from daemon.config import typed_config
from daemon.running import daemon_answers
from daemon.screen import say

NOT_THERE = 1  # exit status

service = typer.Typer(
    help="Run the daemon at each login.", no_args_is_help=True, rich_markup_mode=None
)


@service.command("install", cls=GroupedCommand)
@takes_settings
def service_install(typed: dict[str, Any]) -> None:
    """Run the daemon now and at each login, with the settings that are given here or set now."""
    config = typed_config(**typed)
    file, fault = autostart.install(config, tuple(typed))
    say(f"installed {file}")
    if fault:
        say(f"it was not started now ({fault}); it starts at the next login")
    else:
        say("it runs; `backline service remove` ends it")


@service.command("status")
def service_status() -> None:
    """Say whether the service is installed, and whether a daemon answers."""
    config = typed_config()
    file = autostart.installed(config)
    say(f"installed: {file}" if file else "not installed; `backline service install` does it")
    answers = bool(config.osc_port) and daemon_answers(config.osc_port)
    say(f"{'a' if answers else 'no'} daemon answers on port {config.osc_port}")
    if file is None:
        raise typer.Exit(NOT_THERE)


@service.command("remove")
def service_remove() -> None:
    """Stop the service and delete what installing it wrote; results and settings stay."""
    config = typed_config()
    file = autostart.remove(config)
    say(f"removed {file}" if file else "it was not installed")
    if sys.platform != "win32" and config.osc_port and daemon_answers(config.osc_port):
        say(f"a daemon still runs on port {config.osc_port}; `backline send quit` ends it")
