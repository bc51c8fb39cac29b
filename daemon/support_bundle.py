"""What is needed to help a user, in one zip file, without the user's names, paths and songs."""

from __future__ import annotations

import json
import platform
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from daemon.config import Config, settings
from daemon.doctor import Finding
from daemon.reaper_install import installed_version, resource_folder
from daemon.redaction import Redaction, names_here
from diffusion.models.config_file import source_of
from stems.manifest import MANIFEST_NAME
from stems.version import backline_version

LOG_BYTES = 256 * 1024  # of each log, from its end
MOST_LOGS = 40
MOST_JSON_BYTES = 4 << 20
SELF_TEST = "backline_selftest.json"
READ_ME = """\
What `backline doctor --bundle` has collected. Paths, the names of this user and machine, and the
names and words of songs were replaced by <path>, <name> and <N letters>. Please look through it
before you send it.
"""


def bundle_name(now: datetime) -> str:
    """Return the name that a bundle of that time has."""
    return f"backline-support-{now:%Y%m%d-%H%M%S}.zip"


def write_bundle(path: Path, config: Config, findings: Iterable[Finding]) -> list[str]:
    """Write the zip file and return the names in it; `findings` are the doctor's.

    A file that cannot be read is named in it, with the reason. Raises OSError when `path` cannot be
    written.
    """
    places = (config.home, config.models, Path.home(), resource_folder(), Path.cwd())
    hidden = Redaction(names_here(), (place for place in places if len(place.parts) > 2))
    manifest = _newest_manifest(config)
    hidden.learn(manifest)
    members = {"README.txt": READ_ME, "doctor.txt": _lines(hidden, findings)}
    members["versions.json"] = _json(_versions())
    members["settings.json"] = _json(hidden.of_value(_settings(config)))
    if manifest is not None:
        members["last_job.json"] = _json(hidden.of_value(manifest))
    self_test = _read_json(resource_folder() / SELF_TEST)
    if self_test is not None:
        members["reaper_selftest.json"] = _json(hidden.of_value(self_test))
    for log in _logs(config):
        members[f"log/{hidden.of_text(log.name)}"] = hidden.of_text(_end_of(log))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return list(members)


def _lines(hidden: Redaction, findings: Iterable[Finding]) -> str:
    return "".join(hidden.of_text(each.line) + "\n" for each in findings)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _versions() -> dict[str, object]:
    found: dict[str, object] = {
        "backline": backline_version(),
        "python": sys.version,
        "system": platform.platform(),
        "processor": platform.machine(),
        "reaper_scripts": installed_version(resource_folder()),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return {**found, "packages": dict(_packages())}


def _packages() -> Iterator[tuple[str, str]]:
    """Give the version of each package that backline asks for, and that is there."""
    with suppress(PackageNotFoundError):
        for line in requires("backline") or ():
            name = line.split(";")[0].split("[")[0]
            for sign in "<>=!~ (":
                name = name.split(sign)[0]
            with suppress(PackageNotFoundError):
                yield name, version(name)


def _settings(config: Config) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in settings():
        value = getattr(config, each.field)
        shown = str(value) if isinstance(value, Path) else value
        found[each.key] = {"value": shown, "source": source_of(each.key)}
    return found


def _newest_manifest(config: Config) -> object:
    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0

    found = sorted(config.jobs_folder.glob(f"[0-9]*/{MANIFEST_NAME}"), key=age)
    return _read_json(found[-1]) if found else None


def _read_json(path: Path) -> object:
    """Return what a file holds, None where there is none, or why it cannot be read."""
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > MOST_JSON_BYTES:
            return {"unread": f"{path} is larger than {MOST_JSON_BYTES} bytes"}
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return {"unread": f"{path}: {error}"}


def _logs(config: Config) -> list[Path]:
    logs = [config.log_file] if config.log_file else []
    with suppress(OSError):
        logs += sorted(path for path in config.log_folder.iterdir() if ".log" in path.name)
    plain = {path.name: path for path in logs if path.is_file() and not path.is_symlink()}
    return list(plain.values())[-MOST_LOGS:]


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            data = file.read(LOG_BYTES)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}\n"
    if size > LOG_BYTES:  # from a whole line on: half a path is none that would be recognised
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", "replace")
