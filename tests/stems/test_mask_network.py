"""The embedded splitter's network: shares that add up, whatever is put in; and what it learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.apply import apply_model
from demucs.hf import load_safetensors_model

from audio.stem_names import STEMS
from diffusion.embedded.decoder.decoder import Decoder
from diffusion.embedded.engine import weights_folder
from diffusion.embedded.performance import Part, Performance, Played
from midi.grid import Grid
from stems.splitting import weights
from stems.splitting.mask_network import FFT, ROWS, MaskNetwork, narrowed, widened
from training.train_splitter import Example, bent, bins_of_rows, energies, loss_of, save

RATE = 44_100
SHIPPED = Path(weights.__file__).parent / "embedded.safetensors"


@pytest.fixture(scope="module")
def network() -> MaskNetwork:
    """A small one with random weights."""
    torch.manual_seed(3)
    return MaskNetwork(channels=(4, 8, 8), wide=8).eval()


def noise(frames: int, seed: int = 0, level: float = 0.1) -> torch.Tensor:
    return level * torch.randn(1, 2, frames, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("frames", [1, 1000, 4096, 70_001])
def test_estimates_are_as_long_as_the_mix_and_add_up_to_it(
    network: MaskNetwork, frames: int
) -> None:
    mix = noise(frames)
    with torch.inference_mode():
        estimates = network(mix)
    assert estimates.shape == (1, 4, 2, frames)
    # the peak is about 0.5 and float32 holds 24 bits of it: 3e-8, a few times
    assert float((estimates.sum(1) - mix).abs().max()) < 2e-7


def test_a_share_of_one_gives_the_mix_back(network: MaskNetwork) -> None:
    mix = noise(30_000)
    again = network.sound(network.spectrum(mix), 30_000)
    assert float((again - mix).abs().max()) < 1e-6


def test_a_quieter_mix_is_split_alike(network: MaskNetwork) -> None:
    mix = noise(50_000)
    with torch.inference_mode():
        loud, quiet = network(mix), network(mix * 1e-3)
    assert float((quiet * 1e3 - loud).abs().max()) < 1e-4  # of 0.1


def test_silence_is_split_into_silence(network: MaskNetwork) -> None:
    with torch.inference_mode():
        assert not network(torch.zeros(1, 2, 20_000)).any()


def test_each_row_is_the_mean_of_its_bins() -> None:
    bins = torch.arange(FFT // 2 + 1.0)
    rows = narrowed(bins)
    # bins 0 to 255 alone, 256 and 257 together, and so on; the last row: 2040 to 2047
    assert rows.shape == (ROWS,)
    assert rows[255] == 255 and rows[256] == 256.5 and rows[-1] == 2043.5
    spread = widened(rows)
    assert spread.shape == bins.shape
    assert spread[257] == 256.5 and spread[2040] == spread[2048] == 2043.5


def test_the_loss_counts_the_energy_of_the_error(network: MaskNetwork) -> None:
    draw = torch.Generator().manual_seed(5)
    stems = torch.randn(1, 4, 2, 20_000, generator=draw) * torch.tensor([0.4, 0.3, 0.2, 0.1]).view(
        1, 4, 1, 1
    )
    with torch.no_grad():
        spectra = network.spectrum(stems)
        flat = torch.ones(1, 1, 1, FFT // 2 + 1)
        parts = [torch.view_as_real(spectra[:, stem]) for stem in range(4)]
        example = Example(*energies(parts, [flat] * 4))
        assert torch.allclose(example.magnitudes, network.magnitudes(spectra.sum(1)), atol=1e-4)
        shares = network.shares(example.magnitudes)
        _, found = loss_of(shares, example, bins_of_rows())
        error = widened(shares) * spectra.sum(1, keepdim=True) - spectra
    energy = spectra.abs().square().sum((2, 3, 4)) / error.abs().square().sum((2, 3, 4))
    np.testing.assert_allclose(found.numpy(), 10 * energy.log10().numpy(), atol=0.01)


def test_a_stem_heard_a_fifth_faster_is_a_fifth_higher() -> None:
    song = np.rint(20_000 * np.sin(2 * np.pi * 200 * np.arange(12 * RATE) / RATE)).astype(np.int16)
    sound = bent(np.stack([song, song]), 5 * RATE, 1.5)
    loudest = np.abs(np.fft.rfft(sound[0])).argmax() * RATE / sound.shape[1]
    assert sound.shape == (2, 6 * RATE)
    assert abs(loudest - 300) < 1  # 200 Hz times 3/2; a bin is a sixth of 1 Hz


def test_demucs_loads_what_was_saved_and_applies_it(network: MaskNetwork, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    save(network, network.state_dict(), path)
    loaded = load_safetensors_model(path).float().eval()
    assert isinstance(loaded, MaskNetwork)
    assert loaded.sources == ["drums", "bass", "other", "vocals"]
    mix = noise(int(13 * RATE))  # more than a segment
    applied = apply_model(loaded, mix, shifts=0)
    assert applied.shape == (1, 4, 2, mix.shape[-1])
    with torch.inference_mode():
        first = loaded(mix[..., : 12 * RATE])
    # until the second segment begins, at 9 s, there is the first alone
    assert float((applied[..., : 9 * RATE] - first[..., : 9 * RATE]).abs().max()) < 1e-6


def band(seconds: int) -> torch.Tensor:
    """Four stems (4, 2, frames) by the product's own decoder and voice, at 120 bpm."""
    beats = np.arange(2 * seconds)
    parts = {
        "drums": [Played(b, 0.25, 36 if b % 2 == 0 else 38, 0.9) for b in beats]
        + [Played(b + 0.5, 0.25, 42, 0.6) for b in beats],
        "bass": [Played(b, 0.9, 33 + 5 * (b // 4 % 2), 0.8) for b in beats],
        "comp": [Played(b, 3.8, p, 0.6) for b in beats[::4] for p in (57, 60, 64)],
        "vocals": [Played(b + 0.5, 1.4, 64 + b % 3, 0.8, "L AA") for b in beats[::2]],
    }
    timbres = {"drums": "standard", "bass": "finger", "comp": "piano", "vocals": "alto"}
    performance = Performance(
        float(2 * seconds),
        {name: Part(tuple(notes), timbres[name]) for name, notes in parts.items()},
    )
    clips = Decoder(weights_folder() / "decoder-v1.safetensors").render(
        performance, Grid.constant(120, "4/4", seconds // 2), RATE, stems=STEMS, seed=1
    )
    return torch.from_numpy(np.stack([clips[name].samples for name in STEMS]))


def test_the_shipped_weights_take_a_band_apart() -> None:
    stems = band(8)
    network = load_safetensors_model(SHIPPED).float().eval()
    with torch.inference_mode():
        found = network(stems.sum(0)[None])[0]

    def sdr_db(estimate: torch.Tensor) -> torch.Tensor:
        error = (stems - estimate).square().sum((1, 2))
        return 10 * (stems.square().sum((1, 2)) / error).log10()

    # what is asked of every stem on held-out songs: 4 dB over the mix taken for it
    assert (sdr_db(found) - sdr_db(stems.sum(0).expand_as(stems))).min() > 4.0


def test_the_shipped_weights_are_small() -> None:
    assert SHIPPED.stat().st_size <= 12_000_000
