"""What of backline is installed: all of it, or light, without what makes and splits music."""

from __future__ import annotations

import importlib.util

ROOMS = ("midi", "osc_protocol", "audio", "diffusion", "stems", "daemon")
LEFT_OUT = ("torch", "diffusers", "demucs")  # of a light install, with all that they need
REINSTALL = "run `make install`, or `pip install -e .` in the clone"


def is_light() -> bool:
    """Whether all that a light install leaves out is missing; less is a broken install."""
    return not any(importlib.util.find_spec(package) for package in LEFT_OUT)


def lack_of(error: BaseException) -> str:
    """Return the sentence of a package that an import did not find; "" for any other error."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not package or package in ROOMS:
        return ""
    kind = "this light install is without it" if is_light() else "it is not installed"
    return f"this needs {package}, and {kind}: {REINSTALL}"
