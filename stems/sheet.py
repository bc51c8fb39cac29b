"""A sheet to draw on: text, lines, boxes and areas, placed in fractions of its size.

The one door to matplotlib. Drawn on an Agg canvas of its own, without pyplot and its global
state, so any thread may; without axes, whose set-up would cost more than all that is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_DPI = 100
_FONT = "DejaVu Sans"  # comes with matplotlib
_COMPRESSION = 3  # of 9: half the time of matplotlib's 6 for a few kilobytes more

Floats = npt.NDArray[np.float64]
Line = tuple[tuple[float, float], tuple[float, float]]
Box = tuple[float, float, float, float]  # left, right, bottom, top


class Sheet:
    """A picture under way, (0, 0) at its lower left and (1, 1) at its upper right.

    What is drawn later lies over what was drawn earlier. Colours are "#rrggbb" or "#rrggbbaa",
    sizes and widths are in points of 1/72 inch at 100 pixels an inch.
    """

    def __init__(self, width_px: int, height_px: int, background: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._figure: Any = Figure(
            figsize=(width_px / _DPI, height_px / _DPI), dpi=_DPI, facecolor=background
        )
        self._canvas: Any = FigureCanvasAgg(self._figure)
        self._layers = count()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        colour: str,
        bold: bool = False,
        align: str = "left",
    ) -> None:
        """Write one line of text on the base line `y`, as it stands: no markup is read in it."""
        self._figure.text(
            x, y, _drawable(text), fontsize=size, color=colour, ha=align, va="baseline",
            weight="bold" if bold else "normal", family=_FONT, parse_math=False,
            zorder=next(self._layers),
        )  # fmt: skip

    def lines(self, lines: Sequence[Line], colour: str, width: float) -> None:
        """Draw straight lines between pairs of points."""
        from matplotlib.collections import LineCollection

        self._add(LineCollection(lines, colors=colour, linewidths=width, capstyle="butt"))

    def boxes(
        self, boxes: Sequence[Box], *, fill: str = "none", frame: str = "none", width: float = 0.0
    ) -> None:
        """Draw upright boxes, filled, framed with a line of `width`, or both."""
        from matplotlib.collections import PolyCollection

        corners = [
            ((left, bottom), (left, top), (right, top), (right, bottom))
            for left, right, bottom, top in boxes
        ]
        self._add(PolyCollection(corners, facecolors=fill, edgecolors=frame, linewidths=width))

    def area(self, x: Floats, low: Floats, high: Floats, colour: str) -> None:
        """Fill what lies between two curves of the same length."""
        from matplotlib.collections import PolyCollection

        outline = np.concatenate((np.column_stack((x, high)), np.column_stack((x, low))[::-1]))
        self._add(PolyCollection([outline], facecolors=colour, linewidths=0.0))

    def save(self, path: Path) -> None:
        """Write a PNG; raises OSError."""
        with path.open("wb") as file:
            self._canvas.print_png(file, pil_kwargs={"compress_level": _COMPRESSION})

    def _add(self, collection: Any) -> None:
        collection.set_transform(self._figure.transFigure)
        collection.set_zorder(next(self._layers))
        self._figure.add_artist(collection)


def _drawable(text: str) -> str:
    """The words with what the font cannot draw replaced, as matplotlib would warn about it."""
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    return "".join(each if each.isprintable() and ord(each) in _letters() else "?" for each in line)


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=_FONT))).get_charmap())
