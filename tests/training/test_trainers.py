"""Every trainer runs from its arguments to its weights, and says how they were made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from training import (
    train,
    train_decoder,
    train_drum_hearing,
    train_planner,
    train_splitter,
    train_voice,
)

TRAINERS = [
    # the trainer, its --out, the weights it writes
    (train, "run", "run/ema.safetensors"),
    (train_decoder, "decoder.safetensors", "decoder.safetensors"),
    (train_drum_hearing, "drums.safetensors", "drums.safetensors"),
    (train_planner, "run", "run/planner.safetensors"),
    (train_splitter, "run", "run/embedded.safetensors"),
    (train_voice, "voice.safetensors", "voice.safetensors"),
]


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """Trainers set the threads and the seed of the whole process."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.mark.parametrize(
    ("trainer", "out", "weights"), TRAINERS, ids=[t[0].__name__ for t in TRAINERS]
)
def test_a_tiny_run_writes_weights_and_how_they_were_made(
    trainer: ModuleType, out: str, weights: str, tmp_path: Path
) -> None:
    options = ["--tiny", "--out", str(tmp_path / out), "--seed", "7"]
    if trainer is train_decoder:
        options += ["--data", str(tmp_path / "data")]
    trainer.main(options)
    tensors = load_file(tmp_path / weights)
    assert tensors and all(torch.isfinite(tensor.float()).all() for tensor in tensors.values())
    origin = json.loads((tmp_path / weights).with_suffix(".origin.json").read_text("utf-8"))
    assert origin["arguments"]["seed"] == 7 and origin["arguments"]["tiny"]
    assert set(origin) == {"arguments", "commit", "torch"}


def test_a_run_is_resumed_and_its_checkpoint_holds_its_arguments(tmp_path: Path) -> None:
    out = ["--tiny", "--out", str(tmp_path)]
    train.main(out)
    first = torch.load(tmp_path / "last.pt", weights_only=True)
    train.main([*out, "--resume"])
    second = torch.load(tmp_path / "last.pt", weights_only=True)
    assert second["step"] > first["step"]
    assert second["origin"]["arguments"]["resume"]
