"""The voice sings the notes it is given, where and as high as they are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

import diffusion.embedded.weights
from diffusion.embedded.performance import TIMBRES, Played
from diffusion.embedded.voice.phonemes import INDEX, Syllable
from diffusion.embedded.voice.singer import Singer
from diffusion.embedded.voice.sound import pulse_times
from diffusion.embedded.voice.timing import Durations, SungNote, place_sounds
from diffusion.errors import EngineError
from midi.grid import Grid

WEIGHTS = Path(diffusion.embedded.weights.__file__).parent / "voice-v1.safetensors"
RATE = 44100
# 120 bpm: a beat is half a second, a bar of 4/4 two seconds.
GRID = Grid.constant(120, bars=2)


@pytest.fixture(scope="module")
def singer() -> Iterator[Singer]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the pieces are small: more threads only wait for each other
    yield Singer(WEIGHTS)
    torch.set_num_threads(threads)


def level_db(samples: np.ndarray, begin_seconds: float, end_seconds: float) -> float:
    piece = samples[int(begin_seconds * RATE) : int(end_seconds * RATE)].astype(np.float64)
    return float(10 * np.log10(np.mean(piece**2) + 1e-12))


@pytest.mark.parametrize("voice", TIMBRES["vocals"])
def test_a_sustained_note_has_its_pitch_within_10_cents(singer: Singer, voice: str) -> None:
    # beat 1 to 4 at 120 bpm: 0.5 s to 2.0 s; A3, 220 Hz
    out = singer.sing([Played(1.0, 3.0, 57, 0.8, "L AA")], voice, GRID, RATE, seed=1)
    held = out[int(0.6 * RATE) : int(1.9 * RATE)]
    pitch, voiced, _ = librosa.pyin(held, fmin=150, fmax=350, sr=RATE, hop_length=1024)
    assert voiced.mean() > 0.9
    cents = 1200 * np.log2(pitch[voiced] / 220.0)
    assert abs(np.median(cents)) < 10
    assert np.max(np.abs(cents)) < 45  # vibrato of 18 cents, drift and jitter


def test_the_vowel_begins_on_the_note_and_its_consonant_before(singer: Singer) -> None:
    # note at beat 2 = 1.0 s; S is a hiss (above 4 kHz), AA is loud below 2 kHz
    out = singer.sing([Played(2.0, 2.0, 57, 0.8, "S AA")], "tenor", GRID, RATE, seed=1)
    spectrum = np.abs(librosa.stft(out, n_fft=512, hop_length=64)) ** 2
    times = np.arange(spectrum.shape[1]) * 64 / RATE
    low = spectrum[:24].sum(axis=0)  # 24 bins of 86 Hz: 2 kHz
    steady = np.median(low[(times > 1.15) & (times < 1.4)])
    onset = times[np.argmax(low > 0.25 * steady)]  # half of the amplitude
    assert abs(onset - 1.0) < 0.012  # 10 ms, and 2 ms that a window of 12 ms smears
    hiss = spectrum[46:].sum(axis=0)
    assert hiss[(times > 0.93) & (times < 0.98)].mean() > 100 * hiss[times < 0.7].mean()


def test_rests_are_silent(singer: Singer) -> None:
    notes = [Played(0.0, 1.0, 60, 0.8, "AA"), Played(6.0, 1.0, 60, 0.8, "AA")]
    out = singer.sing(notes, "alto", GRID, RATE, seed=1)
    # sung 0 to 0.5 s and 3.0 to 3.5 s
    assert level_db(out, 1.0, 2.5) < level_db(out, 3.1, 3.4) - 60


def test_the_same_seed_sings_the_same_samples_and_another_does_not(singer: Singer) -> None:
    notes = [Played(0.0, 1.0, 60, 0.8, "S IH NG"), Played(1.0, 2.0, 62, 0.6, "-")]
    first = singer.sing(notes, "alto", GRID, RATE, seed=3)
    assert np.array_equal(first, singer.sing(notes, "alto", GRID, RATE, seed=3))
    assert not np.array_equal(first, singer.sing(notes, "alto", GRID, RATE, seed=4))


@pytest.mark.parametrize("rate", [44100, 48000])
def test_the_length_is_the_grids_and_the_level_is_the_same_at_both_rates(
    singer: Singer, rate: int
) -> None:
    out = singer.sing([Played(0.0, 4.0, 62, 0.8, "AA")], "tenor", GRID, rate, seed=1)
    assert out.shape == (GRID.frames(rate),) and out.dtype == np.float32
    assert 0.12 < np.abs(out).max() < 0.40  # about 0.25
    loud = np.sqrt(np.mean(out[rate // 2 : rate] ** 2))
    assert loud == pytest.approx(0.07, rel=0.3)


def test_a_higher_velocity_is_louder(singer: Singer) -> None:
    soft, loud = (
        level_db(singer.sing([Played(0, 2, 62, v, "AA")], "alto", GRID, RATE, 1), 0.2, 0.8)
        for v in (0.4, 0.9)
    )
    assert 6 < loud - soft < 18  # 22 dB a unit of velocity, less what brightness adds


def test_no_notes_are_silence(singer: Singer) -> None:
    assert not singer.sing([], "alto", GRID, RATE, seed=1).any()


def test_notes_nobody_can_sing_are_sung_in_the_nearest_octave(singer: Singer) -> None:
    far = [Played(0.0, 1.0, 0, 0.8, "AA"), Played(1.0, 1.0, 127, 0.8, "IY")]
    near = [Played(0.0, 1.0, 36, 0.8, "AA"), Played(1.0, 1.0, 91, 0.8, "IY")]
    sung = [singer.sing(notes, "soprano", GRID, RATE, seed=1) for notes in (far, near)]
    assert np.array_equal(*sung) and np.abs(sung[0]).max() < 1.0


def test_a_long_line_is_sung_without_seams(singer: Singer) -> None:
    # a held note longer than a chunk of frames (20 s): its level never drops in between
    grid = Grid.constant(120, bars=12)
    out = singer.sing([Played(0.0, 46.0, 57, 0.8, "AA")], "tenor", grid, RATE, seed=1)
    blocks = out[RATE // 2 : 22 * RATE].reshape(-1, RATE // 20)
    levels = 10 * np.log10(np.mean(blocks.astype(np.float64) ** 2, axis=1))
    assert np.ptp(levels) < 4.0  # the swell of a long note, and vibrato


def test_unknown_voices_and_syllables_are_refused_by_name(singer: Singer) -> None:
    with pytest.raises(EngineError, match="bass"):
        singer.sing([], "bass", GRID, RATE, seed=1)
    with pytest.raises(EngineError, match="QQ"):
        singer.sing([Played(0, 1, 60, 0.8, "QQ AA")], "alto", GRID, RATE, seed=1)


DURATIONS = Durations(np.full(len(INDEX), 0.1, np.float32), np.full(len(INDEX), 0.1, np.float32))


def test_sounds_follow_each_other_without_gaps_and_vowels_start_on_notes() -> None:
    notes = [
        SungNote(1.0, 2.0, 60, 0.8, Syllable.parse("S IH NG")),
        SungNote(2.0, 2.2, 62, 0.8, Syllable.parse("S T R EY T S")),
        SungNote(2.2, 2.5, 62, 0.8, None),
        SungNote(3.5, 4.0, 62, 0.8, Syllable.parse("L AA")),
    ]
    segments = place_sounds(notes, DURATIONS)
    for before, after in pairwise(segments):
        assert after.start_seconds == pytest.approx(before.end_seconds)
        assert after.end_seconds >= after.start_seconds
    vowels = {s.symbol: s.start_seconds for s in segments if s.symbol in ("IH", "EY", "AA")}
    assert vowels == pytest.approx({"IH": 1.0, "EY": 2.0, "AA": 3.5})
    assert segments[0].start_seconds == pytest.approx(0.9)


def test_a_carried_note_lengthens_the_vowel() -> None:
    notes = [SungNote(1.0, 2.0, 60, 0.8, Syllable.parse("AA")), SungNote(2.0, 3.0, 62, 0.8, None)]
    assert [(s.symbol, s.end_seconds) for s in place_sounds(notes, DURATIONS)] == [("AA", 3.0)]


def test_pulses_fall_where_the_phase_passes_a_cycle() -> None:
    # 100 Hz rising linearly by 200 Hz a second: phase 100 t + 100 t^2 = n
    times = np.arange(201) * 0.005
    pulses = pulse_times(100.0 + 200.0 * times)
    assert 100 * pulses + 100 * pulses**2 == pytest.approx(np.arange(1, len(pulses) + 1))
    assert len(pulses) == 200
