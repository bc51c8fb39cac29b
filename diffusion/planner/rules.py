"""What a planned token may be: the grammar of a sheet, and what keeps a plan musical.

Every rule adds to the network's logits; what is impossible gets minus infinity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.vocabulary import STYLES
from diffusion.planner import vocabulary as v
from diffusion.planner.material import NO_CHORD
from diffusion.planner.wishes import Wishes
from diffusion.planner.writer import QUALITIES, Writer

NEVER = -np.inf
Logits = NDArray[np.float64]

LEAST_PHRASE, FULL_PHRASE, LONG_PHRASE = 6, 10, 16  # notes
WIDE_SEMITONES, WIDEST_SEMITONES = 7, 12
SHORT_FORM_BARS = 12  # below, a piece has no intro and no outro
INTRO_IN_LOOP_BARS = 24
BREATH_UNITS = v.UNITS // 2
BAND = ("drums", "bass", "chords")
WITHOUT_DRUMS = frozenset({"ambient", "ballad", "celtic", "cinematic", "waltz"})
CADENCES = (7, 5, 10, 11)  # roots that lead to the tonic, from the tonic


class Rules:
    """The rules of one request, for any place of a writer."""

    def __init__(self, wishes: Wishes):
        self.wishes = wishes
        self.scale = wishes.scale
        leading = {11} if wishes.minor else set()
        self.chord_costs = np.array([self._chord_cost(index, leading) for index in range(
            12 * QUALITIES)])  # fmt: skip

    def _chord_cost(self, index: int, leading: set[int]) -> float:
        """Penalty of a chord for each tone outside of the key."""
        root, quality = divmod(index, QUALITIES)
        tones = {(root + each) % 12 for each in v.quality_tones()[quality]}
        allowed = self.scale | (leading if root == 7 else set())
        outside = len(tones - allowed)
        return -1.1 * outside if root in self.scale else -1.6 - 1.1 * outside

    def bias(self, writer: Writer) -> Logits:
        """What is added to the logits (TOKENS,) of the next token."""
        out = np.full(v.TOKENS, NEVER)
        getattr(self, f"_{writer.stage}")(writer, out)
        if not np.isfinite(out).any():
            raise AssertionError(f"no token is possible at {writer.stage}")
        return out

    # The form.

    def _section(self, writer: Writer, out: Logits) -> None:
        out[v.SECTION : v.SECTION + len(v.SECTIONS)] = 0.0
        total, at = self.wishes.bars, len(writer.section_of)
        intro, outro = v.SECTIONS.index("intro"), v.SECTIONS.index("outro")
        ends = self.wishes.ending == "full"
        if at or total < (SHORT_FORM_BARS if ends else INTRO_IN_LOOP_BARS):
            out[v.SECTION + intro] = NEVER
        if not ends or total < SHORT_FORM_BARS or writer.bars_left > 8 or not at:
            out[v.SECTION + outro] = NEVER
        if not at and total < SHORT_FORM_BARS:
            out[v.SECTION + v.SECTIONS.index("bridge")] = NEVER

    def _bars(self, writer: Writer, out: Logits) -> None:
        at = len(writer.section_of)
        given = [first for first in self.wishes.sections if first > at]
        room = min([writer.bars_left, *(first - at for first in given)])
        least = 1 if room < 4 else 2 if room < 16 else 4
        if self.wishes.bars < 8:
            least = room
        if writer.open_name in (v.SECTIONS.index("intro"), v.SECTIONS.index("outro")):
            least = min(2, room)
        for bars in range(1, min(v.MOST_SECTION_BARS, room) + 1):
            if bars == room or (bars >= least and room - bars >= min(2, room)):
                out[v.BARS + bars - 1] = 0.0
        if writer.open_name == v.SECTIONS.index("outro"):
            out[v.BARS : v.BARS + v.MOST_SECTION_BARS] = NEVER
            out[v.BARS + min(room, v.MOST_SECTION_BARS) - 1] = 0.0

    def _play(self, writer: Writer, out: Logits) -> None:
        out[v.PLAY : v.PLAY + len(v.PLAYS)] = 0.0
        part, name = v.PARTS[len(writer.open_plays)], v.SECTIONS[writer.open_name]
        if writer.open_bars < 2:
            out[v.PLAY + v.PLAYS.index("late")] = NEVER
        last = self.wishes.ending == "full" and writer.open_bars == writer.bars_left
        if part == self.wishes.lead and (last or name in ("verse", "chorus", "outro")):
            out[v.PLAY : v.PLAY + len(v.PLAYS)] = NEVER
            out[v.PLAY + v.PLAYS.index("in")] = 0.0
        elif part in BAND and self._full_band(part, name):
            out[v.PLAY : v.PLAY + len(v.PLAYS)] = NEVER
            out[v.PLAY + v.PLAYS.index("in")] = 0.0
        elif part == "drums" and name in ("verse", "chorus") and self._short:
            self._as_before(writer, out)

    def _as_before(self, writer: Writer, out: Logits) -> None:
        """A part plays in all verses and choruses as in the first: throughout, or not at all."""
        at = len(writer.open_plays)
        before = [s.plays[at] for s in writer.done.sections if s.name in ("verse", "chorus")]
        wanted = before[:1] or [v.PLAYS.index("in"), v.PLAYS.index("out")]
        out[v.PLAY : v.PLAY + len(v.PLAYS)] = NEVER
        out[[v.PLAY + each for each in wanted]] = 0.0

    @property
    def _short(self) -> bool:
        """Whether the piece is too short for an intro."""
        return self.wishes.bars < INTRO_IN_LOOP_BARS

    @property
    def _without_drums(self) -> bool:
        return ("", *STYLES)[self.wishes.facts.get("style", 0)] in WITHOUT_DRUMS

    def _full_band(self, part: str, name: str) -> bool:
        """Whether a part of the band plays throughout a section of this name.

        All play in a chorus, and in the verses of a piece that is too short for an intro; in other
        verses the drums may wait. Some styles have no drums that could be missed.
        """
        if part == "drums" and self._without_drums:
            return False
        return name == "chorus" or (name == "verse" and (self._short or part != "drums"))

    def _level(self, writer: Writer, out: Logits) -> None:
        out[v.LEVEL : v.LEVEL + v.LEVELS] = 0.0

    # The chords.

    def _sources(self, writer: Writer, out: Logits, what: str) -> None:
        out[v.REFERENCE] = 0.0
        for kind, bar in writer.sources():
            content = writer.done.bars[bar]
            if content.chords if what == "chords" else content.notes:
                out[v.REFERENCE + v.REFERENCES.index(kind)] = 0.0

    def _last_bar(self, writer: Writer) -> bool:
        return writer.bar == writer.total - 1

    def _chord_source(self, writer: Writer, out: Logits) -> None:
        self._sources(writer, out, "chords")
        if self._last_bar(writer) or (
            self.wishes.ending == "full" and writer.bar == writer.total - 2
        ):
            out[v.REFERENCE + 1 : v.REFERENCE + len(v.REFERENCES)] = NEVER

    def _chord(self, writer: Writer, out: Logits) -> None:
        chords = slice(v.CHORD, v.CHORD + len(self.chord_costs))
        out[chords] = self.chord_costs
        tonic = slice(v.CHORD, v.CHORD + QUALITIES)
        full = self.wishes.ending == "full"
        if self._last_bar(writer) and full:
            keep = out[tonic].copy()
            out[chords] = NEVER
            third = 3 if self.wishes.minor else 4
            for at, tones in enumerate(v.quality_tones()):
                if third in tones and tones <= self.scale | {2, 9, 11} and 10 not in tones:
                    out[v.CHORD + at] = keep[at]
        elif self._last_bar(writer) and writer.total > 1:
            out[tonic] = NEVER  # a loop leads back to its first bar
        elif full and writer.bar == writer.total - 2:
            half = writer.done.length(writer.bar) // 2
            if writer.position >= half or writer.position == 0:
                for root in CADENCES:
                    out[v.CHORD + root * QUALITIES : v.CHORD + (root + 1) * QUALITIES] += (
                        3.0 if root == 7 else 1.0
                    )
                out[tonic] -= 3.0

    def _chord_length(self, writer: Writer, out: Logits) -> None:
        length = writer.done.length(writer.bar)
        left = length - writer.position
        grid = v.UNITS if length % v.UNITS == 0 else BREATH_UNITS
        assert writer.chord is not None
        for at, units in enumerate(v.LENGTHS):
            if units == left or (units < left and (writer.position + units) % grid == 0):
                out[v.LENGTH + at] = 0.0
        out[v.length_token(left)] = 0.0
        if self._last_bar(writer) and self.wishes.ending == "full":
            out[v.LENGTH : v.LENGTH + len(v.LENGTHS)] = NEVER
            out[v.length_token(left)] = 0.0
        elif not writer.chord[1] and writer.chord[0] != NO_CHORD:
            tones = v.quality_tones()[writer.chord[0] % QUALITIES]
            for bass in tones - {0}:
                out[v.SLASH + bass] = 0.0

    # The tune.

    def lead_plays(self, writer: Writer) -> bool:
        """Whether the tune may sound in the bar being written."""
        wished = self.wishes.parts.get(self.wishes.lead)
        if wished is not None:
            return wished[writer.bar]
        part = v.PARTS.index(self.wishes.lead)
        return v.PLAYS[writer.section(writer.bar).plays[part]] != "out"

    def _tune_source(self, writer: Writer, out: Logits) -> None:
        rest = v.REFERENCE + v.REFERENCES.index("rest")
        if not self.lead_plays(writer):
            out[rest] = 0.0
            return
        self._sources(writer, out, "tune")
        full_end = self._last_bar(writer) and self.wishes.ending == "full"
        if full_end:
            out[v.REFERENCE + 1 : v.REFERENCE + len(v.REFERENCES)] = NEVER
            if writer.last_pitch is None:
                out[rest] = 0.0
            return
        rests = [writer.bar - back for back in (1, 2) if writer.bar >= back]
        silent = sum(not writer.done.bars[bar].notes for bar in rests)
        out[rest] = -1.0 if silent == 0 else NEVER
        if 0 < writer.phrase < LEAST_PHRASE and writer.carried < writer.done.length(writer.bar) / 2:
            out[rest] = -4.0

    def _note(self, writer: Writer, out: Logits) -> None:
        wishes = self.wishes
        low, high = wishes.low, wishes.high
        pitches = np.arange(low, high + 1)
        costs = np.zeros(len(pitches))
        outside = ~np.isin(pitches % 12, list(self.scale))
        now, _ = writer.chord_here()
        tones: set[int] = set()
        if now is not None and now != NO_CHORD:
            root, quality = divmod(now, QUALITIES)
            tones = {(root + each) % 12 for each in v.quality_tones()[quality]}
        off_chord = ~np.isin(pitches % 12, list(tones)) if tones else np.zeros(len(pitches), bool)
        costs[outside & off_chord] -= 2.5
        costs[outside & ~off_chord] -= 0.5
        if writer.position == 0:
            costs[off_chord] -= 0.7
        if writer.last_pitch is not None:
            leap = np.abs(pitches - writer.last_pitch)
            costs[leap > WIDE_SEMITONES] -= 2.5
            costs[leap > WIDEST_SEMITONES] = NEVER
            if not np.isfinite(costs).any():
                costs[:] = -leap
        out[v.PITCH + low - v.LOWEST : v.PITCH + high - v.LOWEST + 1] = costs
        full_end = self._last_bar(writer) and wishes.ending == "full"
        if full_end:
            home = pitches % 12 == 0
            at = v.PITCH + low - v.LOWEST
            out[at : at + len(pitches)] = np.where(home & np.isfinite(costs), costs, NEVER)
            if not np.isfinite(out).any() or writer.done.bars[writer.bar].notes:
                out[:] = NEVER
                out[v.PAUSE] = 0.0
            return
        if writer.phrase == 0 or writer.phrase >= LEAST_PHRASE:
            out[v.PAUSE] = 1.5 * (writer.phrase >= FULL_PHRASE) + 1.5 * (
                writer.phrase >= LONG_PHRASE
            )
        else:
            out[v.PAUSE] = -7.0 if writer.source is None else -5.0
        if writer.phrase == 0 and writer.position == 0:
            out[v.PAUSE] = -0.5

    def _note_length(self, writer: Writer, out: Logits) -> None:
        length = writer.done.length(writer.bar)
        left = length - writer.position
        lengths = np.array(v.LENGTHS)
        stops = writer.position + lengths
        on_grid = (stops % 3 == 0) | (stops % 4 == 0) | (lengths == left)
        if writer.pitch is None:
            fits = (lengths <= left) & on_grid
            shortest = min(left, BREATH_UNITS)
            if 0 < writer.phrase < LEAST_PHRASE:  # a break within a phrase is a short one
                fits &= lengths < BREATH_UNITS if (lengths[fits] < BREATH_UNITS).any() else fits
            elif (fits & (lengths >= shortest)).any():
                fits &= lengths >= shortest
        else:
            ends = writer.bar == writer.total - 2 and self.wishes.ending == "full"
            over = 0 if ends or self._last_bar(writer) else 2 * v.UNITS
            fits = (lengths <= left + over) & on_grid & (lengths >= self.wishes.shortest_units)
            if self._last_bar(writer) and self.wishes.ending == "full":
                fits &= lengths >= min(left, length / 2)
        bias = np.where(fits, 0.0, NEVER)
        if not fits.any():
            bias[v.length_token(max(1, left)) - v.LENGTH] = 0.0
        out[v.LENGTH : v.LENGTH + len(v.LENGTHS)] = bias
