"""What an engine says of itself and of each take: enough to make the same sound again.

Part of every manifest. An engine of its own kind may add a class of facts here; what no class
knows goes into the open mapping. Importing this imports no engine and no heavy library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SnapshotWeights:
    """Downloaded weights: the model's name, where it is from, and the hash of its files."""

    model: str
    repository: str
    revision: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDescription:
    """Which engine, weights, device and versions made a result.

    `weights` are a downloaded snapshot's, or by role what is known of a file; `licence` is a
    sentence on how they may be used. `memory` is the mode in which a large model was kept. `others`
    is open to what engines to come have to say.
    """

    name: str
    version: str | None = None
    kind: str | None = None
    weights: SnapshotWeights | Mapping[str, object] | None = None
    licence: str | None = None
    device: str | None = None
    precision: str | None = None
    torch: str | None = None
    diffusers: str | None = None
    transformers: str | None = None
    memory: str | None = None
    others: Mapping[str, object] = field(default_factory=dict, metadata={"json": "open"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """How an engine made one take; `remarks` are sentences on what it could not follow."""

    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedFacts(EngineFacts):
    """How the embedded engine made one take; None where it only played given notes.

    `blended` is a second style, mixed with the first; the parts in `without` were asked to be
    silent; `unknown_words` of the tags meant nothing to it. `sections` and `intensity` (0..1) are
    by bar. `melody_agreement_before_keeping` is the share of the given melody in what the network
    wrote. `timbres` are by part.
    """

    steps: int | None = None
    guidance_scale: float | None = None
    style: str | None = None
    blended: str | None = None
    without: tuple[str, ...] | None = None
    moods: tuple[str, ...] | None = None
    unknown_words: tuple[str, ...] | None = None
    sections: tuple[str, ...] | None = None
    intensity: tuple[float, ...] | None = None
    melody_agreement_before_keeping: float | None = None
    timbres: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class LoraFacts:
    """A LoRA adapter that was applied: file name, scale and SHA-256."""

    path: str
    scale: float
    sha256: str


@dataclass(frozen=True, slots=True)
class Repainted:
    """Bars, from 1 and inclusive, that were repainted under a caption of their own."""

    bars: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AceStepFacts(EngineFacts):
    """How ACE-Step made one take: prompt, settings of the sampler, who planned its codes."""

    task: str
    prompt: str
    language: str
    steps: int
    shift: float
    guidance_scale: float
    seed: int
    melody_mode: str
    melody_strength: float
    chunk_mask: float = 1.0
    dcw: tuple[float, ...] = ()
    sampler: str = "euler"
    loras: tuple[LoraFacts, ...]
    repainted: tuple[Repainted, ...]
    code_planner: SnapshotWeights | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StableAudioFacts(EngineFacts):
    """How Stable Audio 3 made one take; `noise_level` is that of a kept source, 1 without one."""

    task: str
    prompt: str
    seconds: float
    steps: int
    guidance_scale: float
    sampler: str
    noise_level: float
    seed: int


ENGINE_FACTS = (AceStepFacts, EmbeddedFacts, StableAudioFacts)
