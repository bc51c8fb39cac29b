"""The network: a transformer over latents of the whole band.

It is given noisy latents, the context of every frame beside what is known of the music already,
and the style words by cross-attention; it predicts the clean latents. A token is three frames, a
sixteenth note. Predicting the clean latents instead of the flow lets 256 hidden channels serve
tokens of 700 numbers, since music lies on a far smaller manifold than noise (Li and He 2025, "Back
to Basics").
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion.embedded import vocabulary
from diffusion.embedded.intent import CONTEXT_CHANNELS
from diffusion.embedded.latents import LAYOUT
from diffusion.embedded.transformer import Transformer

PATCH_FRAMES = 3


class Backbone(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Noisy latents, time, context and style tokens -> predicted clean latents."""

    def __init__(self, hidden: int = 256, layers: int = 8, heads: int = 4, window: int = 32):
        super().__init__()
        self.words = nn.Embedding(len(vocabulary.TOKENS), hidden)
        self.slots = nn.Parameter(torch.randn(vocabulary.SLOTS, hidden) * 0.02)
        self.transformer = Transformer(
            LAYOUT.channels + CONTEXT_CHANNELS, LAYOUT.channels, hidden, layers, heads, window,
            PATCH_FRAMES,
        )  # fmt: skip

    def forward(self, noisy: Tensor, time: Tensor, context: Tensor, tokens: Tensor) -> Tensor:
        """Return clean latents (batch, frames, channels).

        `noisy` (batch, frames, channels), `time` (batch,) 0 clean .. 1 noise, `context`
        (batch, frames, CONTEXT_CHANNELS), `tokens` (batch, SLOTS or more) of
        vocabulary.TOKENS; those after the slots are further styles, to be blended with the first.
        """
        further = tokens.shape[1] - len(self.slots)
        style = self.words(tokens) + torch.cat([self.slots, self.slots[:1].expand(further, -1)])
        return self.transformer(noisy, time, context, style)


def load_backbone(path: Path, device: str) -> Backbone:
    """Return the network with the weights of a safetensors file, ready to sample."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        shape = file.metadata()
        state = {name: file.get_tensor(name).float() for name in file.keys()}
    hidden = int(shape["hidden"])
    network = Backbone(hidden=hidden, layers=int(shape["layers"]), heads=hidden // 64)
    network.load_state_dict(state)
    network.to(device).eval().requires_grad_(False)
    return network
