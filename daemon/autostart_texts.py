"""What systemd, launchd and Windows read to run the daemon when its user logs in: plain functions.

Each is given the command as a list of words, and the folder to run it in.
"""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from pathlib import PurePath
from subprocess import list2cmdline
from xml.etree import ElementTree

NAME = "backline"
LABEL = "io.github.backline"  # of launchd
ABOUT = "backline: stems for your DAW, over OSC"
LINGERS = "X-Backline-Lingers=yes"  # a line that systemd passes over: we had it keep the user
RETRY_SECONDS = 5
STOP_SECONDS = 10  # twice what a busy daemon takes


def systemd_unit(command: Sequence[str], folder: PurePath, *, lingers: bool = False) -> str:
    """Return a unit of systemd's user manager; `lingers`: installing it had the user linger."""
    words = " ".join(map(_systemd_word, command))
    return f"""\
[Unit]
Description={ABOUT}
{LINGERS if lingers else "# The user's lingering was not changed."}

[Service]
Type=exec
WorkingDirectory={str(folder).replace("%", "%%")}
ExecStart={words}
Restart=on-failure
RestartSec={RETRY_SECONDS}
KillMode=mixed
TimeoutStopSec={STOP_SECONDS}

[Install]
WantedBy=default.target
"""


def _systemd_word(word: str) -> str:
    """A word in the quotes of systemd.service(5); % and $ stand for themselves."""
    for letter, written in (
        ("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n"),
    ):  # fmt: skip
        word = word.replace(letter, written)
    return f'"{word}"'


def launchd_agent(command: Sequence[str], folder: PurePath) -> bytes:
    """Return a property list of launchd: started at login, and again when it ends by a fault."""
    agent = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "WorkingDirectory": str(folder),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": RETRY_SECONDS,
        "ExitTimeOut": STOP_SECONDS,
        "ProcessType": "Interactive",  # what it plays is waited for
    }
    return plistlib.dumps(agent)


def windows_task(command: Sequence[str], folder: PurePath, user: str) -> bytes:
    """Return a task of the Windows scheduler, in UTF-16 as schtasks wants it."""
    task = ElementTree.Element(
        "Task", version="1.2", xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"
    )

    def add(path: str, text: str) -> None:
        below = task
        for name in path.split("/"):
            found = below.find(name)
            below = ElementTree.SubElement(below, name) if found is None else found
        below.text = text

    # The scheduler wants the elements in the order of its schema.
    add("RegistrationInfo/Description", ABOUT)
    add("Triggers/LogonTrigger/Enabled", "true")
    add("Triggers/LogonTrigger/UserId", user)
    add("Principals/Principal/UserId", user)
    add("Principals/Principal/LogonType", "InteractiveToken")
    add("Principals/Principal/RunLevel", "LeastPrivilege")
    add("Settings/MultipleInstancesPolicy", "IgnoreNew")
    add("Settings/DisallowStartIfOnBatteries", "false")
    add("Settings/StopIfGoingOnBatteries", "false")
    add("Settings/ExecutionTimeLimit", "PT0S")  # none
    add("Settings/RestartOnFailure/Interval", "PT1M")  # the shortest there is
    add("Settings/RestartOnFailure/Count", "3")
    add("Actions/Exec/Command", command[0])
    add("Actions/Exec/Arguments", list2cmdline(command[1:]))
    add("Actions/Exec/WorkingDirectory", str(folder))
    for element, name in (("Principals/Principal", "id"), ("Actions", "Context")):
        found = task.find(element)
        assert found is not None
        found.set(name, "Author")
    return bytes(ElementTree.tostring(task, "utf-16", xml_declaration=True))
