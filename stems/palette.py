"""One colour a stem, the same in the picture and on REAPER's tracks."""

from collections.abc import Mapping

STEM_COLOURS: Mapping[str, tuple[int, int, int]] = {  # red, green, blue in 0..255
    "drums": (242, 166, 90),
    "bass": (111, 168, 245),
    "melody": (127, 212, 140),
    "vocals": (226, 132, 196),
}
NEUTRAL = (150, 156, 168)


def hex_colour(rgb: tuple[int, int, int]) -> str:
    """Write red, green and blue (0..255) as "#rrggbb"."""
    return "#" + "".join(f"{part:02x}" for part in rgb)
