"""The picture, by its pixels."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from audio.clip import Clip
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from midi.note import Note
from stems.entries import Section
from stems.overview import Overview, draw_overview
from stems.palette import STEM_COLOURS
from stems.stem_set import StemSet, Take

Pixels = npt.NDArray[np.int64]  # (rows from the top, columns, red green blue)
WHITE, AMBER = (255, 255, 255), (244, 184, 96)
AXIS_LEFT, AXIS_WIDTH = 120, 1448  # pixels: 0.075 and 0.905 of 1600
BEAT_STRIP = slice(430, 450)  # rows: 0.548 to 0.572 of 1000 from below, less its rims
WAVEFORMS = slice(465, 865)  # rows of the waveforms
FOOTER = slice(930, 1000)


def drawn(path: Path, picture: Overview) -> Pixels:
    draw_overview(path, picture)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(np.int64)


def columns_of(pixels: Pixels, colour: tuple[int, int, int], tolerance: int = 60) -> list[int]:
    """Where along the picture `colour` is, one column for each run of neighbours."""
    near = (np.abs(pixels - np.array(colour)).max(axis=2) <= tolerance).any(axis=0)
    found = np.flatnonzero(near)
    runs = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1) if found.size else []
    return [round(float(run.mean())) for run in runs]


def count_of(pixels: Pixels, colour: tuple[int, int, int]) -> int:
    return int((np.abs(pixels - np.array(colour)).max(axis=2) <= 8).sum())


def with_report(take: Take, **changes: Any) -> Take:
    assert take.report is not None
    return replace(take, report=replace(take.report, **changes))


def test_the_picture_is_a_png_of_plausible_size(
    tmp_path: Path, grid: Grid, key: Key, melody: Melody, make_take: Callable[..., Take]
):
    path = tmp_path / "overview.png"
    pixels = drawn(path, Overview("job-1", grid, key, melody, make_take(grid), null_dbfs=-141.0))
    assert pixels.shape == (1000, 1600, 3)
    assert 20_000 < path.stat().st_size < 500_000  # bytes


def test_each_stem_is_drawn_in_its_colour_in_a_row_of_its_own(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take]
):
    pixels = drawn(tmp_path / "o.png", Overview("job", grid, key, None, make_take(grid)))
    rows = np.split(pixels[WAVEFORMS, AXIS_LEFT:], 4)
    for index, stem in enumerate(("drums", "bass", "melody", "vocals")):
        counts = [count_of(row, STEM_COLOURS[stem]) for row in rows]
        # Noise of constant level fills its RMS band, over half of a row 96 pixels high.
        assert counts[index] > 1448 * 40
        assert sum(counts) == counts[index]


def test_a_silent_stem_is_told_and_draws_no_wave(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take]
):
    loud = make_take(grid, stems=("drums",)).stem_set.clips["drums"]
    silent = Clip(np.zeros_like(loud.samples), loud.sample_rate)
    take = Take(StemSet({"drums": loud, "bass": silent}))
    pixels = drawn(tmp_path / "o.png", Overview("job", grid, key, None, take))
    lower = pixels[WAVEFORMS, AXIS_LEFT:][200:]
    assert count_of(lower, STEM_COLOURS["bass"]) == 0


def test_measured_beats_are_marked_where_they_were_heard(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take]
):
    # 6 quarters of 1/3 s on 1448 pixels: 0.5 s is 1.5 quarters, a quarter of the way.
    take = with_report(make_take(grid), beats_seconds=[0.5, 1.0, 1.9])
    pixels = drawn(tmp_path / "o.png", Overview("job", grid, key, None, take))
    expected = [120 + 1448 * share for share in (0.25, 0.5, 0.95)]
    found = columns_of(pixels[BEAT_STRIP], WHITE)
    assert found == pytest.approx(expected, abs=1.5)  # pixels: marks are 3 wide


def test_beats_of_a_tempo_map_are_marked_in_beats(
    tmp_path: Path, mapped_grid: Grid, key: Key, make_take: Callable[..., Take]
):
    # 120 bpm until beat 2 at 1 s; the ramp's 6 quarters end at 3 s, beat 8; then 240 bpm, so
    # that 3.75 s is beat 11 of 13.
    take = with_report(make_take(mapped_grid), beats_seconds=[1.0, 3.0, 3.75])
    pixels = drawn(tmp_path / "o.png", Overview("job", mapped_grid, key, None, take))
    expected = [120 + 1448 * beat / 13 for beat in (2, 8, 11)]
    assert columns_of(pixels[BEAT_STRIP], WHITE) == pytest.approx(expected, abs=1.5)


def test_a_sound_stands_under_the_bar_it_sounds_in_on_a_tempo_map(
    tmp_path: Path, mapped_grid: Grid, key: Key
):
    # A click 50 frames long at the first beat of bar 3: beat 7 of 13.
    samples = np.zeros((2, mapped_grid.frames(48_000)), np.float32)
    frame = mapped_grid.frame_at(7, 48_000)
    samples[:, frame : frame + 50] = 0.5
    take = Take(StemSet({"drums": Clip(samples, 48_000)}))
    pixels = drawn(tmp_path / "o.png", Overview("job", mapped_grid, key, None, take))
    upper_row = pixels[470:640, AXIS_LEFT:]  # off the middle line
    (column,) = columns_of(upper_row, STEM_COLOURS["drums"], tolerance=110)
    assert column + AXIS_LEFT == pytest.approx(120 + 1448 * 7 / 13, abs=2)  # pixels


def test_notes_stand_over_their_beats_and_the_given_melody_frames_them(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take]
):
    played = (Note(Fraction(3), Fraction(1), 69, 90),)  # bar 2, the middle of the picture
    given = Melody((Note(Fraction(3), Fraction(2), 69, 90),))
    take = Take(make_take(grid).stem_set, {"melody": played})
    pixels = drawn(tmp_path / "o.png", Overview("job", grid, key, given, take))
    roll = pixels[140:410, AXIS_LEFT:1568]
    green = np.abs(roll - np.array(STEM_COLOURS["melody"])).max(axis=2) <= 8
    filled = np.flatnonzero(green.any(axis=0))
    # Beat 3 and 4 of 6 on 1448 pixels; the frame of 2 pixels covers the left edge.
    assert (filled[0], filled[-1]) == pytest.approx((1448 * 3 / 6, 1448 * 4 / 6), abs=3)
    bright = np.abs(roll - np.array((253, 246, 227))).max(axis=2) <= 24
    framed = np.flatnonzero(bright.any(axis=0))
    assert (framed[0], framed[-1]) == pytest.approx((1448 * 3 / 6, 1448 * 5 / 6), abs=3)


def test_what_is_not_as_asked_stands_out_in_amber(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take]
):
    good = make_take(grid)
    bad = with_report(good, bpm=196.2, bpm_error_percent=9.0)
    path = tmp_path / "o.png"
    as_asked = drawn(path, Overview("job", grid, key, None, good, null_dbfs=-141.0))
    faster = drawn(path, Overview("job", grid, key, None, bad, null_dbfs=-141.0))
    assert count_of(as_asked[FOOTER], AMBER) == 0
    assert count_of(faster[FOOTER], AMBER) > 100


def test_odd_words_and_missing_letters_draw_without_a_warning(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take]
):
    title = "$x^2$ \\frac 日本 🎹 \ud800 \x00 " + "long " * 50
    sections = (Section("$\\alpha$ 歌", 0, 2),)
    picture = Overview(title, grid, key, None, make_take(grid), sections)
    assert drawn(tmp_path / "o.png", picture).shape == (1000, 1600, 3)


@pytest.mark.parametrize(
    ("bpm", "meter", "bars"), [(400, "1/32", 1), (400, "32/32", 96), (174, "4/4", 300)]
)
def test_the_shortest_and_the_longest_grids_can_be_drawn(
    tmp_path: Path, key: Key, bpm: float, meter: str, bars: int
):
    grid = Grid.constant(bpm, meter, bars)
    samples = np.full((2, grid.frames(8_000)), 0.1, np.float32)
    take = Take(StemSet({"bass": Clip(samples, 8_000)}))
    pixels = drawn(tmp_path / "o.png", Overview("job", grid, key, None, take))
    assert count_of(pixels[WAVEFORMS, AXIS_LEFT:], STEM_COLOURS["bass"]) > 10_000


def test_pictures_drawn_at_the_same_time_are_the_same_as_alone(
    tmp_path: Path, grid: Grid, key: Key, melody: Melody, make_take: Callable[..., Take]
):
    pictures = [
        Overview(f"job-{seed}", grid, key, melody, make_take(grid, seed)) for seed in range(2)
    ]
    for number, picture in enumerate(pictures):
        draw_overview(tmp_path / f"alone{number}.png", picture)
    with ThreadPoolExecutor(2) as pool:
        paths = [tmp_path / f"together{number}.png" for number in range(2)]
        list(pool.map(draw_overview, paths, pictures))
    for number, path in enumerate(paths):
        assert path.read_bytes() == (tmp_path / f"alone{number}.png").read_bytes()
