"""The planner's network, one token at a time, in NumPy: small enough to need no torch.

A transformer of five layers over the last WINDOW tokens, so that time grows with the bars and no
faster. Several sheets are written side by side. Its sums are those of training.planner_network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffusion.errors import EngineError
from diffusion.planner import vocabulary as v

WINDOW = 256
EPSILON = 1e-5
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network."""

    width: int = 192
    layers: int = 5
    heads: int = 6
    expansion: int = 3


class Network:
    """Weights as float32 by the names of training.planner_network."""

    def __init__(self, weights: Mapping[str, Floats], shape: Shape):
        self.shape = shape
        self.tokens, self.head = weights["tokens"], weights["head"]
        self.places, self.facts, self.later = (
            weights["places"],
            weights["facts"],
            weights["later"],
        )
        self.layers = [
            tuple(weights[f"{name}.{layer}"] for name in ("attend", "mix", "grow", "shrink"))
            for layer in range(shape.layers)
        ]

    def start(self, facts: Sequence[int], count: int) -> Session:
        """Begin `count` sheets of the same facts."""
        return Session(self, facts, count)


class Session:
    """What the network remembers of sheets that are being written side by side."""

    def __init__(self, network: Network, facts: Sequence[int], count: int):
        self.network = network
        shape = network.shape
        self.size = shape.width // shape.heads
        self.base = network.facts[_offsets(v.GLOBALS) + np.asarray(facts)].sum(0)
        empty = (shape.layers, count, shape.heads, WINDOW, self.size)
        self.keys, self.values = np.zeros(empty, np.float32), np.zeros(empty, np.float32)
        self.rates = 10_000.0 ** (-np.arange(0, self.size, 2) / self.size)
        self.at = 0

    def step(
        self,
        before: Sequence[int],
        places: Sequence[Sequence[int]],
        later: Sequence[Sequence[float]],
    ) -> NDArray[np.float64]:
        """Return logits (sheets, TOKENS) of the next token of each sheet.

        `before` is each sheet's last token, TOKENS for none; `places` and `later` where the next
        one stands (see writer.Place).
        """
        network, shape = self.network, self.network.shape
        hidden = network.tokens[np.asarray(before)] + self.base
        hidden = hidden + network.places[_offsets(v.PLACE) + np.asarray(places)].sum(1)
        hidden = hidden + np.asarray(later, np.float32) @ network.later
        count = len(hidden)
        angle = self.at * self.rates
        cosine, sine = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        slot, seen = self.at % WINDOW, min(self.at + 1, WINDOW)
        for layer, (attend, mix, grow, shrink) in enumerate(network.layers):
            mixed = (_normal(hidden) @ attend).reshape(count, 3, shape.heads, self.size)
            query = _turned(mixed[:, 0], cosine, sine)
            self.keys[layer, :, :, slot] = _turned(mixed[:, 1], cosine, sine)
            self.values[layer, :, :, slot] = mixed[:, 2]
            scores = self.keys[layer, :, :, :seen] @ query[..., None] / np.float32(self.size**0.5)
            weights = np.exp(scores - scores.max(2, keepdims=True))
            weights /= weights.sum(2, keepdims=True)
            heard = (weights.swapaxes(2, 3) @ self.values[layer, :, :, :seen]).reshape(count, -1)
            hidden = hidden + heard @ mix
            inner = np.maximum(_normal(hidden) @ grow, 0)
            hidden = hidden + (inner * inner) @ shrink
        self.at += 1
        return (_normal(hidden) @ network.head).astype(np.float64)


def load_network(path: Path) -> Network:
    """Return the network of a safetensors file; raises EngineError for any other."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            said = file.metadata() or {}
            weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}
        shape = Shape(*(int(said[name]) for name in ("width", "layers", "heads", "expansion")))
        if len(weights["tokens"]) != v.TOKENS + 1:
            raise KeyError("tokens")
        return Network(weights, shape)
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise EngineError(f"the planner's weights {path.name} cannot be read: {error}") from error


def _offsets(sizes: Mapping[str, int]) -> NDArray[np.int64]:
    return np.cumsum([0, *sizes.values()])[:-1]


def _normal(x: Floats) -> Floats:
    found: Floats = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(EPSILON))
    return found


def _turned(x: Floats, cosine: Floats, sine: Floats) -> Floats:
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cosine - second * sine, first * sine + second * cosine], -1)
