"""Where backline keeps what outlives a job: the platform's folder for a program's data."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_folder() -> Path:
    """Return BACKLINE_HOME, or the folder the platform keeps for a program's data."""
    chosen = os.environ.get("BACKLINE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base or Path.home() / "AppData" / "Local") / "backline"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "backline"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "backline"


def models_folder() -> Path:
    """Return BACKLINE_MODELS, or the folder for models among backline's data."""
    chosen = os.environ.get("BACKLINE_MODELS")
    return Path(chosen).expanduser() if chosen else data_folder() / "models"


def chosen_model() -> str:
    """Return BACKLINE_MODEL, a name or a hash of weights, or "" for the first choice."""
    return os.environ.get("BACKLINE_MODEL", "")
