"""Our transformer is diffusers' ACE-Step transformer, to the bit."""

from __future__ import annotations

import pytest
import torch

from diffusion.embedded.transformer import Transformer


@pytest.mark.parametrize("frames", [3, 30, 100])  # one token, whole patches, a third of one
def test_it_computes_what_the_transformer_of_diffusers_does(frames: int) -> None:
    from diffusers import AceStepTransformer1DModel

    torch.manual_seed(1)
    ours = Transformer(40, 24, hidden=128, layers=3, heads=2, window=8, patch_frames=3).eval()
    for weights in ours.parameters():  # far from what they begin as, norms and biases too
        torch.nn.init.normal_(weights, std=0.2)
    theirs = AceStepTransformer1DModel(
        hidden_size=128, intermediate_size=384, num_hidden_layers=3, num_attention_heads=2,
        num_key_value_heads=2, head_dim=64, in_channels=40, audio_acoustic_hidden_dim=24,
        patch_size=3, rope_theta=10_000.0, sliding_window=8,
    ).eval()  # fmt: skip
    theirs.load_state_dict(ours.state_dict())
    noisy, context = torch.randn(2, frames, 24), torch.randn(2, frames, 16)
    words, time = torch.randn(2, 5, 128), torch.tensor([0.25, 1.0])
    with torch.inference_mode():
        predicted = ours(noisy, time, context, words)
        expected = theirs(
            hidden_states=noisy, timestep=time, timestep_r=time, encoder_hidden_states=words,
            context_latents=context, return_dict=False,
        )[0]  # fmt: skip
    assert torch.equal(predicted, expected)
