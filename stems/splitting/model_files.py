"""The door to demucs: networks read from files without running anything that is in the files.

A model is one network, or a bag: a YAML file that names several, each with a weight for each of
its stems. A network is a safetensors file as demucs writes them, or one of demucs' older `.th`
files, read by torch's restricted unpickler.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stems.errors import StemError
from stems.manifest import sha256_of

# A file names the class of its network, which demucs then imports: only these.
KNOWN_CLASSES = (
    "demucs.htdemucs.HTDemucs",
    "demucs.hdemucs.HDemucs",
    "demucs.demucs.Demucs",
    "stems.splitting.mask_network.MaskNetwork",
)
SOURCES = ("drums", "bass", "other", "vocals")  # demucs' words for STEMS
BAG, SAFETENSORS, PICKLED = ".yaml", ".safetensors", ".th"


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A network of a model; `shares` has its weight in each of SOURCES, 0 for none."""

    module: Any
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Networks that work together, at one rate (Hz), on segments of one length (frames).

    `sha256` is that of the file, or of the hashes of a bag's files.
    """

    members: tuple[Member, ...]
    sample_rate: int
    segment_frames: int
    sha256: str


def read_model(path: Path, *, sha256: Mapping[str, str] | None = None) -> Model:
    """Read a network's file, a bag's YAML file, or a folder with one of them.

    `sha256` has the hashes that files must have, by name; the name of a file may end in the first
    digits of its own, as demucs' do (955717e8-8726e21a.th). Raises StemError.
    """
    path = _the_model_in(path) if path.is_dir() else path
    if path.suffix not in (BAG, SAFETENSORS, PICKLED):
        raise StemError(
            f"{path} is no model: it must end in {SAFETENSORS}, {BAG} (a bag) or {PICKLED}"
        )
    shares: Sequence[Sequence[float]] | None = None
    files, segment = [path], None
    if path.suffix == BAG:
        files, shares, segment = _read_bag(path)
    digests = [_checked(file, (sha256 or {}).get(file.name)) for file in files]
    modules = [_read_network(file) for file in files]
    first = modules[0]
    order = [list(each.sources) for each in modules]
    if any(sorted(names) != sorted(SOURCES) for names in order):
        odd = next(names for names in order if sorted(names) != sorted(SOURCES))
        raise StemError(f"{path.name} gives {', '.join(odd)}; a splitter must give "
                        f"{', '.join(SOURCES)}")  # fmt: skip
    if any(each.audio_channels != 2 or each.samplerate != first.samplerate for each in modules):
        raise StemError(f"{path.name} must be of stereo networks of one sample rate")
    seconds = min(Fraction(each.segment) for each in modules)
    if segment is not None:
        seconds = min(seconds, Fraction(segment))
    rows = shares or [[1.0] * len(SOURCES)] * len(modules)
    members = tuple(
        Member(module, dict(zip(names, map(float, row), strict=True)))
        for module, names, row in zip(modules, order, rows, strict=True)
    )
    whole = digests[0] if len(files) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return Model(members, int(first.samplerate), int(seconds * first.samplerate), whole)


def _the_model_in(folder: Path) -> Path:
    for suffix in (BAG, SAFETENSORS, PICKLED):
        found = sorted(folder.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.name for each in found[:5])
            raise StemError(f"{folder} holds several models ({names}); name one of them")
    raise StemError(f"{folder} holds no model ({BAG}, {SAFETENSORS} or {PICKLED})")


def _read_bag(path: Path) -> tuple[list[Path], list[list[float]] | None, float | None]:
    """Return a bag's files, its weights by network and stem, and its segment in seconds."""
    import yaml

    try:
        bag = yaml.safe_load(path.read_bytes())
        names = [str(name) for name in bag["models"]]
        weights = bag.get("weights")
        shares = None if weights is None else [[float(w) for w in row] for row in weights]
        segment = bag.get("segment")
        segment = None if segment is None else float(segment)
    except OSError as error:
        raise StemError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError):
        raise StemError(f"{path} is no bag of models: it must list `models`") from None
    sizes = [len(SOURCES)] * len(names)
    if not names or (shares is not None and [len(row) for row in shares] != sizes):
        raise StemError(f"{path}: `weights` must have a row of {len(SOURCES)} for each of `models`")
    if shares and not all(sum(column) > 0 for column in zip(*shares, strict=True)):
        raise StemError(f"{path}: `weights` must give each stem to at least one of `models`")
    if segment is not None and not 0.1 <= segment <= 60:
        raise StemError(f"{path}: `segment` must be from 0.1 to 60 seconds, not {segment:g}")
    return [_file_of(path.parent, name) for name in names], shares, segment


def _file_of(folder: Path, name: str) -> Path:
    """The file of a bag's network, whose name may have the first digits of its hash added."""
    if not name or Path(name).name != name:
        raise StemError(f"{folder}: {name!r} is not the name of a network in that folder")
    exact = folder / f"{name}{SAFETENSORS}"
    if exact.is_file():
        return exact
    for pattern in (f"{name}-*{SAFETENSORS}", f"{name}{PICKLED}", f"{name}-*{PICKLED}"):
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    raise StemError(f"{folder} lacks {name}{SAFETENSORS}, which its bag of models names")


def _checked(file: Path, expected: str | None) -> str:
    """Return the SHA-256 of a file; raises StemError when it is not the one it should have."""
    try:
        digest = sha256_of(file)
    except OSError as error:
        raise StemError(f"{file} cannot be read: {error.strerror}") from None
    named = re.search("-([0-9a-f]{8,})$", file.stem)
    digits = named[1] if named else ""
    if (expected and digest != expected) or not digest.startswith(digits):
        raise StemError(
            f"{file} is damaged: its SHA-256 begins with {digest[:12]}, not with "
            f"{(expected or digits)[:12]}"
        )
    return digest


def _read_network(file: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parameters that a later demucs dropped
            module = _read_pickled(file) if file.suffix == PICKLED else _read_safetensors(file)
            return module.float().eval().requires_grad_(False)
    except (StemError, ModuleNotFoundError):
        raise
    except Exception as error:  # the formats, torch and each class have families of their own
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise StemError(f"{file} cannot be read as a network: {reason}") from error


def _read_safetensors(file: Path) -> Any:
    from demucs.hf import load_safetensors_model
    from safetensors import safe_open

    with safe_open(str(file), "pt") as opened:
        facts = opened.metadata() or {}
    _check_class(file, facts.get("klass", "nothing"))
    if "structure" in facts:  # may name classes as well
        raise StemError(f"{file} is packed by diffq, which is not supported")
    return load_safetensors_model(file)


def _read_pickled(file: Path) -> Any:
    """Read a `.th` file: weights_only refuses all classes and calls but those named here."""
    import torch
    from demucs.states import load_model

    allowed: list[Any] = [Fraction]
    for name in KNOWN_CLASSES[:3]:
        module, _, klass = name.rpartition(".")
        allowed.append(getattr(importlib.import_module(module), klass))
    with torch.serialization.safe_globals(allowed):
        package = torch.load(file, "cpu", weights_only=True)
    klass = package["klass"]
    _check_class(file, f"{klass.__module__}.{klass.__qualname__}")
    return load_model(package)


def _check_class(file: Path, name: str) -> None:
    if name not in KNOWN_CLASSES:
        raise StemError(
            f"{file} is not loaded: it asks for the class {name}, and only networks of "
            "demucs and backline are"
        )
