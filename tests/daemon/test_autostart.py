"""The service of each platform: its text, what installing it does, and that nothing is left."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree import ElementTree

import pytest

from daemon import autostart, autostart_texts
from daemon.config import Config
from daemon.errors import DaemonError
from daemon.running import ROOT, daemon_answers

ODD = ["/opt/my music/bin/python", "-m", "daemon", "serve", "--home", '/x/100 % $HOME "a" \\b']
FOLDER = PurePosixPath("/opt/my music")
MICROSOFT = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken


def exec_line(unit: str) -> list[str]:
    """The words of ExecStart as systemd reads them: its quotes are a shell's, % and $ doubled."""
    (line,) = (each for each in unit.splitlines() if each.startswith("ExecStart="))
    words = shlex.split(line.removeprefix("ExecStart="))
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


def test_systemd_reads_the_words_of_the_command_whatever_they_hold() -> None:
    assert exec_line(autostart_texts.systemd_unit(ODD, FOLDER)) == ODD


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs the package systemd")
def test_systemds_own_linter_finds_no_fault(tmp_path: Path) -> None:
    unit = tmp_path / "backline.service"
    words = [sys.executable, "-m", "daemon", "serve", "--home", ODD[-1]]
    unit.write_text(autostart_texts.systemd_unit(words, ROOT, lingers=True))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--user", str(unit)],
        capture_output=True, text=True, env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert (ran.returncode, "backline" in ran.stderr) == (0, False), ran.stderr


def test_launchd_is_told_to_run_the_command_at_login_and_after_faults() -> None:
    agent = plistlib.loads(autostart_texts.launchd_agent(ODD, FOLDER))
    assert agent["ProgramArguments"] == ODD and agent["WorkingDirectory"] == str(FOLDER)
    assert agent["RunAtLoad"] is True and agent["KeepAlive"] == {"SuccessfulExit": False}


def task(words: list[str]) -> bytes:
    return autostart_texts.windows_task(words, PureWindowsPath(r"C:\My Music"), r"PC\Jörg & Co")


def test_windows_is_told_to_run_the_command_when_this_user_logs_on() -> None:
    root = ElementTree.fromstring(task([r"C:\My Music\pythonw.exe", "-m", "daemon", r"C:\a b"]))

    def text(path: str) -> str | None:
        return root.findtext("/".join(MICROSOFT + name for name in path.split("/")))

    assert text("Triggers/LogonTrigger/UserId") == r"PC\Jörg & Co"
    assert text("Actions/Exec/Command") == r"C:\My Music\pythonw.exe"
    assert text("Actions/Exec/Arguments") == r'-m daemon "C:\a b"'
    assert text("Settings/ExecutionTimeLimit") == "PT0S"


@pytest.mark.skipif(not shutil.which("xmllint"), reason="needs the package libxml2-utils")
@pytest.mark.parametrize("text", [autostart_texts.launchd_agent(ODD, FOLDER), task(ODD)])
def test_the_files_of_launchd_and_windows_are_well_formed(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(text)
    ran = subprocess.run(
        ["xmllint", "--noout", "--nonet", str(file)], capture_output=True, timeout=DEADLINE_SECONDS
    )
    assert (ran.returncode, ran.stderr) == (0, b"")


class System:
    """Stands for systemctl, launchctl and schtasks: keeps what they are asked."""

    def __init__(self, fault: str = "") -> None:
        self.fault, self.asked = fault, list[str]()

    def __call__(self, words: tuple[str, ...]) -> str:
        self.asked.append(" ".join(words))
        return self.fault


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings of a user whose folders are all below one that is empty but for the home."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "user" / ".config").mkdir(parents=True)
    (tmp_path / "user" / "Library").mkdir()
    return Config(tmp_path / "home", osc_port=0, warm_engine="none")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("platform", "name", "told"),
    [
        ("linux", "backline.service", "systemctl --user restart backline.service"),
        ("darwin", "io.github.backline.plist", "launchctl bootstrap gui/"),
        ("win32", "service.xml", "schtasks /Create /TN backline /XML "),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="its folders are not chosen by HOME")
def test_what_is_installed_is_removed_without_a_trace(
    own: Config, platform: str, name: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.make_folders()
    before = files(own.home.parent)
    monkeypatch.setattr(sys, "platform", platform)
    system = System()
    file, fault = autostart.install(own, ("home",), system)
    assert (file.name, fault) == (name, "")
    assert autostart.installed(own) == file
    assert any(asked.startswith(told) for asked in system.asked)
    autostart.install(own, ("home",), system)  # again: in its place
    assert autostart.remove(own, system) == file
    assert files(own.home.parent) - before <= {"user/Library/LaunchAgents"}  # the system's own
    assert autostart.remove(own, system) is None


@pytest.mark.skipif(sys.platform != "linux", reason="a matter of systemd")
def test_a_user_who_did_not_linger_does_not_afterwards(own: Config) -> None:
    system = System()
    file, _ = autostart.install(own, (), system)
    assert "loginctl enable-linger" in system.asked
    assert autostart_texts.LINGERS in file.read_text()
    autostart.remove(own, system)
    assert "loginctl disable-linger" in system.asked


@pytest.mark.skipif(sys.platform != "linux", reason="a matter of systemd")
def test_without_a_user_manager_the_unit_lies_there_and_the_reason_is_said(own: Config) -> None:
    file, fault = autostart.install(own, (), System("Failed to connect to bus"))
    assert fault == "Failed to connect to bus" and file.is_file()
    assert autostart_texts.LINGERS not in file.read_text()


def test_a_task_that_windows_refuses_is_not_installed(
    own: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(DaemonError, match="was not installed: access is denied"):
        autostart.install(own, (), System("access is denied"))
    assert autostart.installed(own) is None


@pytest.mark.skipif(sys.platform != "linux", reason="a matter of systemd")
def test_what_was_typed_or_set_is_in_the_command_and_what_the_usual_file_says_is_not(
    own: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKLINE_MAX_QUEUED_JOBS", "3")
    words = autostart.command(Config(tmp_path, osc_port=9805), ("home", "osc_port"))
    assert words[4:] == ["--home", str(tmp_path), "--osc-port", "9805", "--max-queued-jobs", "3"]


@pytest.mark.skipif(sys.platform != "linux", reason="a matter of systemd")
def test_the_units_command_survives_the_end_of_the_session_and_quits_cleanly(
    own: Config, tmp_path: Path, launch_port: int
) -> None:
    config = Config(own.home, osc_port=launch_port, warm_engine="none")
    file, _ = autostart.install(config, ("home", "osc_port", "warm_engine"), System("no bus"))
    unit = tmp_path / "unit.json"
    unit.write_text(shlex.join(exec_line(file.read_text())))
    # A login shell that leads a session, starts it as systemd would, and hangs up.
    shell = subprocess.Popen(
        ["sh", "-c", 'cd "$1" && eval "setsid $(cat "$2") &"; read line', "sh", ROOT, unit],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert shell.stdout is not None and shell.stdin is not None
    assert f":{launch_port}".encode() in shell.stdout.readline()  # it listens
    os.killpg(shell.pid, signal.SIGHUP)
    shell.wait(DEADLINE_SECONDS)
    assert daemon_answers(launch_port, DEADLINE_SECONDS)
    quit_ = [sys.executable, "-m", "daemon", "send", "quit", "--osc-port", str(launch_port)]
    ran = subprocess.run(quit_, cwd=ROOT, capture_output=True, timeout=DEADLINE_SECONDS)
    assert ran.stdout == b"the daemon has stopped\n"
    shell.stdout.close()
    shell.stdin.close()


@pytest.fixture
def launch_port() -> int:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
