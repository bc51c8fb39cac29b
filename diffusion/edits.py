"""Names and limits of what a request can do with the user's sounds and melody.

Imports nothing, so that the protocol's table can read it.
"""

from __future__ import annotations

from collections.abc import Mapping

MELODY_MODES = ("cover", "keep", "raw", "off")
PARTS = (
    "vocals", "backing_vocals", "drums", "bass", "guitar", "keyboard", "percussion", "strings",
    "synth", "fx", "brass", "woodwinds",
)  # fmt: skip
# How many of PARTS each edit takes at most; those that take any need a base checkpoint and are
# the least reliable.
MOST_PARTS: Mapping[str, int] = {
    "cover": 0, "repaint": 0, "extend": 0, "lego": 1, "extract": 1, "complete": len(PARTS),
}  # fmt: skip
EDITS = tuple(MOST_PARTS)
WITH_PARTS = tuple(edit for edit, most in MOST_PARTS.items() if most)
MAX_LORAS = 4
MAX_LORA_SCALE = 2.0
