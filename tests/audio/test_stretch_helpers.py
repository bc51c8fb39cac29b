"""Processes beside this one stretch as it would itself, and may be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import pytest

from audio.clip import Samples
from audio.stretch import Piece, cut, stretched
from audio.stretch_helpers import StretchHelpers
from benchmarks.smear import stretch

RATE = 22_050
CUTS = np.arange(6) * 0.25 * RATE


@pytest.fixture(scope="module")
def sound() -> Samples:
    seconds = np.arange(round(1.5 * RATE)) / RATE
    waves = [np.sin(2 * np.pi * hz * seconds) * np.exp(-4 * (seconds % 0.25)) for hz in (220, 331)]
    return np.stack(waves).astype(np.float32)


def by_helpers(sound: Samples, way: Callable[[Iterable[Piece]], Iterator[Samples]]) -> Samples:
    blocks = stretched(partial(cut, sound), RATE, CUTS, np.rint(CUTS * 1.03), way)
    return np.concatenate(list(blocks), axis=1)


def test_helpers_give_what_this_process_would(sound: Samples) -> None:
    with StretchHelpers(0.0, count=2) as helpers:
        assert len(helpers.processes) == 2
        out = by_helpers(sound, helpers.stretch)
    assert np.array_equal(out, stretch(sound, RATE, CUTS, np.rint(CUTS * 1.03)))
    assert all(process.returncode is not None for process in helpers.processes)  # they are gone


def test_lost_helpers_change_nothing(sound: Samples) -> None:
    with StretchHelpers(0.0, count=1) as helpers:
        for process in helpers.processes:
            process.kill()
            process.wait(timeout=10)
        out = by_helpers(sound, helpers.stretch)
    assert np.array_equal(out, stretch(sound, RATE, CUTS, np.rint(CUTS * 1.03)))


def test_little_work_is_done_without_them() -> None:
    with StretchHelpers(4.0) as helpers:
        assert not helpers.processes
