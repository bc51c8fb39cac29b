"""Whether a daemon runs on this machine, starting one apart from this process, and its end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from daemon.config import OSC_HOST, Config
from daemon.errors import DaemonError
from daemon.home_lock import is_held

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0  # longer than it takes on a very busy machine
LOOK_SECONDS = 0.02  # between two looks


def serve_command(*options: str) -> list[str]:
    """Return the command that runs a daemon of this installation, from ROOT or `environment`."""
    return [sys.executable, "-m", "daemon", "serve", *options]


def environment() -> Mapping[str, str]:
    """Return the variables with which another process finds this installation."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def port_is_free(port: int) -> bool:
    """Whether no program of this machine listens on a UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((OSC_HOST, port))
        except OSError:
            return False
    return True


def daemon_answers(port: int, patience_seconds: float = 0.5) -> bool:
    """Whether a backline daemon answers on `port` of this machine."""
    from osc_protocol.client import Client
    from osc_protocol.errors import ProtocolError

    try:
        with Client(port=port, resend_seconds=(patience_seconds,)) as client:
            return client.hello().product == "backline"
    except ProtocolError:
        return False


def start_daemon(config: Config) -> Path:
    """Start a daemon that outlives this process and its terminal; returns its log.

    Returns once it answers; raises DaemonError with what it said where it ends first.
    """
    log_file = config.log_file or config.log_folder / "serve.log"
    words = ("--osc-port", str(config.osc_port), "--home", str(config.home.absolute()))
    apart = 0
    if sys.platform == "win32":
        apart = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    config.make_folders()
    with log_file.open("ab") as log:
        began = log.tell()
        child = subprocess.Popen(
            serve_command(*words, "--log-file", str(log_file.absolute())),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=config.home,
            env={**environment(), **config.variables()},
            start_new_session=os.name == "posix", creationflags=apart,
        )  # fmt: skip
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        has_ended = child.poll() is not None
        if not port_is_free(config.osc_port) and daemon_answers(config.osc_port):
            return log_file  # its own or, where two are started at once, the other's
        if has_ended:
            break
        time.sleep(LOOK_SECONDS)
    said = log_file.read_bytes()[began:].decode("utf-8", "replace").strip().splitlines()
    reason = said[-1].removeprefix("error: ") if said else f"see {log_file}"
    raise DaemonError(f"the daemon could not be started: {reason}")


def wait_for_end(config: Config, patience_seconds: float) -> None:
    """Return once the daemon of a port is gone; raises DaemonError when it takes too long."""
    end = time.monotonic() + patience_seconds
    while not port_is_free(config.osc_port) or is_held(config.home, config.osc_port):
        if time.monotonic() > end:
            raise DaemonError(
                f"the daemon on port {config.osc_port} was asked to stop and still runs after "
                f"{patience_seconds:g} s; see {config.log_folder}"
            )
        time.sleep(LOOK_SECONDS)
