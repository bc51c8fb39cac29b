"""The form of a piece when the request leaves it open: a section and an intensity for every bar."""

from __future__ import annotations

from dataclasses import dataclass

from midi.curve import Curve
from midi.grid import Grid
from midi.sections import section_text

# What the network calls parts of a song that it was not taught by their own names.
_TAUGHT = {
    "hook": "chorus", "refrain": "chorus", "drop": "chorus", "pre-chorus": "verse",
    "build": "verse", "breakdown": "bridge", "break": "bridge", "interlude": "bridge",
}  # fmt: skip
# How hard each section plays unless told otherwise, 0..1.
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
    it is short), so that every bar has the full band: what a producer drops on a grid.
    """
    span = min(8, max(1, grid.bars // 2))
    names = tuple(
        (_taught(asked[bar]) if bar < len(asked) else "") or ("verse", "chorus")[(bar // span) % 2]
        for bar in range(grid.bars)
    )
    if curve is not None:
        return Form(names, curve.bar_means(grid.bar_starts))
    return Form(names, tuple(_LEVEL.get(name, 0.6) for name in names))


def _taught(name: str) -> str:
    """The tag of a section by the name the network knows it by, or "" where it has none."""
    tag = section_text(name).tag
    return _TAUGHT.get(tag, tag)
