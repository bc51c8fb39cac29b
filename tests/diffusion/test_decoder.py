"""The decoder plays the notes it is given: their pitch, their instant, their loudness."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import diffusion.embedded.weights
from audio.clip import Clip
from diffusion.embedded.decoder.decoder import Decoder
from diffusion.embedded.decoder.sounds import equal_hz
from diffusion.embedded.performance import DRUMS, TIMBRES, Part, Performance, Played
from diffusion.errors import Cancelled, EngineError
from midi.grid import Grid

WEIGHTS = Path(diffusion.embedded.weights.__file__).parent / "decoder-v1.safetensors"
RATE = 44100
# 96.5 bpm: a beat lasts 60 / 96.5 = 0.62176... s, so that beats fall between frames; 2 bars 4/4.
GRID = Grid.constant("96.5", bars=2)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(WEIGHTS)


def play(decoder: Decoder, name: str, part: Part, rate: int = RATE, seed: int = 1) -> np.ndarray:
    """The stem (2, frames) of a performance of this part alone."""
    stem = "melody" if name in ("comp", "lead") else name
    performance = Performance(float(GRID.beats), {name: part})
    return decoder.render(performance, GRID, rate, stems=[stem], seed=seed)[stem].samples


def hit(piece: str, beat: float, velocity: float = 0.8) -> Played:
    return Played(beat, 0.25, DRUMS[piece], velocity)


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-20))


def spectral_phase(sound: np.ndarray, hz: float, begin: int, count: int) -> float:
    """Phase in radians of the sinusoid nearest `hz` in a piece of `sound` (frames,)."""
    turns = 2j * np.pi * hz * np.arange(count) / RATE
    return float(np.angle(np.sum(sound[begin:][:count] * np.hanning(count) * np.exp(-turns))))


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("piece", ["kick", "snare", "side_stick", "closed_hat"])
def test_a_drum_hit_begins_within_a_millisecond_of_its_beat(
    decoder: Decoder, piece: str, rate: int
) -> None:
    sound = play(decoder, "drums", Part((hit(piece, 3.0),), "standard"), rate)
    onset = np.argmax(np.abs(sound).max(0) > 0.05 * np.abs(sound).max()) / rate
    assert onset == pytest.approx(float(GRID.seconds_at(3)), abs=0.001)


def test_nothing_sounds_before_the_first_hit(decoder: Decoder) -> None:
    sound = play(decoder, "drums", Part((hit("snare", 2.0),), "room"))
    before = sound[:, : int(GRID.seconds_at(2) * RATE)]
    assert np.abs(before).max() < 1e-7  # -140 dBFS: what rounding in the room's transform leaves


@pytest.mark.parametrize(
    ("name", "timbre", "pitch"),
    [
        *[("bass", timbre, 40) for timbre in TIMBRES["bass"]],
        *[("comp", timbre, 64) for timbre in TIMBRES["comp"] if timbre != "organ"],
        *[("lead", timbre, 71) for timbre in TIMBRES["lead"]],
    ],
)
def test_a_held_note_stands_within_10_cents_of_its_pitch(
    decoder: Decoder, name: str, timbre: str, pitch: int
) -> None:
    part = Part((Played(0.0, 4.0, pitch, 0.8),), timbre)
    sound = play(decoder, name, part).sum(0)
    hz = equal_hz(pitch)
    # The phase of the fundamental over 0.8 s says how far its frequency lies from the asked one.
    first, second = (spectral_phase(sound, hz, int(t * RATE), RATE // 4) for t in (0.3, 1.1))
    gap = int(1.1 * RATE) - int(0.3 * RATE)
    drift = (second - first - 2 * math.pi * hz * gap / RATE + math.pi) % (2 * math.pi) - math.pi
    cents = 1200 * math.log2(1 + drift * RATE / (2 * math.pi * gap) / hz)
    assert abs(cents) < 10
    # and nothing beside it within a whole tone is louder
    spectrum = np.abs(np.fft.rfft(sound[int(0.2 * RATE) :][:RATE] * np.hanning(RATE), 4 * RATE))
    around = slice(int(4 * hz / 1.12), int(4 * hz * 1.12))
    peak = (np.argmax(spectrum[around]) + around.start) / 4
    assert 1200 * math.log2(peak / hz) == pytest.approx(0, abs=10)


def test_a_note_moves_by_fractions_of_a_frame(decoder: Decoder) -> None:
    # half a frame in beats: 0.5 / 44100 s * 96.5 / 60 beats a second
    late = 0.5 / RATE * 96.5 / 60
    hz = equal_hz(71)
    phases = []
    for start in (1.0, 1.0 + late):
        part = Part((Played(start, 3.0, 71, 0.8),), "vibraphone")
        phases.append(spectral_phase(play(decoder, "lead", part)[0], hz, RATE, RATE // 2))
    expected = -2 * math.pi * hz * 0.5 / RATE
    moved = (phases[1] - phases[0] + math.pi) % (2 * math.pi) - math.pi
    assert moved == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_a_stem_is_as_long_as_the_grid_to_the_frame(decoder: Decoder, rate: int) -> None:
    # the last note rings over the end
    sound = play(decoder, "comp", Part((Played(7.9, 4.0, 60, 0.8),), "piano"), rate)
    assert sound.shape == (2, GRID.frames(rate))
    assert abs(sound[:, -1]).max() < 1e-4


def test_both_sample_rates_are_equally_loud(decoder: Decoder) -> None:
    hits = tuple(hit(p, float(i)) for i, p in enumerate(("kick", "snare", "ride", "crash")))
    for name, part in {
        "drums": Part(hits, "standard"),
        "comp": Part((Played(0.0, 4.0, 57, 0.8),), "strings"),
    }.items():
        levels = [level_db(play(decoder, name, part, rate)) for rate in (44100, 48000)]
        assert levels[0] == pytest.approx(levels[1], abs=0.5)  # dB; the noise is another draw


def test_the_same_seed_gives_the_same_samples_and_another_seed_others(decoder: Decoder) -> None:
    part = Part((hit("snare", 0.0), hit("crash", 1.0)), "jazz")
    first, again, other = (play(decoder, "drums", part, seed=s) for s in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_stem_does_not_hear_which_other_stems_are_asked(decoder: Decoder) -> None:
    performance = Performance(
        8.0,
        {
            "drums": Part((hit("kick", 0.0), hit("open_hat", 0.5)), "power"),
            "bass": Part((Played(0.0, 1.0, 33, 0.8),), "finger"),
            "comp": Part((Played(0.0, 2.0, 60, 0.6), Played(0.0, 2.0, 67, 0.6)), "organ"),
        },
    )
    together = decoder.render(performance, GRID, RATE, stems=["drums", "bass", "melody"], seed=3)
    alone = decoder.render(performance, GRID, RATE, stems=["bass"], seed=3)
    assert list(together) == ["drums", "bass", "melody"]
    assert np.array_equal(together["bass"].samples, alone["bass"].samples)


def test_a_part_without_notes_is_silent_and_so_is_a_missing_one(decoder: Decoder) -> None:
    performance = Performance(8.0, {"bass": Part((), "pick")})
    clips = decoder.render(performance, GRID, RATE, stems=["bass", "melody", "vocals"], seed=1)
    assert all(isinstance(clip, Clip) and clip.peak == 0 for clip in clips.values())


def test_a_closed_hat_chokes_the_open_one(decoder: Decoder) -> None:
    def ring_db(*hits: Played) -> float:
        """Level of the third beat, one beat and more after the open hat."""
        sound = play(decoder, "drums", Part(hits, "standard"))
        return level_db(sound[:, int(GRID.seconds_at(2) * RATE) : int(GRID.seconds_at(3) * RATE)])

    left, choked = (
        ring_db(hit("open_hat", 0.0)),
        ring_db(hit("open_hat", 0.0), hit("closed_hat", 1.0, 0.1)),
    )
    assert choked < left - 20


def test_six_db_of_gain_are_six_db(decoder: Decoder) -> None:
    note = (Played(0.0, 2.0, 45, 0.7),)
    quiet = play(decoder, "bass", Part(note, "slap"))
    loud = play(decoder, "bass", Part(note, "slap", gain_db=6.0))
    assert np.allclose(loud, quiet * 10 ** (6 / 20), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("name", "timbre"), [("bass", "finger"), ("lead", "violin")])
def test_a_harder_note_is_louder(decoder: Decoder, name: str, timbre: str) -> None:
    levels = [
        level_db(play(decoder, name, Part((Played(0.0, 2.0, 55, v),), timbre)))
        for v in (0.3, 0.6, 0.9)
    ]
    assert levels[0] + 6 < levels[1] < levels[2] - 3


def test_timbres_of_a_part_are_about_equally_loud(decoder: Decoder) -> None:
    levels = []
    for timbre in TIMBRES["comp"]:
        sound = play(decoder, "comp", Part((Played(0.0, 2.0, 64, 0.7),), timbre))
        levels.append(level_db(sound[:, : RATE // 2]))
    assert max(levels) - min(levels) < 9  # dB unweighted; the gains aim at equal weighted loudness


def test_a_released_note_dies_away(decoder: Decoder) -> None:
    # released after beat 1, 0.62 s in; two seconds later the room is quiet too
    sound = play(decoder, "comp", Part((Played(0.0, 1.0, 60, 0.8),), "organ"))
    held, after = sound[:, : RATE // 2], sound[:, int(2.7 * RATE) :]
    assert level_db(after) < level_db(held) - 60


def test_cancelling_stops_the_decoding(decoder: Decoder) -> None:
    performance = Performance(8.0, {"drums": Part((hit("kick", 0.0),), "808")})
    with pytest.raises(Cancelled):
        decoder.render(performance, GRID, RATE, stems=["drums"], seed=1, cancelled=lambda: True)


def test_progress_rises_to_one(decoder: Decoder) -> None:
    seen: list[float] = []
    performance = Performance(8.0, {"drums": Part((hit("kick", 0.0),), "808")})
    decoder.render(performance, GRID, RATE, stems=["drums", "melody"], seed=1, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0


def test_an_unknown_stem_is_refused_by_name(decoder: Decoder) -> None:
    with pytest.raises(EngineError, match="'strings'"):
        decoder.render(Performance(8.0, {}), GRID, RATE, stems=["strings"], seed=1)
