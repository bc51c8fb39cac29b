"""`backline serve`, `demo` and `doctor`: the daemon's life and this machine's health."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import typer

from daemon.commands.options import Force, Home, Out, Port
from daemon.commands.setting_options import takes_settings
from daemon.config import typed_config
from daemon.errors import UsageError
from daemon.screen import say

FAILED = 1  # exit status


@takes_settings
def serve(typed: dict[str, Any]) -> None:
    """Run the daemon until Ctrl-C, SIGTERM or `backline send quit`."""
    config = typed_config(**typed)
    if config.log_file:
        _print_into(config.log_file)
    os.environ.update(config.variables())  # for its worker, and for rooms that read them there
    from daemon.server import Daemon
    from stems.version import backline_version

    daemon = Daemon(config)
    daemon.start()
    daemon.hold_home_to_the_end()
    with daemon.stopped_by_signals():
        try:
            say(
                f"backline {backline_version()} listens for OSC on "
                f"udp://127.0.0.1:{daemon.osc_port} (home {daemon.config.home})"
            )
            daemon.serve()
        finally:
            daemon.stop()


def _print_into(log_file: Path) -> None:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        sys.stdout = sys.stderr = log_file.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(f"log-file {log_file} cannot be written: {error.strerror}") from None


def demo(out: Out = Path("out/demo"), force: Force = False) -> None:
    """Start a daemon, send it one request over OSC, and show what comes of it."""
    from daemon.commands.outputs import check_folder
    from daemon.demo import play
    from daemon.results import summary

    check_folder(out, None, force=force)
    for line in summary(*play(out)):
        say(line)


def doctor(osc_port: Port = None, home: Home = None) -> None:
    """Check this machine: a line each, ok, warning or problem, and what to do."""
    from daemon.doctor import PROBLEM, examine

    config = typed_config(home=home, osc_port=osc_port)
    problems = 0
    for finding in examine(config):
        advice = f" -> {finding.advice}" if finding.advice else ""
        say(f"{finding.status:<8} {finding.subject}: {finding.text}{advice}")
        problems += finding.status == PROBLEM
    if problems:
        raise typer.Exit(FAILED)
