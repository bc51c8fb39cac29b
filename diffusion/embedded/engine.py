"""The embedded engine: intent -> latents by diffusion -> a Performance -> sound -> the mix.

Holds the loaded weights between jobs. Everything random comes from the seed of the request, so
the same request gives the same frames on the same machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audio.clip import Clip, resample
from audio.stem_names import STEMS
from diffusion.embedded.performance import Performance, as_plain
from diffusion.engine import CancelFlag, Conditions, Engine, Generation, Progress
from diffusion.errors import Cancelled, EngineError
from diffusion.facts import EngineDescription

if TYPE_CHECKING:
    from diffusion.embedded.backbone import Backbone
    from diffusion.embedded.decoder.decoder import Decoder

CARD = "embedded-v2.json"
HIGHEST_RATE = 48_000  # the decoder was never trained on what lies above; beyond it is resampled


def weights_folder() -> Path:
    """Return the folder the trained weights lie in."""
    return Path(str(resources.files("diffusion.embedded.weights")))


def read_card() -> Mapping[str, Any]:
    """Return what is known of the weights: version, files with sha256, how they were trained.

    Raises EngineError when the card is missing or cannot be read.
    """
    try:
        card: Mapping[str, Any] = json.loads((weights_folder() / CARD).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"the embedded weights' card {CARD} cannot be read: {error}") from error
    return card


def verify_weights() -> Mapping[str, Path]:
    """Return the weight files by role (diffusion, decoder, voice), each checked by its sha256.

    Raises EngineError naming the file that is missing or not the published one.
    """
    found = {}
    for role, entry in read_card()["files"].items():
        path = weights_folder() / entry["name"]
        if not path.is_file():
            raise EngineError(f"the weights file {path.name} is missing; install backline again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            raise EngineError(
                f"the weights file {path.name} is not the published one (its sha256 differs); "
                "install backline again"
            )
        found[role] = path
    return found


LICENCE = "backline's own model: MIT."


class EmbeddedEngine(Engine):
    """backline's own small model; plays on a CPU, or on a GPU when there is one."""

    name = "embedded"
    plays_plans = True

    def __init__(self) -> None:
        self._network: Backbone | None = None
        self._decoder: Decoder | None = None
        self._description = EngineDescription(name=self.name)

    def load(self, progress: Progress) -> None:
        """Read and verify the weights; raises EngineError when they are not the published ones."""
        if self._network is not None:
            return
        progress("load", 0.0)
        files = verify_weights()
        import torch

        from diffusion.embedded.backbone import load_backbone
        from diffusion.embedded.decoder.decoder import Decoder

        progress("load", 0.3)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network = load_backbone(files["diffusion"], device)
        progress("load", 0.7)
        self._decoder = Decoder(files["decoder"])
        card = read_card()
        self._description = EngineDescription(
            name=self.name,
            version=card["version"],
            weights=card["files"],
            licence=LICENCE,
            device=device,
            torch=torch.__version__,
        )
        progress("load", 1.0)

    def describe(self) -> EngineDescription:
        """Return the weights' version and hashes, the device and torch's version."""
        return self._description

    def close(self) -> None:
        """Let go of the weights."""
        self._network = self._decoder = None

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions`: four native stems of exactly the frames asked, and their notes."""
        if self._network is None or self._decoder is None:
            raise EngineError("the embedded engine is not loaded")

        from diffusion.embedded.composition import compose, notes_of

        def step(done: float) -> None:
            if cancelled():
                raise Cancelled("cancelled")
            progress("diffuse", done)

        performance, facts, seed = compose(self._network, conditions, step)
        rate = conditions.sample_rate
        stems, mix = self._sound(
            performance, conditions, seed, facts.style or "", progress, cancelled
        )
        if rate > HIGHEST_RATE:
            stems = _resampled(stems, conditions.frames(rate), rate)
        notes = {stem: notes_of(performance, stem) for stem in conditions.stems}
        score = {"seed": seed, **as_plain(performance), **({"mix": mix} if mix else {})}
        return Generation(stems=stems, notes=notes, facts=facts, score=score)

    def _sound(
        self,
        performance: Performance,
        conditions: Conditions,
        seed: int,
        style: str,
        progress: Progress,
        cancelled: CancelFlag,
    ) -> tuple[Mapping[str, Clip], object]:
        """The stems asked for, in the mix or dry, and what to keep of the mix.

        The mix is worked out from the whole band, so a stem is the same whichever others are asked
        for. A change keeps the mix of the music it changes.
        """
        from diffusion.embedded.mix.bus import Bus, mixed, mixed_as

        def check() -> None:
            if cancelled():
                raise Cancelled("cancelled")

        grid, rate = conditions.grid, min(conditions.sample_rate, HIGHEST_RATE)
        old = conditions.revision.score.get("mix") if conditions.revision else None
        bus = Bus.from_plain(old, conditions.frames(rate), rate) if old else None
        is_dry = not bus if conditions.revision else conditions.dry
        wraps = bus.wraps if bus else conditions.loops
        assert self._decoder is not None
        stems = self._decoder.render(
            performance,
            grid,
            rate,
            stems=conditions.stems if bus or is_dry else STEMS,
            seed=seed,
            tail_frames=conditions.frames(rate) - grid.frames(rate),
            wraps=wraps,
            progress=lambda fraction: progress("decode", fraction),
            cancelled=cancelled,
        )
        if is_dry:
            return stems, None
        if bus:
            return mixed_as(stems, bus, check=check), old
        band, bus = mixed(stems, style, conditions.loudness_lufs, wraps=wraps, check=check)
        return {stem: band[stem] for stem in conditions.stems}, bus.as_plain()


def _resampled(stems: Mapping[str, Clip], frames: int, sample_rate: int) -> dict[str, Clip]:
    """The stems at another rate, with so many frames there: one more or less at most."""
    out = {}
    for stem, clip in stems.items():
        samples = resample(clip, sample_rate).samples[:, :frames]
        padding = (0, 0), (0, frames - samples.shape[1])
        out[stem] = Clip(np.pad(samples, padding), sample_rate)
    return out
