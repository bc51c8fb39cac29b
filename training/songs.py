"""Songs by people as the planner learns from them: style, mode, bars, chords and tune.

They come from the file of training.people_sheets, with repeats not unfolded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from diffusion.planner.material import PlannedSection
from midi.errors import MidiError
from midi.key import Key
from midi.meter import Meter

# Words of OpenEWLD's genres and styles -> our styles, the first that fits.
STYLE_OF = (
    ("Ragtime", "jazz_swing"), ("Swing", "jazz_swing"), ("Dixieland", "jazz_swing"),
    ("Big Band", "jazz_swing"), ("Blues", "blues"), ("Country", "country"), ("Folk", "folk"),
    ("Bossa", "bossa"), ("Reggae", "reggae"), ("Soul", "soul"), ("Ballad", "ballad"),
    ("Jazz", "jazz_swing"), ("Rock", "rock"), ("Pop", "pop"),
)  # fmt: skip
SWUNG = ("jazz_swing", "blues")


@dataclass(frozen=True, slots=True)
class Song:
    """A song: bars from its first full one, beats in quarters, pitches from a tonic of C.

    Chords are (start, length, root, bass, pitch classes), roots from the tonic, None for none.
    """

    title: str
    style: str
    mode: str
    meter: str
    bar_starts: tuple[float, ...]
    chords: tuple[tuple[float, float, int | None, int | None, tuple[int, ...]], ...]
    notes: tuple[tuple[float, float, int], ...]

    def form(self, random: Random) -> list[PlannedSection]:
        """A form over its bars: eights of verse and chorus; what songs have is not written down."""
        left = len(self.bar_starts) - 1
        sections: list[PlannedSection] = []
        while left > 0:
            bars = left if left < 12 else 8
            name = ("verse", "chorus")[len(sections) % 2]
            vocals = int(random.random() < 0.5)
            sections.append(PlannedSection(name, bars, (1, 1, 1, 1, vocals), 4 + len(sections) % 2))
            left -= bars
        return sections


def held_out_title(title: str) -> bool:
    """Whether a song is kept from training: a tenth, by its title alone."""
    plain = "".join(title.lower().split())
    return int.from_bytes(sha256(plain.encode()).digest()[:8], "big") % 10 == 0


def read_songs(path: Path) -> list[Song]:
    """The songs of a file of lead sheets; those without a known key or meter are left out."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [song for song in map(song_of, rows) if song is not None]


def song_of(row: dict[str, Any]) -> Song | None:
    """A song of the file, or None where its key or meter is not known or it is too short.

    Keys there are signatures: one that ends on the sixth degree's minor chord is read as minor.
    """
    try:
        key = Key.parse(str(row["key"]).replace("-", "b"))
        meter = Meter.parse(str(row["meter"]))
    except MidiError:
        return None
    bar, pickup = float(meter.beats), float(row["pickup_beats"])
    tonic, mode = key.tonic, key.mode
    chords = [c for c in row["chords"] if c[3] is not None]
    notes = [n for n in row["tune"] if n[0] >= pickup - 1e-6]
    if not chords or not notes:
        return None
    relative = (tonic + 9) % 12
    last = chords[-1]
    if mode == "major" and last[3] == relative and (last[3] + 3) % 12 in last[5]:
        tonic, mode = relative, "minor"
    bars = int((float(row["length_beats"]) - pickup) / bar + 1e-6)
    if bars < 8:
        return None
    style = _style(row)
    shift = tonic if tonic <= 6 else tonic - 12
    end = bars * bar
    swung = style in SWUNG and meter.denominator == 4

    def place(beat: float) -> float:
        return _swung(beat) if swung else beat

    kept = []
    for start, length, pitch in notes:
        at, until = start - pickup, min(start + length - pickup, end)
        if at < end - 1e-6:
            kept.append((place(at), place(until) - place(at), pitch - shift))
    return Song(
        title=str(row["title"]),
        style=style,
        mode=mode,
        meter=str(row["meter"]),
        bar_starts=tuple(at * bar for at in range(bars + 1)),
        chords=tuple(
            (
                max(0.0, start - pickup),
                min(start + length - pickup, end) - max(0.0, start - pickup),
                None if root is None else (root - tonic) % 12,
                None if bass is None else (bass - tonic) % 12,
                tuple((tone - tonic) % 12 for tone in tones),
            )
            for start, length, _, root, bass, tones in row["chords"]
            if pickup - length < start - 1e-6 and start - pickup < end - 1e-6
            and start + length > pickup + 1e-6
        ),
        notes=tuple(kept),
    )  # fmt: skip


def _style(row: dict[str, Any]) -> str:
    if str(row["meter"]) == "3/4":
        return "waltz"
    words = " ".join([*row.get("styles", ()), *row.get("genres", ())])
    return next((style for word, style in STYLE_OF if word in words), "")


def _swung(beat: float) -> float:
    """Straight eighths as they are swung: the offbeat on the last third of its beat."""
    whole = int(beat + 1e-6)
    phase = beat - whole
    return whole + (phase * 4 / 3 if phase < 0.5 + 1e-6 else 2 / 3 + (phase - 0.5) * 2 / 3)
