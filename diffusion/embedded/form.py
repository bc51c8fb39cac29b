"""The form of a piece when the request leaves it open: a section and an intensity for every bar."""

from __future__ import annotations

from dataclasses import dataclass

from midi.grid import Grid

# How hard each section plays unless told otherwise, 0..1.
_LEVEL = {"intro": 0.4, "verse": 0.6, "chorus": 0.85, "bridge": 0.5, "outro": 0.5}


@dataclass(frozen=True, slots=True)
class Form:
    """One section name and one intensity (0..1) for every bar."""

    sections: tuple[str, ...]
    intensity: tuple[float, ...]


def plan(grid: Grid, asked: tuple[str, ...]) -> Form:
    """Return the form of `grid`; `asked` section names, one a bar, are kept where given.

    A request without sections gets verse and chorus in turn, eight bars each (half and half when
    it is short), so that every bar has the full band: what a producer drops on a grid.
    """
    span = min(8, max(1, grid.bars // 2))
    names = tuple(
        (asked[bar] if bar < len(asked) else "") or ("verse", "chorus")[(bar // span) % 2]
        for bar in range(grid.bars)
    )
    return Form(names, tuple(_LEVEL.get(name, 0.6) for name in names))
