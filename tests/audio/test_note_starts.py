"""Notes are heard to start when they do; what only trembles or swells is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

import audio.note_starts
from audio.clip import Clip
from audio.features import Features, Floats, extract_features
from audio.note_starts import ON_TIME, NoteStarts, find_note_starts, inputs

RATE = 44_100
PITCHES = (60, 64, 67, 62, 65, 69, 59, 67)


def heard_notes(
    attack_seconds: float, first: float = 0.4, rate: int = RATE
) -> tuple[Features, Floats]:
    """Eight notes, one every half second, each ringing on under the next."""
    out = np.random.default_rng(1).normal(0, 1e-4, 6 * rate)
    since = np.arange(rate) / rate
    shape = np.minimum(since / attack_seconds, 1) * np.exp(-3 * since)
    starts = first + 0.5 * np.arange(len(PITCHES))
    for start, pitch in zip(starts, PITCHES, strict=True):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hertz * n * since + n) / n for n in range(1, 9))
        frame = round(start * rate)
        out[frame : frame + rate] += 0.1 * shape * tone
    heard = extract_features(Clip(out.astype(np.float32)[None], rate))
    assert heard is not None
    return heard, starts


def furthest(found: NoteStarts, starts: Floats) -> float:
    """How far the start found nearest to a note lies off, in seconds, at most."""
    return float(np.abs(found.seconds - starts[:, None]).min(axis=1).max())


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_struck_notes_are_found_within_6_ms_and_trusted(rate: int) -> None:
    heard, starts = heard_notes(0.001, rate=rate)
    found = find_note_starts(heard)
    assert furthest(found, starts) < 0.006  # a hop of the network
    assert np.median(found.chances[:, :ON_TIME].sum(axis=1)) > 0.8


def test_a_note_in_the_very_first_frame_is_found() -> None:
    heard, starts = heard_notes(0.001, first=0.0)
    assert furthest(find_note_starts(heard), starts[:1]) < 0.006


@pytest.mark.parametrize("floor", [0.0, 1e-4])
@pytest.mark.parametrize("seconds", [0.0005, 0.002, 0.03])
def test_ticks_out_of_silence_are_heard_neither_early_nor_late(
    seconds: float, floor: float
) -> None:
    """Noise that dies away so fast, twice a second: as one within 3 ms, each within a hop."""
    draw = np.random.default_rng(3)
    out = draw.normal(0, 1, 8 * RATE) * floor
    since = np.arange(round(0.3 * RATE)) / RATE
    starts = 0.31 + 0.5 * np.arange(15)
    for start in starts:
        first = round(start * RATE)
        out[first : first + len(since)] += (
            0.3 * draw.normal(0, 1, len(since)) * np.exp(-since / seconds)
        )
    heard = extract_features(Clip(out.astype(np.float32)[None], RATE))
    assert heard is not None
    found = find_note_starts(heard)
    assert furthest(found, starts) < 0.006
    nearest = found.seconds[np.abs(found.seconds[:, None] - starts).argmin(axis=0)]
    assert abs(np.median(nearest - starts)) < 0.003


def test_a_note_that_only_trembles_starts_once() -> None:
    """A tone of 4 s whose level swings by 4 dB six times a second."""
    since = np.arange(4 * RATE) / RATE
    level = 0.1 * (1 + 0.25 * np.sin(2 * np.pi * 6 * since)) * np.minimum(since / 0.005, 1)
    tone = level * sum(np.sin(2 * np.pi * 220 * n * since) / n for n in range(1, 9))
    out = np.random.default_rng(2).normal(0, 1e-4, 5 * RATE)
    out[RATE // 2 : RATE // 2 + len(tone)] += tone
    heard = extract_features(Clip(out.astype(np.float32)[None], RATE))
    assert heard is not None
    found = find_note_starts(heard)
    likely = np.interp(found.seconds, found.envelope.seconds, found.envelope.values) > 0.5
    # 24 swings; what ends suddenly at 4.5 s may be taken for another.
    assert likely.sum() <= 3
    assert furthest(found, np.array([0.5])) < 0.010


def test_chances_are_of_everything_that_a_start_can_be() -> None:
    found = find_note_starts(heard_notes(0.100)[0])
    assert found.chances.shape == (len(found.seconds), len(audio.note_starts.LATE_SECONDS))
    assert (found.chances >= 0).all()
    assert found.chances.sum(axis=1) == pytest.approx(np.ones(len(found.seconds)))


def test_the_weights_that_ship_fit_what_is_given_and_asked() -> None:
    weights = audio.note_starts._weights()
    given = inputs(heard_notes(0.001)[0])
    assert weights["layer.0.weight"].shape[1] == len(given) == 128 + 4 * 40
    # Five hops of 48 hidden values, seventeen log odds, and where between two hops it lies.
    assert weights["gate.0.weight"].shape[1] == 5 * 48 + 17 + 1
    assert len(weights["gate.1.bias"]) == len(audio.note_starts.SPREAD_SECONDS)
    assert all(np.isfinite(values).all() for values in weights.values())


def test_long_recordings_are_heard_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, _ = heard_notes(0.020)
    whole = find_note_starts(heard)
    monkeypatch.setattr(audio.note_starts, "BLOCK", 100)
    parts = find_note_starts(heard)
    assert np.allclose(parts.seconds, whole.seconds, atol=1e-5)
    assert np.allclose(parts.chances, whole.chances, atol=1e-3)
