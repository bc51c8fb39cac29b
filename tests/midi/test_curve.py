"""An intensity curve: points as text, values between them, means over bars."""

from __future__ import annotations

from fractions import Fraction

import pytest

from midi.curve import MAX_POINTS, Curve
from midi.errors import CurveError


def test_lines_run_between_points_and_the_ends_stay_flat() -> None:
    curve = Curve.parse("4:0.2 8:0.8")
    assert [curve.at(beat) for beat in (0, 4, 5, 8, 100)] == pytest.approx(
        [0.2, 0.2, 0.35, 0.8, 0.8]
    )


def test_the_mean_of_a_bar_counts_the_corners_in_it() -> None:
    """From 0 to 1 over two beats, then at 1: (0.5 x 2 + 1 x 2) / 4 = 0.75; later bars 1."""
    curve = Curve.parse("0:0 2:1")
    assert curve.bar_means([Fraction(0), Fraction(4), Fraction(8)]) == pytest.approx((0.75, 1.0))


def test_a_curve_written_down_reads_the_same() -> None:
    curve = Curve.parse("0:0.25 7/2:1 16/3:0.125 32:0")
    assert str(curve) == "0:0.25 3.5:1 16/3:0.125 32:0"
    assert Curve.parse(str(curve)) == curve


def test_a_long_recording_becomes_a_curve_of_few_points() -> None:
    """600 s at 400 bpm are 4000 beats: points 8 beats apart, on the line that was drawn."""
    beats = [Fraction(i, 2) for i in range(8001)]
    curve = Curve.through(beats, [float(beat) / 4000 for beat in beats], Fraction(4000))
    assert len(curve.points) <= MAX_POINTS and len(str(curve)) < 8192
    assert curve.at(1234) == pytest.approx(1234 / 4000, abs=1e-4)


def test_points_after_the_end_are_left_out_but_the_next() -> None:
    beats = [Fraction(i) for i in range(0, 100, 4)]
    curve = Curve.through(beats, [0.5] * len(beats), Fraction(10))
    assert [beat for beat, _ in curve.points] == [0, 4, 8, 12]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "beat:value ..., such as 0:0.2 16:0.8, not '0'"),
        ("0:loud", "not '0:loud'"),
        ("0:1.5", r"from 0 to 1, not 1.5 \(at beat 0\)"),
        ("-1:0.5", "beats from 0, not -1"),
        ("4:0.5 4:0.6", "ascend in beats: 4 follows 4"),
        (" ".join(f"{i}:0" for i in range(513)), "1 to 512 points, not 513"),
        ("", "not 0"),
    ],
)
def test_curves_that_cannot_be_are_refused(text: str, said: str) -> None:
    with pytest.raises(CurveError, match=f"intensity must .*{said}"):
        Curve.parse(text)
