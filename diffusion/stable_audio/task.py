"""One run of Stable Audio 3: the words, the seconds, the seeds and the sound it starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from audio.clip import Clip
from audio.guide import render_guide
from diffusion.audio_conditions import Edit
from diffusion.engine import Conditions

MIN_SECONDS = 1.0
REPAINTS = ("repaint", "extend")
LEAST_NOISE = 0.05  # a melody kept with strength 1 still goes through the model


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What one batch plays: all items share everything but the seed.

    `noise_level` is how much noise the `source` is under at the start, 1 for nothing of it left.
    `window` holds the seconds that are made anew where the rest of the source stays.
    """

    caption: str
    seconds: float
    seeds: tuple[int, ...]
    source: Clip | None = None
    noise_level: float = 1.0
    window: tuple[float, float] | None = None

    def part(self, start: int, size: int) -> Task:
        """The task of `size` items from `start` on."""
        return replace(self, seeds=self.seeds[start : start + size])


def task_for(conditions: Conditions, seeds: tuple[int, ...]) -> tuple[Task, tuple[str, ...]]:
    """The task for conditions, and remarks on what the model cannot follow."""
    grid, audio = conditions.grid, conditions.audio
    beat = 60.0 / grid.bpm_at(grid.beats)
    seconds = max(float(grid.seconds) + beat, MIN_SECONDS)
    task = Task(caption(conditions), seconds, seeds)
    remarks = _remarks(conditions)
    if audio.edit is not None:
        return _edited(task, audio.edit, conditions), remarks
    chords = conditions.lead_sheet.chords
    if (conditions.melody is None and not chords) or audio.melody_mode == "off":
        return task, remarks
    if audio.melody_mode != "keep":
        remarks = (*remarks, "Stable Audio covers nothing: the guide was kept under noise instead.")
    guide = render_guide(grid, conditions.key, conditions.melody, chords)
    return replace(task, source=guide, noise_level=_noise(audio.melody_strength)), remarks


def caption(conditions: Conditions) -> str:
    """The words: style, then tempo, key and meter, as Stable Audio is prompted with them."""
    grid = conditions.grid
    mean_bpm = float(grid.beats * 60 / grid.seconds)
    facts = (
        f"{mean_bpm:g} BPM" if grid.is_constant else f"{mean_bpm:.0f} BPM",
        conditions.key.name,
    )
    meter = str(grid.meter)
    style = conditions.tags.strip() or "instrumental music"
    return ", ".join((style, *facts, *(() if meter == "4/4" else (f"{meter} time",))))


def _edited(task: Task, edit: Edit, conditions: Conditions) -> Task:
    grid = conditions.grid
    task = replace(task, source=edit.source)
    if edit.kind == "repaint":
        first, end = (
            float(grid.seconds_at(grid.bar_starts[bar])) for bar in (edit.first_bar, edit.end_bar)
        )
        return replace(task, window=(first, end))
    if edit.kind == "extend":
        return replace(task, window=(min(edit.source.seconds, task.seconds), task.seconds))
    return replace(task, noise_level=_noise(conditions.audio.melody_strength))


def _noise(strength: float) -> float:
    return max(1.0 - strength, LEAST_NOISE)


def _remarks(conditions: Conditions) -> tuple[str, ...]:
    found = []
    if conditions.lyrics.strip():
        found.append("Stable Audio does not sing: the lyrics were not used.")
    if not conditions.grid.is_constant:
        found.append("Stable Audio knows one tempo a piece; it was told the mean.")
    if conditions.sections or conditions.intensity is not None:
        found.append("Stable Audio knows no sections and no intensity.")
    return tuple(found)
