"""Writes ComfyUI's files of ACE-Step 1.5 into the authors' layout, once, on the shelf.

Their names for the weights of the transformer and its encoders are the authors' own; those of the
autoencoder are Stable Audio's, and sizes stand nowhere but in the shapes. What no file holds is the
latents of silence: they are what the autoencoder makes of silence.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from diffusion.ace_step import codec
from diffusion.ace_step.task import SAMPLE_RATE
from diffusion.errors import ModelError
from diffusion.models.layout import AUTOENCODER, SILENCE_NAME, TEXT_ENCODER
from diffusion.models.single_files import SingleFiles, find_parts

RECORD_NAME = "converted_from.json"
# What the authors chose and no shape tells.
ROPE_THETA, EPSILON, WINDOW, LEVELS = 1_000_000, 1e-6, 128, (8, 8, 8, 5, 5, 5)
CONTEXT_TOKENS = 32_768
SILENT_FRAMES, SILENT_EDGE = 15_000, 64  # latent frames: ten minutes; the first are computed
QUANTISED = ("scale_weight", "weight_scale", "scaled_fp8", "comfy_quant")
UNITS = ("snake1", "conv1", "snake2", "conv2")
TOKENIZER_NAME = "tokenizer.json"
END = "<|endoftext|>"
KNOWN_OF_QWEN = ("embed_tokens.", "layers.", "norm.")
LAST_SNAKE = 6  # of both sides of the autoencoder, after five blocks
OOBLECK = re.compile(
    r"(encoder|decoder)\.layers\.(\d+)\.(?:layers\.(\d+)\.(?:layers\.(\d+)\.)?)?(\w+)"
)


def convert(path: Path, folder: Path, kind: str) -> None:
    """Write the model whose transformer is in the file `path` into `folder`; raises ModelError."""
    files = find_parts(path)
    needed, free = sum(each.stat().st_size for each in files.paths), _free(folder)
    if needed > free:
        raise ModelError(
            f"{path.name} needs {needed / 1e9:.1f} GB on the disk of {folder}, and "
            f"{free / 1e9:.1f} GB are free"
        )
    try:
        folder.mkdir(parents=True)
        _write_model(files, folder, kind)
        _write_text_encoder(files, folder / TEXT_ENCODER)
        _write_autoencoder(files, folder)
        sources = {
            each.name: {"bytes": each.stat().st_size, "sha256": _sha256(each)}
            for each in files.paths
        }
        _write_json(folder / RECORD_NAME, sources)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{path} cannot be converted: {reason}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write_model(files: SingleFiles, folder: Path, kind: str) -> None:
    weights = _weights(files.model.path, files.model.prefix)
    heads = _heads(weights, "decoder.layers.0.self_attn.")
    encoder = _heads(weights, "encoder.lyric_encoder.layers.0.self_attn.")
    layers = _layers(weights, "decoder.layers.")
    width, patch = weights["decoder.proj_in.1.weight"].shape[::2]
    config = {
        "architectures": ["AceStepConditionGenerationModel"], "model_type": "acestep",
        "model_version": kind, "is_turbo": kind == "turbo", **heads,
        "hidden_size": width, "patch_size": patch,
        "intermediate_size": len(weights["decoder.layers.0.mlp.gate_proj.weight"]),
        "in_channels": weights["decoder.proj_in.1.weight"].shape[1],
        "audio_acoustic_hidden_dim": weights["decoder.proj_out.1.weight"].shape[1],
        "num_hidden_layers": layers,
        "layer_types": ["full_attention" if i % 2 else "sliding_attention" for i in range(layers)],
        "sliding_window": WINDOW, "use_sliding_window": True,
        "rope_theta": ROPE_THETA, "rms_norm_eps": EPSILON,
        "max_position_embeddings": CONTEXT_TOKENS,
        "text_hidden_dim": weights["encoder.text_projector.weight"].shape[1],
        "timbre_hidden_dim": weights["encoder.timbre_encoder.embed_tokens.weight"].shape[1],
        "num_lyric_encoder_hidden_layers": _layers(weights, "encoder.lyric_encoder.layers."),
        "num_timbre_encoder_hidden_layers": _layers(weights, "encoder.timbre_encoder.layers."),
        "num_attention_pooler_hidden_layers": _layers(
            weights, "tokenizer.attention_pooler.layers."
        ),
        "pool_window_size": weights["detokenizer.special_tokens"].shape[1],
        "fsq_dim": len(weights["tokenizer.quantizer.project_out.weight"]),
        "fsq_input_levels": list(LEVELS), "fsq_input_num_quantizers": 1,
        "encoder_hidden_size": len(weights["encoder.lyric_encoder.norm.weight"]),
        "encoder_intermediate_size": len(
            weights["encoder.lyric_encoder.layers.0.mlp.gate_proj.weight"]
        ),
        "encoder_num_attention_heads": encoder["num_attention_heads"],
        "encoder_num_key_value_heads": encoder["num_key_value_heads"],
    }  # fmt: skip
    _write_json(folder / "config.json", config)
    save_file(weights, folder / "model.safetensors")


def _write_text_encoder(files: SingleFiles, folder: Path) -> None:
    folder.mkdir()
    weights = _weights(files.text_encoder.path, files.text_encoder.prefix)
    words, width = weights["embed_tokens.weight"].shape
    config = {
        "architectures": ["Qwen3Model"], "model_type": "qwen3", "hidden_act": "silu",
        **_heads(weights, "layers.0.self_attn."),
        "hidden_size": width, "vocab_size": words,
        "intermediate_size": len(weights["layers.0.mlp.gate_proj.weight"]),
        "num_hidden_layers": _layers(weights, "layers."), "rms_norm_eps": EPSILON,
        "rope_theta": ROPE_THETA, "max_position_embeddings": CONTEXT_TOKENS,
        "tie_word_embeddings": True,
    }  # fmt: skip
    _write_json(folder / "config.json", config)
    known = {name: weight for name, weight in weights.items() if name.startswith(KNOWN_OF_QWEN)}
    save_file(known, folder / "model.safetensors", {"format": "pt"})
    for path in files.tokenizer.iterdir():
        if path.suffix in (".json", ".txt", ".jinja") and path.name != "config.json":
            shutil.copyfile(path, folder / path.name)
    if not (folder / TOKENIZER_NAME).is_file():
        _write_tokenizer(folder)


def _write_tokenizer(folder: Path) -> None:
    """Complete Qwen's tokenizer to that of its embedding model, which ends each text with END."""
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    number = tokenizer.convert_tokens_to_ids(END)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A {END}", pair=f"$A $B {END}", special_tokens=[(END, number)]
    )
    tokenizer.save_pretrained(folder)


def _write_autoencoder(files: SingleFiles, folder: Path) -> None:
    from diffusers import AutoencoderOobleck

    theirs = _weights(files.autoencoder.path, files.autoencoder.prefix)
    weights = {
        name: weight.reshape(1, -1, 1) if "snake" in name else weight
        for name, weight in ((oobleck_name(name), each.float()) for name, each in theirs.items())
    }
    blocks = _layers(weights, "encoder.block.")
    first = weights["encoder.conv1.weight_v"]
    lasts = [weights[f"encoder.block.{number}.conv1.weight_v"] for number in range(blocks)]
    decoded = weights["decoder.conv2.weight_v"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's, of its older weight_norm
        network = AutoencoderOobleck(
            encoder_hidden_size=len(first),
            downsampling_ratios=[last.shape[-1] // 2 for last in lasts],
            channel_multiples=[len(last) // len(first) for last in lasts],
            decoder_channels=decoded.shape[1],
            decoder_input_channels=weights["decoder.conv1.weight_v"].shape[1],
            audio_channels=len(decoded),
            sampling_rate=SAMPLE_RATE,
        )
    network.load_state_dict(weights)
    network.save_pretrained(folder / AUTOENCODER)
    torch.save(_silence(network.eval()), folder / SILENCE_NAME)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _silence(vae: Any) -> Tensor:
    """Latents (1, channels, frames) of silence: its beginning, and then the same for good."""
    codec.lean(vae)
    sound = torch.zeros(2, 2 * SILENT_EDGE * int(vae.hop_length))
    edge = codec.encode(vae, sound).transpose(1, 2)[:, :, :SILENT_EDGE]
    rest = edge[:, :, -1:].expand(-1, -1, SILENT_FRAMES - SILENT_EDGE)
    return torch.cat([edge, rest], dim=-1).contiguous()


def oobleck_name(name: str) -> str:
    """diffusers' name for a weight of the autoencoder in Stable Audio's names."""
    name = name.replace("parametrizations.weight.original0", "weight_g")
    name = name.replace("parametrizations.weight.original1", "weight_v")
    found = OOBLECK.fullmatch(name)
    if not found:
        raise ModelError(f"the autoencoder holds {name}, which is not known")
    side, block, part, unit, last = found.groups()
    if part is None:
        ends = {0: "conv1", LAST_SNAKE: "snake1", LAST_SNAKE + 1: "conv2"}
        return f"{side}.{ends[int(block)]}.{last}"
    inner = f"{side}.block.{int(block) - 1}"
    first_unit = 0 if side == "encoder" else 2  # the decoder's blocks begin with snake and conv
    if unit is not None:
        return f"{inner}.res_unit{int(part) - first_unit + 1}.{UNITS[int(unit)]}.{last}"
    snake = "3" if side == "encoder" else "0"
    conv = "conv1" if side == "encoder" else "conv_t1"
    return f"{inner}.{'snake1' if part == snake else conv}.{last}"


def _weights(path: Path, prefix: str) -> dict[str, Tensor]:
    """The weights under a prefix, without it; raises ModelError for quantised ones."""
    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]
        strange = next((name for name in names if any(sign in name for sign in QUANTISED)), "")
        if strange:
            raise ModelError(f"{path.name} is quantised (it holds {strange}): take the bf16 file")
        return {name.removeprefix(prefix): file.get_tensor(name).contiguous() for name in names}


def _heads(weights: Mapping[str, Tensor], attention: str) -> dict[str, int]:
    size = len(weights[f"{attention}q_norm.weight"])
    return {
        "head_dim": size,
        "num_attention_heads": len(weights[f"{attention}q_proj.weight"]) // size,
        "num_key_value_heads": len(weights[f"{attention}k_proj.weight"]) // size,
    }


def _layers(weights: Mapping[str, Tensor], prefix: str) -> int:
    own = (name.removeprefix(prefix) for name in weights if name.startswith(prefix))
    return 1 + max(int(name.partition(".")[0]) for name in own)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8", newline="\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _free(folder: Path) -> int:
    existing = next(parent for parent in folder.parents if parent.exists())
    return shutil.disk_usage(existing).free
