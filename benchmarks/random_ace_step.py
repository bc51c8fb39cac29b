"""ACE-Step 1.5 pipelines of any size with random weights: all of its parts, none of its music.

For tests and speed figures where the real weights are not at hand. The tokenizer is a byte-level
one of 257 symbols, so nothing is fetched.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import AceStepPipeline, AutoencoderOobleck, FlowMatchEulerDiscreteScheduler
from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel
from diffusers.pipelines.ace_step import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
    AceStepConditionEncoder,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, Qwen3Model

from diffusion.models.layout import CODE_TOKEN

SAMPLE_RATE = 48_000
DOWNSAMPLING = [2, 4, 4, 6, 10]  # 1920 frames a latent frame: 25 latent frames a second
END = "<|endoftext|>"


@dataclass(frozen=True, slots=True)
class Size:
    """Widths and depths of a random checkpoint; the defaults make one of 0.25 M parameters."""

    hidden: int = 32
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 8
    intermediate: int = 64
    latent: int = 4
    text_hidden: int = 32
    text_intermediate: int = 64
    text_layers: int = 2
    lyric_layers: int = 2
    timbre_layers: int = 2
    pooler_layers: int = 1
    vae_channels: int = 4
    vae_multiples: Sequence[int] = (1, 1, 1, 2, 2)
    window: int = 16
    turbo: bool = True


TINY = Size()
# 0.22 billion parameters, 0.19 of them at work in text to music, in the real model's proportions
# between transformer and decoder.
MEDIUM = Size(
    hidden=768, layers=12, heads=12, kv_heads=6, head_dim=64, intermediate=2048, latent=32,
    text_hidden=512, text_intermediate=2048, text_layers=8, lyric_layers=4, timbre_layers=2,
    vae_channels=32, vae_multiples=(1, 2, 4, 8, 16), window=128,
)  # fmt: skip
# ACE-Step 1.5 turbo as large as it is, without the rows of a vocabulary of 151 936 words.
FULL = Size(
    hidden=2048, layers=24, heads=16, kv_heads=8, head_dim=128, intermediate=6144, latent=64,
    text_hidden=1024, text_intermediate=3072, text_layers=28, lyric_layers=8, timbre_layers=4,
    pooler_layers=2, vae_channels=128, vae_multiples=(1, 2, 4, 8, 16), window=128,
)  # fmt: skip
# XL; its encoders are as wide as its transformer here, 2560 instead of 2048.
XL = replace(FULL, hidden=2560, layers=32, heads=32, intermediate=9728)
CODE_PLANNERS: dict[str, dict[str, int]] = {
    "tiny": {},
    "0.6b": {"codes": 64_000, "layers": 28, "hidden": 1024, "heads": 16},  # without its other words
}


def base(size: Size) -> Size:
    """The same size as a checkpoint that is not distilled: guidance counts."""
    return replace(size, turbo=False)


def build(size: Size = TINY, seed: int = 0) -> AceStepPipeline:
    """Return the stock pipeline with random weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's, of its older weight_norm
        torch.manual_seed(seed)
        pipeline = _build(size)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def build_code_planner(
    codes: int = 64, layers: int = 2, hidden: int = 32, heads: int = 4, seed: int = 0
) -> tuple[Any, PreTrainedTokenizerFast]:
    """Return a language model with random weights whose words hold `codes`, and its tokenizer.

    The chat's form is that of Qwen, from which the authors' planners come.
    """
    tokenizer, _ = _tokenizer()
    tokenizer.add_tokens([CODE_TOKEN.format(code) for code in range(codes)], special_tokens=True)
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    )
    config = Qwen3Config(
        num_attention_heads=heads, num_key_value_heads=heads // 2, head_dim=max(8, hidden // heads),
        hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=layers,
        vocab_size=len(tokenizer), max_position_embeddings=4096, initializer_range=hidden**-0.5,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    return model.eval(), tokenizer  # type: ignore[no-untyped-call]


def parameters(pipeline: AceStepPipeline) -> int:
    """Number of weights in all networks of a pipeline."""
    networks = (part for part in pipeline.components.values() if isinstance(part, torch.nn.Module))
    return sum(weight.numel() for network in networks for weight in network.parameters())


def _build(size: Size) -> AceStepPipeline:
    tokenizer, vocabulary = _tokenizer()
    heads: dict[str, Any] = {
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "head_dim": size.head_dim,
    }
    ours = {
        **heads,
        "hidden_size": size.hidden,
        "intermediate_size": size.intermediate,
        "sliding_window": size.window,
    }
    pooler = {
        **ours,
        "audio_acoustic_hidden_dim": size.latent,
        "pool_window_size": 5,
        "num_attention_pooler_hidden_layers": size.pooler_layers,
    }
    transformer = AceStepTransformer1DModel(
        **ours,
        num_hidden_layers=size.layers,
        in_channels=3 * size.latent,
        audio_acoustic_hidden_dim=size.latent,
        is_turbo=size.turbo,
        model_version="turbo" if size.turbo else "base",
    )
    text_encoder = Qwen3Model(
        Qwen3Config(
            **heads,
            hidden_size=size.text_hidden,
            intermediate_size=size.text_intermediate,
            num_hidden_layers=size.text_layers,
            vocab_size=vocabulary,
            max_position_embeddings=4096,
        )
    )
    condition_encoder = AceStepConditionEncoder(
        **ours,
        text_hidden_dim=size.text_hidden,
        timbre_hidden_dim=size.latent,
        num_lyric_encoder_hidden_layers=size.lyric_layers,
        num_timbre_encoder_hidden_layers=size.timbre_layers,
    )
    # Zeros, as a new encoder has them, would hide what silence contributes.
    torch.nn.init.normal_(condition_encoder.silence_latent, std=0.3)
    tokenizer_network = AceStepAudioTokenizer(
        fsq_dim=size.hidden, fsq_input_levels=[8, 8, 8, 5, 5, 5], **pooler
    )
    vae = AutoencoderOobleck(
        encoder_hidden_size=2 * size.latent,  # it gives mean and scale of each latent
        downsampling_ratios=DOWNSAMPLING,
        channel_multiples=list(size.vae_multiples),
        decoder_channels=size.vae_channels,
        decoder_input_channels=size.latent,
        audio_channels=2,
        sampling_rate=SAMPLE_RATE,
    )
    return AceStepPipeline(
        vae=vae.eval(),
        text_encoder=text_encoder.eval(),  # type: ignore[no-untyped-call]
        tokenizer=tokenizer,
        transformer=transformer.eval(),
        condition_encoder=condition_encoder.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        audio_tokenizer=tokenizer_network.eval(),
        audio_token_detokenizer=AceStepAudioTokenDetokenizer(**pooler).eval(),
    )


def _tokenizer() -> tuple[PreTrainedTokenizerFast, int]:
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {END: 0, **{symbol: number for number, symbol in enumerate(symbols, 1)}}
    plain = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=plain, pad_token=END, eos_token=END, model_max_length=4096
    )
    return wrapped, len(vocabulary)
