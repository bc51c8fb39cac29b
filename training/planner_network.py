"""The planner's network as it is trained: the same sums as diffusion.planner.network, in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion.planner import vocabulary as v
from diffusion.planner.network import Shape

EPSILON = 1e-5


class PlannerNetwork(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Tokens before, places and facts -> logits of the token at each place."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        width, inner = shape.width, shape.width * shape.expansion

        def table(rows: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, width) * 0.1)

        self.tokens = table(v.TOKENS + 1)
        self.places = table(sum(v.PLACE.values()))
        self.facts = table(sum(v.GLOBALS.values()))
        self.later = table(v.HISTOGRAM)
        self.head = nn.Parameter(torch.randn(width, v.TOKENS) * 0.02)

        def matrices(rows: int, columns: int, scale: float = 1.0) -> nn.ParameterList:
            spread = scale / math.sqrt(rows)
            return nn.ParameterList(
                torch.randn(rows, columns) * spread for _ in range(shape.layers)
            )

        self.attend = matrices(width, 3 * width)
        self.mix = matrices(width, width, 0.5)
        self.grow = matrices(width, inner)
        self.shrink = matrices(inner, width, 0.5)

    def forward(self, before: Tensor, places: Tensor, later: Tensor, facts: Tensor) -> Tensor:
        """Return logits (batch, n, TOKENS).

        `before` (batch, n) the tokens before, `places` (batch, n, len(PLACE)), `later`
        (batch, n, 12), `facts` (batch, len(GLOBALS)).
        """
        hidden = self.tokens[before] + later @ self.later
        hidden = hidden + self.places[places + _starts(v.PLACE)].sum(2)
        hidden = hidden + self.facts[facts + _starts(v.GLOBALS)].sum(1)[:, None]
        batch, count, width = hidden.shape
        heads, size = self.shape.heads, width // self.shape.heads
        angles = rotation(count, size)
        for layer in range(self.shape.layers):
            mixed = _normal(hidden) @ self.attend[layer]
            query, key, value = (
                part.view(batch, count, heads, size).transpose(1, 2)
                for part in mixed.split(width, -1)
            )
            query, key = _turned(query, *angles), _turned(key, *angles)
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            seen = seen.transpose(1, 2).reshape(batch, count, width)
            hidden = hidden + seen @ self.mix[layer]
            inner = functional.relu(_normal(hidden) @ self.grow[layer]).square()
            hidden = hidden + inner @ self.shrink[layer]
        return _normal(hidden) @ self.head


def _starts(sizes: dict[str, int]) -> Tensor:
    ends = torch.tensor(list(sizes.values())).cumsum(0)
    return torch.cat([torch.zeros(1, dtype=ends.dtype), ends[:-1]])


def _normal(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON)


def rotation(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (count, size // 2) of rotary positions."""
    rates = 10_000.0 ** (-torch.arange(0, size, 2) / size)
    angles = torch.arange(count)[:, None] * rates
    return angles.cos(), angles.sin()


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1).type_as(
        x
    )
