"""Draw the icons of the tracks that the scripts insert: one a stem, one for their folder.

python tests/reaper_scripts/draw_icons.py [-o reaper_scripts/icons]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from stems.palette import NEUTRAL, STEM_COLOURS

ROOT = Path(__file__).parents[2]
SIZE = 64  # pixels a side
FINE = 4  # drawn so many times larger, and made smaller: smooth edges
WIDTH = 5 * FINE  # of a line

Draw = ImageDraw.ImageDraw


def at(*places: float) -> tuple[float, ...]:
    """Coordinates in pixels of the icon, as drawn."""
    return tuple(place * FINE for place in places)


def drums(draw: Draw, colour: str) -> None:
    """A drum from the side, and two sticks."""
    draw.line(at(10, 8, 32, 30), colour, WIDTH)
    draw.line(at(54, 8, 32, 30), colour, WIDTH)
    draw.ellipse(at(8, 26, 56, 42), outline=colour, width=WIDTH)
    draw.line(at(10, 34, 10, 50), colour, WIDTH)
    draw.line(at(54, 34, 54, 50), colour, WIDTH)
    draw.arc(at(8, 42, 56, 58), 0, 180, colour, WIDTH)


def bass(draw: Draw, colour: str) -> None:
    """One slow swing of a string."""
    draw.arc(at(6, 14, 34, 50), 180, 360, colour, WIDTH)
    draw.arc(at(29, 14, 57, 50), 0, 180, colour, WIDTH)
    draw.ellipse(at(2, 27, 14, 39), fill=colour)
    draw.ellipse(at(50, 25, 62, 37), fill=colour)


def melody(draw: Draw, colour: str) -> None:
    """Two quavers under one beam."""
    draw.ellipse(at(8, 42, 26, 56), fill=colour)
    draw.ellipse(at(38, 36, 56, 50), fill=colour)
    draw.line(at(23.5, 49, 23.5, 14), colour, WIDTH)
    draw.line(at(53.5, 43, 53.5, 8), colour, WIDTH)
    draw.polygon(at(21, 12, 56, 6, 56, 16, 21, 22), fill=colour)


def vocals(draw: Draw, colour: str) -> None:
    """A microphone on its stand."""
    draw.rounded_rectangle(at(22, 6, 42, 36), 10 * FINE, fill=colour)
    draw.arc(at(14, 16, 50, 46), 0, 180, colour, WIDTH)
    draw.line(at(32, 46, 32, 57), colour, WIDTH)
    draw.line(at(20, 57, 44, 57), colour, WIDTH)


def folder(draw: Draw, colour: str) -> None:
    """Four stems, one upon another."""
    for index, right in enumerate((56, 44, 50, 36)):
        top = 9 + 12.5 * index
        draw.rounded_rectangle(at(8, top, right, top + 8), 3 * FINE, fill=colour)


ICONS: dict[str, Callable[[Draw, str], None]] = {
    "drums": drums, "bass": bass, "melody": melody, "vocals": vocals, "folder": folder,
}  # fmt: skip


def icon(name: str) -> Image.Image:
    """One icon in the colour of its stem, on nothing."""
    image = Image.new("RGBA", (SIZE * FINE, SIZE * FINE))
    red, green, blue = STEM_COLOURS.get(name, NEUTRAL)
    ICONS[name](ImageDraw.Draw(image), f"#{red:02x}{green:02x}{blue:02x}")
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "reaper_scripts" / "icons")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name in ICONS:
        icon(name).save(output / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
