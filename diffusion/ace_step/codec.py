"""The autoencoder: audio to latents and back, in tiles that join without a trace.

A latent frame stands for 1920 frames of 48 kHz stereo. Every tile is wide enough that what is kept
of it depends on no edge, so the result is that of one piece, at a fraction of its memory. The stock
overlap is eight times what that needs; the stock encoder draws its latents from the global random
generator, here they are the mean of the distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from diffusers import AutoencoderOobleck
from diffusers.models.autoencoders.autoencoder_oobleck import Snake1d
from torch import Tensor

from diffusion.ace_step.decoder import decoded, snake

# Latent frames on either side that reach into what is kept: with 8 the difference to one piece is
# rounding (tests/diffusion/test_ace_step_codec.py); with 4 it is audible.
OVERLAP = 8
TILE = 256  # latent frames of work a tile, edges and all: 10.2 s


@dataclass(frozen=True, slots=True)
class Tile:
    """Latent frames `start` to `end` are worked on, `keep_from` to `keep_to` are kept."""

    start: int
    end: int
    keep_from: int
    keep_to: int


def tiles(frames: int, size: int) -> Iterator[Tile]:
    """Cover `frames` by tiles of one size, which is at most `size`, with the least overlap."""
    if frames <= size:
        yield Tile(0, frames, 0, frames)
        return
    inner = frames - 2 * OVERLAP
    size = -(-inner // -(-inner // (size - 2 * OVERLAP))) + 2 * OVERLAP
    kept = 0
    while kept < frames:
        start = min(max(kept - OVERLAP, 0), frames - size)
        end = start + size
        keep_to = frames if end == frames else end - OVERLAP
        yield Tile(start, end, kept, keep_to)
        kept = keep_to


class LeanSnake(Snake1d):  # type: ignore[misc]
    """The stock activation in one buffer."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return the activation of (batch, channels, frames)."""
        return snake(self, hidden_states)


def lean(vae: AutoencoderOobleck) -> None:
    """Let an autoencoder, which will only be listened to, work with less."""
    for part in vae.modules():
        if hasattr(part, "weight_g"):  # multiply each direction by its length once for all
            torch.nn.utils.remove_weight_norm(part)
        if type(part) is Snake1d:
            part.__class__ = LeanSnake


def decode(
    vae: AutoencoderOobleck,
    latents: Tensor,
    *,
    tile: int = TILE,
    step: Callable[[float], None] = lambda fraction: None,
) -> Tensor:
    """Turn latents (batch, frames, channels) into audio (batch, 2, frames x 1920), float32.

    The level is the model's own: nothing is normalised. `step` gets the fraction done before each
    tile, and may raise.
    """
    hop = int(vae.hop_length)
    batch, frames, _ = latents.shape
    audio = torch.empty(batch, 2, frames * hop, dtype=torch.float32)
    spectrum = latents.transpose(1, 2).to(vae.dtype)
    for item in range(batch):
        for each in tiles(frames, tile):
            step((item + each.keep_from / frames) / batch)
            piece = spectrum[item : item + 1, :, each.start : each.end]
            if piece.device.type == "cpu":
                sound = decoded(vae.decoder, tuple(vae.upsampling_ratios), piece)
            else:
                sound = vae.decoder(piece)
            first, last = ((k - each.start) * hop for k in (each.keep_from, each.keep_to))
            audio[item, :, each.keep_from * hop : each.keep_to * hop] = sound[0, :, first:last]
    return audio


def encode(vae: AutoencoderOobleck, audio: Tensor, *, tile: int = TILE) -> Tensor:
    """Turn 48 kHz stereo (2, frames) into its mean latents (1, ceil(frames / 1920), channels).

    A last latent frame that the audio fills in part gets silence after it. Float32.
    """
    hop = int(vae.hop_length)
    audio = torch.nn.functional.pad(audio, (0, -audio.shape[-1] % hop))
    frames = audio.shape[-1] // hop
    pieces = []
    for each in tiles(frames, tile):
        sound = audio[None, :, each.start * hop : each.end * hop].to(vae.device, vae.dtype)
        mean, _ = vae.encoder(sound).chunk(2, dim=1)
        pieces.append(mean[:, :, each.keep_from - each.start : each.keep_to - each.start])
    return torch.cat(pieces, dim=-1).transpose(1, 2).float()
