"""The command line that starts the daemon on Windows, taken apart under Wine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
COMPILER = "x86_64-w64-mingw32-gcc"
WINE = next((p for p in ("wine64", "/usr/lib/wine/wine64", "wine") if shutil.which(p)), "")
DEADLINE_SECONDS = 300.0
STARTED = """
w.system = "Win64"
local daemon = Daemon.new(w)
daemon:die()
local file = w.real.io_open(w.scripts .. "/backline_launcher.json", "wb")
file:write([==[%s]==])
file:close()
w.home = [==[%s]==]
daemon.home, daemon.spool = w.home, w.home .. "/spool"
w.on_execute = function() daemon:come_back() end
w:run("backline_start_stop_daemon.lua")
w.console = w.executed
"""

pytestmark = pytest.mark.skipif(
    not WINE or shutil.which(COMPILER) is None,
    reason="not installed: wine64, gcc-mingw-w64-x86-64",
)


def build(name: str, target: Path) -> None:
    options = ("-municode", "-mwindows", "-DUNICODE", "-D_UNICODE", "-w", "-o", target)
    subprocess.run([COMPILER, *options, HERE / "windows" / f"{name}.c"], check=True)


def test_every_word_arrives_whole_and_no_console_opens(reaper: Any, tmp_path: Path) -> None:
    place = tmp_path / "Jörg Ö (x64) & 漢 %TEMP% ^'"
    home, python = place / "home", place / "Python 3" / "python.exe"
    for folder in (python.parent, home / "spool" / "in", home / "spool" / "out"):
        folder.mkdir(parents=True)
    python.touch()
    build("pythonw", python.with_name("pythonw.exe"))
    build("starter", tmp_path / "starter.exe")
    launcher = {"python": str(python), "args": ["-P", "-m", "daemon"], "home": str(home)}
    told = reaper.play(STARTED % (json.dumps(launcher, ensure_ascii=False), home))
    (line,) = told["console"]
    # Wine has this machine's files under Z:.
    (tmp_path / "starter.txt").write_text(line.replace(str(place), f"Z:{place}"), "utf-8")
    environment = os.environ | {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
    subprocess.run(
        [WINE, str(tmp_path / "starter.exe")], env=environment, timeout=DEADLINE_SECONDS,
        check=True, capture_output=True,
    )  # fmt: skip
    words = (home / "log" / "started-by-reaper.log").read_text("utf-8").splitlines()
    assert words == [
        f"Z:{python.with_name('pythonw.exe')}", "-P", "-m", "daemon", "serve", "--home",
        f"Z:{home}", "--log-file", f"Z:{home}/log/started-by-reaper.log", "no console",
    ]  # fmt: skip
