"""Dataclasses become JSON values and come back as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from audio.report import Conforming, Examination, Fault, Loudness, Placement, Report
from stems.plain import EMPTY, OPEN, as_plain, from_plain

REPORT = Report(
    bpm=None, bpm_asked=120.0, bpm_error_percent=None, octave_relation=None, beats_seconds=(0.5, 1),
    beat_offset_ms=None, key="A minor", key_asked=None, key_relation=None, peak_dbfs=-3.0,
    frames=1, frames_expected=1,
)  # fmt: skip


@dataclass(frozen=True)
class Music:
    name: str
    others: Mapping[str, object] = field(metadata=OPEN)
    report: Report | None = field(metadata=EMPTY)
    bars: int = 4
    placement: Placement | None = None


def examined(report: Report) -> Examination:
    values = {name: getattr(report, name) for name in Report.__dataclass_fields__}
    fault = Fault("gap", 2.0, 1.0, "it is silent")
    return Examination(
        **values, placement=None, key_score=0.5, melody=None,
        loudness=Loudness(None, -1.0), faults=(fault,),
    )  # fmt: skip


@pytest.mark.parametrize("found", [REPORT, examined(REPORT)])
def test_what_was_measured_goes_through_json_and_comes_back(found: Report):
    plain = json.loads(json.dumps(as_plain(found), allow_nan=False))
    assert from_plain(Examination | Report, plain) == found
    assert "levelled" not in plain and plain["bpm"] is None


def test_an_open_mapping_stands_beside_the_other_fields():
    music = Music("song", {"style": "funk"}, None)
    assert as_plain(music) == {"name": "song", "style": "funk", "report": {}, "bars": 4}
    assert from_plain(Music, as_plain(music)) == music


def test_a_key_that_no_field_has_is_ignored():
    plain = as_plain(REPORT) | {"of a later version": 1}
    assert from_plain(Report, plain) == REPORT


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"name": 1}, "1 is no str"), ({"bars": True}, "True is no int"), ({"bars": 1.5}, "is no int"),
     ({"report": []}, r"\[\] is no"), ({"placement": {"doubt": ""}}, "is no NoneType")],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(change: dict[str, object], sentence: str):
    with pytest.raises(TypeError, match=sentence):
        from_plain(Music, as_plain(Music("song", {}, None)) | change)


def test_a_missing_field_is_named():
    with pytest.raises(TypeError, match="Conforming lacks 'untouched'"):
        from_plain(Conforming, {})
