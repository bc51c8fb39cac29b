"""Where backline keeps what outlives a job: the platform's folder for a program's data.

The settings `home`, `models` and `model` (diffusion/models/config_file.py) choose otherwise.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from diffusion.models.config_file import chosen_path, chosen_text


def data_folder() -> Path:
    """Return `home`, or the folder the platform keeps for a program's data."""
    chosen = chosen_path("home")
    if chosen:
        return chosen
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base or Path.home() / "AppData" / "Local") / "backline"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "backline"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "backline"


def models_folder() -> Path:
    """Return `models`, or the folder for models among backline's data."""
    return chosen_path("models") or data_folder() / "models"


def chosen_model() -> str:
    """Return `model`, a name or a hash of weights, or "" for the first choice."""
    return chosen_text("model")
