"""Performances of drummers become examples of which only the drums are learnt."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest

from diffusion.embedded.latents import LAYOUT, PARTS
from training import grooves, train
from training.dataset import LATENT_SCALE, write
from training.tiny import band_file

TICKS = 480
HEAD = "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,duration,split"


def groove_zip(folder: Path, starts: list[int], bars: int = 4) -> Path:
    """A zip as published: a snare of velocity 10 at `starts` (ticks) in each of so many bars."""
    track = mido.MidiTrack()
    now = 0
    for tick in [4 * TICKS * bar + start for bar in range(bars) for start in starts]:
        track.append(mido.Message("note_on", channel=9, note=38, velocity=10, time=tick - now))
        now = tick
    file, out = mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]), io.BytesIO()
    file.save(file=out)
    path = folder / "groove.zip"
    with zipfile.ZipFile(path, "w") as archive:
        row = "drummer1,s,1,funk/groove1,99,{},4-4,drummer1/1.mid,9,{}"
        rows = [HEAD, row.format("beat", "train"), row.format("fill", "train")]
        rows.append(row.format("beat", "test"))
        archive.writestr("groove/info.csv", "\n".join(rows))
        archive.writestr("groove/drummer1/1.mid", out.getvalue())
    return path


def test_the_published_zip_is_read_but_for_fills_and_what_is_set_aside(tmp_path: Path) -> None:
    (groove,) = grooves.read(groove_zip(tmp_path, [0, 970]))
    assert (groove.style, groove.bpm, groove.meter) == ("funk", 99.0, "4/4")
    assert len(groove.beats) == 8
    assert groove.beats[1] == pytest.approx(970 / TICKS)


@pytest.mark.parametrize(
    ("beats", "frames"),
    [
        ([0.0, 0.28, 0.49, 0.76], [0, 3, 6, 9]),  # sixteenths, a little late
        ([0.0, 0.31, 0.66], [0, 4, 8]),  # triplets
        ([0.97, 2.03], [12, 24]),  # before its beat, and after
    ],
)
def test_hits_lie_where_the_drummer_felt_them(beats: list[float], frames: list[int]) -> None:
    assert grooves.felt(np.array(beats)).tolist() == frames


def test_the_softest_stroke_is_encoded_as_one_that_can_be_heard(tmp_path: Path) -> None:
    (groove,) = grooves.read(groove_zip(tmp_path, [0, 970, 1900]))
    made = grooves.example_of(groove)
    assert made is not None
    assert made.only == PARTS.index("drums")
    value = made.latents[0, LAYOUT.velocity["drums"].start + 1] / LATENT_SCALE
    # 0.2 + 0.8 * 10 / 127 = 0.263; (0.263 - 0.6) / 0.4 = -0.84
    assert value == pytest.approx(-0.84, abs=0.01)


def test_a_performance_of_three_bars_is_too_short(tmp_path: Path) -> None:
    (groove,) = grooves.read(groove_zip(tmp_path, [0, 1440], bars=3))
    assert grooves.example_of(groove) is None


def test_of_a_drummer_alone_nothing_but_the_drums_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "ALONE", 1.0)
    (groove,) = grooves.read(groove_zip(tmp_path, [0, 960, 1440]))
    made = grooves.example_of(groove)
    assert made is not None
    drummer = write([made], tmp_path / "drummer")
    batch = train.Windows([drummer, band_file(tmp_path)], seed=1).batch(4)
    drums = train.played_channels(PARTS.index("drums"))
    assert batch.mask.amax((0, 1)).tolist() == drums.tolist()
    assert not drums[LAYOUT.timbre["drums"]].any()
