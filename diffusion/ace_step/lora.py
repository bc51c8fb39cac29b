"""LoRA adapters: files that bend a checkpoint towards a style, several at once, through peft."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from diffusion.ace_step.weights import our_name
from diffusion.audio_conditions import Lora
from diffusion.errors import EngineError
from diffusion.facts import LoraFacts

UPSTREAM = "base_model.model."  # before each name where the model's own trainer wrote the file
OTHER_KINDS = ("lokr_", "hada_", "dora_scale", "lora_magnitude_vector")


def apply(pipeline: Any, loras: Sequence[Lora]) -> tuple[LoraFacts, ...]:
    """Put these adapters on, and take others off; returns path, scale and SHA-256 of each.

    Raises EngineError where peft is missing or a file is no LoRA of this checkpoint.
    """
    if not loras:
        if getattr(pipeline.transformer, "peft_config", None):
            pipeline.unload_lora_weights()
        return ()
    if importlib.util.find_spec("peft") is None:
        raise EngineError("LoRA needs the package peft; run: pip install 'backline[lora]'")
    if getattr(pipeline.transformer, "peft_config", None):
        pipeline.unload_lora_weights()
    names, facts = [], []
    for number, lora in enumerate(loras):
        names.append(f"lora{number}")
        try:
            pipeline.load_lora_weights(_weights(lora), adapter_name=names[-1])
        except EngineError:
            raise
        except Exception as error:  # peft's and torch's complaints about shapes and names
            reason = " ".join(str(error).split())[:160]
            raise EngineError(f"lora {lora.path} does not fit these weights: {reason}") from error
        if names[-1] not in getattr(pipeline.transformer, "peft_config", {}):
            raise EngineError(f"lora {lora.path} changes nothing in these weights")
        sha256 = hashlib.sha256(lora.path.read_bytes()).hexdigest()
        facts.append(LoraFacts(lora.path.name, lora.scale, sha256))
    pipeline.set_adapters(names, [lora.scale for lora in loras])
    return tuple(facts)


def _weights(lora: Lora) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights: dict[str, Any] = load_file(lora.path)
    except (OSError, SafetensorError) as error:
        raise EngineError(f"lora {lora.path} cannot be read as safetensors: {error}") from error
    strange = next((name for name in weights if any(kind in name for kind in OTHER_KINDS)), "")
    if strange:
        raise EngineError(f"lora {lora.path} is no plain LoRA: it holds {strange}")
    return {_name_for_diffusers(name): weight for name, weight in weights.items()}


def _name_for_diffusers(name: str) -> str:
    """A weight's name in diffusers' transformer, whoever wrote the file.

    diffusers translates the trainer's names too, but knows them by two of the four projections of
    attention: a file of other layers it would pass by.
    """
    if not name.startswith(UPSTREAM):
        return name
    return f"transformer.{our_name(name.removeprefix(UPSTREAM))}"
