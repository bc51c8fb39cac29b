"""Names under which files leave backline's own folders: backline_0042_drums_92.5bpm_Cmin.wav."""

from __future__ import annotations

import re

from stems.chunks import Music

MODE_WORDS = {
    "major": "maj", "minor": "min", "dorian": "dor", "phrygian": "phr", "lydian": "lyd",
    "mixolydian": "mix", "locrian": "loc",
}  # fmt: skip
MAX_LABEL = 40


def tidy_name(
    stem: str,
    suffix: str,
    *,
    job: str = "",
    label: str = "",
    take: int = 1,
    takes: int = 1,
    music: Music | None = None,
) -> str:
    """Return a name that any file system takes and that sorts by job, then stem.

    A job's number has four digits or more; without one the user's `label` stands for it. Tempo
    and key are left out where they are not known, the take where there is but one.
    """  # fmt: skip
    words = ["backline", f"{int(job):04d}" if job.isdecimal() else _plain(label or job), stem]
    words += [f"take{take}"] if takes > 1 else []
    words += [tempo_word(music.bpm), key_word(music)] if music else []
    return "_".join(word for word in words if word) + suffix


def tempo_word(bpm: float) -> str:
    """92.5bpm: up to three decimals, none that say nothing."""
    return f"{bpm:.3f}".rstrip("0").rstrip(".") + "bpm"


def key_word(music: Music) -> str:
    """Cmin, F#dor, Bbmaj: as file browsers of samples expect it."""
    return music.key.spelling + MODE_WORDS[music.key.mode]


def _plain(text: str) -> str:
    """Letters, digits and dashes only, and not without end."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:MAX_LABEL]
