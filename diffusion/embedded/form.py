"""The form of a piece when the request leaves it open: a section and an intensity for every bar."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Form:
    """One section name and one intensity (0..1) for every bar."""

    sections: tuple[str, ...]
    intensity: tuple[float, ...]


def plan(grid: Grid, asked: tuple[str, ...], curve: Curve | None = None) -> Form:
    """Return the form of `grid`; of `asked` section names, one a bar, the tags are kept.

    With a `curve` the intensity of each bar is its mean there.

    A request without sections gets verse and chorus in turn, eight bars each (half and half when
    it is short), so that every bar has the full band.
    """
    span = min(8, max(1, grid.bars // 2))
    names = tuple(
        (_as_trained(asked[bar]) if bar < len(asked) else "")
        or ("verse", "chorus")[(bar // span) % 2]
        for bar in range(grid.bars)
    )
    if curve is not None:
        return Form(names, curve.bar_means(grid.bar_starts))
    return Form(names, tuple(_LEVEL.get(name, 0.6) for name in names))


def _as_trained(name: str) -> str:
    """Return a section's tag as the network was trained on it, or "" without one."""
    tag = section_text(name).tag
    return _TRAINED_AS.get(tag, tag)
