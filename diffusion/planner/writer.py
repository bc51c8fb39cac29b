"""Writing a sheet token by token: what comes next, where it stands, and what it leads to.

The same walk serves training, which reads the tokens of a known sheet from it, and planning, which
lets the network choose: each token is decided in a Place, of which the network is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diffusion.planner import vocabulary as v
from diffusion.planner.material import (
    NO_CHORD,
    Event,
    Material,
    PlannedChord,
    PlannedSection,
)

_STAGE = {name: index for index, name in enumerate(v.STAGES)}
_PLACE = {name: index for index, name in enumerate(v.PLACE)}
QUALITIES = len(v.QUALITIES)


@dataclass(slots=True)
class Place:
    """Where the next token stands: its stage, what the network is told of it, and the tune after.

    `values` has one number for each of vocabulary.PLACE. `later_notes` (12,) is how long each
    pitch class sounds in the rest of the bar, where the tune is decided before the chords.
    """

    stage: str
    values: list[int]
    later_notes: list[float] | None = None


class Writer:
    """Walks through a sheet; `place` says what is to be decided next, `put` decides it.

    `known` is what is given of the sheet, which may be seen before its turn; `done` holds what was
    decided. `tune_first` decides each bar's tune before its chords; with `has_tune` False no tune
    is written.
    """

    def __init__(self, known: Material, *, tune_first: bool, has_tune: bool):
        self.known = known
        self.done = Material(known.starts)
        self.order: tuple[str, ...] = ("tune", "chords") if tune_first else ("chords", "tune")
        if not has_tune:
            self.order = ("chords",)
        self.total = len(known.starts) - 1
        # The form.
        self.section_of: list[int] = []
        self.open_name = 0
        self.open_bars = 0
        self.longer_bars = 0  # of a given section that is longer than tokens can say
        self.open_plays: list[int] = []
        # The bars.
        self.bar = 0
        self.turn = 0
        self.position = 0
        self.carried = 0
        self.stage = "section"
        self.source: int | None = None
        self.chord: tuple[int, int] | None = None
        self.pitch: int | None = None
        self.last_pitch: int | None = None
        self.last_end = 0
        self.phrase = 0

    @property
    def finished(self) -> bool:
        return self.stage == "end"

    @property
    def bars_left(self) -> int:
        """Bars without a section yet."""
        return self.total - len(self.section_of)

    def section(self, bar: int) -> PlannedSection:
        return self.done.sections[self.section_of[bar]]

    def bar_in_section(self, bar: int) -> int:
        return bar - self.section_of.index(self.section_of[bar])

    def place(self) -> Place:
        """Where the next token stands."""
        values = [0] * len(v.PLACE)
        values[0] = _STAGE[self.stage]
        if self.stage in ("section", "bars", "play", "level"):
            values[_PLACE["piece_left"]] = v.bucket_of_bars(max(1, self.bars_left))
            if self.stage != "section":
                values[_PLACE["section"]] = 1 + self.open_name
                values[_PLACE["section_left"]] = min(9, self.open_bars)
            if self.stage == "play":
                values[_PLACE["position"]] = len(self.open_plays)
            if self.done.sections and self.stage == "section":
                last = self.done.sections[-1]
                values[_PLACE["section"]] = 1 + v.SECTIONS.index(last.name)
            return Place(self.stage, values)
        self._tell_bar(values)
        later = None
        if self.stage.startswith("chord"):
            if self.order[0] == "tune" or self._known_notes(self.bar) is not None:
                later = self._histogram()
        self._tell_source(values)
        return Place(self.stage, values, later)

    def put(self, token: int) -> None:
        """Decide the next token."""
        getattr(self, f"_put_{self.stage}")(token)

    # What the network is told.

    def _tell_bar(self, values: list[int]) -> None:
        section = self.section(self.bar)
        within = self.bar_in_section(self.bar)
        values[_PLACE["position"]] = min(97, self.position)
        values[_PLACE["left"]] = min(97, max(0, self.done.length(self.bar) - self.position))
        values[_PLACE["section"]] = 1 + v.SECTIONS.index(section.name)
        values[_PLACE["bar_in_section"]] = 1 + min(15, within % 16)
        values[_PLACE["section_left"]] = min(9, section.bars - within)
        values[_PLACE["piece_left"]] = v.bucket_of_bars(self.total - self.bar)
        values[_PLACE["level"]] = 1 + section.level
        if self.stage in ("tune_source", "note", "note_length"):
            now, following = self.chord_here()
            if now is not None:
                values[_PLACE["root"]] = 13 if now == NO_CHORD else 1 + now // QUALITIES
                values[_PLACE["quality"]] = 0 if now == NO_CHORD else 1 + now % QUALITIES
            if following is not None and following != NO_CHORD:
                values[_PLACE["next_root"]] = 1 + following // QUALITIES
            if self.last_pitch is not None:
                values[_PLACE["last_pitch"]] = 1 + self.last_pitch - v.LOWEST
            values[_PLACE["phrase"]] = min(13, self.phrase)
            if self.stage == "note_length" and self.pitch is not None:
                values[_PLACE["last_pitch"]] = 1 + self.pitch - v.LOWEST
        elif self.chord is not None and self.stage == "chord_length":
            index = self.chord[0]
            values[_PLACE["root"]] = 13 if index == NO_CHORD else 1 + index // QUALITIES
            values[_PLACE["quality"]] = 0 if index == NO_CHORD else 1 + index % QUALITIES
        else:
            before = self._chord_before()
            if before is not None:
                values[_PLACE["root"]] = 13 if before == NO_CHORD else 1 + before // QUALITIES
                values[_PLACE["quality"]] = 0 if before == NO_CHORD else 1 + before % QUALITIES

    def _chord_before(self) -> int | None:
        chords = self.done.bars[self.bar].chords
        if not chords and self.bar:
            chords = self.done.bars[self.bar - 1].chords
        return chords[-1].index if chords else None

    def chord_here(self) -> tuple[int | None, int | None]:
        """The chord at the position, and the next one, as far as they are decided or known."""
        here = self.done.bars[self.bar].chords or self.known.bars[self.bar].chords or []
        now = following = None
        for chord in here:
            if chord.position <= self.position:
                now = chord.index
            elif following is None:
                following = chord.index
        if following is None and self.bar + 1 < self.total:
            later = self.known.bars[self.bar + 1].chords
            following = later[0].index if later else None
        return now, following

    def _tell_source(self, values: list[int]) -> None:
        if self.source is None:
            return
        content = self.done.bars[self.source]
        if self.stage in ("note", "note_length"):
            sounding = _note_at(content.notes or [], self.position)
            if sounding is not None:
                start, length, pitch = sounding
                values[_PLACE["source_pitch"]] = (
                    2 + pitch - v.LOWEST if start == self.position else 1
                )
                left = start + length - self.position
                values[_PLACE["source_length"]] = 1 + v.length_token(max(1, left)) - v.LENGTH
            else:
                values[_PLACE["source_pitch"]] = len_pitches() + 2
                gap = self._gap_in_source()
                values[_PLACE["source_length"]] = 1 + v.length_token(max(1, gap)) - v.LENGTH
        elif self.stage in ("chord", "chord_length"):
            for chord in content.chords or []:
                if chord.position <= self.position < chord.position + chord.length:
                    values[_PLACE["source_chord"]] = 2 + chord.index
                    left = chord.position + chord.length - self.position
                    values[_PLACE["source_length"]] = 1 + v.length_token(left) - v.LENGTH

    def _gap_in_source(self) -> int:
        assert self.source is not None
        later = [n[0] for n in self.done.bars[self.source].notes or [] if n[0] > self.position]
        return min([*later, self.done.length(self.source)], default=1) - self.position

    def _known_notes(self, bar: int) -> list[Event] | None:
        decided = self.done.bars[bar].notes
        return decided if decided is not None else self.known.bars[bar].notes

    def _histogram(self) -> list[float]:
        """How long each pitch class sounds from the position to the bar's end, shares of 1."""
        out = [0.0] * v.HISTOGRAM
        end = self.done.length(self.bar)
        for bar in (self.bar - 1, self.bar):
            if bar < 0:
                continue
            shift = self.done.starts[bar] - self.done.starts[self.bar]
            for start, length, pitch in self._known_notes(bar) or []:
                first, last = max(start + shift, self.position), min(start + shift + length, end)
                if last > first:
                    # What comes soon says most of the chord that starts here.
                    out[pitch % 12] += (last - first) / (1 + (first - self.position) / 24)
        total = sum(out)
        return [each / total for each in out] if total else out

    # The form.

    def _put_section(self, token: int) -> None:
        self.open_name = token - v.SECTION
        self.stage = "bars"

    def _put_bars(self, token: int) -> None:
        self.open_bars = self.longer_bars or token - v.BARS + 1
        self.longer_bars = 0
        self.open_plays = []
        self.stage = "play"

    def _put_play(self, token: int) -> None:
        self.open_plays.append(token - v.PLAY)
        if len(self.open_plays) == len(v.PARTS):
            self.stage = "level"

    def _put_level(self, token: int) -> None:
        name = v.SECTIONS[self.open_name]
        section = PlannedSection(name, self.open_bars, tuple(self.open_plays), token - v.LEVEL)
        self.section_of += [len(self.done.sections)] * self.open_bars
        self.done.sections.append(section)
        self.open_bars = 0
        self.stage = "section" if self.bars_left > 0 else self._turn_stage()

    # The bars.

    def _turn_stage(self) -> str:
        self.source = None
        if self.order[self.turn] == "chords":
            self.position = 0
            self.done.bars[self.bar].chords = []
            return "chord_source"
        self.position = self.carried
        self.done.bars[self.bar].notes = []
        return "tune_source"

    def _next_turn(self) -> None:
        self.turn += 1
        if self.turn == len(self.order):
            self.turn = 0
            self.bar += 1
            if self.bar == self.total:
                self.stage = "end"
                return
        self.stage = self._turn_stage()

    def sources(self) -> Iterator[tuple[str, int]]:
        """The kinds of SOURCES that there are for this bar, and the bar each means."""
        bar, length = self.bar, self.done.length(self.bar)
        for kind in v.SOURCES:
            at = self._bar_of_source(kind) if kind == "section" else bar - int(kind)
            if at is not None and 0 <= at < bar and self.done.length(at) == length:
                yield kind, at

    def _bar_of_source(self, kind: str) -> int | None:
        index, within = self.section_of[self.bar], self.bar_in_section(self.bar)
        name = self.done.sections[index].name
        for earlier in range(index - 1, -1, -1):
            section = self.done.sections[earlier]
            if section.name == name:
                first = self.section_of.index(earlier)
                return first + within if within < section.bars else None
        return None

    def _put_chord_source(self, token: int) -> None:
        kind = v.REFERENCES[token - v.REFERENCE]
        self.source = dict(self.sources()).get(kind)
        self.stage = "chord"

    def _put_chord(self, token: int) -> None:
        if token == v.NO_CHORD:
            self.chord = (NO_CHORD, 0)
        else:
            self.chord = (token - v.CHORD, 0)
        self.stage = "chord_length"

    def _put_chord_length(self, token: int) -> None:
        assert self.chord is not None
        if v.SLASH <= token < v.SLASH + 12:
            self.chord = (self.chord[0], token - v.SLASH)
            return
        left = self.done.length(self.bar) - self.position
        length = min(v.length_of(token), left)
        if left - length and length == v.LENGTHS[-1]:
            length = left  # a bar longer than the longest length
        chords = self.done.bars[self.bar].chords
        assert chords is not None
        chords.append(PlannedChord(self.position, length, *self.chord))
        self.chord = None
        self.position += length
        self.stage = "chord"
        if self.position >= self.done.length(self.bar):
            self._next_turn()

    def _put_tune_source(self, token: int) -> None:
        kind = v.REFERENCES[token - v.REFERENCE]
        length = self.done.length(self.bar)
        if kind == "rest":
            if self.position < length:
                self.phrase = 0
            self.carried = max(0, self.position - length)
            self._next_turn()
            return
        self.source = dict(self.sources()).get(kind)
        self.stage = "note"
        if self.position >= length:
            self.carried = self.position - length
            self._next_turn()

    def _put_note(self, token: int) -> None:
        self.pitch = None if token == v.PAUSE else token - v.PITCH + v.LOWEST
        self.stage = "note_length"

    def _put_note_length(self, token: int) -> None:
        length = v.length_of(token)
        bar_length = self.done.length(self.bar)
        if self.pitch is None:
            if length >= v.UNITS // 2:
                self.phrase = 0
        else:
            notes = self.done.bars[self.bar].notes
            assert notes is not None
            room = self.done.starts[-1] - self.done.starts[self.bar] - self.position
            notes.append((self.position, min(length, room), self.pitch))
            self.last_pitch = self.pitch
            self.phrase += 1
        self.position += length
        self.stage = "note"
        if self.position >= bar_length:
            self.carried = self.position - bar_length if self.pitch is not None else 0
            self._next_turn()


def len_pitches() -> int:
    """How many pitches there are."""
    return v.HIGHEST - v.LOWEST + 1


def _note_at(notes: list[Event], position: int) -> Event | None:
    return next((n for n in notes if n[0] <= position < n[0] + n[1]), None)
