"""Tiny ACE-Step checkpoints with random weights, stock and ours, for tests without a network."""

from __future__ import annotations

import json
import shutil
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from diffusers import AceStepPipeline
    from torch import Tensor

    from diffusion.ace_step.pipeline import Pipeline

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A turbo checkpoint of 0.25 M random weights in a folder, as save_pretrained writes it."""
    from benchmarks.random_ace_step import TINY, build

    folder = tmp_path_factory.mktemp("ace-step") / "tiny-turbo"
    build(TINY).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def base_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a base checkpoint, in which guidance counts."""
    from benchmarks.random_ace_step import TINY, base, build

    folder = tmp_path_factory.mktemp("ace-step") / "tiny-base"
    build(base(TINY)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def stock(checkpoint: Path) -> AceStepPipeline:
    """The stock pipeline on the turbo checkpoint."""
    from benchmarks.random_ace_step import TINY, build

    return build(TINY)


@pytest.fixture(scope="session")
def stock_base() -> AceStepPipeline:
    """The stock pipeline on the base checkpoint."""
    from benchmarks.random_ace_step import TINY, base, build

    return build(base(TINY))


@pytest.fixture
def ours() -> Iterator[Pipeline]:
    """Our pipeline on weights equal to `stock`."""
    from benchmarks.random_ace_step import TINY, build
    from diffusion.ace_step.pipeline import Pipeline

    pipeline = Pipeline(**build(TINY).components)
    pipeline.settle()
    yield pipeline


@pytest.fixture
def ours_base() -> Iterator[Pipeline]:
    """Our pipeline on weights equal to `stock_base`."""
    from benchmarks.random_ace_step import TINY, base, build
    from diffusion.ace_step.pipeline import Pipeline

    pipeline = Pipeline(**build(base(TINY)).components)
    pipeline.settle()
    yield pipeline


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give a tiny checkpoint in the authors' layout by its name: turbo, sft, base or xl-turbo.

    `base` has the weights of `sft`. What all checkpoints share stands beside them.
    """
    checkpoints = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(GOLDEN / "tokenizer", checkpoints / "Qwen3-Embedding-0.6B")
    _save_autoencoder(checkpoints / "vae")
    return cache(lambda model: _save_original(checkpoints / f"acestep-v15-{model}", model))


def _save_original(folder: Path, model: str) -> Path:
    import torch
    from safetensors.torch import save_file

    source = "sft" if model == "base" else model
    folder.mkdir()
    config = json.loads((GOLDEN / f"config-{source}.json").read_text("utf-8"))
    if model == "base":
        config["model_version"] = "base"
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    shapes = json.loads((GOLDEN / f"keys-{source}.json").read_text("utf-8"))
    weights = {name: _golden_weight(name, shape) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    silence = torch.randn(1, 64, 15_000, generator=torch.Generator().manual_seed(3))
    torch.save(0.5 * silence, folder / "silence_latent.pt")
    return folder


def _golden_weight(name: str, shape: list[int]) -> Tensor:
    """The weight of a name, as the authors' code had it when it gave the golden latents."""
    import torch

    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    if "scale_shift" in name:
        return 0.3 * drawn
    if drawn.dim() == 1:
        return 1 + 0.2 * drawn if "norm" in name else 0.1 * drawn
    if "null" in name or "special" in name:
        return 0.5 * drawn
    return drawn / drawn[0].numel() ** 0.5


def _save_autoencoder(folder: Path) -> None:
    import torch
    from diffusers import AutoencoderOobleck

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's, of its older weight_norm
        torch.manual_seed(0)
        AutoencoderOobleck(
            encoder_hidden_size=128,
            downsampling_ratios=[2, 4, 4, 6, 10],
            channel_multiples=[1, 1, 1, 2, 2],
            decoder_channels=4,
            decoder_input_channels=64,
            audio_channels=2,
            sampling_rate=48_000,
        ).save_pretrained(folder)
