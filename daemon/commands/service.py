"""`backline serve`, `demo` and `doctor`: the daemon's life and this machine's health."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.commands.options import OUTPUT, Force, Home, Out, Port
from daemon.commands.outputs import check_free, in_place_of, written_whole
from daemon.commands.setting_options import takes_settings
from daemon.config import typed_config
from daemon.errors import UsageError
from daemon.screen import say, say_aside

FAILED = 1  # exit status

Bundle = Annotated[
    bool, typer.Option("--bundle", help="Write logs, versions and settings into a zip file.")
]
BundleFile = Annotated[
    Path | None, typer.Option("-o", "--out", help="The file of --bundle, .zip.", **OUTPUT)
]


@takes_settings
def serve(typed: dict[str, Any]) -> None:
    """Run the daemon until Ctrl-C, SIGTERM or `backline send quit`."""
    config = typed_config(**typed)
    if config.log_file:
        _print_into(config.log_file)
    os.environ.update(config.variables())  # for its worker, and for rooms that read them there
    from daemon.front_ends.front_end import http_url
    from daemon.server import Daemon
    from stems.version import backline_version

    daemon = Daemon(config)
    daemon.start()
    daemon.hold_home_to_the_end()
    with daemon.stopped_by_signals():
        try:
            for remark in daemon.remarks:
                say_aside(remark)
            say(
                f"backline {backline_version()} listens for OSC on "
                f"udp://127.0.0.1:{daemon.osc_port} (home {daemon.config.home})"
            )
            if daemon.http_port is not None:
                say(f"and for HTTP on {http_url(daemon.config, daemon.http_port)}")
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
    from daemon.commands.outputs import free_folder
    from daemon.demo import play
    from daemon.results import summary

    for line in summary(*play(free_folder(out, None, force=force))):
        say(line)


def doctor(
    osc_port: Port = None,
    home: Home = None,
    bundle: Bundle = False,
    out: BundleFile = None,
    force: Force = False,
) -> None:
    """Check this machine: a line each, ok, warning or problem, and what to do."""
    from daemon.doctor import PROBLEM, examine

    if out is not None and not bundle:
        raise UsageError("out is the file of the bundle: give --bundle with it")
    config = typed_config(home=home, osc_port=osc_port)
    target = _bundle_file(out, force) if bundle else None
    findings = []
    for finding in examine(config):
        say(finding.line)
        findings.append(finding)
    if target is not None:
        from daemon.support_bundle import write_bundle

        with (
            in_place_of([target], "out", [], force=force, folder=False),
            written_whole(target, "out") as partial,
        ):
            names = write_bundle(partial, config, findings)
        say(f"{target}: {len(names)} files without your names, paths and songs; look through them")
    if any(finding.status == PROBLEM for finding in findings):
        raise typer.Exit(FAILED)


def _bundle_file(out: Path | None, force: bool) -> Path:
    """Return where the bundle goes, before minutes are spent on it; raises UsageError."""
    from datetime import datetime

    from daemon.support_bundle import bundle_name

    target = out or Path(bundle_name(datetime.now()))
    if target.suffix.lower() != ".zip":
        raise UsageError(f"out {str(target)!r} must end in .zip")
    check_free(target, "out", [], force=force)
    return target
