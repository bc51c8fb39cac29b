"""The registry of engines: a row each, read by whatever offers, checks or opens an engine.

A new engine is one package and one row here. Importing this imports no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Literal

from audio.stem_names import STEMS
from diffusion.edits import EDITS
from diffusion.errors import check_choice

if TYPE_CHECKING:
    from diffusion.engine import Engine


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What one engine is and can do.

    `opens` is the "module:class" of an Engine that takes the name or hash of its weights, if it
    has several. `gives` says whether it plays stems or one mix that is split afterwards.
    `batches`: it plays requests of equal shape together. `accepts` names the fields of a request,
    beyond those that every engine honours, that it can use; another engine refuses them. `limits`
    names such fields that are numbers, with the least and the most of each, and `choices` such that
    are words, with all they may be.
    `availability` is a "module:function" that returns why it cannot play on this machine, or "".
    """

    name: str
    opens: str
    gives: Literal["stems", "mix"]
    batches: bool = False
    accepts: frozenset[str] = frozenset()
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stems: tuple[str, ...] = STEMS
    edits: tuple[str, ...] = EDITS  # of a sound, where it takes one
    meters: tuple[str, ...] = ()  # () for any
    bpm: tuple[float, float] | None = None  # from, to; None for all that a request may have
    seconds: tuple[float, float] | None = None
    availability: str = ""

    @property
    def honours(self) -> frozenset[str]:
        """All fields that it can use and that not every engine can."""
        return self.accepts | self.limits.keys() | self.choices.keys()

    def open(self, model: str = "") -> Engine:
        """Return the engine, not yet loaded; `model` names weights, by name or hash."""
        opened = resolve_name(self.opens)
        engine: Engine = opened(model) if model else opened()
        return engine

    def reason_against(self) -> str:
        """Return why it cannot play on this machine and what to do, or ""; loads nothing."""
        return str(resolve_name(self.availability)()) if self.availability else ""


ENGINES: tuple[EngineSpec, ...] = (
    EngineSpec(
        "embedded",
        "diffusion.embedded.engine:EmbeddedEngine",
        gives="stems",
        accepts=frozenset({"dry", "humanise", "swing"}),
    ),
    EngineSpec(
        "ace-step",
        "diffusion.ace_step.engine:AceStepEngine",
        gives="mix",
        batches=True,
        accepts=frozenset(
            {"audio_path", "reference_path", "loras", "language", "parts", "code_planner"}
        ),
        limits={
            "steps": (1, 200),
            "guidance": (1, 20),
            "shift": (1, 10),
            "dcw": (0, 0.5),
            "chunk_mask": (1, 2),
        },
        choices={"sampler": ("euler", "heun", "sde")},
        availability="diffusion.models.choice:reason_against_ace_step",
    ),
    EngineSpec(
        "stable-audio-3",
        "diffusion.stable_audio.engine:StableAudioEngine",
        gives="mix",
        batches=True,
        accepts=frozenset({"audio_path"}),
        limits={"steps": (1, 200), "guidance": (1, 20)},
        choices={"sampler": ("pingpong", "euler")},
        edits=("cover", "repaint", "extend"),
        seconds=(1, 380),
        availability="diffusion.models.choice:reason_against_stable_audio",
    ),
)
DEFAULT_ENGINE = ENGINES[0].name


def engine_names() -> tuple[str, ...]:
    """The names of all engines, the default first."""
    return tuple(spec.name for spec in ENGINES)


def engine_spec(name: str, engines: Sequence[EngineSpec] | None = None) -> EngineSpec:
    """Return the row of an engine, of `engines` or of all; raises EngineError for another name."""
    rows = {spec.name: spec for spec in (ENGINES if engines is None else engines)}
    check_choice("engine", name, rows)
    return rows[name]


def widest(name: str) -> tuple[float, float]:
    """The least and the most that any engine takes for a number."""
    every = [spec.limits[name] for spec in ENGINES if name in spec.limits]
    return min(low for low, _ in every), max(high for _, high in every)


def every_choice(name: str) -> tuple[str, ...]:
    """All words that any engine takes for a field."""
    return tuple(dict.fromkeys(word for spec in ENGINES for word in spec.choices.get(name, ())))
