"""Real files of small random networks through the loader that real weights go through."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels, apply_model

sys.path.append(str(Path(__file__).parent))
from splitting_models import (  # type: ignore[import-not-found]  # beside this file
    SOURCES,
    save_bag,
    save_pickled,
    save_safetensors,
    tiny_htdemucs,
)

from diffusion.models import shelf
from stems.errors import StemError
from stems.splitting.lean import LeanHTDemucs, is_lean
from stems.splitting.model_files import read_model
from stems.splitting.network import Network, snr_db
from stems.splitting.splitters import EMBEDDED, open_splitter

FRAMES = 22050  # half a second, the segment of the tiny networks


def noise(seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, 1, (1, 2, FRAMES)).astype(np.float32)


def estimates(path: Path, sources: list[str] = SOURCES) -> np.ndarray:
    return Network(read_model(path), precision="float32").estimate(noise(), sources, lambda: None)


def test_safetensors_and_pickled_files_of_one_network_give_the_same(tmp_path: Path) -> None:
    model = tiny_htdemucs()
    one = estimates(save_safetensors(model, tmp_path / "t.safetensors"))
    other = estimates(save_pickled(model, tmp_path, "t"))
    np.testing.assert_array_equal(one, other)
    with torch.no_grad():
        half = tiny_htdemucs()
        half.load_state_dict({n: v.half().float() for n, v in model.state_dict().items()})
        stock = half(torch.from_numpy(noise())).numpy()
    # What demucs itself computes from the stored float16 weights, but for the order of the sums.
    assert np.abs(one - stock).max() < 1e-4 * np.abs(stock).max()


def test_the_lean_way_gives_what_demucs_gives_at_any_length_and_batch() -> None:
    model = tiny_htdemucs(bottom_channels=0, dconv_mode=1, t_layers=2)
    assert is_lean(model)
    mixes = torch.from_numpy(np.concatenate([noise(2), noise(3)]))[..., : FRAMES - 777]
    with torch.no_grad():
        stock, lean = model(mixes), LeanHTDemucs(model, torch.float32)(mixes)
        quick = LeanHTDemucs(model, torch.bfloat16)
        rounded = quick(mixes)
        quick.drop_originals()
        assert torch.equal(quick(mixes), rounded)
    assert (stock - lean).abs().max() < 1e-4 * stock.abs().max()
    # bfloat16 has 8 bits: products are off by some 2^-9, -54 dB, and 14 layers add that up.
    assert 30 < snr_db(stock.numpy(), rounded.numpy()) < 90


def test_a_network_of_another_build_goes_the_stock_way() -> None:
    assert not is_lean(tiny_htdemucs(t_emb="cape"))
    assert not is_lean(torch.nn.Identity())


def test_a_bag_weighs_its_networks_and_runs_only_those_that_are_asked(tmp_path: Path) -> None:
    models = [tiny_htdemucs(seed) for seed in range(2)]
    for index, model in enumerate(models):
        save_safetensors(model, tmp_path / f"n{index}.safetensors")
    weights = [[1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 3.0, 1.0]]
    bag = save_bag(tmp_path, "bag", ["n0", "n1"], weights=weights)
    with torch.no_grad():
        for model in models:
            model.load_state_dict({n: v.half() for n, v in model.state_dict().items()})
        mix = torch.from_numpy(noise())
        stock = apply_model(BagOfModels(models, weights), mix, shifts=0, split=False).numpy()
    assert np.abs(estimates(bag) - stock).max() < 1e-4 * np.abs(stock).max()
    ticks: list[str] = []
    network = Network(read_model(bag), precision="float32")
    vocals = network.estimate(noise(), ["vocals"], lambda: ticks.append("vocals"))
    network.estimate(noise(), SOURCES, lambda: ticks.append("all"))
    assert ticks.count("all") == 2 * ticks.count("vocals"), "one network has vocals, so one ran"
    assert np.abs(vocals[:, 0] - stock[:, 3]).max() < 1e-4 * np.abs(stock).max()


def test_a_file_that_asks_for_another_class_is_not_loaded(tmp_path: Path) -> None:
    path = save_safetensors(tiny_htdemucs(), tmp_path / "x.safetensors", klass="os.path.join")
    with pytest.raises(StemError, match=r"asks for the class os\.path\.join"):
        read_model(path)
    packed = save_safetensors(tiny_htdemucs(), tmp_path / "q.safetensors", structure="{}")
    with pytest.raises(StemError, match="diffq"):
        read_model(packed)


class Malicious:
    """What a pickle may do to whoever reads it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("the file ran something",)


def test_a_pickled_file_can_run_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = save_pickled(tiny_htdemucs(), tmp_path, "bad", klass=Malicious())
    with pytest.raises(StemError, match="cannot be read as a network"):
        read_model(path)
    assert "ran something" not in capfd.readouterr().out


def test_a_changed_file_is_told_by_the_hash_in_its_name(tmp_path: Path) -> None:
    path = save_pickled(tiny_htdemucs(), tmp_path, "t")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StemError, match=r"damaged: its SHA-256 begins with [0-9a-f]{12}, not with"):
        read_model(path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("text.safetensors", b"hello, I am a text", "cannot be read as a network"),
        ("empty.th", b"", "cannot be read as a network"),
        ("bag.yaml", b"models: 3", "no bag of models"),
        ("bag.yaml", b"[unclosed", "no bag of models"),
        ("bag.yaml", b"models: ['../../etc/passwd']", "not the name of a network in that folder"),
        ("bag.yaml", b"models: ['gone']", r"lacks gone\.safetensors"),
        ("bag.yaml", b"models: ['a']\nweights: [[1], [1]]", "a row for each"),
        ("model.onnx", b"", r"must end in \.yaml, \.safetensors, \.th or \.ckpt"),
    ],
)
def test_files_that_are_no_models_are_told_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StemError, match=told):
        read_model(tmp_path / name)


def test_a_model_with_a_stem_that_has_no_name_here_is_refused(tmp_path: Path) -> None:
    odd = tiny_htdemucs(sources=[*SOURCES, "guitar", "strings"])
    path = save_safetensors(odd, tmp_path / "odd.safetensors")
    with pytest.raises(StemError, match=r"gives drums, .*, guitar, strings; a splitter must give"):
        read_model(path)


def test_pulled_weights_are_found_by_name_and_checked_against_their_record(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "htdemucs" / "partial"
    folder.mkdir(parents=True)
    save_safetensors(tiny_htdemucs(), folder / "955717e8.safetensors")
    save_bag(folder, "htdemucs", ["955717e8"])
    snapshot = shelf.add(tmp_path / "models", "htdemucs", shelf.SPLITTER, folder)
    assert open_splitter(home=tmp_path).name == "htdemucs", "the first choice once it is there"
    assert open_splitter("htdemucs", tmp_path).facts().sample_rate == 44100
    with (snapshot.folder / "955717e8.safetensors").open("ab") as file:
        file.write(b"more")
    with pytest.raises(StemError, match=r"955717e8\.safetensors is damaged"):
        open_splitter("htdemucs", tmp_path).facts()


def test_without_weights_the_command_that_brings_them_is_told(tmp_path: Path) -> None:
    with pytest.raises(StemError, match="run: backline models pull htdemucs_ft"):
        open_splitter("htdemucs_ft", tmp_path)
    with pytest.raises(StemError, match=r"no splitter 'spleeter'.*backline models pull htdemucs"):
        open_splitter("spleeter", tmp_path)
    with pytest.raises(StemError, match="neither a file nor a folder"):
        open_splitter(str(tmp_path / "gone.safetensors"))
    assert open_splitter(home=tmp_path).name == EMBEDDED.name


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_model_that_is_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(StemError, match="not a regular file but a named pipe"):
        open_splitter(str(tmp_path / "x.safetensors"))
