"""Finds weights of ACE-Step 1.5 and Stable Audio 3 on this machine, in any layout that is read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffusion.errors import ModelError
from diffusion.models.layout import (
    ACE_STEP_CLASS,
    SILENCE_NAME,
    STABLE_AUDIO_CLASS,
    index_class,
    is_code_planner,
    music_folders,
)
from diffusion.models.single_files import find_parts, is_single_file

DEPTH = 6  # folders below the one that is searched
LEFT_OUT = frozenset({".git", ".cache", "node_modules", "__pycache__", "site-packages"})
# Where other programs keep them, from the user's home.
USUAL = (
    "ACE-Step-1.5/checkpoints", "ComfyUI/models", "Documents/ComfyUI/models",
    ".cache/huggingface/hub", ".cache/ace-step",
)  # fmt: skip
PLAYED = (ACE_STEP_CLASS, STABLE_AUDIO_CLASS)


@dataclass(frozen=True, slots=True)
class Found:
    """Weights at a path; `fault` says what they lack, or is ""."""

    path: Path
    layout: str
    fault: str = ""


def usual_folders() -> list[Path]:
    """Those of the usual places that exist."""
    return [folder for name in USUAL if (folder := Path.home() / name).is_dir()]


def scan(folders: Sequence[Path]) -> Iterator[Found]:
    """All weights in or below folders, each once; links to folders are not followed."""
    seen: set[Path] = set()
    for folder in folders:
        for found in _within(folder.resolve()):
            if found.path not in seen:
                seen.add(found.path)
                yield found


def _within(root: Path) -> Iterator[Found]:
    for place, names, files in os.walk(root):
        folder = Path(place)
        deep = len(folder.relative_to(root).parts) >= DEPTH
        names[:] = [] if deep else sorted(name for name in names if name not in LEFT_OUT)
        if SILENCE_NAME in files:
            yield _checked(folder, "the authors'")
            names.clear()
        elif index_class(folder) in PLAYED:
            yield _checked(folder, "diffusers'")
            names.clear()
        elif is_code_planner(folder):
            yield Found(folder, "the authors'")
            names.clear()
        else:
            for path in (folder / name for name in sorted(files)):
                if is_single_file(path):
                    yield _checked(path, "ComfyUI's")


def _checked(path: Path, layout: str) -> Found:
    try:
        _ = music_folders(path) if path.is_dir() else find_parts(path)
    except ModelError as error:
        return Found(path, layout, str(error))
    return Found(path, layout)
