"""What a style's mix is to sound like: how loud each stem is, how wide, in which room.

Loudness is in LU beside that of the whole mix, by BS.1770, and so are the levels of the room
(the energy of its response to a stem's middle) and of the width (the same of what is added to the
sides). The figures are a producer's rules of thumb, not learnt; docs/lab/mix.md has what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audio.stem_names import STEMS

NONE_DB = -60.0


@dataclass(frozen=True, slots=True)
class Room:
    """A room: seconds to -60 dB at 1 kHz, seconds before it answers, dB more than STEM_ROOM_DB."""

    decay_seconds: float
    delay_seconds: float
    level_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Balance:
    """The loudness of each stem beside the mix's, in LU."""

    drums: float
    bass: float
    melody: float
    vocals: float

    def of(self, stem: str) -> float:
        """Return that of one stem."""
        return float(getattr(self, stem))


ROOMS: Mapping[str, Room] = {
    "booth": Room(0.35, 0.006, -2.0),
    "studio": Room(0.7, 0.012),
    "club": Room(1.0, 0.016, 1.0),
    "hall": Room(1.9, 0.024, 2.0),
    "church": Room(3.2, 0.030, 4.0),
}
BALANCES: Mapping[str, Balance] = {
    "band": Balance(-5.0, -8.0, -6.0, -5.0),
    "beat": Balance(-4.0, -6.5, -8.0, -6.0),
    "gentle": Balance(-10.0, -9.0, -4.5, -4.0),
    "grand": Balance(-8.0, -9.5, -3.5, -6.0),
}
# Style -> balance and room; "" is a prompt without a style.
_STYLES: Mapping[str, tuple[str, str]] = {
    "": ("band", "studio"),
    "pop": ("band", "studio"), "rock": ("band", "studio"), "folk": ("gentle", "club"),
    "ballad": ("gentle", "hall"), "lofi": ("beat", "club"), "hiphop": ("beat", "booth"),
    "trap": ("beat", "studio"), "house": ("beat", "studio"), "techno": ("beat", "club"),
    "drum_and_bass": ("beat", "studio"), "synthwave": ("band", "hall"), "funk": ("band", "booth"),
    "disco": ("band", "studio"), "reggae": ("beat", "club"), "jazz_swing": ("gentle", "club"),
    "bossa": ("gentle", "studio"), "cinematic": ("grand", "hall"), "waltz": ("gentle", "hall"),
    "blues": ("band", "club"), "country": ("band", "studio"), "soul": ("band", "studio"),
    "celtic": ("gentle", "hall"), "ambient": ("grand", "church"),
}  # fmt: skip
# The level of the room and of the width, for each stem: bass and kick stay dry and in the middle.
STEM_ROOM_DB: Mapping[str, float] = {
    "drums": -15.0, "bass": NONE_DB, "melody": -11.0, "vocals": -11.0,
}  # fmt: skip
STEM_WIDTH_DB: Mapping[str, float] = {
    "drums": -9.0, "bass": -20.0, "melody": -3.0, "vocals": -12.0,
}  # fmt: skip
# Under these the sides stay empty, so that a loudspeaker for the lows loses nothing.
STEM_WIDTH_FROM_HZ: Mapping[str, float] = {
    "drums": 300.0, "bass": 400.0, "melody": 180.0, "vocals": 250.0,
}  # fmt: skip


def balance_of(style: str) -> Balance:
    """Return the balance of a style of the vocabulary; that of no style where it is not known."""
    return BALANCES[_STYLES.get(style, _STYLES[""])[0]]


def room_of(style: str) -> Room:
    """Return the room of a style of the vocabulary; that of no style where it is not known."""
    return ROOMS[_STYLES.get(style, _STYLES[""])[1]]


assert set(STEM_ROOM_DB) == set(STEM_WIDTH_DB) == set(STEM_WIDTH_FROM_HZ) == set(STEMS)
