"""Models of random weights, saved as demucs saves its own, for the tests of splitting."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
import yaml
from demucs.demucs import LayerScale
from demucs.htdemucs import HTDemucs
from demucs.transformer import LayerScale as TransformerScale
from safetensors.torch import save_file

SOURCES = ["drums", "bass", "other", "vocals"]
SEGMENT_SECONDS = Fraction(1, 2)


def tiny_htdemucs(seed: int = 0, sources: Sequence[str] = SOURCES, **changed: Any) -> HTDemucs:
    """An HTDemucs with all its kinds of layers and few channels, none of whose branches is idle."""
    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "channels": 8, "dconv_mode": 3, "bottom_channels": 32, "t_layers": 3, "t_heads": 2,
        "t_hidden_scale": 2.0, "samplerate": 44100, "segment": SEGMENT_SECONDS,
    }  # fmt: skip
    model = HTDemucs(list(sources), **(settings | changed)).eval()
    for module in model.modules():
        if isinstance(module, LayerScale | TransformerScale):
            module.scale.data[:] = 0.2
    return model


def save_safetensors(model: HTDemucs, path: Path, **metadata: str) -> Path:
    """Write it as demucs' own export does: float16, class and arguments as metadata."""
    args, kwargs = model._init_args_kwargs
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    facts = {
        "klass": "demucs.htdemucs.HTDemucs", "format": "pt",
        "args": json.dumps(_encoded(args)), "kwargs": json.dumps(_encoded(kwargs)),
    }  # fmt: skip
    save_file(state, str(path), metadata=facts | metadata)
    return path


def save_pickled(model: HTDemucs, folder: Path, name: str, klass: object = HTDemucs) -> Path:
    """Write demucs' older kind of file, with the first digits of its hash in its name."""
    args, kwargs = model._init_args_kwargs
    state = {name: value.half() for name, value in model.state_dict().items()}
    package = {"klass": klass, "args": args, "kwargs": kwargs, "state": state, "training_args": {}}
    partial = folder / "partial"
    torch.save(package, partial)
    digest = hashlib.sha256(partial.read_bytes()).hexdigest()
    return partial.rename(folder / f"{name}-{digest[:8]}.th")


def save_bag(folder: Path, name: str, models: list[str], **more: object) -> Path:
    """Write the file that makes a bag of networks."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"models": models, **more}), "utf-8")
    return path


def _encoded(value: object) -> object:
    if isinstance(value, Fraction):
        return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}
    if isinstance(value, dict):
        return {name: _encoded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(each) for each in value]
    return value
