"""An endless, seeded composer of short pieces for a whole band, to train the embedded model on."""

from diffusion.embedded.moods import MOODS
from training.compose.arrange import compose
from training.compose.folk import Tune, held_out, load_tunes
from training.compose.piece import SECTIONS, Chord, Piece
from training.compose.styles import STYLES

__all__ = [
    "MOODS",
    "SECTIONS",
    "STYLES",
    "Chord",
    "Piece",
    "Tune",
    "compose",
    "held_out",
    "load_tunes",
]
