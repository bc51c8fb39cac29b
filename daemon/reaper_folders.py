"""Where a portable REAPER keeps its resources: beside its program, and where scripts were put.

REAPER is portable where `reaper.ini` lies in the folder of its program. Programs are looked for on
PATH and in the usual places; others are known once `install-reaper --resource-path` was used.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SETTINGS = "reaper.ini"  # REAPER writes it when it runs the first time
KNOWN = "reaper_folders.json"  # in backline's home
NAMES = ("REAPER", "REAPER (x64)", "REAPER7", "reaper", "reaper-portable")


def portable_folders(home: Path) -> list[Path]:
    """Return the resource folders of portable REAPERs, each once, those that are known first."""
    places = (*known_folders(home), *_program_folders())
    return list(dict.fromkeys(place for place in places if (place / SETTINGS).is_file()))


def known_folders(home: Path) -> list[Path]:
    """Return the folders that `remember` was given and that were not forgotten."""
    with suppress(OSError, ValueError, TypeError):
        return [Path(text) for text in json.loads((home / KNOWN).read_text("utf-8"))]
    return []


def remember(home: Path, folder: Path) -> None:
    """Keep a resource folder in mind; where `home` cannot be written it is not."""
    _keep(home, [folder.absolute(), *known_folders(home)])


def forget(home: Path, folder: Path) -> None:
    """No longer keep a resource folder in mind."""
    _keep(home, [known for known in known_folders(home) if known != folder.absolute()])


def _keep(home: Path, folders: list[Path]) -> None:
    if not folders and not (home / KNOWN).exists():
        return
    with suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        texts = list(dict.fromkeys(map(str, folders)))
        (home / KNOWN).write_text(json.dumps(texts) + "\n", "utf-8")


def _program_folders() -> Iterator[Path]:
    """Folders that may hold REAPER's program."""
    if program := shutil.which("reaper"):
        yield Path(program).resolve().parent
    user = Path.home()
    roots = [user, user / "Desktop", user / "Documents", user / "Downloads"]
    if sys.platform == "win32":
        drive = os.environ.get("SystemDrive", "C:") + os.sep
        roots += [Path(drive), Path(os.environ.get("ProgramFiles", drive))]
    elif sys.platform == "darwin":
        roots += [Path("/Applications"), user / "Applications"]
    else:
        roots += [Path("/opt"), user / "opt", user / "Applications", user / "bin"]
    yield from (root / name for root in roots for name in NAMES)
