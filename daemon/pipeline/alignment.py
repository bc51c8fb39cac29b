"""What is done to a take's sound before it is measured: onto the grid, into the key, to a level.

The stems of an engine that keeps to the grid by itself pass through bit for bit unless the request
asks for one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from audio.clip import Clip
from audio.conform import conform
from audio.errors import CannotConform
from audio.loudness import gain_to_target, measure_loudness, with_gain
from audio.tonality import find_key, key_relation
from audio.transpose import shift_to, transpose
from diffusion.engine import Conditions, Generation, Progress
from midi.grid import Grid
from midi.key import Key
from osc_protocol.generate import Generate
from stems.plain import as_plain
from stems.stem_set import StemSet

FITTING_KEYS = ("same", "relative")


def align(
    generation: Generation,
    request: Generate,
    conditions: Conditions,
    progress: Progress,
    *,
    from_mix: bool,
    transpose: bool,
) -> Generation:
    """Return the stems on the grid, where they are `from_mix` or the user wants it, and in key."""
    keeps_sound = request.edited not in ("", "cover")  # which lies where the user has put it
    conforming = not request.from_ and (
        request.conform == "on" or (request.conform == "auto" and from_mix and not keeps_sound)
    )
    if from_mix and not conforming:
        generation = _at_length(generation, conditions.grid)
    if request.from_ or not (conforming or transpose):
        return generation
    progress("conform", 0.0)
    if conforming:
        generation = on_grid(generation, conditions.grid)
    return in_key(generation, conditions.key) if transpose else generation


def on_grid(generation: Generation, grid: Grid) -> Generation:
    """Bring the stems onto the grid; facts["conform"] says how, or why not.

    What cannot be conformed is cut, or filled up with silence, to the length of the grid. Raises
    AudioError.
    """
    stems = generation.stems
    if not stems:
        return generation
    try:
        done = conform(_sum(stems), grid, stems=stems)
    except CannotConform as refusal:
        facts = {**generation.facts, "conform": {"refused": str(refusal)}}
        return replace(_at_length(generation, grid), facts=facts)
    facts = {**generation.facts, "conform": as_plain(done.facts) | {
        "beats_before_seconds": [round(float(each), 4) for each in done.beats.seconds],
    }}  # fmt: skip
    return replace(generation, stems=done.stems, facts=facts)


def in_key(generation: Generation, key: Key) -> Generation:
    """Transpose all but the drums by the fewest semitones where another key is heard."""
    stems = generation.stems
    pitched = {name: clip for name, clip in (stems or {}).items() if name != "drums"}
    if not stems or not pitched:
        return generation
    heard = find_key(_sum(pitched))
    if heard is None or key_relation(heard, key) in FITTING_KEYS:
        return generation
    semitones = shift_to(heard, key)
    moved = {name: transpose(clip, semitones) for name, clip in pitched.items()}
    facts = {**generation.facts, "transposed": {
        "semitones": semitones, "heard": heard.name, "asked": key.name, "formants_kept": False,
    }}  # fmt: skip
    return replace(
        generation, stems={**stems, **moved}, facts=facts, score=None,
        notes={name: notes for name, notes in generation.notes.items() if name not in moved},
    )  # fmt: skip


def at_loudness(stem_set: StemSet, target_lufs: float | None) -> tuple[StemSet, dict[str, object]]:
    """Return the stems with one gain that brings their mix to the target, and the levels measured.

    Without a target they stay as they are and nothing is measured.
    """
    if target_lufs is None:
        return stem_set, {}
    before = measure_loudness(stem_set.mix)
    gain_db = gain_to_target(stem_set.mix, target_lufs)
    louder = StemSet(with_gain(stem_set.clips, gain_db))
    after = measure_loudness(louder.mix)
    return louder, {"levelled": {
        "target_lufs": target_lufs,
        "before_lufs": before.lufs,
        "after_lufs": after.lufs,
        "true_peak_dbtp": after.true_peak_dbtp,
        "gain_db": gain_db + louder.gain_db,
        "held_back_by_peak": after.lufs is not None and after.lufs < target_lufs - 0.1,
    }}  # fmt: skip


def _at_length(generation: Generation, grid: Grid) -> Generation:
    """The stems as long as the grid: engines of mixes play a little more."""
    stems = generation.stems or {}
    cut = {name: _cut(clip, grid.frames(clip.sample_rate)) for name, clip in stems.items()}
    return replace(generation, stems=cut)


def _sum(clips: Mapping[str, Clip]) -> Clip:
    first = next(iter(clips.values()))
    total: np.ndarray = np.stack([clip.samples for clip in clips.values()]).sum(axis=0)
    return Clip(total, first.sample_rate)


def _cut(clip: Clip, frames: int) -> Clip:
    samples = clip.samples[:, :frames]
    missing = frames - samples.shape[1]
    return Clip(np.pad(samples, ((0, 0), (0, missing))), clip.sample_rate)
