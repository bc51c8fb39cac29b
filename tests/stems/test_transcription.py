"""What is heard of sounds made here, whose notes are counted by hand."""

from fractions import Fraction

import numpy as np
import pytest

from audio.clip import Clip, resample_fast
from midi.grid import Grid
from midi.note import Note
from stems.errors import StemError
from stems.transcription.drums import band_levels
from stems.transcription.transcriber import detect, quantised, transcribe

RATE = 44_100


def plucked(pitch: int, seconds: float, rate: int = RATE) -> np.ndarray:
    """A string: ten partials that fade the sooner the higher they are, cut off at the end."""
    time = np.arange(round(seconds * rate)) / rate
    hz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(
        np.sin(2 * np.pi * hz * n * time) * np.exp(-(1 + n) * time) / n for n in range(1, 11)
    )
    return 0.2 * wave * np.minimum(1, (seconds - time) / 0.005)


def line(notes: list[tuple[float, float, int]], seconds: float, rate: int = RATE) -> Clip:
    out = np.zeros(round(seconds * rate))
    for start, length, pitch in notes:
        sound = plucked(pitch, length, rate)
        first = round(start * rate)
        out[first : first + len(sound)] += sound[: len(out) - first]
    return Clip(np.tile(out, (2, 1)).astype(np.float32), rate)


def kick() -> np.ndarray:
    time = np.arange(round(0.3 * RATE)) / RATE
    glide = 50 * time + 60 * 0.03 * (1 - np.exp(-time / 0.03))
    return 0.8 * np.sin(2 * np.pi * glide) * np.exp(-time / 0.08)


def hat() -> np.ndarray:
    random = np.random.default_rng(1)
    noise = np.diff(np.diff(random.standard_normal(round(0.08 * RATE) + 2)))
    return 0.06 * noise * np.exp(-np.arange(len(noise)) / RATE / 0.015)


BASS = [(0.1, 0.4, 33), (0.6, 0.2, 33), (0.9, 0.3, 45), (1.3, 0.5, 40)]


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_bass_line_is_heard_note_by_note_struck_again_and_in_its_octave(rate: int):
    heard = detect(line(BASS, 2.0, rate), "bass")
    assert [note.pitch for note in heard] == [33, 33, 45, 40]
    for note, (start, length, _) in zip(heard, BASS, strict=True):
        assert note.start_seconds == pytest.approx(start, abs=0.02)
        # The window of an onset reaches some milliseconds beyond a note's end.
        assert note.length_seconds == pytest.approx(length, abs=0.1)


def test_a_voice_that_slides_to_another_pitch_sings_two_notes():
    # A3 for 0.8 s, then C4 without a break.
    time = np.arange(round(1.6 * RATE)) / RATE
    hz = np.where(time < 0.8, 220.0, 261.63)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    wave = sum(np.sin(n * phase) / n for n in range(1, 6)) * np.minimum(1, time / 0.05)
    heard = detect(Clip((0.2 * wave)[None].astype(np.float32), RATE), "vocals")
    assert [note.pitch for note in heard] == [57, 60]
    assert heard[1].start_seconds == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_kick_and_hat_are_told_apart_where_they_were_struck(rate: int):
    kicks, hats = [0.25, 0.75, 1.25], [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
    out = np.zeros(round(2.0 * RATE))
    for starts, sound in ((kicks, kick()), (hats, hat())):
        for start in starts:
            first = round(start * RATE)
            out[first : first + len(sound)] += sound
    clip = Clip(np.tile(out, (2, 1)).astype(np.float32), RATE)
    heard = detect(resample_fast(clip, rate), "drums")
    # A bare burst of noise may as well be a shaker (70) as a hat, or both; it is never a kick.
    for pitches, starts in (((36,), kicks), ((42, 46, 70), hats)):
        found = [note.start_seconds for note in heard if note.pitch in pitches]
        assert all(min(abs(f - start) for f in found) < 0.02 for start in starts)
        assert all(min(abs(f - start) for start in starts) < 0.02 for f in found)


@pytest.mark.parametrize("stem", ["drums", "bass", "vocals"])
def test_silence_and_a_single_frame_play_nothing(stem: str):
    assert transcribe(Clip(np.zeros((2, RATE), np.float32), RATE), stem) == ()
    assert transcribe(Clip(np.ones((1, 1), np.float32) / 2, RATE), stem) == ()


def test_notes_are_told_in_the_beats_of_the_grid():
    # At 90 bpm a beat is 2/3 s: 0.6 s is beat 0.9.
    notes = transcribe(line(BASS, 2.0), "bass", Grid.constant(90, "4/4", 1))
    assert float(notes[1].start_beats) == pytest.approx(0.9, abs=0.03)
    # Without a grid a beat is half a second.
    notes = transcribe(line(BASS, 2.0), "bass")
    assert float(notes[1].start_beats) == pytest.approx(1.2, abs=0.04)


def note(start: str, length: str, pitch: int = 36, velocity: int = 100) -> Note:
    return Note(Fraction(start), Fraction(length), pitch, velocity)


def test_quantised_notes_lie_on_the_nearest_step_and_last_one_at_least():
    # Steps of a sixteenth, 1/4 beat: 0.30 -> 1/4; its end 0.31 -> one step; 1.13 -> 5/4 (1.125 up).
    moved = quantised([note("0.30", "0.01"), note("1.13", "0.6", 38)], Fraction(1, 4))
    assert moved == (note("1/4", "1/4"), note("5/4", "1/2", 38))


def test_strokes_that_fall_together_are_one_and_notes_end_where_their_pitch_begins_again():
    two = [note("0", "1", 36, 60), note("0.05", "1", 36, 90), note("0.5", "1", 36, 80)]
    assert quantised(two, Fraction(1, 4)) == (note("0", "1/2", 36, 90), note("1/2", "1", 36, 80))


def test_what_cannot_be_heard_is_refused_in_a_sentence():
    clip = Clip(np.zeros((1, 8_000), np.float32), 8_000)
    with pytest.raises(
        StemError, match="stem must be one of drums, bass, melody, vocals, not 'mix'"
    ):
        detect(clip, "mix")
    with pytest.raises(StemError, match="lasts 601 s; the limit is 600 s"):
        detect(Clip(np.zeros((1, 601 * 8_000), np.float32), 8_000), "bass")
    with pytest.raises(StemError, match="step must be more than 0 beats"):
        quantised([], Fraction(0))


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("stem", ["drums", "bass", "melody"])
def test_any_rate_and_length_can_be_listened_to(stem: str, rate: int):
    random = np.random.default_rng(2)
    for frames in (2, 999, 20_001):
        noise = random.uniform(-0.5, 0.5, (1, frames)).astype(np.float32)
        assert all(n.start_seconds < frames / rate for n in detect(Clip(noise, rate), stem))


def test_band_levels_are_the_same_music_at_every_rate():
    # A tone of 1 kHz is loudest in one and the same band.
    loudest = set()
    for rate in (22_050, 44_100, 48_000):
        wave = np.sin(2 * np.pi * 1_000 * np.arange(rate) / rate).astype(np.float32)
        levels = band_levels(wave, rate)
        assert levels.shape[1] == 48 and levels.max() == 1.0
        loudest.add(int(levels[50].argmax()))
    assert len(loudest) == 1
