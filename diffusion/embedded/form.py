"""The form of a piece when the request leaves it open: a section and an intensity for every bar."""

from __future__ import annotations

from midi.curve import Curve
from midi.grid import Grid
from midi.sections import section_text

# Sections that the network was not trained on, by the names of those it was.
_TRAINED_AS = {
    "hook": "chorus", "refrain": "chorus", "drop": "chorus", "pre-chorus": "verse",
    "build": "verse", "breakdown": "bridge", "break": "bridge", "interlude": "bridge",
}  # fmt: skip
# The intensity of each section where none is given, 0..1.
_LEVEL = {"intro": 0.4, "verse": 0.6, "chorus": 0.85, "bridge": 0.5, "outro": 0.5}


def plan(
    grid: Grid, asked: tuple[str, ...], curve: Curve | None = None
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return a section name and an intensity (0..1) for every bar of `grid`.

    Of `asked` section names, one a bar or none at all, the tags are kept. With a `curve` the
    intensity of each bar is its mean there.

    A request without sections gets verse and chorus in turn, eight bars each (half and half when
    it is short), so that every bar has the full band.
    """
    span = min(8, max(1, grid.bars // 2))
    tags = [section_text(name).tag for name in asked or ("",) * grid.bars]
    names = tuple(
        _TRAINED_AS.get(tag, tag) or ("verse", "chorus")[(bar // span) % 2]
        for bar, tag in enumerate(tags)
    )
    if curve is not None:
        return names, curve.bar_means(grid.bar_starts)
    return names, tuple(_LEVEL.get(name, 0.6) for name in names)
