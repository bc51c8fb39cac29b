"""The scripts for REAPER: put into its resource folder, and removed from there.

Nothing else in that folder is touched. A receipt beside the scripts has the SHA-256 of each file
as it was installed, so a file that somebody has changed since is recognised and kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from daemon.errors import DaemonError, UsageError
from daemon.reaper_folders import SETTINGS
from stems.version import backline_version

SCRIPTS = Path(__file__).resolve().parent.parent / "reaper_scripts"
PLACE = Path("Scripts", "backline")  # in the resource folder
LAUNCHER = "backline_launcher.json"
RECEIPT = "backline_receipt.json"
SETUP_MARK = b" -- backline"
STARTER = ("-P", "-m", "daemon")  # -P: the folder REAPER happens to be in hides no package
PATIENCE_SECONDS = 120.0  # the first start of a new Python on a slow disk


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the scripts are or were, how many files were written or removed, and what was kept.

    `kept` are files somebody has changed: after an installation they are there under a name that
    ends in -bak, after an uninstallation under their own.
    """

    folder: Path
    files: int
    kept: tuple[Path, ...]


def resource_folder() -> Path:
    """Where REAPER keeps its resources unless it is a portable installation."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "REAPER"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "REAPER"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "REAPER"


def install(resources: Path, home: Path) -> Outcome:
    """Write the scripts, the launcher that finds this Python and `home`, and the receipt.

    What an earlier version has installed is replaced. Raises UsageError when `resources` is not
    REAPER's, and DaemonError when this Python cannot start backline or a file cannot be written.
    """
    _check_resources(resources)
    _check_starter()
    folder = resources / PLACE
    new = _scripts() | {LAUNCHER: _launcher(home)}
    kept = []
    with _disk_errors_explained(folder):
        before = _receipt(folder)
        for name, data in new.items():
            path = folder / name
            if path.is_file() and _hash(path.read_bytes()) not in (before.get(name), _hash(data)):
                kept.append(path.rename(_backup_name(path)))
            _write(path, data)
        outdated = {name: hash_ for name, hash_ in before.items() if name not in new}
        kept += _remove(folder, outdated)[1]
        receipt = {"version": backline_version(), "files": {n: _hash(d) for n, d in new.items()}}
        _write(folder / RECEIPT, _json(receipt))
    return Outcome(folder, len(new), tuple(kept))


def uninstall(resources: Path) -> Outcome:
    """Remove what the receipt names, unless it was changed since, and the folders left empty.

    Raises UsageError when nothing is installed there, DaemonError when a file cannot be removed.
    """
    folder = resources / PLACE
    if not (folder / RECEIPT).is_file():
        raise UsageError(f"nothing is installed in {folder}: there is no {RECEIPT}")
    with _disk_errors_explained(folder):
        receipt = _receipt(folder)
        removed, kept = _remove(folder, receipt)
        (folder / RECEIPT).unlink()
        with suppress(OSError):  # not empty: something in it is not ours
            folder.rmdir()
        _undo_setup(resources)
    return Outcome(folder, removed, tuple(kept))


def _undo_setup(resources: Path) -> None:
    """Take back what the action backline_setup has added in REAPER's folders (lib/setup.lua)."""
    for name in ("MenuSets/backline.ReaperMenu", f"Data/backline/{LAUNCHER}"):
        (resources / name).unlink(missing_ok=True)
    startup = resources / "Scripts" / "__startup.lua"
    if not startup.is_file():
        return
    lines = startup.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not line.rstrip().endswith(SETUP_MARK)]
    if not kept:
        startup.unlink()
    elif kept != lines:
        startup.write_bytes(b"".join(kept))


def installed_version(resources: Path) -> str | None:
    """The version of the scripts installed there, or None."""
    try:
        return str(json.loads((resources / PLACE / RECEIPT).read_bytes())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check_resources(resources: Path) -> None:
    hint = "in REAPER, Options > Show REAPER resource path tells it; give it with --resource-path"
    if not resources.is_dir() and resources == resource_folder():
        raise UsageError(
            f"REAPER has made no resource folder at {resources} yet: start REAPER once, then run "
            f"this again. A portable REAPER has it elsewhere: {hint}"
        )
    if not resources.is_dir():
        raise UsageError(f"resource-path {resources} is no folder; {hint}")
    if not (resources / SETTINGS).is_file():
        raise UsageError(f"resource-path {resources} is not REAPER's: no {SETTINGS} in it; {hint}")


def _check_starter() -> None:
    """See that this Python finds backline from any folder, as REAPER will start it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as elsewhere:
        try:
            ran = subprocess.run(
                [sys.executable, *STARTER, "--version"], cwd=elsewhere, env=environment,
                capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DaemonError(f"{sys.executable} does not start: {error}") from error
    if ran.returncode != 0 or not ran.stdout.startswith("backline "):
        raise DaemonError(
            f"{sys.executable} does not find backline from another folder, so REAPER could not "
            "start it; run `make install`, or `pip install -e .` in the clone, and use that one"
        )


def _scripts() -> dict[str, bytes]:
    """The bytes of each script and icon by its path with forward slashes, in order."""
    files = sorted(path for path in SCRIPTS.rglob("*") if path.suffix in (".lua", ".png"))
    if not any(path.suffix == ".lua" for path in files):
        raise DaemonError(f"the scripts are missing: no .lua file in {SCRIPTS}")
    return {path.relative_to(SCRIPTS).as_posix(): path.read_bytes() for path in files}


def _launcher(home: Path) -> bytes:
    facts = {
        "python": sys.executable,
        "args": list(STARTER),
        "home": str(home.expanduser().absolute()),
        "version": backline_version(),
    }
    return _json(facts)


def _write(path: Path, data: bytes) -> None:
    """Write a file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _remove(folder: Path, hashes: Mapping[str, str]) -> tuple[int, list[Path]]:
    """Remove files that are as installed; returns how many, and those that are not."""
    removed, kept = 0, []
    for name, hash_ in hashes.items():
        path = folder / name
        if not path.is_file():
            continue
        if _hash(path.read_bytes()) == hash_:
            path.unlink()
            removed += 1
        else:
            kept.append(path)
    for parent in {(folder / name).parent for name in hashes} - {folder}:
        with suppress(OSError):
            parent.rmdir()
    return removed, kept


def _receipt(folder: Path) -> dict[str, str]:
    """SHA-256 by name of what is installed; raises DaemonError for a receipt that is not ours."""
    path = folder / RECEIPT
    try:
        found = json.loads(path.read_bytes())["files"]
        if not all(_is_inside(name) and isinstance(found[name], str) for name in found):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        raise DaemonError(f"{path} is damaged; remove {folder} by hand") from None
    return dict(found)


def _is_inside(name: str) -> bool:
    """Whether a name in a receipt stays in its folder: files are removed by it."""
    parts = PurePosixPath(name).parts
    is_plain = "\\" not in name and not PureWindowsPath(name).anchor
    return bool(parts) and ".." not in parts and is_plain


def _backup_name(path: Path) -> Path:
    number = 1
    while (backup := path.with_name(f"{path.name}-bak{number if number > 1 else ''}")).exists():
        number += 1
    return backup


@contextmanager
def _disk_errors_explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DaemonError(f"{error.filename or folder} cannot be changed: {reason}") from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
