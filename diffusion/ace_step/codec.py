"""The autoencoder: audio to latents and back, in tiles that join without a trace.

A latent frame stands for 1920 frames of 48 kHz stereo. Every tile is wide enough that what is kept
of it hears no edge, so the result is that of one piece, at a fraction of its memory. The stock
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

# Latent frames on either side that reach into what is kept: with 8 the difference to one piece is
# rounding (tests/diffusion/test_ace_step_codec.py); with 4 it is audible.
OVERLAP = 8
DECODE_TILE = 256  # latent frames of work a tile, edges and all: 10.2 s
# On a CPU the last blocks, where the frames are many and the channels few, work in chunks that stay
# in its cache. A block's three residual units reach 3 x (1 + 3 + 9) of its frames to either side.
CHUNKED_BLOCKS, CHUNK_FRAMES, BLOCK_REACH = 2, 8192, 39
ENCODE_TILE = 256


@dataclass(frozen=True, slots=True)
class Tile:
    """Latent frames `start` to `end` are worked on, `keep_from` to `keep_to` are kept."""

    start: int
    end: int
    keep_from: int
    keep_to: int


def tiles(frames: int, size: int) -> Iterator[Tile]:
    """Cover `frames` by tiles of exactly `size` (or one of all): equal shapes compile once."""
    if frames <= size:
        yield Tile(0, frames, 0, frames)
        return
    kept = 0
    while kept < frames:
        start = min(max(kept - OVERLAP, 0), frames - size)
        end = start + size
        keep_to = frames if end == frames else end - OVERLAP
        yield Tile(start, end, kept, keep_to)
        kept = keep_to


class LeanSnake(Snake1d):  # type: ignore[misc]
    """x + sin(a x)^2 / b as the stock has it, in one buffer: memory is what decoding waits for."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        alpha, beta = torch.exp(self.alpha), torch.exp(self.beta)
        bent = torch.mul(hidden_states, alpha).sin_().square_()
        return bent.mul_((beta + 1e-9).reciprocal()).add_(hidden_states)


def lean(vae: AutoencoderOobleck) -> None:
    """Let an autoencoder, which will only be listened to, work in less memory."""
    for part in vae.modules():
        if type(part) is Snake1d and part.logscale:
            part.__class__ = LeanSnake


def hop_of(vae: AutoencoderOobleck) -> int:
    """Audio frames a latent frame."""
    return int(vae.hop_length)


def decode(
    vae: AutoencoderOobleck,
    latents: Tensor,
    *,
    tile: int = DECODE_TILE,
    step: Callable[[float], None] = lambda fraction: None,
) -> Tensor:
    """Turn latents (batch, frames, channels) into audio (batch, 2, frames x 1920), float32.

    The level is the model's own: nothing is normalised. `step` hears the fraction done before each
    tile, and may raise.
    """
    hop = hop_of(vae)
    batch, frames, _ = latents.shape
    audio = torch.empty(batch, 2, frames * hop, dtype=torch.float32)
    spectrum = latents.transpose(1, 2).to(vae.dtype)
    for item in range(batch):
        for each in tiles(frames, tile):
            step((item + each.keep_from / frames) / batch)
            sound = _decoded(vae, spectrum[item : item + 1, :, each.start : each.end])
            first, last = ((k - each.start) * hop for k in (each.keep_from, each.keep_to))
            audio[item, :, each.keep_from * hop : each.keep_to * hop] = sound[0, :, first:last]
    return audio


def _decoded(vae: AutoencoderOobleck, spectrum: Tensor) -> Tensor:
    """The decoder's sound for (1, channels, frames): its own forward(), in chunks on a CPU."""
    decoder = vae.decoder
    if spectrum.device.type != "cpu":
        sound: Tensor = decoder(spectrum)
        return sound
    hidden = decoder.conv1(spectrum)
    first = len(decoder.block) - CHUNKED_BLOCKS
    for number, (block, stride) in enumerate(
        zip(decoder.block, vae.upsampling_ratios, strict=True)
    ):
        chunked = number >= first
        hidden = _in_chunks(block, hidden, stride) if chunked else block(hidden)
    return _in_chunks(lambda each: decoder.conv2(decoder.snake1(each)), hidden, 1)


def _in_chunks(work: Callable[[Tensor], Tensor], hidden: Tensor, stride: int) -> Tensor:
    """`work`, which gives `stride` frames for one, on chunks with enough around them."""
    frames = hidden.shape[-1]
    size, reach = max(CHUNK_FRAMES // stride, 1), -(-BLOCK_REACH // stride) + 2
    done = []
    for start in range(0, frames, size):
        first, end = max(start - reach, 0), min(start + size, frames)
        chunk = work(hidden[..., first : min(end + reach, frames)])
        done.append(chunk[..., (start - first) * stride : (end - first) * stride])
    return torch.cat(done, dim=-1)


def encode(vae: AutoencoderOobleck, audio: Tensor, *, tile: int = ENCODE_TILE) -> Tensor:
    """Turn 48 kHz stereo (2, frames) into its mean latents (1, ceil(frames / 1920), channels).

    A last latent frame that the audio fills in part hears silence after it. Float32.
    """
    hop = hop_of(vae)
    audio = torch.nn.functional.pad(audio, (0, -audio.shape[-1] % hop))
    frames = audio.shape[-1] // hop
    pieces = []
    for each in tiles(frames, tile):
        sound = audio[None, :, each.start * hop : each.end * hop].to(vae.device, vae.dtype)
        mean, _ = vae.encoder(sound).chunk(2, dim=1)
        pieces.append(mean[:, :, each.keep_from - each.start : each.keep_to - each.start])
    return torch.cat(pieces, dim=-1).transpose(1, 2).float()
