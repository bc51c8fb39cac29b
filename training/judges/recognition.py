"""Two classifiers over note statistics: which mood a piece has, and whether people made it.

Gradient boosting by scikit-learn. The moods are learnt from the composer's pieces; people and
machine are told apart on bars, whole pieces held out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.performance import Played
from training.judges.note_figures import Music, f1

Array = NDArray[np.float64]
PARTS = ("drums", "bass", "comp", "lead")
KICK, SNARES, HATS, TOMS, CRASHES = (
    (36,),
    (37, 38, 39, 40),
    (42, 44, 46),
    (45, 47, 48, 50),
    (49, 57),
)
FOLDS = 5


def bar_statistics(music: Music) -> Array:
    """Return (bars, features): how each part plays each bar, and how the bar is like the last.

    Vocals count as lead where they carry the melody, and are left out elsewhere.
    """
    rows = []
    voices = {part: music.in_bars(part) for part in PARTS}
    if music.tune == "vocals":
        voices["lead"] = music.in_bars("vocals")
    for number, (start, end) in enumerate(zip(music.bars, music.bars[1:], strict=False)):
        row: list[float] = [end - start]
        for part in PARTS:
            bar = voices[part][number]
            before = voices[part][number - 1] if number else []
            row += _of_bar(bar, start)
            row.append(f1(_rhythm(bar, start), _rhythm(before, music.bars[max(0, number - 1)])))
        drums = [hit.pitch for hit in voices["drums"][number]]
        for kind in (KICK, SNARES, HATS, TOMS, CRASHES):
            row.append(sum(pitch in kind for pitch in drums))
        rows.append(row)
    return np.array(rows, float)


def _of_bar(notes: Sequence[Played], start: float) -> list[float]:
    if not notes:
        return [0.0, *[np.nan] * 9]
    pitch = np.array([note.pitch for note in notes], float)
    velocity = np.array([note.velocity for note in notes])
    length = np.array([note.length_beats for note in notes])
    at = np.array([note.start_beats - start for note in notes])
    steps = np.abs(np.diff(pitch)) if len(notes) > 1 else np.zeros(1)
    return [
        float(len(notes)),
        float(pitch.mean()), float(np.ptp(pitch)), float(steps.mean()),
        float(velocity.mean()), float(velocity.std()),
        float(length.mean()), float(length.std()),
        float(np.mean(np.abs(at % 1.0 - 0.5) < 0.2)),
        len(notes) / len(np.unique(np.round(at * 8))),
    ]  # fmt: skip


def _rhythm(notes: Sequence[Played], start: float) -> set[tuple[int, int]]:
    return {(round((note.start_beats - start) * 4), note.pitch) for note in notes}


def piece_statistics(music: Music, bpm: float, tonic: int) -> Array:
    """Return the features of a whole piece: means over its bars, tempo, pitches over the tonic."""
    bars = bar_statistics(music)
    with np.errstate(all="ignore"):
        known = np.isfinite(bars).any(axis=0)
        means = np.full(bars.shape[1], np.nan)
        means[known] = np.nanmean(bars[:, known], axis=0)
    weight = np.zeros(12)
    for part in (*PARTS[1:], "vocals"):
        for note in music.parts.get(part, ()):
            weight[(note.pitch - tonic) % 12] += min(note.length_beats, 4.0)
    return np.concatenate([means, [bpm], weight / max(float(weight.sum()), 1e-9)])


def _seen(rows: Array) -> Array:
    """The rows with 0 in the columns that are known in none: trees take a gap, not only gaps."""
    rows[:, ~np.isfinite(rows).any(axis=0)] = 0.0
    return rows


class MoodJudge:
    """Names the mood of a piece; learnt from pieces of one mood each."""

    def __init__(self, pieces: Sequence[Array], moods: Sequence[str]) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._model = HistGradientBoostingClassifier(random_state=0, max_iter=150)
        self._model.fit(_seen(np.array(pieces)), list(moods))

    def recognised(self, pieces: Sequence[Array], moods: Sequence[str]) -> float:
        """Return the share of pieces whose mood is named rightly."""
        return float(np.mean(self._model.predict(np.array(pieces)) == np.array(moods)))


def told_apart(ours: Sequence[Array], people: Sequence[Array]) -> float:
    """Return the AUC of telling bars of `ours` from bars by people, whole pieces held out.

    .5 where they cannot be told apart. As many bars of each count, drawn by a fixed seed.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    pieces = [*ours, *people]
    made_by = np.concatenate(
        [np.full(len(p), int(number >= len(ours))) for number, p in enumerate(pieces)]
    )
    group = np.concatenate([np.full(len(p), number) for number, p in enumerate(pieces)])
    bars = _seen(np.concatenate(pieces))
    scores = np.zeros(len(bars))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(bars, made_by, group):
        model = HistGradientBoostingClassifier(
            random_state=0, max_iter=100, class_weight="balanced"
        )
        model.fit(bars[train], made_by[train])
        scores[test] = model.predict_proba(bars[test])[:, 1]
    return float(roc_auc_score(made_by, scores))
