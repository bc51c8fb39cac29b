"""Stable Audio 3 pipelines with random weights, for tests and benchmarks without a network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from diffusers import (
    AutoencoderSAME,
    FlowMatchEulerDiscreteScheduler,
    StableAudio3DiTModel,
    StableAudio3Pipeline,
)
from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
from transformers import GemmaTokenizer, T5GemmaConfig, T5GemmaEncoderModel

WORD_PIECES = 256  # of the tokenizer: a byte each, so that every text can be told


@dataclass(frozen=True, slots=True)
class Size:
    """How large the networks are; `distilled` as the published ones are sampled in 8 steps."""

    width: int
    depth: int
    heads: int
    latent: int
    words: int  # width of the text encoder
    word_layers: int
    coder_channels: int
    coder_depth: int
    patch: int = 256
    stride: int = 16
    distilled: bool = True
    most_seconds: float = 120.0


TINY = Size(64, 2, 2, 16, 32, 1, 8, 2)
SMALL = Size(1024, 16, 16, 256, 768, 12, 128, 6)  # near the 433 M of small-music
MEDIUM = Size(1536, 24, 24, 256, 768, 12, 256, 12, most_seconds=380.0)  # near the 1.4 B


def build(size: Size) -> StableAudio3Pipeline:
    """The stock pipeline of a size, always with the same weights."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's, of its older weight_norm
        torch.manual_seed(0)
        return _build(size)


def _build(size: Size) -> StableAudio3Pipeline:
    tokenizer = GemmaTokenizer(
        vocab={**{t: i for i, t in enumerate(("<pad>", "<eos>", "<bos>", "<unk>"))}, **_bytes()},
        merges=[],
    )
    part = {
        "vocab_size": len(tokenizer), "hidden_size": size.words,
        "intermediate_size": 2 * size.words, "num_hidden_layers": size.word_layers,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": size.words // 2,
    }  # fmt: skip
    words = T5GemmaEncoderModel(T5GemmaConfig(encoder=part, decoder=part, is_encoder_decoder=False))
    transformer = StableAudio3DiTModel(
        io_channels=size.latent, embed_dim=size.width, depth=size.depth, num_heads=size.heads,
        cond_token_dim=size.words, global_cond_dim=size.words, local_add_cond_dim=size.latent + 1,
        num_memory_tokens=4 if size is TINY else 64,
    )  # fmt: skip
    coder = AutoencoderSAME(
        patch_size=size.patch, encoder_channels=size.coder_channels, latent_dim=size.latent,
        encoder_strides=[size.stride], encoder_transformer_depths=[size.coder_depth],
        dim_heads=16 if size is TINY else 64,
    )  # fmt: skip
    length = StableAudio3DurationEmbedder(output_dim=size.words, max_val=size.most_seconds)
    for network in (transformer, coder, length):
        _fill_zeros(network)
    return StableAudio3Pipeline(
        vae=coder.eval(),
        text_encoder=words.eval(),  # type: ignore[no-untyped-call]
        tokenizer=tokenizer,
        duration_embedder=length.eval(),
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(
            num_train_timesteps=1, stochastic_sampling=size.distilled
        ),
    )


def _fill_zeros(network: torch.nn.Module) -> None:
    """Give weights that begin at zero a value, or much of the network would have no effect."""
    for weight in network.parameters():
        if weight.dim() > 1 and not weight.any():
            torch.nn.init.normal_(weight, std=0.5 / weight[0].numel() ** 0.5)


def _bytes() -> dict[str, int]:
    signs = [chr(code) for code in range(32, 127)]
    pieces = ["▁", *signs, *(f"<0x{byte:02X}>" for byte in range(WORD_PIECES))]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces), 4)}
