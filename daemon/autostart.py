"""The daemon as a service of the user's own: installed, looked up and removed without a trace."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemon import autostart_texts as texts
from daemon.config import Config, settings
from daemon.errors import DaemonError
from daemon.running import ROOT, daemon_answers, serve_command
from diffusion.models.config_file import source_of

UNIT = f"{texts.NAME}.service"
COMMAND_SECONDS = 60.0  # of the system's own programs, which take a moment each

Words = tuple[str, ...]
Run = Callable[[Words], str]


@dataclass(frozen=True, slots=True)
class Autostart:
    """How one system starts a program at login: a file, a link to it, and commands.

    The commands run after the file is written, or before it is removed.

    `must_start`: without the commands the file alone is nothing to the system.
    """

    file: Path
    text: bytes
    after: tuple[Words, ...]
    before: tuple[Words, ...]
    link: Path | None = None
    must_start: bool = False


def run(words: Words) -> str:
    """Run a program of the system; returns "" or what went wrong."""
    try:
        ran = subprocess.run(
            words, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except FileNotFoundError:
        return f"there is no {words[0]}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{words[0]}: {error}"
    said = (ran.stderr or ran.stdout).strip().splitlines()
    return "" if ran.returncode == 0 else (said[0] if said else f"{words[0]} failed")


def command(config: Config, typed: Sequence[str]) -> list[str]:
    """Return the command that serves with these settings.

    What was `typed` or stands in the environment now is written into it, for neither is there
    later; what the usual file says is not, for it is read at each start.
    """
    words = []
    if sys.platform != "linux":  # where nothing else keeps what it prints
        typed = (*typed, "log_file")
    is_own_file = bool(os.environ.get("BACKLINE_CONFIG"))
    for each in settings():
        source = source_of(each.key)
        value = getattr(config, each.field)
        if each.field == "log_file" and value is None:
            value = config.log_folder / "serve.log"
        if each.field == "warm_engine":
            value = value or "none"
        if each.field in typed or source == "environment" or (source == "file" and is_own_file):
            words += [f"--{each.key}", str(value.absolute() if isinstance(value, Path) else value)]
    return serve_command(*words)


def autostart(words: Sequence[str], home: Path, *, lingers: bool = False) -> Autostart:
    """Return how this platform runs `words` for this user at login."""
    if sys.platform == "win32":
        windowless = Path(words[0]).with_name("pythonw.exe")
        program = str(windowless) if windowless.is_file() else words[0]
        file = home / "service.xml"
        return Autostart(
            file,
            texts.windows_task([program, *words[1:]], ROOT, getpass.getuser()),
            after=(
                ("schtasks", "/Create", "/TN", texts.NAME, "/XML", str(file), "/F"),
                ("schtasks", "/Run", "/TN", texts.NAME),
            ),
            before=(
                ("schtasks", "/End", "/TN", texts.NAME),
                ("schtasks", "/Delete", "/TN", texts.NAME, "/F"),
            ),
            must_start=True,
        )
    if sys.platform == "darwin":
        file = Path.home() / "Library" / "LaunchAgents" / f"{texts.LABEL}.plist"
        session = f"gui/{os.getuid()}"
        return Autostart(
            file,
            texts.launchd_agent(words, ROOT),
            after=(("launchctl", "bootstrap", session, str(file)),),
            before=(("launchctl", "bootout", f"{session}/{texts.LABEL}"),),
        )
    kept = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(kept or Path.home() / ".config") / "systemd" / "user"
    return Autostart(
        folder / UNIT,
        texts.systemd_unit(words, ROOT, lingers=lingers).encode("utf-8", "surrogateescape"),
        after=(
            ("systemctl", "--user", "daemon-reload"), ("systemctl", "--user", "restart", UNIT),
        ),
        before=(("systemctl", "--user", "stop", UNIT),),
        link=folder / "default.target.wants" / UNIT,
    )  # fmt: skip


def install(config: Config, typed: Sequence[str], run: Run = run) -> tuple[Path, str]:
    """Have the daemon run at login, and now; returns the file, and why it does not run now or "".

    An earlier installation is replaced. Raises DaemonError where a daemon runs that is not the
    service's, and where the system takes nothing.
    """
    lingers = _has_us_linger(config)
    remove(config, run)
    if config.osc_port and daemon_answers(config.osc_port):
        raise DaemonError(
            f"a daemon runs on port {config.osc_port} already; stop it with `backline send quit`"
        )
    config.make_folders()
    if sys.platform == "linux" and not lingers:
        lingers = _linger(run)
    entry = autostart(command(config, typed), config.home, lingers=lingers)
    try:
        entry.file.parent.mkdir(parents=True, exist_ok=True)
        entry.file.write_bytes(entry.text)
        if entry.link:
            entry.link.parent.mkdir(exist_ok=True)
            entry.link.symlink_to(entry.file)
    except OSError as error:
        raise DaemonError(f"{entry.file} cannot be written: {error.strerror}") from None
    fault = next(filter(None, map(run, entry.after)), "")
    if fault and entry.must_start:
        remove(config, run)
        raise DaemonError(f"the service was not installed: {fault}")
    return entry.file, fault


def remove(config: Config, run: Run = run) -> Path | None:
    """Stop the service and delete all that install() wrote; returns the file, None for no file."""
    entry = autostart(serve_command(), config.home)
    if not entry.file.exists() and not (entry.link and entry.link.is_symlink()):
        return None
    for words in entry.before:
        run(words)  # it may not run, or there may be nobody to stop it
    if _has_us_linger(config):
        run(("loginctl", "disable-linger"))
    for path in filter(None, (entry.link, entry.file)):
        path.unlink(missing_ok=True)
    if sys.platform == "linux":
        run(("systemctl", "--user", "daemon-reload"))
        for folder in (entry.file.parent / "default.target.wants", *entry.file.parents[:2]):
            with suppress(OSError):  # it holds another's units
                folder.rmdir()
    return entry.file


def installed(config: Config) -> Path | None:
    """Return the service's file where it is installed."""
    file = autostart(serve_command(), config.home).file
    return file if file.is_file() else None


def _has_us_linger(config: Config) -> bool:
    file = installed(config)
    return file is not None and texts.LINGERS.encode() in file.read_bytes()


def _linger(run: Run) -> bool:
    """Have systemd run this user's services without a login too; False where it did, or cannot."""
    before = Path("/var/lib/systemd/linger", getpass.getuser()).exists()
    return not before and not run(("loginctl", "enable-linger"))
