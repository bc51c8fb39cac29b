"""The autoencoder in tiles gives what it gives in one piece."""

from __future__ import annotations

import pytest
import torch

from diffusion.ace_step.codec import OVERLAP, LeanSnake, decode, encode, tiles
from diffusion.ace_step.pipeline import Pipeline


def test_the_lean_activation_is_the_stock_one() -> None:
    from diffusers.models.autoencoders.autoencoder_oobleck import Snake1d

    stock = Snake1d(3)
    torch.nn.init.normal_(stock.alpha)
    torch.nn.init.normal_(stock.beta)
    lean = LeanSnake(3)
    lean.load_state_dict(stock.state_dict())
    sound = torch.randn(2, 3, 50)
    with torch.inference_mode():
        assert torch.allclose(lean(sound), stock(sound), atol=1e-6)


@pytest.mark.parametrize(("frames", "size"), [(1, 96), (96, 96), (97, 96), (300, 96), (1000, 33)])
def test_tiles_keep_every_frame_once_and_well_inside(frames: int, size: int) -> None:
    kept: list[int] = []
    sizes: set[int] = set()
    for tile in tiles(frames, size):
        kept += range(tile.keep_from, tile.keep_to)
        sizes.add(tile.end - tile.start)
        assert tile.start == 0 or tile.keep_from - tile.start >= OVERLAP
        assert tile.end == frames or tile.end - tile.keep_to >= OVERLAP
    assert kept == list(range(frames))
    assert len(sizes) == 1 and max(sizes) <= size


def test_tiles_do_not_decode_the_same_frames_over_and_over() -> None:
    """Of 500 frames in tiles of at most 256 there are 3, 2 x 8 frames at each of 2 joints twice."""
    worked = [tile.end - tile.start for tile in tiles(500, 256)]
    assert sum(worked) <= 500 + 2 * 16 + len(worked)


def test_decoding_in_tiles_leaves_no_trace(ours: Pipeline) -> None:
    latents = torch.randn(2, 150, ours.channels, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        whole = ours.vae.decode(latents.transpose(1, 2)).sample
        tiled = decode(ours.vae, latents, tile=40)
    assert tiled.shape == whole.shape == (2, 2, 150 * 1920)
    assert (tiled - whole).abs().max() < 1e-6 * whole.abs().max() + 1e-7


def test_less_overlap_would_be_heard(ours: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The eight frames are needed: with one the joints differ by more than rounding."""
    latents = torch.randn(1, 150, ours.channels, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr("diffusion.ace_step.codec.OVERLAP", 1)
    with torch.inference_mode():
        whole = ours.vae.decode(latents.transpose(1, 2)).sample
        tiled = decode(ours.vae, latents, tile=40)
    assert (tiled - whole).abs().max() > 1e-4 * whole.abs().max()


def test_encoding_in_tiles_gives_the_mean_of_one_piece(ours: Pipeline) -> None:
    sound = 0.3 * torch.randn(2, 150 * 1920, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        whole = ours.vae.encode(sound[None]).latent_dist.mode().transpose(1, 2)
        tiled = encode(ours.vae, sound, tile=40)
    assert tiled.shape == whole.shape == (1, 150, ours.channels)
    assert (tiled - whole).abs().max() < 1e-5 * whole.abs().max()


def test_a_started_latent_frame_is_filled_with_silence(ours: Pipeline) -> None:
    sound = torch.ones(2, 1921)
    with torch.inference_mode():
        started = encode(ours.vae, sound)
        filled = encode(ours.vae, torch.nn.functional.pad(sound, (0, 1919)))
    assert torch.equal(started, filled) and started.shape[1] == 2
