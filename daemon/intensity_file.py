"""An intensity curve from a file: points, what `backline energy` has written, or a sound itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from daemon.errors import UsageError
from midi.curve import MAX_POINTS, Curve
from midi.errors import CurveError
from midi.grid import Grid
from midi.user_file import read_text

MAX_BYTES = 1 << 20  # of text: an hour of points every 0.1 s
MIN_EVERY_SECONDS = 1.0


def curve_of(path: Path, grid: Grid) -> Curve:
    """The curve in a file on `grid`, at whose start it begins too.

    `.txt` holds points as `--intensity` takes them, `.json` what `backline energy --json` prints;
    of any other file the energy of its sound is drawn. Raises UsageError and AudioError.
    """
    suffix = path.suffix.lower()
    if suffix not in (".json", ".txt"):
        return _of_sound(path, grid)
    try:
        text = read_text(path, MAX_BYTES)
        return _of_points(json.loads(text), grid) if suffix == ".json" else Curve.parse(text)
    except OSError as error:
        raise UsageError(
            f"--intensity-from {str(path)!r} cannot be read: {error.strerror}"
        ) from None
    except (ValueError, RecursionError) as error:  # of JSON, of UTF-8, of what the points are
        raise UsageError(f"--intensity-from {str(path)!r}: {error}") from None


def _of_sound(path: Path, grid: Grid) -> Curve:
    from audio.clip import read_clip
    from audio.energy import energy_curve

    clip = read_clip(path)
    every = max(MIN_EVERY_SECONDS, clip.seconds / MAX_POINTS)
    points = energy_curve(clip, every_seconds=every)
    return Curve.through([grid.beat_at(at) for at in points], points.values(), grid.beats)


def _of_points(points: object, grid: Grid) -> Curve:
    beats, values = [], []
    for point in points if isinstance(points, list) else []:
        value = point.get("value") if isinstance(point, Mapping) else None
        beat = _beat(point, grid) if value is not None else None
        if beat is None or isinstance(value, bool) or not isinstance(value, int | float):
            raise CurveError("each point must have seconds or beat, and value, all numbers")
        beats.append(beat)
        values.append(float(value))
    if not beats:
        raise CurveError("it must be a list of points, as `backline energy --json` prints them")
    return Curve.through(beats, values, grid.beats)


def _beat(point: Mapping[str, object], grid: Grid) -> Fraction | None:
    """Return where a point is: by its seconds on the grid if it has them, else by its beat."""
    for name in ("seconds", "beat"):
        place = point.get(name)
        if isinstance(place, int | float) and not isinstance(place, bool) and abs(place) < 1e9:
            return grid.beat_at(place) if name == "seconds" else Fraction(str(place))
    return None
