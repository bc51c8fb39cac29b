"""Spectrograms of an answer beside the truth of the same request, stem by stem, as a PNG."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from audio.clip import Clip
from audio.decibels import power_to_db
from audio.stem_names import STEMS
from midi.grid import Grid

LOW_HZ, HIGH_HZ, BANDS = 40.0, 16_000.0, 160


def draw_beside(
    ours: Mapping[str, Clip], truth: Mapping[str, Clip], grid: Grid, title: str, path: Path
) -> None:
    """Draw four rows (stems) and two columns, ours and the truth; dotted lines are the bars."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 2, figsize=(12, 9), sharex=True, layout="constrained")
    for row, stem in enumerate(STEMS):
        for column, clips in enumerate((ours, truth)):
            axis = axes[row][column]
            extent = (0.0, float(grid.seconds), 0.0, float(BANDS))
            axis.imshow(
                _picture(clips[stem]), origin="lower", aspect="auto", cmap="magma", vmin=-70,
                vmax=0,                extent=extent,
            )  # fmt: skip
            for bar in grid.bar_starts[1:-1]:
                axis.axvline(float(grid.seconds_at(bar)), color="white", lw=0.4, ls=":", alpha=0.6)
            marks = [100, 400, 1600, 6400]
            axis.set_yticks([_band(hz) for hz in marks], [str(hz) for hz in marks], fontsize=7)
            axis.set_title(f"{stem}, {'ours' if column == 0 else 'truth'}", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("seconds", fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=64)
    pyplot.close(figure)


def _band(hz: float) -> float:
    return BANDS * float(np.log(hz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ))


def _picture(clip: Clip) -> np.ndarray:
    """(BANDS, moments) decibels under the loudest point, on a logarithmic frequency axis."""
    import librosa

    power = np.abs(librosa.stft(clip.samples.mean(0), n_fft=4096, hop_length=512)) ** 2
    edges = np.geomspace(LOW_HZ, HIGH_HZ, BANDS + 1)
    bins = np.clip(edges * 4096 / clip.sample_rate, 1, 2047)
    rows = [
        power[int(low) : max(int(low) + 1, int(high))].mean(axis=0) for low, high in pairwise(bins)
    ]
    picture = power_to_db(np.array(rows) + 1e-12)
    return np.asarray(picture - max(float(picture.max()), -60.0))
