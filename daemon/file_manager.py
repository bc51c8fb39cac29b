"""A folder shown in the system's file manager."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from daemon.errors import DaemonError

PROGRAMS = {"win32": "explorer", "darwin": "open"}
ELSEWHERE = "xdg-open"
PATIENCE_SECONDS = 5.0  # one that is still there then is the file manager itself


def show(folder: Path) -> None:
    """Open a folder; raises DaemonError that names it where no program can show it."""
    program = PROGRAMS.get(sys.platform, ELSEWHERE)
    try:
        process = subprocess.Popen(
            [program, str(folder.resolve())],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        status = process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        return
    except OSError:
        status = 1
    if status and program != PROGRAMS["win32"]:  # which ends with 1 also when all is well
        raise DaemonError(f"no file manager could be opened with {program}; the folder is {folder}")
