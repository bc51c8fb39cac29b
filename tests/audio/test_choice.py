"""Takes are judged by their parts; each reason gives the figure and the limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audio.choice import Limits, best_first, judge
from audio.errors import AudioError
from audio.report import ChordMatch, Examination, Fault, Loudness, MelodyMatch, Placement

PLACE = Placement(2.0, 4.0, 6.0, 0.1, (0.0,), 0.99, "")
GOOD = Examination(
    bpm=120.0, bpm_asked=120.0, bpm_error_percent=0.0, octave_relation="1", beats_seconds=(),
    beat_offset_ms=0.0, key="A minor", key_asked="A minor", key_relation="same", peak_dbfs=-3.0,
    frames=1, frames_expected=1, placement=PLACE, key_score=0.9,
    melody=MelodyMatch(0.95, 1.0, 0.9, 1.0, ()), loudness=Loudness(-14.0, -1.0), faults=(),
)  # fmt: skip


def test_a_good_take_passes_with_a_high_score() -> None:
    found = judge(GOOD, Limits(melody_f1=0.8, key=("same", "relative")))
    assert found.reasons == ()
    # (2 + 2 + 1 + 2 x 0.95 + 1) / 8
    assert found.score == pytest.approx(7.9 / 8)


def test_each_limit_that_is_broken_is_a_reason() -> None:
    bad = replace(
        GOOD,
        bpm_error_percent=-2.5,
        key="C# minor",
        key_relation="other",
        placement=replace(PLACE, median_ms=45.0),
        key_score=0.1,
        melody=MelodyMatch(0.3, 0.3, 0.3, 0.5, ()),
        loudness=Loudness(-14.0, 0.5),
        faults=(Fault("true peak", 0.5, 0.0, "its true peak is +0.50 dBTP, over full scale"),),
    )
    found = judge(bad, Limits(melody_f1=0.8, key=("same",)))
    assert found.reasons == (
        "the tempo is -2.50 % off, 1 % are allowed",
        "the beats lie +45.0 ms off, 30 ms are allowed",
        "the melody scores 0.30, 0.8 is needed",
        "the key is C# minor, not A minor",
        "its true peak is +0.50 dBTP, over full scale",
    )
    assert found.score < 0.5


def test_chords_count_where_there_are_some() -> None:
    found = replace(GOOD, chords=ChordMatch(0.75, 0.5, "notes", ()))
    limits = Limits.parse("on chords=0.9")
    assert limits is not None and limits.tempo_percent == 1.0
    judged = judge(found, limits)
    assert judged.reasons == ("75 % of the chords are as asked, 90 % are needed",)
    assert judged.parts["chords"] == 0.75
    assert judge(GOOD, limits).reasons == ()


def test_what_was_not_asked_or_not_heard_does_not_count() -> None:
    quiet = replace(
        GOOD,
        bpm_error_percent=None,
        key_relation=None,
        placement=replace(PLACE, median_ms=500.0, doubt="the rhythm is too faint"),
        melody=None,
    )
    found = judge(quiet, Limits())
    assert found.parts == {
        "tempo": None, "placement": None, "key": None, "melody": None, "chords": None,
        "faults": 1.0,
    }  # fmt: skip
    assert (found.score, found.reasons) == (1.0, ())


def test_takes_that_passed_come_first() -> None:
    good = judge(GOOD, Limits())
    better = replace(good, score=0.999)
    failed = replace(good, score=1.0, reasons=("it is clipped in 20 places",))
    assert best_first([failed, good, better, good]) == [2, 1, 3, 0]


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(AudioError, match="tempo_percent"):
        Limits(tempo_percent=-1)
    with pytest.raises(AudioError, match="sideways"):
        Limits(key=("sideways",))
