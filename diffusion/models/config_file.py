"""The user's configuration file: settings that hold where no BACKLINE_ variable says otherwise.

It is `config.toml` in the folder the platform keeps for a program's settings, or what
BACKLINE_CONFIG names. Which settings there are is daemon/config.py's to know.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from stat import S_ISREG

from diffusion.errors import EngineError
from midi.user_file import read_text

MAX_BYTES = 64 * 1024


def config_path() -> Path:
    """Return where the file lies, or would."""
    chosen = os.environ.get("BACKLINE_CONFIG")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_config_path

    return user_config_path("backline", appauthor=False) / "config.toml"


def read_config() -> Mapping[str, object]:
    """Return what the file says, {} where there is none; raises EngineError naming it."""
    path = config_path()
    try:
        found = path.stat()
        if S_ISREG(found.st_mode) and not found.st_size:
            return {}
        return _parsed(path, found.st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise EngineError(f"configuration file {path} cannot be read: {error.strerror}") from None


@cache
def _parsed(path: Path, changed_ns: int) -> Mapping[str, object]:
    import tomllib

    try:
        return tomllib.loads(read_text(path, MAX_BYTES))
    except UnicodeDecodeError:
        raise EngineError(f"configuration file {path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise EngineError(f"configuration file {path} is not TOML: {error}") from None


def variable(key: str) -> str:
    """Return the environment variable of a setting: "osc-port" -> "BACKLINE_OSC_PORT"."""
    return "BACKLINE_" + key.upper().replace("-", "_")


def source_of(key: str) -> str:
    """Return who says what a setting is: "environment", "file" or "default"."""
    if os.environ.get(variable(key)):
        return "environment"
    return "file" if key in read_config() else "default"


def chosen_text(key: str) -> str:
    """Return what environment or file say of a setting that is text, or "" for neither.

    A path in the file is taken from the file's folder. Raises EngineError.
    """
    from_environment = os.environ.get(variable(key))
    if from_environment:
        return from_environment
    value = read_config().get(key, "")
    if not isinstance(value, str):
        raise EngineError(f"{key} in {config_path()} must be text in quotes, not {value!r}")
    return value


def chosen_path(key: str) -> Path | None:
    """Return the path that environment or file give for a setting; one in the file from there."""
    text = chosen_text(key)
    if not text:
        return None
    path = Path(text).expanduser()
    return config_path().parent / path if source_of(key) == "file" else path
