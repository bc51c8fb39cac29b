from pathlib import Path

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from audio.clip import Clip
from midi.note import TimedNote
from stems import slices
from stems.slices import slice_stem, write_slice

RATE = 48_000


def struck(starts: list[float], seconds: float) -> Clip:
    """Decaying tones that begin at full level on the very frame."""
    out = np.zeros((2, round(seconds * RATE)), np.float32)
    for start in starts:
        first = round(start * RATE)
        time = np.arange(out.shape[1] - first) / RATE
        out[:, first:] += (0.5 * np.cos(2 * np.pi * 220 * time) * np.exp(-20 * time)).astype("f4")
    return Clip(out, RATE)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[TimedNote]:
    """What the transcription hears, some milliseconds off as it is; tests say what."""
    notes: list[TimedNote] = []
    monkeypatch.setattr(slices, "detect", lambda clip, stem: notes)
    return notes


def test_slices_begin_at_the_attack_and_not_where_it_was_heard(heard: list[TimedNote]):
    heard += [TimedNote(0.507, 0.1, 57, 0.8), TimedNote(0.991, 0.1, 57, 0.8)]
    slices = slice_stem(struck([0.5, 1.0], 2.0), "bass")
    # To the millisecond before the first frame that sounds.
    assert [each.start_seconds for each in slices] == pytest.approx([0.5, 1.0], abs=0.0015)
    assert all(abs(each.clip.samples[0, 0]) < 1e-3 for each in slices)  # no click
    assert all(np.abs(each.clip.samples[:, :200]).max() > 0.4 for each in slices)  # the attack


def test_a_slice_ends_where_the_next_begins_or_it_has_faded(heard: list[TimedNote]):
    heard += [TimedNote(0.5, 0.1, 57, 0.8), TimedNote(0.6, 0.1, 57, 0.8)]
    first, last = slice_stem(struck([0.5, 0.6], 3.0), "bass")
    assert first.clip.seconds == pytest.approx(0.1, abs=0.003)
    # e^-20t is -60 dB after ln(1000) / 20 = 0.345 s; then 10 ms fade out.
    assert last.clip.seconds == pytest.approx(0.355, abs=0.01)
    assert np.abs(last.clip.samples[:, -1]).max() < 1e-4


def test_names_tell_order_drums_or_pitch_and_tempo(heard: list[TimedNote]):
    clip = struck([0.5, 1.0], 2.0)
    heard += [TimedNote(0.5, 0.1, 36, 0.8), TimedNote(0.51, 0.1, 42, 0.8),
              TimedNote(1.0, 0.1, 38, 0.8)]  # fmt: skip
    assert [each.name for each in slice_stem(clip, "drums", 92.5)] == [
        "001_kick+closed_hat_92.5bpm", "002_snare_92.5bpm",
    ]  # fmt: skip
    heard[:] = [TimedNote(0.5, 0.1, 33, 0.8), TimedNote(1.0, 0.1, 61, 0.8)]
    assert [each.name for each in slice_stem(clip, "bass")] == ["001_A1", "002_C#4"]


def test_a_sampler_reads_the_root_note_of_a_slice(tmp_path: Path, heard: list[TimedNote]):
    heard += [TimedNote(0.5, 0.1, 33, 0.8)]
    (one,) = slice_stem(struck([0.5], 1.0), "bass")
    write_slice(tmp_path / "a.wav", one)
    info = WavInfoReader(tmp_path / "a.wav")
    assert (info.smpl.midi_note, info.smpl.sample_loops) == (33, [])
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == RATE and np.array_equal(samples.T, one.clip.samples)


def test_silence_has_no_slices():
    assert slice_stem(Clip(np.zeros((2, RATE), np.float32), RATE), "drums") == ()
