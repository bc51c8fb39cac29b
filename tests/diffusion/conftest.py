"""A tiny ACE-Step checkpoint with random weights, stock and ours, for tests without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from diffusers import AceStepPipeline

    from diffusion.ace_step.pipeline import Pipeline


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
