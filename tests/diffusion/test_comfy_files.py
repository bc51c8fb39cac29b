"""ComfyUI's files of ACE-Step: found, converted once to the authors' layout, the same weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from daemon.commands.models import models
from daemon.errors import UsageError
from diffusion.ace_step import codec
from diffusion.ace_step.comfy import RECORD_NAME
from diffusion.ace_step.pipeline import Pipeline
from diffusion.ace_step.weights import read
from diffusion.errors import ModelError
from diffusion.models.choice import find
from diffusion.models.scan import scan
from diffusion.models.shelf import faults
from diffusion.models.single_files import find_parts

Original = Callable[[str], Path]
ALL = ("model.diffusion_model.", "text_encoders.qwen3_06b.transformer.model.", "vae.")


def stable_audio_names(vae: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The autoencoder's weights as Stable Audio's code numbers its layers."""
    inner = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}
    encoder = {"res_unit1": 0, "res_unit2": 1, "res_unit3": 2, "snake1": 3, "conv1": 4}
    decoder = {"snake1": 0, "conv_t1": 1, "res_unit1": 2, "res_unit2": 3, "res_unit3": 4}
    theirs = {}
    for name, weight in vae.items():
        side, first, *rest, end = name.split(".")
        if first == "block":
            parts = encoder if side == "encoder" else decoder
            numbers = [int(rest[0]) + 1, parts[rest[1]], *(inner[each] for each in rest[2:])]
        else:
            numbers = [{"conv1": 0, "snake1": 6, "conv2": 7}[first]]
        place = "".join(f".layers.{number}" for number in numbers)
        theirs[f"{side}{place}.{end}"] = weight.flatten() if "snake" in name else weight
    return theirs


def parts(checkpoint: Path) -> tuple[dict[str, torch.Tensor], ...]:
    shared = checkpoint.parent
    return (
        load_file(checkpoint / "model.safetensors"),
        load_file(shared / "Qwen3-Embedding-0.6B" / "model.safetensors"),
        stable_audio_names(load_file(shared / "vae" / "diffusion_pytorch_model.safetensors")),
    )


def prefixed(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": weight for name, weight in weights.items()}


@pytest.fixture
def comfy(original: Original, tmp_path: Path) -> Callable[[str, bool], Path]:
    """A ComfyUI folder with a model of ours in three files or in one; its transformer's path."""

    def make(model: str, whole: bool) -> Path:
        root = tmp_path / "ComfyUI"
        checkpoint = original(model)
        diffusion, text, vae = parts(checkpoint)
        folders = ("checkpoints",) if whole else ("diffusion_models", "text_encoders", "vae")
        for folder in folders:
            (root / "models" / folder).mkdir(parents=True, exist_ok=True)
        words = root / "comfy" / "text_encoders" / "qwen25_tokenizer"
        words.mkdir(parents=True)
        for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
            shutil.copy(checkpoint.parent / "Qwen3-Embedding-0.6B" / name, words)
        if whole:
            path = root / "models" / "checkpoints" / f"ace_step_1.5_{model}_aio.safetensors"
            together = [prefixed(*each) for each in zip((diffusion, text, vae), ALL, strict=True)]
            save_file({name: each for some in together for name, each in some.items()}, path)
            return path
        path = root / "models" / "diffusion_models" / f"acestep_v1.5_{model}.safetensors"
        save_file(diffusion, path)
        text_path = root / "models" / "text_encoders" / "qwen_0.6b_ace15.safetensors"
        save_file(prefixed(text, "model."), text_path)
        save_file(vae, root / "models" / "vae" / "ace_1.5_vae.safetensors")
        return path

    return make


def run(*arguments: str) -> str:
    result = CliRunner().invoke(models, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(("model", "whole"), [("turbo", False), ("xl-turbo", True)])
def test_comfyuis_files_are_the_authors_weights(
    comfy: Callable[[str, bool], Path], original: Original, model: str, whole: bool,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = comfy(model, whole)
    monkeypatch.setenv("BACKLINE_MODELS", str(tmp_path / "shelf"))
    assert "kind turbo" in run("add", str(path), "--name", "mine")
    snapshot = find(tmp_path / "shelf", "mine")
    assert list(faults(snapshot)) == [] and snapshot.folder.parent.parent == tmp_path / "shelf"
    sources = json.loads((snapshot.folder / RECORD_NAME).read_text())
    assert len(sources) == (1 if whole else 3) and all(e["sha256"] for e in sources.values())
    ours, theirs = read(snapshot.folder, torch.float32), read(original(model), torch.float32)
    for name, part in theirs.components.items():
        if isinstance(part, torch.nn.Module):
            found = getattr(ours, name).state_dict()
            for key, weight in part.state_dict().items():
                assert key == "silence_latent" or torch.equal(found[key], weight), (name, key)
    text = "# Caption\nwarm <|endoftext|>\n"
    assert ours.tokenizer(text).input_ids == theirs.tokenizer(text).input_ids
    config, wanted = ours.transformer.config, theirs.transformer.config
    # The tiny one has a window of its own; the width of 2B's encoders is that of its transformer.
    kept = {"sliding_window", *({"encoder_hidden_size"} if model == "turbo" else ())}
    other = {key for key, each in config.items() if each != wanted.get(key)} - kept
    assert {key for key in other if not key.startswith("_")} == set()


def test_what_no_file_holds_silence_is_encoded(
    comfy: Callable[[str, bool], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKLINE_MODELS", str(tmp_path / "shelf"))
    run("add", str(comfy("turbo", True)), "--name", "mine")
    ours: Pipeline = read(find(tmp_path / "shelf", "mine").folder, torch.float32)
    codec.lean(ours.vae)
    with torch.inference_mode():
        silence = codec.encode(ours.vae, torch.zeros(2, 400 * 1920))
    known = ours.condition_encoder.silence_latent
    assert known.shape == (1, 15_000, 64)
    assert float((known[:, :390] - silence[:, :390]).abs().max()) < 1e-5


def test_a_scan_finds_every_layout_and_says_what_is_missing(
    comfy: Callable[[str, bool], Path], original: Original, checkpoint: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = comfy("turbo", False)
    authors = original("turbo")
    found = {each.path: each for each in scan([tmp_path, authors, checkpoint.parent])}
    assert {each.layout for each in found.values()} == {"ComfyUI's", "the authors'", "diffusers'"}
    assert {path, authors.resolve(), checkpoint.resolve()} == set(found)
    assert not any(each.fault for each in found.values())
    vae = path.parent.parent / "vae" / "ace_1.5_vae.safetensors"
    vae.rename(tmp_path / "elsewhere.safetensors")
    output = run("scan", str(tmp_path))
    assert "needs the autoencoder (ace_1.5_vae), and it is in none of" in output
    assert "models add" not in output
    monkeypatch.setenv("BACKLINE_MODELS", str(tmp_path / "shelf"))
    run("scan", str(authors), "--add")
    assert find(tmp_path / "shelf", authors.name).folder == authors.resolve()
    with pytest.raises(UsageError, match="there is no folder"):
        run("scan", str(tmp_path / "nowhere"))


def test_files_that_are_not_all_there_are_refused_by_name(
    comfy: Callable[[str, bool], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKLINE_MODELS", str(tmp_path / "shelf"))
    path = comfy("turbo", False)
    tokenizer = tmp_path / "ComfyUI" / "comfy"
    tokenizer.rename(tmp_path / "comfy-away")
    with pytest.raises(ModelError, match="needs a tokenizer, which ComfyUI keeps in comfy/text_"):
        find_parts(path)
    (tmp_path / "comfy-away").rename(tokenizer)
    text = path.parent.parent / "text_encoders" / "qwen_0.6b_ace15.safetensors"
    with pytest.raises(ModelError, match="holds no transformer of ACE-Step"):
        find_parts(text)
    nameless = path.rename(path.with_name("mine.safetensors"))
    with pytest.raises(UsageError, match=r"kind of mine\.safetensors is not in its name: give --k"):
        run("add", str(nameless))
    weights = load_file(nameless)
    save_file({**weights, "decoder.scale_weight": torch.zeros(1)}, nameless)
    with pytest.raises(ModelError, match=r"is quantised .*: take the bf16 file"):
        run("add", str(nameless), "--kind", "turbo")
    assert not list((tmp_path / "shelf").glob("*/*")), "nothing is left of it"
