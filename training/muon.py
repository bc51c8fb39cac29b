"""Muon (Jordan 2024) in single precision: momentum made orthogonal by Newton-Schulz iterations.

torch.optim.Muon iterates in bfloat16, which takes twice as long on processors that have no matrix
unit for it.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

COEFFICIENTS = 3.4445, -4.7750, 2.0315  # Jordan's, for the steepest slope at zero
ITERATIONS = 5


class Muon(torch.optim.Optimizer):  # type: ignore[misc]  # torch is not followed
    """Nesterov momentum, made orthogonal; steps as long as AdamW's: 0.2 sqrt(larger side)."""

    def __init__(
        self, matrices: Iterable[Tensor], rate: float, momentum: float = 0.95, decay: float = 0.01
    ):
        super().__init__(list(matrices), {"lr": rate, "momentum": momentum, "decay": decay})

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed
    def step(self) -> None:
        """Move every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                mean = state.setdefault("mean", torch.zeros_like(matrix))
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                towards = orthogonal(matrix.grad.lerp(mean, group["momentum"]))
                matrix.mul_(1 - group["lr"] * group["decay"])
                matrix.add_(towards, alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix whose singular values are all 1 (between 0.5 and 1.5)."""
    linear, cubic, quintic = COEFFICIENTS
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    out = wide / wide.norm().clamp_min(1e-7)
    for _ in range(ITERATIONS):
        gram = out @ out.T
        out = torch.addmm(
            out, torch.addmm(gram, gram, gram, beta=cubic, alpha=quintic), out, beta=linear
        )
    return out.T if matrix.shape[0] > matrix.shape[1] else out
