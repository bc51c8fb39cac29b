"""The colours: one a stem, the same in the picture and on REAPER's tracks, and the picture's."""

from collections.abc import Mapping

STEM_COLOURS: Mapping[str, tuple[int, int, int]] = {  # red, green, blue in 0..255
    "drums": (242, 166, 90),
    "bass": (111, 168, 245),
    "melody": (127, 212, 140),
    "vocals": (226, 132, 196),
    "guitar": (199, 209, 92),
    "piano": (96, 206, 206),
    "instrumental": (168, 148, 238),
}
NEUTRAL = (150, 156, 168)

BACKGROUND, PANE, SCALE_ROW = "#15171c", "#1b1e25", "#232732"
BEAT_LINE, BAR_LINE = "#262a34", "#3d4452"
TEXT, QUIET, WARNING = "#eceef3", "#98a0b0", "#f4b860"
GIVEN_COLOUR, BEAT_COLOUR = "#fdf6e3", "#ffffff"


def hex_colour(rgb: tuple[int, int, int]) -> str:
    """Write red, green and blue (0..255) as "#rrggbb"."""
    return "#" + "".join(f"{part:02x}" for part in rgb)
