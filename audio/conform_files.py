"""Conform sound files without ever holding them whole: only the mono sum is held in one piece.

What audio/conform.py does in memory, to the same frames.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.clip import Clip, Samples
from audio.counting import AS_ASKED, Counting
from audio.decibels import dbfs
from audio.errors import AudioError
from audio.features import Features, extract_features
from audio.mix_down import average, powers, signs_of
from audio.plan import MAX_STRETCH_PERCENT, Plan, plan_conform
from audio.report import Conforming
from audio.residue import adds_up, residue, residue_peak
from audio.sound_files import SoundFiles, Window
from audio.stretch_helpers import StretchHelpers
from audio.wave_file import WaveFile
from midi.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """A mix as its mono sum, the features of that, and whether its stems add up to it."""

    mono: Clip
    features: Features | None
    stems_add_up: bool


def survey(files: SoundFiles) -> Survey:
    """Read a mix, the first of the files, and its stems, the others, once."""
    mono = np.empty(files.frames, np.float32)
    at, peak, rest_peak = 0, 0.0, 0.0
    power = np.zeros((files.channels, files.channels))
    for block in files.blocks():
        mix, *stems = _split(block, files.channels)
        mono[at : at + mix.shape[1]] = mix.mean(axis=0)
        at += mix.shape[1]
        power += powers(mix)
        peak = max(peak, float(np.abs(mix).max()))
        rest_peak = max(rest_peak, residue_peak(mix, stems))
    signs = signs_of(power)
    clip = Clip((mono if signs is None else _turned(files, signs))[None], files.sample_rate)
    return Survey(clip, extract_features(clip), len(files.paths) > 1 and adds_up(rest_peak, peak))


def _turned(files: SoundFiles, signs: Samples) -> Samples:
    """Read the mix again, of which nothing would be left in mono."""
    mono, at = np.empty(files.frames, np.float32), 0
    for block in files.blocks():
        mono[at : at + block.shape[1]] = average(block[: files.channels], signs)
        at += block.shape[1]
    return mono


def conform_files(
    files: SoundFiles,
    surveyed: Survey,
    grid: Grid,
    out: Sequence[Path],
    *,
    expected: Grid | None = None,
    tail_seconds: float = 0.0,
    max_stretch_percent: float = MAX_STRETCH_PERCENT,
    counting: Counting = AS_ASKED,
    watch: Callable[[float], None] = lambda fraction: None,
) -> tuple[Conforming, float | None]:
    """Write what `files`, a mix and its stems, are on the grid, and return the facts and the null.

    `out` names a 32-bit float WAV for each of the files in their order. They appear when all are
    whole; `counting` is what the user says of it. `watch` gets how much is written, and what it
    raises ends the work without a trace. The null is the peak of the mix minus its stems
    in dBFS, None without stems. Raises CannotConform or AudioError.
    """
    with StretchHelpers(files.channels * len(files.paths) * files.seconds) as helpers:
        plan = plan_conform(
            surveyed.mono, grid, expected=expected, tail_seconds=tail_seconds,
            max_stretch_percent=max_stretch_percent, features=surveyed.features, counting=counting,
        )  # fmt: skip
        parts = _parts(files, surveyed.stems_add_up)
        rows = files.channels * (len(files.paths) - surveyed.stems_add_up)
        blocks = plan.blocks(Window(parts, rows).read, helpers.stretch)
        null = _write(_watched(blocks, plan, watch), out, plan, files.channels)
    return plan.facts, null if len(files.paths) > 1 else None


def _parts(files: SoundFiles, stems_add_up: bool) -> Iterator[Samples]:
    """The stems, and what they leave of the mix unless they are all of it; or the mix alone."""
    for block in files.blocks():
        mix, *stems = _split(block, files.channels)
        if not stems:
            yield block
        elif stems_add_up:
            yield block[files.channels :]
        else:
            yield np.concatenate([*stems, residue(mix, stems).astype(np.float32)])


def _watched(
    blocks: Iterator[Samples], plan: Plan, watch: Callable[[float], None]
) -> Iterator[Samples]:
    done = 0
    for block in blocks:
        watch(min(1.0, done / plan.whole_frames))
        yield block
        done += block.shape[1]


def _split(block: Samples, channels: int) -> list[Samples]:
    """A block of files under each other, (files x channels, n), file by file."""
    return [block[i : i + channels] for i in range(0, len(block), channels)]


def _write(blocks: Iterator[Samples], paths: Sequence[Path], plan: Plan, channels: int) -> float:
    """Write the sum of all parts as the mix, and the stems; how far they are apart in dBFS."""
    hidden = [path.with_name(f".{path.name}.part") for path in paths]
    most = 0.0
    try:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            mix_file, *stem_files = (
                opened.enter_context(
                    WaveFile(path, plan.sample_rate, channels, plan.whole_frames, 32)
                )
                for path in hidden
            )
            for block in blocks:
                parts = _split(block, channels)
                mix = np.sum(parts, axis=0, initial=0)
                mix_file.write(mix)
                for file, stem in zip(stem_files, parts, strict=False):
                    file.write(stem)
                most = max(most, residue_peak(mix, parts[: len(stem_files)]))
        for path, whole in zip(paths, hidden, strict=True):
            os.replace(whole, path)
    except OSError as error:
        raise AudioError(f"cannot write {paths[0]}: {error.strerror or error}") from error
    finally:
        for path in hidden:
            path.unlink(missing_ok=True)
    return round(dbfs(most), 1)
