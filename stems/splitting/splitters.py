"""The registry of splitters: a row each, read by whatever offers or opens one.

Splitters to download have their rows in diffusion.models.catalogue; one whose weights come with
backline has it here. Importing this reads no weights and imports no network.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audio.stem_names import STEMS
from diffusion.errors import ModelError
from diffusion.models import catalogue
from diffusion.models.choice import find
from diffusion.models.folder import models_folder
from diffusion.models.shelf import snapshots
from midi.user_file import open_file
from stems.errors import StemError

if TYPE_CHECKING:
    from stems.splitting.splitter import Splitter

MODEL_FILES = (".safetensors", ".yaml", ".th", ".ckpt")


@dataclass(frozen=True, slots=True)
class SplitterSpec:
    """What one splitter is and which stems it can give; `shipped` weights need no download."""

    name: str
    about: str
    licence: str
    stems: tuple[str, ...] = STEMS
    shipped: Path | None = None

    def is_here(self, root: Path) -> bool:
        """Return whether its weights are on this machine, `root` being the folder for models."""
        if self.shipped is not None:
            return self.shipped.is_file()
        return any(each.name == self.name for each in snapshots(root))


SPLITTERS: tuple[SplitterSpec, ...] = (
    SplitterSpec(
        "embedded",
        "backline's own small splitter",
        "MIT",
        shipped=Path(__file__).parent / "weights" / "embedded.safetensors",
    ),
    *(
        SplitterSpec(model.name, model.about, model.licence, model.stems)
        for model in catalogue.SPLITTERS.values()
    ),
)
EMBEDDED, FIRST_CHOICE = SPLITTERS[:2]  # the default, and what replaces it once it is downloaded
PULL = f"backline models pull {FIRST_CHOICE.name}"


def splitter_names() -> tuple[str, ...]:
    """The names of all splitters, the default first."""
    return tuple(spec.name for spec in SPLITTERS)


def open_splitter(name: str | None = None, home: Path | None = None) -> Splitter:
    """Return a splitter by name: one of SPLITTERS, one that was added, or a model's path.

    Without a name FIRST_CHOICE where it was downloaded, else the default. `home` is backline's
    data folder. Whether its files are there is seen now, what is in them when they are read. Raises
    StemError with the command to run; nothing is ever downloaded here.
    """
    from stems.splitting.splitter import Splitter

    root = home / "models" if home else models_folder()
    name = name or (FIRST_CHOICE if FIRST_CHOICE.is_here(root) else EMBEDDED).name
    spec = next((each for each in SPLITTERS if each.name == name), None)
    if spec is not None and spec.shipped is not None:
        if not spec.is_here(root):
            raise StemError(f"the {name} splitter is not part of this installation; run: {PULL}")
        return Splitter(name, spec.shipped, gives=spec.stems)
    path = Path(name).expanduser()
    if path.suffix in MODEL_FILES or os.sep in name or "/" in name:
        if not path.exists():
            raise StemError(f"model {name} is not there: neither a file nor a folder")
        try:
            if not path.is_dir():
                open_file(path).close()
        except OSError as error:
            raise StemError(f"model {name} cannot be read: {error.strerror}") from None
        return Splitter(path.stem, path)
    try:
        snapshot = find(root, name)
    except ModelError as error:
        if spec is not None:
            raise StemError(str(error)) from None
        raise StemError(f"no splitter {name!r} is on this machine; {_choices(root)}") from None
    if snapshot.kind != catalogue.SPLITTER:
        raise StemError(f"model {name!r} makes music, it does not split it; {_choices(root)}")
    hashes = {Path(file).name: str(entry["sha256"]) for file, entry in snapshot.files.items()}
    gives = spec.stems if spec is not None else ()
    return Splitter(snapshot.name, snapshot.folder, hashes, gives=gives)


def _choices(root: Path) -> str:
    there = [spec.name for spec in SPLITTERS if spec.shipped and spec.is_here(root)]
    there += sorted({each.name for each in snapshots(root) if each.kind == catalogue.SPLITTER})
    return f"there are {', '.join(there) or 'none yet'} (to get more: {PULL})"
