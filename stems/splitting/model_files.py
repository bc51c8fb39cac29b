"""The door to demucs: networks read from files without running anything that is in the files.

A model is one network, or a bag: a YAML file that names several, each with a weight for each of
its stems. A network is a safetensors file as demucs writes them, or one of demucs' older `.th`
files, read by torch's restricted unpickler; or a RoFormer's weights with its configuration.
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

from audio.stem_names import EXTRA_STEMS, REST, in_order
from stems.errors import StemError
from stems.manifest import sha256_of
from stems.splitting.roformer_files import pair_of, read_roformer

# A file names the class of its network, which demucs then imports: only these.
KNOWN_CLASSES = (
    "demucs.htdemucs.HTDemucs",
    "demucs.hdemucs.HDemucs",
    "demucs.demucs.Demucs",
    "stems.splitting.mask_network.MaskNetwork",
)
SOURCES = ("drums", "bass", "other", "vocals")  # demucs' words for STEMS
BAG, SAFETENSORS, PICKLED, CHECKPOINT = ".yaml", ".safetensors", ".th", ".ckpt"
SUFFIXES = (BAG, SAFETENSORS, PICKLED, CHECKPOINT)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A network of a model; `shares` has its weight in each of its sources, 0 for none."""

    module: Any
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Networks that work together, at one rate (Hz), on segments of one length (frames).

    `sources` are the networks' words for what they give, by our name for it. `sha256` is that of
    the file, or of the hashes of a bag's files.
    """

    members: tuple[Member, ...]
    sample_rate: int
    segment_frames: int
    sha256: str
    sources: Mapping[str, str]

    @property
    def stems(self) -> tuple[str, ...]:
        """What it gives, in the order of SPLIT_STEMS."""
        return in_order(self.sources)

    def parts_of(self, stems: Sequence[str]) -> list[list[str]]:
        """The sources that add up to each of `stems`: the melody's are all that nobody asks for."""
        spare = [name for name in EXTRA_STEMS if name in self.sources and name not in stems]
        return [
            [self.sources[each] for each in (name, *(spare if name == "melody" else ()))]
            for name in stems
        ]


def read_model(path: Path, *, sha256: Mapping[str, str] | None = None) -> Model:
    """Read a network's file, a bag's YAML file, or a folder with one of them.

    `sha256` has the hashes that files must have, by name; the name of a file may end in the first
    digits of its own, as demucs' do (955717e8-8726e21a.th). Raises StemError.
    """
    path = _the_model_in(path) if path.is_dir() else path
    if path.suffix not in SUFFIXES:
        raise StemError(f"{path} is no model: it must end in {', '.join(SUFFIXES[:-1])} or "
                        f"{SUFFIXES[-1]}")  # fmt: skip
    shares: Sequence[Sequence[float]] | None = None
    files, segment = [path], None
    if path.suffix == BAG and pair_of(path) is None:
        files, shares, segment = _read_bag(path)
    pairs = [pair_of(file) for file in files]
    files = [pair[0] if pair else file for pair, file in zip(pairs, files, strict=True)]
    digests = [_checked(file, (sha256 or {}).get(file.name)) for file in files]
    modules = [
        _read_network(file, pair and pair[1]) for file, pair in zip(files, pairs, strict=True)
    ]
    first = modules[0]
    order = [list(each.sources) for each in modules]
    sources = _our_names(order[0], path.name)
    if any(sorted(names) != sorted(order[0]) for names in order):
        raise StemError(f"{path.name} is of networks that give different stems")
    if any(each.audio_channels != 2 or each.samplerate != first.samplerate for each in modules):
        raise StemError(f"{path.name} must be of stereo networks of one sample rate")
    seconds = min(Fraction(each.segment) for each in modules)
    if segment is not None:
        seconds = min(seconds, Fraction(segment))
    rows = shares or [[1.0] * len(sources)] * len(modules)
    if any(len(row) != len(sources) for row in rows):
        raise StemError(f"{path}: `weights` must have a row of {len(sources)} for each of `models`")
    members = tuple(
        Member(module, dict(zip(names, map(float, row), strict=True)))
        for module, names, row in zip(modules, order, rows, strict=True)
    )
    whole = digests[0] if len(files) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    frames = int(seconds * first.samplerate)
    return Model(members, int(first.samplerate), frames, whole, sources)


def _our_names(given: Sequence[str], file: str) -> dict[str, str]:
    """A network's words by ours: the four with any of the extra ones, or vocals and the rest."""
    extra = [name for name in given if name in EXTRA_STEMS]
    if sorted(given) == sorted([*SOURCES, *extra]):
        return {"melody" if name == "other" else name: name for name in given}
    if len(given) == 2 and "vocals" in given and set(given) <= {"vocals", "other", REST}:
        return {name if name == "vocals" else REST: name for name in given}
    raise StemError(
        f"{file} gives {', '.join(given)}; a splitter must give {', '.join(SOURCES)}, with or "
        f"without {' and '.join(EXTRA_STEMS)}, or vocals and the rest"
    )


def _the_model_in(folder: Path) -> Path:
    for suffix in SUFFIXES:
        found = sorted(folder.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.name for each in found[:5])
            raise StemError(f"{folder} holds several models ({names}); name one of them")
    raise StemError(f"{folder} holds no model ({', '.join(SUFFIXES)})")


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
    if not names or (shares is not None and len(shares) != len(names)):
        raise StemError(f"{path}: `weights` must have a row for each of `models`")
    if shares and len({len(row) for row in shares}) > 1:
        raise StemError(f"{path}: the rows of `weights` must be equally long")
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
    for pattern in (f"{name}-*{SAFETENSORS}", f"{name}{PICKLED}", f"{name}-*{PICKLED}",
                    f"{name}{CHECKPOINT}"):  # fmt: skip
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


def _read_network(file: Path, config: Path | None) -> Any:
    try:
        if config is not None:
            return read_roformer(file, config)
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
