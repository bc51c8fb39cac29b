"""Files of weights: checked after a download, and put on the shelf one by one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from daemon.errors import UsageError
from daemon.screen import say_aside
from diffusion.models import shelf
from diffusion.models.catalogue import CATALOGUE, SPLITTER
from diffusion.models.folder import models_folder
from stems.manifest import sha256_of

MUSIC_KINDS = tuple(dict.fromkeys(model.kind for model in CATALOGUE.values()))


def check_hashes(folder: Path, wanted: Mapping[str, str]) -> None:
    """Raise UsageError unless the files downloaded are the ones on record; a wrong one goes."""
    for name, sha256 in wanted.items():
        found = sha256_of(folder / name)
        if found != sha256:
            (folder / name).unlink()
            raise UsageError(
                f"{name} is not the file on record: its SHA-256 begins with {found[:12]}, not with "
                f"{sha256[:12]}; it was removed"
            )


def splitter_pair(file: Path) -> tuple[Path, Path] | None:
    """The weights and the configuration of a RoFormer, one of which `file` is; None if not."""
    from stems.splitting.roformer_files import pair_of

    return pair_of(file)


def add_splitter(pair: tuple[Path, Path], name: str, progress: shelf.Progress) -> str:
    """Read a RoFormer once to see that it is whole, and put it on record; say what it gives."""
    from stems.splitting.model_files import read_model

    stems = read_model(pair[0]).stems
    root = models_folder()
    partial = root / name / f"partial-{pair[0].stem}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for file, ending in zip(pair, (pair[0].suffix, ".yaml"), strict=True):
        to = partial / f"{pair[0].stem}{ending}"
        try:
            os.link(file, to)
        except OSError:  # another disk, or one without links
            shutil.copyfile(file, to)
    snapshot = shelf.add(root, name, SPLITTER, partial, progress=progress)
    given = ", ".join(stems)
    return f"{name} is ready: {snapshot.sha256[:12]}, gives {given}, in {snapshot.folder}"


def add_file(file: Path, name: str, kind: str, progress: shelf.Progress) -> str:
    """Convert ComfyUI's file, and put the result on record; say what it is."""
    from diffusion.ace_step.comfy import convert

    if kind not in MUSIC_KINDS:
        raise UsageError(
            f"kind of {file.name} is not in its name: give --kind, one of {', '.join(MUSIC_KINDS)}"
        )
    root = models_folder()
    partial = root / name / f"partial-{file.stem}"
    shutil.rmtree(partial, ignore_errors=True)
    say_aside(f"converting {file}")
    convert(file, partial, kind)
    snapshot = shelf.add(root, name, kind, partial, progress=progress)
    return f"{name} is ready: {snapshot.sha256[:12]}, kind {kind}, in {snapshot.folder}"
