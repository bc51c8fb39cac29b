"""Adapters, LoRA and LoKr: files that bend a checkpoint towards a style, through peft."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from diffusion.ace_step.weights import RENAMED, our_name
from diffusion.audio_conditions import Lora
from diffusion.errors import EngineError
from diffusion.facts import LoraFacts
from midi.user_file import open_file, read_text

PEFT_PREFIX = "base_model.model."  # before each name where the model's own trainer wrote the file
LYCORIS_PREFIX = "lycoris_"  # before each name of a LoKr, in which "_" stands for "." too
OUR_PREFIX = "transformer."
CONFIG_NAME = "adapter_config.json"  # beside a file of peft's
MAX_CONFIG_BYTES = 1 << 20
METADATA_NAME = "lora_adapter_metadata"  # the same inside a file of diffusers'
OTHER_KINDS = ("hada_", "dora_scale", "lora_magnitude_vector")


def apply(pipeline: Any, loras: Sequence[Lora]) -> tuple[LoraFacts, ...]:
    """Apply these adapters and no others; returns path, scale and SHA-256 of each.

    Raises EngineError where peft is missing or a file is no adapter of this checkpoint; then none
    is on.
    """
    _remove_all(pipeline)
    if loras and importlib.util.find_spec("peft") is None:
        raise EngineError("LoRA needs the package peft; run: pip install 'backline[lora]'")
    names = [f"lora{number}" for number in range(len(loras))]
    try:
        for name, lora in zip(names, loras, strict=True):
            _add(pipeline.transformer, name, lora)
        if loras:
            pipeline.set_adapters(names, [lora.scale for lora in loras])
    except EngineError:
        _remove_all(pipeline)
        raise
    return tuple(
        LoraFacts(lora.path.name, lora.scale, hashlib.sha256(lora.path.read_bytes()).hexdigest())
        for lora in loras
    )


def _remove_all(pipeline: Any) -> None:
    if getattr(pipeline.transformer, "peft_config", None):
        pipeline.unload_lora_weights()


def _add(transformer: Any, name: str, lora: Lora) -> None:
    weights = _read(lora, transformer)
    try:
        transformer.load_lora_adapter(weights, prefix="transformer", adapter_name=name)
    except Exception as error:  # peft's and torch's complaints about shapes and names
        reason = " ".join(str(error).split())[:160]
        raise EngineError(f"lora {lora.path} does not fit these weights: {reason}") from error
    if name not in getattr(transformer, "peft_config", {}):
        raise EngineError(f"lora {lora.path} changes nothing in these weights")


def _read(lora: Lora, transformer: Any) -> dict[str, Any]:
    """The weights of a file under diffusers' names, alphas folded in."""
    from safetensors import SafetensorError, safe_open

    try:
        with open_file(lora.path), safe_open(lora.path, "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}
            metadata = json.loads((file.metadata() or {}).get(METADATA_NAME, "{}"))
        config = lora.path.with_name(CONFIG_NAME)
        if config.is_file():
            metadata = json.loads(read_text(config, MAX_CONFIG_BYTES))
    except (OSError, ValueError, SafetensorError) as error:
        raise EngineError(f"lora {lora.path} cannot be read as safetensors: {error}") from error
    strange = next((name for name in weights if any(kind in name for kind in OTHER_KINDS)), "")
    if strange:
        raise EngineError(f"lora {lora.path} is no LoRA or LoKr: it holds {strange}")
    metadata = {name.removeprefix(OUR_PREFIX): value for name, value in metadata.items()}
    _fold_alphas(weights, metadata)
    flat = {f"{LYCORIS_PREFIX}{_flat_name(name)}": name for name, _ in transformer.named_modules()}
    return {_name_for_diffusers(name, flat): weight for name, weight in weights.items()}


def _fold_alphas(weights: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Multiply alpha over rank into the weights of each module; alpha is the rank if not given."""
    for name in list(weights):
        module, _, kind = name.rpartition(".lo")  # of lora_A.weight, lokr_w1 and so on
        if kind == "ra_A.weight":
            rank = len(weights[name])
            alpha = weights.pop(f"{module}.alpha", _alpha(module, config) or rank)
            scaled = f"{module}.lora_B.weight"
            scale = float(alpha) / (rank**0.5 if config.get("use_rslora") else rank)
        elif kind in ("kr_w1", "kr_w1_a"):
            factors = [f"{module}.lokr_{factor}" for factor in ("w2_b", "w1_b")]
            alpha = weights.pop(f"{module}.alpha", None)
            rank = next((len(weights[factor]) for factor in factors if factor in weights), 0)
            scaled = name  # of two whole factors there is no rank, and alpha has no effect
            scale = float(alpha) / rank if rank and alpha is not None else 1.0
        else:
            continue
        weights[scaled] = weights[scaled] * scale


def _alpha(module: str, config: Mapping[str, Any]) -> float:
    """What an adapter's configuration has for a module, by pattern or for all; 0 for nothing."""
    for pattern, alpha in (config.get("alpha_pattern") or {}).items():
        if re.fullmatch(rf"(.*\.)?({pattern})", module):
            return float(alpha)
    return float(config.get("lora_alpha") or 0)


def _flat_name(name: str) -> str:
    """The authors' name of a module of the transformer, in one word."""
    for theirs, ours in RENAMED.items():
        name = f"{name}.".replace(f".{ours}", f".{theirs}").removesuffix(".")
    return name.replace(".", "_")


def _name_for_diffusers(name: str, flat: Mapping[str, str]) -> str:
    """A weight's name in diffusers' transformer, whoever wrote the file."""
    if name.startswith(LYCORIS_PREFIX):
        module, _, rest = name.partition(".")
        return f"{OUR_PREFIX}{flat.get(module, module)}.{rest}"
    if not name.startswith(PEFT_PREFIX):
        return name
    return OUR_PREFIX + our_name(name.removeprefix(PEFT_PREFIX))
