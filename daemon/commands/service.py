"""`backline serve`, `demo` and `doctor`: the daemon's life and this machine's health."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import Force, Home, Out, Port
from daemon.config import OSC_PORT, Config, default_home
from daemon.screen import say

FAILED = 1  # exit status
LogFile = Annotated[Path | None, typer.Option(help="Print into this file, where no screen is.")]


def serve(osc_port: Port = OSC_PORT, home: Home = None, log_file: LogFile = None) -> None:
    """Run the daemon until Ctrl-C, SIGTERM or `backline send quit`."""
    if log_file:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        sys.stdout = sys.stderr = log_file.open("a", encoding="utf-8", buffering=1)
    from daemon.server import Daemon
    from stems.version import backline_version

    daemon = Daemon(Config(home=home or default_home(), osc_port=osc_port))
    daemon.start()
    with daemon.stopped_by_signals():
        try:
            say(
                f"backline {backline_version()} listens for OSC on "
                f"udp://127.0.0.1:{daemon.osc_port} (home {daemon.config.home})"
            )
            daemon.serve()
        finally:
            daemon.stop()


def demo(out: Out = Path("out/demo"), force: Force = False) -> None:
    """Start a daemon, send it one request over OSC, and show what comes of it."""
    from daemon.commands.outputs import check_folder
    from daemon.demo import play
    from daemon.results import summary

    check_folder(out, None, force=force)
    for line in summary(*play(out)):
        say(line)


def doctor(osc_port: Port = OSC_PORT, home: Home = None) -> None:
    """Check this machine: a line each, ok, warning or problem, and what to do."""
    from daemon.doctor import PROBLEM, examine

    config = Config(home=home or default_home(), osc_port=osc_port)
    problems = 0
    for finding in examine(config):
        advice = f" -> {finding.advice}" if finding.advice else ""
        say(f"{finding.status:<8} {finding.subject}: {finding.text}{advice}")
        problems += finding.status == PROBLEM
    if problems:
        raise typer.Exit(FAILED)
