"""RoFormers: the same as the packages that publish them, their files, and more than four stems."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

sys.path.append(str(Path(__file__).parent))
from roformer_models import (  # type: ignore[import-not-found]  # beside this file
    BANDS,
    MEL_BANDS,
    SIX,
    config,
    save,
    state,
)

from audio.clip import Clip
from audio.residue import residue_peak
from audio.wave_file import WaveFile
from stems.errors import StemError
from stems.splitting.file_splitting import split_file
from stems.splitting.model_files import read_model
from stems.splitting.network import snr_db
from stems.splitting.recording import look_through
from stems.splitting.roformer import LeanRoformer, Roformer
from stems.splitting.roformer_layout import layout_of, mel_bands
from stems.splitting.splitter import Splitter, separate
from stems.splitting.splitters import open_splitter

FRAMES = 22050
RATE = 44100


def noise(seed: int = 1, frames: int = FRAMES) -> torch.Tensor:
    return torch.randn(1, 2, frames, generator=torch.Generator().manual_seed(seed))


def both(kind: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    if kind == "bs":
        asked = config(SIX, freqs_per_bands=BANDS)
        return asked, state(asked, BANDS)
    asked = config(["vocals", "other"], "vocals", num_bands=MEL_BANDS)
    widths = [last - first for first, last in mel_bands(RATE, 512, MEL_BANDS)]
    return asked, state(asked, widths)


@pytest.mark.parametrize("kind", ["bs", "mel"])
@pytest.mark.filterwarnings("ignore")  # of the packages
def test_a_roformer_gives_what_the_package_of_its_kind_gives(kind: str) -> None:
    if kind == "bs":
        stock: Any = pytest.importorskip("bs_roformer.bs_roformer").BSRoformer
    else:
        stock = pytest.importorskip("mel_band_roformer.mel_band_roformer").MelBandRoformer
    asked, weights = both(kind)
    given = {**asked["model"], "flash_attn": True}
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    reference = stock(**given).eval()
    reference.load_state_dict(weights)
    with torch.inference_mode():
        wanted = reference(noise())
    found = LeanRoformer(Roformer(layout_of(asked, "x"), weights), torch.float32)(
        noise(), lambda: None
    )
    wanted = wanted if wanted.ndim == 4 else wanted[:, None]
    found = found[:, : wanted.shape[1], :, : wanted.shape[-1]]
    # Seen: 4e-7. float32 has 6e-8, and sums of some hundred products come in another order.
    assert (wanted - found).abs().max() < 1e-5 * wanted.abs().max()


@pytest.mark.parametrize(
    ("rate", "fft", "count"), [(44_100, 2048, 60), (44_100, 512, 20), (48_000, 4096, 64)]
)
def test_mel_bands_are_where_librosas_filters_are_not_zero(rate: int, fft: int, count: int) -> None:
    from librosa.filters import mel

    filters = mel(sr=rate, n_fft=fft, n_mels=count)
    filters[0, 0] = filters[-1, -1] = 1.0  # as the networks have it
    places = [row.nonzero()[0] for row in filters]
    assert mel_bands(rate, fft, count) == tuple((row[0], row[-1] + 1) for row in places)


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_bfloat16_stays_near_float32_and_originals_can_go(kind: str) -> None:
    asked, weights = both(kind)
    network = Roformer(layout_of(asked, "x"), weights)
    exact = LeanRoformer(network, torch.float32)(noise(), lambda: None)
    quick = LeanRoformer(network, torch.bfloat16)
    rounded = quick(noise(), lambda: None)
    # 8 bits are 2^-9 off at most, -54 dB a product, which a dozen layers add up.
    assert 35 < snr_db(exact.numpy(), rounded.numpy()) < 90
    quick.drop_originals()
    assert torch.equal(quick(noise(), lambda: None), rounded)


def test_vocals_and_the_rest_of_a_network_for_vocals_are_its_input() -> None:
    asked, weights = both("mel")
    network = Roformer(layout_of(asked, "x"), weights)
    found = LeanRoformer(network, torch.float32)(noise(), lambda: None)
    assert network.sources == ["vocals", "other"]
    assert (found.sum(1) - noise()).abs().max() < 1e-6


@pytest.mark.parametrize("suffix", [".ckpt", ".th", ".safetensors"])
def test_weights_are_read_from_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    from safetensors.torch import save_file

    path = save(tmp_path, "six")
    weights = torch.load(path, weights_only=True)
    path.unlink()
    path = path.with_suffix(suffix)
    if suffix == ".safetensors":
        save_file(weights, str(path))
    else:
        torch.save({"state_dict": weights} if suffix == ".th" else weights, path)
    for way in (path, path.with_suffix(".yaml"), tmp_path):
        model = read_model(way)
        assert model.stems == ("drums", "bass", "melody", "vocals", "guitar", "piano")
        assert model.segment_frames == FRAMES


class Runs:
    """A pickle that runs something when it is read."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (Path("ran"),)  # type: ignore[return-value]


def test_a_checkpoint_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path, "six")
    torch.save({"state_dict": {"a": Runs()}}, path)
    with pytest.raises(StemError, match="cannot be read as a network"):
        read_model(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": {"stereo": False}}, "model.stereo must be true"),
        ({"model": {"dim_head": "8"}}, "model.dim_head must be a whole number from 2 to 512"),
        ({"model": {"dim_head": 16}}, "rows of queries"),
        ({"model": {"depth": 2, "conformer": True}}, "model.conformer is True"),
        ({"model": {"freqs_per_bands": [2, 2]}}, "must add up to 257 bins"),
        ({"model": {"num_stems": 4}}, "model.num_stems is 4, and training names 6"),
        ({"model": {"stft_win_length": 64}}, "stft_win_length must lie between"),
        ({"training": {"instruments": "vocals"}}, "training.instruments must name"),
        (
            {"training": {"instruments": [*SIX[:5], "kazoo"]}},
            "gives bass, .*kazoo; a splitter must",
        ),
        ({"inference": {"chunk_size": 1 << 40}}, "inference.chunk_size must be a whole number"),
        ({"inference": {"chunk_size": None}}, "inference.chunk_size is missing"),
    ],
)
def test_a_configuration_that_cannot_be_is_told_in_a_sentence(
    tmp_path: Path, change: dict[str, dict[str, object]], told: str
) -> None:
    path = save(tmp_path, "six")
    asked = yaml.safe_load(path.with_suffix(".yaml").read_text("utf-8"))
    for part, values in change.items():
        asked[part].update(values)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(asked), "utf-8")
    with pytest.raises(StemError, match=told):
        read_model(path)


def test_weights_that_lack_something_or_hold_more_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "six")
    weights = torch.load(path, weights_only=True)
    torch.save({**weights, "layers.0.0.extra.weight": torch.zeros(1)}, path)
    with pytest.raises(StemError, match=r"hold layers\.0\.0\.extra\.weight .* does not ask for"):
        read_model(path)
    del weights["final_norm.gamma"], weights["band_split.to_features.3.1.bias"]
    torch.save(weights, path)
    with pytest.raises(StemError, match=r"lack band_split\.to_features\.3\.1\.bias"):
        read_model(path)


def test_a_checkpoint_without_its_configuration_says_which_file_it_needs(tmp_path: Path) -> None:
    path = save(tmp_path, "six")
    path.with_suffix(".yaml").unlink()
    with pytest.raises(StemError, match=r"needs its configuration beside it: six\.yaml"):
        read_model(path)


def test_tuples_of_python_in_a_configuration_are_read_and_nothing_else_is(tmp_path: Path) -> None:
    path = save(tmp_path, "six")
    described = path.with_suffix(".yaml")
    text = described.read_text("utf-8").replace(
        "freqs_per_bands:", "freqs_per_bands: !!python/tuple"
    )
    described.write_text(text, "utf-8")
    assert len(read_model(path).stems) == 6
    described.write_text(text + "a: !!python/object/apply:os.getcwd []\n", "utf-8")
    with pytest.raises(StemError, match="needs its configuration"):
        read_model(path)


def test_a_bag_of_two_gives_their_mean(tmp_path: Path) -> None:
    one, other = save(tmp_path, "a"), save(tmp_path, "b", depth=1)
    (tmp_path / "both.yaml").write_text("models: [a, b]\n", "utf-8")
    mix = Clip(noise().numpy()[0], RATE)
    single = [Splitter("x", path, precision="float32").split(mix) for path in (one, other)]
    both = Splitter("x", tmp_path / "both.yaml", precision="float32").split(mix)
    mean = (single[0]["bass"].samples + single[1]["bass"].samples) / 2
    np.testing.assert_allclose(both["bass"].samples, mean, atol=1e-6)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Splitter:
    path = save(tmp_path_factory.mktemp("six"), "six")
    return Splitter("six", path, precision="float32")


def test_the_four_of_a_model_of_six_hold_all_of_it_and_null(six: Splitter) -> None:
    mix = Clip(noise(frames=60_000).numpy()[0], RATE)
    four = separate(mix, six).clips
    assert list(four) == ["drums", "bass", "melody", "vocals"]
    assert residue_peak(mix.samples, np.stack([c.samples for c in four.values()])) < 1e-6
    raw = six.split(mix, stems=("melody", "guitar", "piano"))
    alone = six.split(mix, stems=("melody",))["melody"].samples
    together = sum(clip.samples for clip in raw.values())
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_all_six_null_and_a_guitar_leaves_the_melody(six: Splitter) -> None:
    mix = Clip(noise(frames=60_000).numpy()[0], RATE)
    for names in (six.gives, ("drums", "bass", "melody", "vocals", "guitar")):
        found = separate(mix, six, stems=names).clips
        assert tuple(found) == names
        assert residue_peak(mix.samples, np.stack([c.samples for c in found.values()])) < 1e-6


def test_a_stem_that_the_model_lacks_is_told(six: Splitter) -> None:
    mix = Clip(noise().numpy()[0], RATE)
    with pytest.raises(StemError, match=r"one of drums, .*, piano, not 'instrumental'"):
        six.split(mix, stems=("instrumental",))
    with pytest.raises(StemError, match="one of drums, bass, melody, vocals, not 'guitar'"):
        open_splitter("embedded").split(mix, stems=("guitar",))


def test_a_model_for_vocals_gives_them_and_the_rest_and_both_null(tmp_path: Path) -> None:
    path = save(tmp_path, "voc", ["vocals", "other"], target="vocals")
    splitter = Splitter("voc", path)
    with WaveFile(tmp_path / "mix.wav", RATE, 2, 60_000, 32) as file:
        file.write(noise(frames=60_000).numpy()[0] * np.float32(0.1))
    done = split_file(look_through(tmp_path / "mix.wav"), splitter, tmp_path)
    assert list(done.paths) == ["vocals", "instrumental"]
    assert done.null_dbfs is not None and done.null_dbfs < -120
