"""Reads the networks of a checkpoint into our pipeline, from diffusers' layout or the authors' own.

The authors' `model.safetensors` holds all networks but the text encoder and the autoencoder. Its
weights are given to diffusers' classes under their names; nothing is written.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AceStepTransformer1DModel,
    AutoencoderOobleck,
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.pipelines.ace_step import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
    AceStepConditionEncoder,
)
from diffusers.utils import logging
from safetensors import SafetensorError
from torch import Tensor

from diffusion.ace_step.pipeline import Pipeline
from diffusion.errors import EngineError
from diffusion.memory import networks_of
from diffusion.models import layout

# The authors' names, and diffusers' for the same weights.
RENAMED = {
    "q_proj.": "to_q.", "k_proj.": "to_k.", "v_proj.": "to_v.", "o_proj.": "to_out.0.",
    "q_norm.": "norm_q.", "k_norm.": "norm_k.",
    "proj_in.1.": "proj_in_conv.", "proj_out.1.": "proj_out_conv.",
}  # fmt: skip
ENCODER_PREFIX = "encoder_"  # before those sizes of XL's encoders that are not the transformer's
PARTS = {  # the prefix of each network's weights, and the network
    "decoder.": ("transformer", AceStepTransformer1DModel),
    "encoder.": ("condition_encoder", AceStepConditionEncoder),
    "tokenizer.": ("audio_tokenizer", AceStepAudioTokenizer),
    "detokenizer.": ("audio_token_detokenizer", AceStepAudioTokenDetokenizer),
}


def read(folder: Path, dtype: torch.dtype) -> Pipeline:
    """The pipeline of a folder: its networks in `dtype`, the autoencoder in float32.

    Raises EngineError.
    """
    from transformers.utils import logging as transformers_logging

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, to those who write programs with them
            logging.disable_progress_bar()
            logging.set_verbosity_error()  # of types that it cannot verify it prints whole networks
            transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            pipeline = (_original if layout.is_original(folder) else _converted)(folder, dtype)
    except (
        OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, SafetensorError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:200]
        raise EngineError(f"the weights in {folder} cannot be loaded: {reason}") from error
    for part in networks_of(pipeline).values():
        part.eval().requires_grad_(False)
    return pipeline


def our_name(name: str) -> str:
    """diffusers' name for a weight of the authors'."""
    for theirs, ours in RENAMED.items():
        name = name.replace(theirs, ours)
    return name


def _converted(folder: Path, dtype: torch.dtype) -> Pipeline:
    lent = {  # from another repository, so that the index need not name them
        name: kind.from_pretrained(
            folder / name, torch_dtype=dtype, local_files_only=True, low_cpu_mem_usage=False
        )
        for name, kind in PARTS.values()
        if name in layout.COVER_PARTS and (folder / name).is_dir()
    }
    found: Pipeline = Pipeline.from_pretrained(
        folder,
        **lent,
        dtype={"vae": torch.float32, "default": dtype},
        local_files_only=True,
        low_cpu_mem_usage=find_spec("accelerate") is not None,  # or else it warns
        use_safetensors=True,
    )
    return found


def _original(folder: Path, dtype: torch.dtype) -> Pipeline:
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    config = json.loads((folder / "config.json").read_text("utf-8"))
    weights: dict[str, Tensor] = {}
    for path in sorted(folder.glob("model*.safetensors")):  # XL's come in several
        weights |= load_file(path)
    weights["encoder.null_condition_emb"] = weights.pop("null_condition_emb")
    silence = torch.load(folder / layout.SILENCE_NAME, weights_only=True)
    weights["encoder.silence_latent"] = silence.transpose(1, 2).contiguous()
    parts = {
        name: _network(kind, _sizes(config, name), _under(prefix, weights, dtype))
        for prefix, (name, kind) in PARTS.items()
    }
    words = layout.shared_folder(folder, layout.TEXT_ENCODER)
    autoencoder = layout.shared_folder(folder, layout.AUTOENCODER)
    return Pipeline(
        **parts,
        text_encoder=AutoModel.from_pretrained(words, dtype=dtype, local_files_only=True),
        tokenizer=AutoTokenizer.from_pretrained(words, local_files_only=True),
        vae=AutoencoderOobleck.from_pretrained(
            autoencoder, local_files_only=True, low_cpu_mem_usage=False
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    )


def _sizes(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The configuration as the network `name` knows it."""
    if name == "transformer":
        return dict(config)
    own = {
        key.removeprefix(ENCODER_PREFIX): value
        for key, value in config.items()
        if key.startswith(ENCODER_PREFIX)
    }
    return {**config, **own, "layer_types": None}  # the transformer's; the others' just alternate


def _under(prefix: str, weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {
        our_name(name.removeprefix(prefix)): weight.to(dtype)
        for name, weight in weights.items()
        if name.startswith(prefix)
    }


def _network(kind: type[Any], sizes: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Any:
    known = inspect.signature(kind.__init__).parameters
    # The tokenizer has constants that no file holds, so it is made of memory, not of shapes only.
    with torch.device("cpu" if kind is AceStepAudioTokenizer else "meta"):
        network = kind(**{key: value for key, value in sizes.items() if key in known})
    network.load_state_dict(weights, assign=True)
    return network
