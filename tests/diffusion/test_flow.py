"""The sampler goes straight from noise to what the network predicts, and keeps what is known."""

from __future__ import annotations

import pytest
import torch

from diffusion.embedded.sampler import Predict, sample, schedule


def test_the_schedule_falls_from_noise_to_clean() -> None:
    times = schedule(4)
    # shift 3: t -> 3t / (1 + 2t); 0.75 -> 2.25/2.5 = 0.9; 0.5 -> 1.5/2 = 0.75; 0.25 -> 0.5.
    assert times == pytest.approx([1.0, 0.9, 0.75, 0.5, 0.0])


def run(predict: Predict, **known: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(1, 6, 4, generator=torch.Generator().manual_seed(1))
    nothing = torch.zeros_like(noise)
    return sample(
        predict,
        noise,
        schedule(5),
        known=known.get("known", nothing),
        known_mask=known.get("mask", nothing),
        each_step=lambda step: None,
    )


def test_a_perfect_prediction_is_reached_exactly() -> None:
    target = torch.arange(24.0).reshape(1, 6, 4)
    assert torch.allclose(run(lambda x, t: target), target, atol=1e-5)


def test_known_latents_are_kept_to_the_bit() -> None:
    known, mask = torch.full((1, 6, 4), 7.0), torch.zeros(1, 6, 4)
    mask[:, :2] = 1.0
    out = run(lambda x, t: torch.zeros_like(x), known=known, mask=mask)
    assert torch.equal(out[:, :2], known[:, :2])
    assert torch.allclose(out[:, 2:], torch.zeros(1, 4, 4), atol=1e-6)


def test_the_network_is_shown_known_latents_without_noise_as_in_training() -> None:
    # training.train.loss_of puts the clean latents wherever music is known.
    seen: list[float] = []
    known, mask = torch.full((1, 6, 4), 7.0), torch.zeros(1, 6, 4)
    mask[:, :2] = 1.0

    def predict(x: torch.Tensor, now: float) -> torch.Tensor:
        seen.append(float((x - known)[:, :2].abs().max()))
        return torch.zeros_like(x)

    run(predict, known=known, mask=mask)
    assert seen == [0.0] * 5


def test_an_exception_before_a_step_stops_the_sampling() -> None:
    steps: list[int] = []

    def each_step(step: int) -> None:
        steps.append(step)
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(
            lambda x, t: x,
            torch.zeros(1, 2, 2),
            schedule(5),
            known=torch.zeros(1, 2, 2),
            known_mask=torch.zeros(1, 2, 2),
            each_step=each_step,
        )
    assert steps == [0, 1, 2]
