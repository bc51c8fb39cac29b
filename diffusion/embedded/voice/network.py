"""The network that predicts the spectra of speech sounds: context in, spectrum out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from diffusion.embedded.voice.phonemes import SYMBOLS
from diffusion.embedded.voice.timing import CONTEXT, NEARNESS_SECONDS

FRAME_SECONDS = 0.005
# The spectrum is a log amplitude at these many points, equally far apart in mel, and the share
# of noise in it (0 a pure tone, 1 pure noise) at fewer.
ENVELOPE_POINTS = 80
NOISE_POINTS = 14
TOP_HZ = 24000.0

Spectra = npt.NDArray[np.float32]


def mel_points(count: int) -> npt.NDArray[np.float64]:
    """`count` frequencies in Hz from 0 to TOP_HZ, equally far apart in mel (O'Shaughnessy)."""
    top = 2595.0 * np.log10(1.0 + TOP_HZ / 700.0)
    return np.asarray(700.0 * (10.0 ** (np.linspace(0.0, top, count) / 2595.0) - 1.0))


class VoiceNet(nn.Module):  # type: ignore[misc]
    """Context of each frame -> its spectrum; convolutions smooth the transitions.

    forward takes symbols (batch, frames, len(CONTEXT)), nearness (batch, frames, n), pitch in
    MIDI notes and velocity in 0..1 (batch, frames), voice (batch,); gives
    (batch, frames, ENVELOPE_POINTS + NOISE_POINTS): natural log of amplitude, then noise 0..1.
    """

    def __init__(self, voices: int, width: int = 160, layers: int = 4) -> None:
        super().__init__()
        self.symbol = nn.Embedding(len(SYMBOLS), 24)
        self.voice = nn.Embedding(voices, 16)
        wide = 24 * len(CONTEXT) + 2 * len(NEARNESS_SECONDS) + 1 + 16 + 4
        self.enter = nn.Linear(wide, width)
        self.layers = nn.ModuleList(_Layer(width, 2**depth) for depth in range(layers))
        self.leave = nn.Linear(width, ENVELOPE_POINTS + NOISE_POINTS)

    def forward(self, symbols: Any, nearness: Any, pitch: Any, velocity: Any, voice: Any) -> Any:
        """Return what the voice's frames sound like, (batch, frames, channels)."""
        high = (pitch - 65.0) / 12.0
        knobs = torch.stack([high, high * high, velocity, velocity * velocity], dim=-1)
        who = self.voice(voice)[:, None, :].expand(-1, pitch.shape[1], -1)
        seen = torch.cat([self.symbol(symbols).flatten(2), nearness, knobs, who], dim=-1)
        hidden = nn.functional.gelu(self.enter(seen)).transpose(1, 2)
        for layer in self.layers:
            hidden = layer(hidden)
        out = self.leave(hidden.transpose(1, 2))
        envelope = 4.0 * out[..., :ENVELOPE_POINTS] - 6.0
        return torch.cat([envelope, torch.sigmoid(out[..., ENVELOPE_POINTS:])], dim=-1)


class _Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.along = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=8)
        self.up = nn.Conv1d(width, 2 * width, 1)
        self.down = nn.Conv1d(2 * width, width, 1)

    def forward(self, hidden: Any) -> Any:
        return hidden + self.down(nn.functional.gelu(self.up(self.along(hidden))))
