"""Look at this machine and say, a line each, what is ready and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.config import OSC_HOST, Config

OK, WARNING, PROBLEM = "ok", "warning", "problem"
GIB = 1 << 30
NEEDED_DISK_BYTES = 2 * GIB
ROOMS = ("midi", "osc_protocol", "audio", "diffusion", "stems", "daemon")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` says what to do unless all is well."""

    subject: str
    status: str
    text: str
    advice: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """Check one thing after the other; slow ones (torch, the weights) come when asked for."""
    checks: tuple[Callable[[Config], Finding], ...] = (
        _python, _rooms, _torch, _disk, _weights, _osc_port, _reaper,
    )  # fmt: skip
    for check in checks:
        yield check(config)


def _python(config: Config) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):
        return Finding("Python", PROBLEM, version, "install Python 3.11 or newer")
    return Finding("Python", OK, f"{version} at {sys.executable}")


def _rooms(config: Config) -> Finding:
    """Our packages have plain names, so another program's `daemon` could stand in our way."""
    root = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != root:
            advice = "install backline in a virtual environment of its own"
            return Finding("Packages", PROBLEM, f"{room} is {origin}, not backline's", advice)
    return Finding("Packages", OK, f"{len(ROOMS)} rooms in {root}")


def _torch(config: Config) -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", PROBLEM, str(error), "run `make install` or `pip install -e .`")
    if torch.cuda.is_available():
        return Finding("torch", OK, f"{torch.__version__}, GPU {torch.cuda.get_device_name()}")
    return Finding("torch", OK, f"{torch.__version__}, CPU with {os.cpu_count()} cores")


def _disk(config: Config) -> Finding:
    folder = config.home
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Finding("Disk", PROBLEM, f"{folder} cannot be written to", "choose another --home")
    free = shutil.disk_usage(folder).free
    text = f"{free / GIB:.1f} GiB free for results in {config.home}"
    if free < NEEDED_DISK_BYTES:
        return Finding("Disk", WARNING, text, "make room: 2 GiB is a comfortable minimum")
    return Finding("Disk", OK, text)


def _weights(config: Config) -> Finding:
    """Loading is the check: the engine refuses weights whose SHA-256 is not the published one."""
    from diffusion.engine import open_engine
    from diffusion.errors import EngineError

    try:
        engine = open_engine("embedded")
        engine.load(lambda stage, fraction: None)
    except (EngineError, ImportError, OSError) as error:
        return Finding("Weights", PROBLEM, str(error), "clone or install backline again")
    digest = str(engine.describe().get("weights", ""))
    engine.close()
    return Finding("Weights", OK, f"embedded engine, hash verified {digest}".rstrip())


def _osc_port(config: Config) -> Finding:
    subject = f"OSC port {config.osc_port}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((OSC_HOST, config.osc_port))
        except OSError:
            probe.close()
            if _daemon_answers(config.osc_port):
                return Finding(subject, OK, "a backline daemon answers there")
            advice = "end that program or use another --osc-port"
            return Finding(subject, WARNING, "taken by another program", advice)
    return Finding(subject, OK, "free")


def _daemon_answers(port: int) -> bool:
    raise NotImplementedError


def _reaper(config: Config) -> Finding:
    folder = _reaper_folder()
    if folder.is_dir():
        return Finding("REAPER", OK, f"resource folder {folder}")
    advice = "start REAPER once, or ignore this if it is a portable install or another DAW"
    return Finding("REAPER", WARNING, f"no resource folder at {folder}", advice)


def _reaper_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "REAPER"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "REAPER"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "REAPER"
