"""The chart: the lead sheet every player of a piece reads."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from diffusion.embedded.bar import Bar
from diffusion.embedded.moods import Mood
from diffusion.embedded.performance import Played
from training.compose.form import Section, spans_of
from training.compose.harmony import chord_scale
from training.compose.piece import Chord
from training.compose.styles import Style


@dataclass(frozen=True, slots=True)
class Chart:
    """Style, feel, key, form, chords and tune of one piece.

    `lead` is "melody" or "vocals", `ending` "full" or "loop".
    """

    style_name: str
    style: Style
    mood: Mood
    bpm: float
    bar: Bar
    tonic: int
    mode: str
    form: tuple[Section, ...]
    intensity: tuple[float, ...]
    chords: tuple[Chord, ...]
    tune: tuple[Played, ...]
    lead: str
    ending: str

    @property
    def bars(self) -> int:
        return len(self.intensity)

    @property
    def sections(self) -> tuple[str, ...]:
        """The section's name of each bar."""
        return tuple(name for name, bars in self.form for _ in range(bars))

    @property
    def ends(self) -> bool:
        """Whether the piece has a real ending in its last bar instead of looping on."""
        return self.ending == "full"

    def spans(self) -> list[tuple[str, int, int]]:
        """Name, first bar and bar after the last of each section."""
        return spans_of(self.form)

    def chord_at(self, beat: float) -> Chord:
        """The chord sounding at `beat`."""
        at = bisect_right(self.chords, beat + 1e-6, key=lambda chord: chord.start_beats)
        return self.chords[max(0, at - 1)]

    def next_chord(self, beat: float) -> Chord:
        """The first chord that starts after `beat`; the first of the piece after the last."""
        at = bisect_right(self.chords, beat + 1e-6, key=lambda chord: chord.start_beats)
        return self.chords[at % len(self.chords)]

    def scale_at(self, beat: float) -> tuple[int, ...]:
        """The scale a player uses at `beat`: the key's, bent by the chord."""
        return chord_scale(self.chord_at(beat), self.tonic, self.mode)

    def tier(self, bar: int) -> int:
        """0 thin, 1 main or 2 full, by the intensity of the four bars of the section around it."""
        first, last = next((a, b) for _, a, b in self.spans() if a <= bar < b)
        block = first + (bar - first) // 4 * 4
        around = self.intensity[block : min(last, block + 4)]
        level = sum(around) / len(around)
        return 0 if level < 0.34 else 1 if level < 0.72 else 2
