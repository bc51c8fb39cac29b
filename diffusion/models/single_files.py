"""ComfyUI's files of ACE-Step 1.5: one for all, or one each for model, text encoder, autoencoder.

What a file holds is told from the names of its tensors, which its head lists; nothing is loaded.
ComfyUI has no tokenizer among its models but one in its program, `comfy/text_encoders/`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from diffusion.errors import ModelError
from diffusion.models.layout import TEXT_ENCODER

SUFFIX = ".safetensors"
MAX_HEAD_BYTES = 100_000_000
MODEL_MARK = "encoder.lyric_encoder.layers.0.input_layernorm.weight"
AUTOENCODER_MARK = "decoder.layers.1.layers.0.beta"
TEXT_MARK = "layers.0.self_attn.q_norm.weight"
TEXT_WIDTH_MARK = "encoder.text_projector.weight"  # (channels, width of the text encoder)
# Where each part may begin: in a file of its own, or in that which holds everything.
PREFIXES = (
    "",
    "model.",
    "model.diffusion_model.",
    "vae.",
    "text_encoders.qwen3_06b.transformer.model.",
)
NEIGHBOURS = ("text_encoders", "clip", "vae")  # folders beside diffusion_models
TOKENIZER_FOLDER = Path("comfy/text_encoders/qwen25_tokenizer")
TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer_config.json")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """A network in a file: its weights are those whose names begin with `prefix`."""

    path: Path
    prefix: str


@dataclass(frozen=True, slots=True)
class SingleFiles:
    """All that ACE-Step needs, in ComfyUI's files; `tokenizer` is a folder."""

    model: Part
    text_encoder: Part
    autoencoder: Part
    tokenizer: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of weights, each once."""
        return tuple(
            dict.fromkeys(p.path for p in (self.model, self.text_encoder, self.autoencoder))
        )


def shapes_of(path: Path) -> Shapes:
    """Shapes of a safetensors file's tensors by name; nothing where it is no such file."""
    try:
        with path.open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            if size > MAX_HEAD_BYTES:
                return {}
            head = json.loads(stream.read(size))
        return {
            name: tuple(entry["shape"]) for name, entry in head.items() if name != "__metadata__"
        }
    except (OSError, ValueError, struct.error, TypeError, KeyError, AttributeError):
        return {}


def is_single_file(path: Path) -> bool:
    """Whether a file holds ACE-Step's transformer under ComfyUI's names."""
    return (
        path.suffix == SUFFIX
        and path.is_file()
        and _prefix(shapes_of(path), MODEL_MARK) is not None
    )


def find_parts(path: Path) -> SingleFiles:
    """The files that belong to the one with the transformer; raises ModelError for missing ones."""
    shapes = shapes_of(path)
    prefix = _prefix(shapes, MODEL_MARK)
    if prefix is None:
        raise ModelError(f"{path} holds no transformer of ACE-Step 1.5 under ComfyUI's names")
    width = shapes[prefix + TEXT_WIDTH_MARK][1]
    return SingleFiles(
        Part(path, prefix),
        _part(path, "the text encoder (qwen_0.6b_ace15)", TEXT_MARK, width),
        _part(path, "the autoencoder (ace_1.5_vae)", AUTOENCODER_MARK),
        _tokenizer(path),
    )


def _part(path: Path, what: str, mark: str, width: int = 0) -> Part:
    for file in (path, *_neighbours(path)):
        shapes = shapes_of(file)
        for prefix in PREFIXES:
            there = shapes.get(f"{prefix}embed_tokens.weight", (0, 0))
            if prefix + mark in shapes and (not width or there[1] == width):
                return Part(file, prefix)
    folders = ", ".join(str(folder) for folder in _folders(path))
    raise ModelError(f"{path.name} needs {what}, and it is in none of {folders}")


def _prefix(shapes: Shapes, mark: str) -> str | None:
    return next((prefix for prefix in PREFIXES if prefix + mark in shapes), None)


def _folders(path: Path) -> list[Path]:
    beside = [path.parent.parent / name for name in NEIGHBOURS]
    return [path.parent, *(folder for folder in beside if folder.is_dir())]


def _neighbours(path: Path) -> Iterator[Path]:
    for folder in _folders(path):
        yield from sorted(file for file in folder.glob(f"*{SUFFIX}") if file != path)


def _tokenizer(path: Path) -> Path:
    for parent in path.parents:
        folder = parent / TEXT_ENCODER
        if (folder / "tokenizer.json").is_file():
            return folder
        if all((parent / TOKENIZER_FOLDER / name).is_file() for name in TOKENIZER_FILES):
            return parent / TOKENIZER_FOLDER
    raise ModelError(
        f"{path.name} needs a tokenizer, which ComfyUI keeps in {TOKENIZER_FOLDER.as_posix()}: put "
        f"the files in a ComfyUI folder, or a folder {TEXT_ENCODER} with its tokenizer.json beside"
    )
