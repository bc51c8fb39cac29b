"""Words to condition states: the text encoder, the lyric encoder, and the one timbre token.

Each prompt is encoded by itself. In a batch the stock pipeline pads shorter prompts and lets the
padding be attended to; here there is none.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from diffusion.ace_step.prompt import Prompt
from diffusion.ace_step.task import SAMPLE_RATE

MAX_TEXT_TOKENS, MAX_LYRIC_TOKENS = 256, 2048
TIMBRE_SECONDS, TIMBRE_PARTS = 30, 3  # the encoder gets front, middle and back


class Words:
    """Encodes prompts with a pipeline's tokenizer, text encoder and condition encoder."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def encode(self, prompt: Prompt, timbre: Tensor) -> Tensor:
        """Condition states (1, tokens, channels): lyrics, timbre, text, in the model's order."""
        pipeline = self._pipeline
        encoder, text_encoder = pipeline.condition_encoder, pipeline.text_encoder
        fitted = self.fitted(prompt)
        device = text_encoder.device
        text = text_encoder(input_ids=self._ids(fitted.text).to(device)).last_hidden_state
        looked_up = text_encoder.get_input_embeddings()(self._ids(fitted.lyric_text).to(device))
        lyrics = encoder.lyric_encoder(
            inputs_embeds=looked_up.to(encoder.dtype),
            attention_mask=torch.ones(looked_up.shape[:2], dtype=torch.bool, device=device),
        )
        return torch.cat(
            [lyrics, timbre.to(lyrics), encoder.text_projector(text.to(encoder.dtype))], dim=1
        )

    def fitted(self, prompt: Prompt) -> Prompt:
        """The prompt short enough for the model: caption by words, lyrics by lines, from the end.

        The stock pipeline cuts the whole text from the end, where tempo, meter and key stand.
        """
        caption = prompt.caption.split(" ")
        while self._count(prompt.text) > MAX_TEXT_TOKENS and caption != [""]:
            last = caption.pop()
            caption = caption or [last[: len(last) // 2]]
            prompt = replace(prompt, caption=" ".join(caption).rstrip(","))
        lines = prompt.lyrics.splitlines()
        while self._count(prompt.lyric_text) > MAX_LYRIC_TOKENS and lines != [""]:
            last = lines.pop()
            lines = lines or [last[: len(last) // 2]]
            prompt = replace(prompt, lyrics="\n".join(lines).rstrip())
        return prompt

    def tokens(self, prompt: Prompt) -> tuple[int, int]:
        """How many tokens of text and of lyrics the model gets; equal ones fit into one batch."""
        fitted = self.fitted(prompt)
        return self._count(fitted.text), self._count(fitted.lyric_text)

    def remarks(self, prompt: Prompt) -> tuple[str, ...]:
        """Sentences on what of a prompt is too long for the model."""
        fitted = self.fitted(prompt)
        found = []
        if fitted.caption != prompt.caption:
            found.append(
                f"The tags were cut after {fitted.caption[-40:]!r}: ACE-Step takes no more."
            )
        if fitted.lyrics != prompt.lyrics:
            last = fitted.lyrics.splitlines()[-1]
            found.append(f"The lyrics were cut after {last[-40:]!r}: ACE-Step takes no more.")
        return tuple(found)

    def _ids(self, text: str) -> Tensor:
        return self._pipeline.tokenizer(text, return_tensors="pt").input_ids

    def _count(self, text: str) -> int:
        return int(self._ids(text).shape[1])


def timbre_excerpt(sound: Tensor) -> Tensor:
    """30 s of a reference (2, frames): 10 s each of front, middle and back; short ones repeat."""
    frames = TIMBRE_SECONDS * SAMPLE_RATE
    sound = sound.repeat(1, -(-frames // sound.shape[-1]))
    part = frames // TIMBRE_PARTS
    total = sound.shape[-1]
    starts = (0, total // TIMBRE_PARTS, total - part)
    return torch.cat([sound[:, start : start + part] for start in starts], dim=-1)


def timbre_token(encoder: Any, latents: Tensor, *, own_token: bool) -> Tensor:
    """The token (1, 1, channels) that a timbre encoder gives for latents (1, frames, channels).

    It is the encoder's first. With `own_token` its learned `special_token` goes before the frames:
    so the authors' code has it for XL. diffusers leaves it out for all checkpoints.
    """

    def lead(layer: Any, arguments: Any, embedded: Tensor) -> Tensor:
        return torch.cat([encoder.special_token.to(embedded), embedded], dim=1)

    order = torch.zeros(1, dtype=torch.long, device=latents.device)
    with encoder.embed_tokens.register_forward_hook(lead) if own_token else nullcontext():
        return encoder(latents.to(encoder.dtype), order)[0]
