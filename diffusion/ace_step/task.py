"""One run of ACE-Step 1.5: the words, the length, the seeds and the audio it starts from."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np

from audio.clip import Clip
from diffusion.ace_step.prompt import Prompt

SAMPLE_RATE = 48_000
MIN_FRAMES = 128  # latent frames, 5.12 s: the model was trained on nothing shorter
FRAMES_A_SECOND = 25


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What one batch plays: all items share everything but the seed.

    `frames` are latent frames, `source` is covered, repainted or used as context. `raw` lets a
    cover take the source's latents themselves, not their 5 Hz codes. `cover_share` is the share of
    the steps under the cover's context; the others make text to music of what that began.
    `kept_share` is the share of the steps left out by starting from the source under noise.
    `window` holds the latent frames that a repaint generates. The timbre is that of `reference`.
    `codes`, one tuple a seed, are 5 Hz codes that are covered where there is no source.
    `prompts`, one a seed and of equally many tokens, replace `prompt` where the items
    of a song without a source differ in their words.
    """

    prompt: Prompt
    frames: int
    seeds: tuple[int, ...]
    source: Clip | None = None
    raw: bool = False
    cover_share: float = 1.0
    kept_share: float = 0.0
    window: tuple[int, int] | None = None
    reference: Clip | None = None
    prompts: tuple[Prompt, ...] = ()
    codes: tuple[tuple[int, ...], ...] = ()

    def part(self, start: int, size: int) -> Task:
        """The task of `size` items from `start` on."""
        items = slice(start, start + size)
        return replace(
            self,
            seeds=self.seeds[items],
            prompts=self.prompts[items],
            codes=self.codes[items],
        )


def latent_frames(seconds: float) -> int:
    """Latent frames that hold `seconds`, and at least what the model is used to."""
    return max(MIN_FRAMES, math.ceil(seconds * FRAMES_A_SECOND - 1e-9))


def digest(clip: Clip) -> str:
    """A name for what a clip sounds like, for caches."""
    hashed = hashlib.blake2b(np.ascontiguousarray(clip.samples).tobytes(), digest_size=16)
    return f"{clip.sample_rate}-{clip.channels}-{hashed.hexdigest()}"
