"""The network's input for one window: features, the music that is known, and which frames count.

Used by training and by the product, so that the network is always given what it was trained on.
Knows nothing of torch.
"""

from __future__ import annotations

import numpy as np

from diffusion.embedded import intent
from diffusion.embedded.latents import FRAMES_PER_BEAT, LAYOUT, PARTS

WINDOW_FRAMES = 36 * FRAMES_PER_BEAT
# Features, known latents, one flag a part for where they are known, one flag for inside the piece.
CONTEXT_CHANNELS = intent.CHANNELS + LAYOUT.channels + len(PARTS) + 1


def channel_mask(known_parts: np.ndarray) -> np.ndarray:
    """Return a mask (..., frames, channels) of the channels of each part whose flag is 1."""
    mask = np.zeros((*known_parts.shape[:-1], LAYOUT.channels), np.float32)
    for index, part in enumerate(PARTS):
        mask[..., LAYOUT.of_part(part)] = known_parts[..., index : index + 1]
    return mask


def pack_input(features: np.ndarray, known: np.ndarray, known_parts: np.ndarray) -> np.ndarray:
    """Return the context (WINDOW_FRAMES, CONTEXT_CHANNELS) float32 of at most a window's frames.

    `features` (frames, intent.CHANNELS) describe what is asked; `known` latents (frames, channels)
    count where `known_parts` (frames, parts) is 1. Frames after the last are zero.
    """
    frames = len(features)
    packed = np.zeros((WINDOW_FRAMES, CONTEXT_CHANNELS), np.float32)
    inside = np.ones((frames, 1), np.float32)
    packed[:frames] = np.concatenate(
        [features, known * channel_mask(known_parts), known_parts, inside], axis=-1
    )
    return packed
