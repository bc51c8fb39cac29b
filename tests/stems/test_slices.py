from pathlib import Path

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from audio.clip import Clip
from midi.note import TimedNote
from stems import slices
from stems.sfz import sfz_text
from stems.slices import TONE, Slice, normalised, slice_stem, write_slice

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


def test_a_tone_that_holds_gets_a_loop_between_zero_crossings_that_does_not_click(
    tmp_path: Path, heard: list[TimedNote]
):
    time = np.arange(2 * RATE) / RATE
    tone = np.sin(2 * np.pi * 220 * time) + 0.3 * np.sin(2 * np.pi * 440 * time + 1)
    heard += [TimedNote(0.0, 1.9, 57, 0.8)]
    (one,) = slice_stem(Clip(np.stack([tone, tone]).astype("f4") * 0.3, RATE), "bass")
    assert one.loop is not None
    start, end = one.loop
    mono = one.clip.samples.mean(0)
    assert mono[start - 1] < 0 <= mono[start] and mono[end - 1] < 0 <= mono[end]
    # Going round is no larger a step than any other: at most the tone's own steepest.
    assert abs(mono[start] - mono[end - 1]) < 1.5 * np.abs(np.diff(mono)).max()
    periods = (end - start) * 220 / RATE
    assert periods == pytest.approx(round(periods), abs=0.02) and periods > 100
    write_slice(tmp_path / "a.wav", one)
    loop = WavInfoReader(str(tmp_path / "a.wav")).smpl.sample_loops[0]
    assert (loop.start, loop.end) == (start, end - 1)  # the format counts the last frame in


def test_what_dies_away_and_drums_get_no_loop(heard: list[TimedNote]):
    heard += [TimedNote(0.5, 0.1, 57, 0.8)]
    assert slice_stem(struck([0.5], 2.0), "bass")[0].loop is None
    heard[:] = [TimedNote(0.5, 0.1, 36, 0.8)]
    assert slice_stem(struck([0.5], 2.0), "drums")[0].loop is None


def test_normalised_slices_peak_one_decibel_under_full_scale(heard: list[TimedNote]):
    heard += [TimedNote(0.5, 0.1, 57, 0.8)]
    (one,) = slice_stem(struck([0.5], 2.0), "bass")
    assert np.abs(normalised(one).clip.samples).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)
    silent = Slice("a", 0, 60, Clip(np.zeros((2, 9), np.float32), RATE), TONE)
    assert not normalised(silent).clip.samples.any()


def regions(text: str) -> list[dict[str, str]]:
    """What an SFZ file says, read as its format is defined: opcodes after each header."""
    parts = [part.split() for part in text.split("<region>")[1:]]
    return [dict(word.split("=", 1) for word in words) for words in parts]


def test_an_instrument_spreads_tones_over_all_keys_and_drums_over_their_own():
    clip = Clip(np.zeros((2, 9), np.float32), RATE)
    tones = [
        ("a.wav", Slice("a", 0, 40, clip, TONE, (2, 8))),
        ("b.wav", Slice("b", 1, 50, clip, TONE)),
    ]
    low, high = regions(sfz_text(tones, 92.5))
    assert (low["lokey"], low["hikey"], low["pitch_keycenter"]) == ("0", "45", "40")
    assert (high["lokey"], high["hikey"]) == ("46", "127")
    assert (low["loop_mode"], low["loop_start"], low["loop_end"]) == ("loop_sustain", "2", "7")
    assert "loop_start" not in high
    drums = [
        (f"{n}.wav", Slice(n, 0, 60, clip, n.split("-")[0])) for n in ("kick-1", "kick-2", "snare")
    ]
    one, two, snare = regions(sfz_text(drums))
    assert one["lokey"] == one["hikey"] == "36" and snare["lokey"] == "38"
    assert [each["seq_position"] for each in (one, two)] == ["1", "2"]
    assert one["loop_mode"] == "one_shot" and "seq_length" not in snare
