"""The embedded engine: intent -> latents by diffusion -> a Performance -> sound, four stems.

Holds the loaded weights between jobs. Everything random comes from the seed of the request, so
the same request gives the same frames on the same machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio.stem_names import STEMS
from diffusion.embedded import form, melody_part
from diffusion.embedded.intent import Intent
from diffusion.embedded.performance import PART_STEM, Performance, Played
from diffusion.embedded.vocabulary import Wish, read_tags
from diffusion.engine import CancelFlag, Conditions, Generation, Progress
from diffusion.errors import Cancelled, EngineError
from midi.melody import Note

if TYPE_CHECKING:
    from diffusion.embedded.backbone import Backbone
    from diffusion.embedded.decoder.decoder import Decoder

CARD = "embedded-v1.json"


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


class EmbeddedEngine:
    """backline's own small model; plays on a CPU, or on a GPU when there is one."""

    name = "embedded"

    def __init__(self) -> None:
        self._network: Backbone | None = None
        self._decoder: Decoder | None = None
        self._facts: dict[str, object] = {}

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
        self._decoder = Decoder.load(files["decoder"])
        card = read_card()
        self._facts = {
            "name": self.name,
            "version": card["version"],
            "weights": card["files"],
            "device": device,
            "torch": torch.__version__,
        }
        progress("load", 1.0)

    def describe(self) -> dict[str, object]:
        """Return the weights' version and hashes, the device and torch's version."""
        return dict(self._facts)

    def close(self) -> None:
        """Let go of the weights."""
        self._network = self._decoder = None

    def generate(
        self, conditions: Conditions, progress: Progress, cancelled: CancelFlag
    ) -> Generation:
        """Play `conditions`: four native stems of exactly the grid's frames, and their notes."""
        if self._network is None or self._decoder is None:
            raise EngineError("the embedded engine is not loaded")

        def stop() -> None:
            if cancelled():
                raise Cancelled("cancelled")

        wish = read_tags(conditions.tags)
        performance, facts = self._perform(conditions, wish, progress, stop)
        stems = self._decoder.render(
            performance,
            conditions.grid,
            conditions.sample_rate,
            stems=conditions.stems,
            seed=conditions.seed,
            progress=lambda fraction: progress("decode", fraction),
            cancelled=cancelled,
        )
        notes = {stem: _notes(performance, stem) for stem in STEMS if stem in conditions.stems}
        return Generation(stems=stems, notes=notes, facts=facts)

    def _perform(
        self, conditions: Conditions, wish: Wish, progress: Progress, stop: Callable[[], None]
    ) -> tuple[Performance, dict[str, object]]:
        """Write the music and hand it to the players: what is played, and facts on it."""
        from diffusion.embedded.latents import decode
        from diffusion.embedded.voice.lyrics import place_lyrics
        from diffusion.embedded.writing import GUIDANCE, STEPS, write

        assert self._network is not None
        part = "lead" if conditions.lead == "melody" else "vocals"
        remarks: list[str] = []
        tune = None
        if conditions.melody is not None:
            tune, moved = melody_part.tune_of(conditions.melody, part)
            remarks += moved
        plan = form.plan(conditions.grid, conditions.sections)
        asked = Intent(
            grid=conditions.grid,
            key=conditions.key,
            lead=conditions.lead,
            tokens=wish.tokens(),
            tune=tune,
            harmony=melody_part.harmony_of(conditions.melody) if conditions.melody else None,
            sections=plan.sections,
            intensity=plan.intensity,
        )
        latents = write(
            self._network,
            asked,
            conditions.seed,
            progress=lambda fraction: progress("diffuse", fraction),
            cancelled=stop,
        )
        performance = decode(latents, conditions.key.tonic, float(conditions.grid.beats))
        facts: dict[str, object] = {
            "steps": STEPS,
            "guidance_scale": GUIDANCE,
            "style": wish.style,
            "moods": list(wish.moods),
            "unknown_words": list(wish.unknown),
            "timbres": {name: p.timbre for name, p in performance.parts.items() if p.notes},
            "sections": list(plan.sections),
        }
        if tune is not None:
            facts["melody_agreement_before_keeping"] = round(
                melody_part.agreement(performance.parts[part].notes, tune), 4
            )
            performance = melody_part.keep_as_written(performance, part, tune)
        sung, words_left = place_lyrics(performance.parts["vocals"].notes, conditions.lyrics)
        vocals = replace(performance.parts["vocals"], notes=tuple(sung))
        performance = replace(performance, parts={**performance.parts, "vocals": vocals})
        facts["remarks"] = [*remarks, *words_left]
        return performance, facts


def _notes(performance: Performance, stem: str) -> tuple[Note, ...]:
    """Return what `stem` plays as MIDI notes, those of all its parts in order of start."""
    played: list[Played] = []
    for name, part in performance.parts.items():
        if PART_STEM[name] == stem:
            played += part.notes
    notes = [
        Note(
            Fraction(round(note.start_beats * 960), 960),
            Fraction(max(1, round(note.length_beats * 960)), 960),
            note.pitch,
            min(127, max(1, round(note.velocity * 127))),
        )
        for note in played
    ]
    return tuple(sorted(notes, key=lambda note: (note.start_beats, note.pitch)))
