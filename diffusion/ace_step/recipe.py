"""Conditions to a Task: how long, in which words, and from which sound the model starts.

How a melody conditions the model, and what its strength means, is in docs/guide/engines.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from audio.guide import render_guide
from diffusion.ace_step.prompt import Prompt, prompt_of, words_of_bars
from diffusion.ace_step.task import FRAMES_A_SECOND, Task, latent_frames
from diffusion.audio_conditions import Edit
from diffusion.edits import WITH_PARTS
from diffusion.engine import Conditions
from midi.grid import MAX_SECONDS, Grid
from midi.melody import Melody
from midi.sections import spans

UNPLANNED = "The code planner was not used: the song follows {}."
MIN_SECONDS = 6  # the shortest whole number that the model is used to: it knows 5.12 s and more


@dataclass(frozen=True, slots=True)
class SectionRepaint:
    """Bars from `first_bar` up to `end_bar`, to be repainted with a prompt of their own."""

    first_bar: int
    end_bar: int
    prompt: Prompt


def whole_seconds(grid: Grid, tail_seconds: float = 0.0) -> int:
    """Seconds to play: the grid, its tail and a beat more, whole, as the prompt has them.

    What is too much is cut off later, where it is known how the music lies on the grid.
    """
    beat = 60.0 / grid.bpm_at(grid.beats)
    return min(max(math.ceil(float(grid.seconds) + tail_seconds + beat), MIN_SECONDS), MAX_SECONDS)


def task_for(conditions: Conditions, seeds: tuple[int, ...]) -> tuple[Task, tuple[str, ...]]:
    """The task for conditions, and remarks on what its prompt cannot say."""
    seconds = whole_seconds(conditions.grid, conditions.tail_seconds)
    prompt, remarks = prompt_of(conditions, seconds)
    audio = conditions.audio
    task = Task(prompt, latent_frames(seconds), seeds, reference=audio.reference)
    if audio.edit is not None:
        if audio.code_planner:
            remarks = (*remarks, UNPLANNED.format("the sound that is edited"))
        if audio.edit.kind in WITH_PARTS:
            remarks = (*remarks, f"{audio.edit.kind} is unreliable: listen before you use it.")
        return _edited(task, audio.edit, conditions), remarks
    chords, melody = conditions.lead_sheet.chords, _melody(conditions)
    if (melody is None and not chords) or audio.melody_mode == "off":
        return task, remarks
    if audio.code_planner:
        given = "melody" if melody else "chords"
        remarks = (*remarks, UNPLANNED.format(f"the {given}; melody-mode off would leave it to it"))
    guided = replace(
        task,
        prompt=prompt.for_task("cover"),
        source=render_guide(conditions.grid, conditions.key, melody, chords),
        raw=audio.melody_mode == "raw",
    )
    if audio.melody_mode == "keep":
        return replace(guided, kept_share=audio.melody_strength), remarks
    return replace(guided, cover_share=audio.melody_strength), remarks


def _melody(conditions: Conditions) -> Melody | None:
    """The melody that is given, else the tune of the lead sheet."""
    tune = conditions.lead_sheet.tune
    return conditions.melody or (Melody(tune.notes) if tune and tune.notes else None)


def section_repaints(conditions: Conditions, seconds: int) -> tuple[SectionRepaint, ...]:
    """Bars whose words are not those of the whole, to be repainted one by one."""
    edit, words = conditions.audio.edit, words_of_bars(conditions)
    if edit is not None and edit.kind != "cover":
        return ()
    return tuple(
        SectionRepaint(
            span.first_bar,
            span.end_bar,
            prompt_of(conditions, seconds, (span.first_bar, span.end_bar))[0].for_task("repaint"),
        )
        for span in spans(words)
        if span.name != words[0]
    )


def window(grid: Grid, first_bar: int, end_bar: int) -> tuple[int, int]:
    """Latent frames that cover bars from `first_bar` up to but without `end_bar` (from 0)."""
    start, end = (float(grid.seconds_at(grid.bar_starts[bar])) for bar in (first_bar, end_bar))
    return math.floor(start * FRAMES_A_SECOND), math.ceil(end * FRAMES_A_SECOND)


def _edited(task: Task, edit: Edit, conditions: Conditions) -> Task:
    name = "repaint" if edit.kind == "extend" else edit.kind
    task = replace(
        task, prompt=replace(task.prompt, task=name, parts=edit.parts), source=edit.source
    )
    if edit.kind == "cover":
        return replace(task, cover_share=conditions.audio.melody_strength)
    if edit.kind == "repaint":
        return replace(task, window=window(conditions.grid, edit.first_bar, edit.end_bar))
    if edit.kind == "extend":
        begin = math.floor(edit.source.seconds * FRAMES_A_SECOND)
        return replace(task, window=(min(begin, task.frames - 1), task.frames))
    return task
