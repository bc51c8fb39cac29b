"""Prompts at times, "[0:15] gentle guitar, 60 BPM", brought onto bars as sections and tempo map.

What stands before the first time is of the whole piece. A prompt rules from the bar line nearest to
its time on, to the next prompt or the end; "[1:00] end" ends the piece. A prompt's tempo rules
likewise. Times count on through the tempos that the prompts before have set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from midi.errors import GridError, SectionError
from midi.grid import MAX_SECONDS, Grid, MeterChange, TempoPoint
from midi.number import shown

_MARK = re.compile(r"\[\s*(\d[^\]\n]{0,40}:[^\]\n]{0,40})\]")
_TIME = re.compile(r"(?:(\d{1,2}):(?=\d\d:))?(\d{1,3}):([0-5]\d(?:\.\d{1,3})?)\s*")
_BPM = re.compile(r"(?:\bat\s+)?\b(\d{1,4}(?:\.\d{1,6})?)\s*bpm\b", re.IGNORECASE)
END = "end"


@dataclass(frozen=True, slots=True)
class TimedPrompt:
    """What is to be heard from `seconds` on, and at which tempo; None: as before."""

    seconds: Fraction
    words: str
    bpm: Fraction | None

    @property
    def place(self) -> str:
        """Its time as it is written."""
        return clock(self.seconds)


@dataclass(frozen=True, slots=True)
class Placed:
    """Prompts on bars: one name a section, the tempo map, and the bar (from 0) where they end.

    `starts` holds the first bar of each section with its words, `end_bar` None where none is given.
    """

    starts: tuple[tuple[int, str], ...]
    tempo: tuple[TempoPoint, ...]
    end_bar: int | None

    def sections(self, bars: int) -> str:
        """The sections of a piece of so many bars, as midi.sections reads them."""
        ends = [first for first, _ in self.starts[1:]] + [bars]
        return "\n".join(
            f"{first + 1}-{end}: {words}"
            for (first, words), end in zip(self.starts, ends, strict=True)
            if words
        )

    def tempo_map(self) -> str:
        """The tempo as the protocol writes it; "" where it never changes."""
        if len(self.tempo) == 1:
            return ""
        return " ".join(
            f"{point.beat}:{point.bpm}{':ramp' if point.ramp else ''}" for point in self.tempo
        )


def clock(seconds: Fraction) -> str:
    """Seconds as minutes and seconds: "1:05", "0:07.5"."""
    minutes, rest = divmod(seconds, 60)
    whole, part = divmod(round(rest * 1000), 1000)
    return f"{minutes}:{whole:02d}" + (f".{part:03d}".rstrip("0") if part else "")


def is_timed(text: str) -> bool:
    """Whether there are times in brackets in the text."""
    return _MARK.search(text) is not None


def read_timed(text: str) -> tuple[str, tuple[TimedPrompt, ...]]:
    """Return what stands before the first time, and the prompts. Raises SectionError."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return text.strip(), ()
    prompts: list[TimedPrompt] = []
    limits = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, limit in zip(marks, limits, strict=True):
        seconds = _seconds(mark[1])
        if prompts and seconds <= prompts[-1].seconds:
            raise SectionError(
                f"timed prompts must be in order of time: {clock(seconds)} "
                f"follows {prompts[-1].place}"
            )
        prompts.append(_prompt(seconds, text[mark.end() : limit]))
    for prompt in prompts[:-1]:
        if prompt.words == END:
            raise SectionError(
                f"timed prompt at {prompt.place} ends the piece: it must be the last"
            )
    return text[: marks[0].start()].strip(" ,;\n\t"), tuple(prompts)


def place(
    prompts: Sequence[TimedPrompt],
    bpm: Fraction,
    meters: tuple[MeterChange, ...],
    tempo: tuple[TempoPoint, ...] = (),
) -> Placed:
    """Bring prompts onto the nearest bar lines of a piece in these meters.

    It starts in `bpm`, or has the map `tempo`, which the prompts' own tempos must then agree with.
    Raises SectionError.
    """
    is_given = bool(tempo)
    tempo = tempo or (TempoPoint(Fraction(0), bpm),)
    starts: list[tuple[int, str]] = []
    bar, beat = 0, Fraction(0)
    for prompt in prompts:
        before = bar
        grid = _endless(tempo, meters)
        while True:  # a bar further, as long as the next line is no further off
            following = beat + grid.meter_at_bar(bar).beats
            middle = (grid.seconds_at(beat) + grid.seconds_at(following)) / 2
            if prompt.seconds < middle:
                break
            bar, beat = bar + 1, following
        if starts and bar == before:
            raise SectionError(
                f"timed prompt at {prompt.place} must be a bar or more after the one before: "
                f"both fall on bar {bar + 1}"
            )
        starts.append((bar, prompt.words))
        if prompt.bpm is not None:
            tempo = _with_tempo(tempo, meters, prompt, beat, is_given)
    ends = prompts[-1].words == END if prompts else False
    return Placed(tuple(starts[:-1] if ends else starts), tempo, bar if ends else None)


def _endless(tempo: tuple[TempoPoint, ...], meters: tuple[MeterChange, ...]) -> Grid:
    """A grid to ask for the times of beats, which it knows past its end too."""
    try:
        return Grid(meters[-1].bar + 1, tempo, meters)
    except GridError as error:
        raise SectionError(f"timed prompts: {error}") from None


def _with_tempo(
    tempo: tuple[TempoPoint, ...],
    meters: tuple[MeterChange, ...],
    prompt: TimedPrompt,
    beat: Fraction,
    is_given: bool,
) -> tuple[TempoPoint, ...]:
    """The tempo map with the prompt's own tempo from a beat on."""
    bpm = prompt.bpm
    assert bpm is not None
    if is_given or beat == 0:
        ruling = _endless(tempo, meters).bpm_at(beat)
        if ruling != float(bpm):
            name = "the tempo map" if is_given else "bpm"
            raise SectionError(
                f"timed prompt at {prompt.place} asks for {float(bpm):g} bpm, where {name} has "
                f"{ruling:g}: they must agree"
            )
        return tempo
    if bpm == tempo[-1].bpm:
        return tempo
    try:
        return (*tempo, TempoPoint(beat, bpm))
    except GridError as error:
        raise SectionError(f"timed prompt at {prompt.place}: {error}") from None


def _seconds(text: str) -> Fraction:
    found = _TIME.fullmatch(text)
    if not found:
        raise SectionError(
            "timed prompts must have times as [minutes:seconds], such as [1:05], "
            f"not {shown(f'[{text}]')}"
        )
    hours, minutes, seconds = found.groups()
    time = int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds)
    if time > MAX_SECONDS:
        raise SectionError(
            f"timed prompts must lie within {clock(Fraction(MAX_SECONDS))}, not at {clock(time)}"
        )
    return time


def _prompt(seconds: Fraction, text: str) -> TimedPrompt:
    tempos = _BPM.findall(text)
    if len(tempos) > 1:
        raise SectionError(
            f"timed prompt at {clock(seconds)} must have one tempo, not {len(tempos)}"
        )
    words = re.sub(r"[\s,;]*,[\s,;]*", ", ", " ".join(_BPM.sub("", text).split())).strip(" ,;.")
    bpm = Fraction(tempos[0]) if tempos else None
    return TimedPrompt(seconds, END if words.lower() == END else words, bpm)
