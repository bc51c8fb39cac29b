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
from audio.report import Levelled, NotConformed, Transposed
from audio.stretch import transpose
from audio.tonality import find_key, key_relation, shift_to
from daemon.pipeline.separation import Draft
from diffusion.engine import Conditions, Progress
from midi.key import Key
from osc_protocol.generate import Generate
from stems.stem_set import StemSet

FITTING_KEYS = ("same", "relative")


def align(
    draft: Draft,
    request: Generate,
    conditions: Conditions,
    progress: Progress,
    *,
    from_mix: bool,
    transpose: bool,
) -> Draft:
    """Return the stems on the grid, where they are `from_mix` or the user wants it, and in key."""
    keeps_sound = request.edited not in ("", "cover")  # which stays where the user has put it
    conforming = not request.from_ and (
        request.conform == "on" or (request.conform == "auto" and from_mix and not keeps_sound)
    )
    if from_mix and not conforming:
        draft = _at_length(draft, conditions)
    if request.from_ or not (conforming or transpose):
        return draft
    progress("conform", 0.0)
    if conforming:
        draft = on_grid(draft, conditions)
    return in_key(draft, conditions.key) if transpose else draft


def on_grid(draft: Draft, conditions: Conditions) -> Draft:
    """Bring the stems onto the grid; `facts.conform` says how, or why not.

    What cannot be conformed is cut, or filled up with silence, to the length of the grid
    and its tail. Raises AudioError.
    """
    try:
        done = conform(
            _sum(draft.stems), conditions.grid, stems=draft.stems,
            tail_seconds=conditions.tail_seconds,
        )  # fmt: skip
    except CannotConform as refusal:
        facts = replace(draft.facts, conform=NotConformed(str(refusal)))
        return replace(_at_length(draft, conditions), facts=facts)
    before = tuple(round(float(each), 4) for each in done.beats.seconds)
    conforming = replace(done.facts, beats_before_seconds=before)
    aligned = replace(draft, stems=done.stems, facts=replace(draft.facts, conform=conforming))
    return _at_length(aligned, conditions) if conditions.tail_seconds else aligned


def in_key(draft: Draft, key: Key) -> Draft:
    """Transpose all but the drums by the fewest semitones where another key is found."""
    pitched = {name: clip for name, clip in draft.stems.items() if name != "drums"}
    if not pitched:
        return draft
    found = find_key(_sum(pitched))
    if found is None or key_relation(found, key) in FITTING_KEYS:
        return draft
    semitones = shift_to(found, key)
    moved = {name: transpose(clip, semitones) for name, clip in pitched.items()}
    transposed = Transposed(semitones, found.name, key.name, formants_kept=False)
    return replace(
        draft, stems={**draft.stems, **moved}, score=None,
        facts=replace(draft.facts, transposed=transposed),
        notes={name: notes for name, notes in draft.notes.items() if name not in moved},
    )  # fmt: skip


def at_loudness(stem_set: StemSet, target_lufs: float | None) -> tuple[StemSet, Levelled | None]:
    """Return the stems with one gain that brings their mix to the target, and the levels measured.

    Without a target they stay as they are and nothing is measured.
    """
    if target_lufs is None:
        return stem_set, None
    before = measure_loudness(stem_set.mix)
    gain_db = gain_to_target(stem_set.mix, target_lufs)
    louder = StemSet(with_gain(stem_set.clips, gain_db))
    after = measure_loudness(louder.mix)
    return louder, Levelled(
        target_lufs=target_lufs,
        before_lufs=before.lufs,
        after_lufs=after.lufs,
        true_peak_dbtp=after.true_peak_dbtp,
        gain_db=gain_db + louder.gain_db,
        held_back_by_peak=after.lufs is not None and after.lufs < target_lufs - 0.1,
    )


def _at_length(draft: Draft, conditions: Conditions) -> Draft:
    """The stems as long as the grid and its tail: engines of mixes play a little more."""
    cut = {
        name: _cut(clip, conditions.frames(clip.sample_rate)) for name, clip in draft.stems.items()
    }
    return replace(draft, stems=cut)


def _sum(clips: Mapping[str, Clip]) -> Clip:
    first = next(iter(clips.values()))
    total: np.ndarray = np.stack([clip.samples for clip in clips.values()]).sum(axis=0)
    return Clip(total, first.sample_rate)


def _cut(clip: Clip, frames: int) -> Clip:
    samples = clip.samples[:, :frames]
    missing = frames - samples.shape[1]
    return Clip(np.pad(samples, ((0, 0), (0, missing))), clip.sample_rate)
