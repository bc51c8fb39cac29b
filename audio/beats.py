"""Beats and downbeats of a recording that was meant for a grid, found well enough to conform by.

It knows when it does not know: `Beats.doubt` says in one sentence why the beats must not be relied
on, and is empty only where rhythm, tempo and bar line all stand out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from audio.beat_line import BeatLine, fit_line
from audio.beat_path import BeatPath, find_path
from audio.clip import Clip
from audio.downbeat import Downbeat, find_downbeat
from audio.hearing import Floats, Heard, OnsetEnvelope, hear
from audio.note_starts import find_note_starts
from audio.onsets import Onsets, find_onsets, relative_strength
from audio.pulse import felt_step, to_beats
from midi.grid import Grid

MARGIN_PULSES = 8  # slots are laid this far beyond the path at both ends
SPAN_PULSES = 5  # whose pace they take

MIN_SCORE = 0.10  # of the path: the rhythm stands out
MIN_LEAD = 0.9  # of its score over that of any other tempo
MAX_BESIDE = 0.95  # of what begins on the beats may begin a quarter of one beside them
MIN_SHARE_MET = 0.05
# One standard deviation, of the first downbeat and of nine in ten pulses inside the bars.
MAX_ERROR_SECONDS = 0.0045
MOST_OF_PERCENT = 90
MAX_UNEVENNESS = 0.07  # of one beat against the others: more is a slip to another place
MIN_DOWNBEAT_CONFIDENCE = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """Pulses from the first downbeat on: grid beats (n,) and the seconds (n,) they were found at.

    Pulses are the listener's beats where bars are whole numbers of them, else the notes that all
    bars are whole numbers of (eighths in 7/8). `score`, `rival`, `beside`, `miss_seconds` and
    `share_met` are those of BeatPath and BeatLine, `first_error_seconds` is the standard error of
    the first pulse, and `error_seconds` the one that nine of ten pulses inside the bars are under;
    `unevenness` is the furthest that one beat's length is from the usual, by what the grid
    expects of both; `onsets` are all onsets of the recording.
    """

    beats: Floats
    seconds: Floats
    score: float
    rival: float
    beside: float
    miss_seconds: float
    share_met: float
    first_error_seconds: float
    error_seconds: float
    unevenness: float
    downbeat_confidence: float
    onsets: Onsets

    @property
    def doubt(self) -> str:
        """Why these beats may be wrong, in one sentence; empty where they can be relied on."""
        if self.score < MIN_SCORE:
            return (
                f"the rhythm is too faint to follow: it scores {self.score:.2f}, "
                f"{MIN_SCORE:g} is needed"
            )
        if self.score < MIN_LEAD * self.rival:
            return (
                f"another tempo fits better: it scores {self.rival:.2f}, the one expected "
                f"{self.score:.2f}, {MIN_LEAD:g} of that is needed"
            )
        if self.beside > MAX_BESIDE:
            return (
                f"what begins beside the beats hides which are the beats: "
                f"{100 * self.beside:.0f} % of what begins on them, {100 * MAX_BESIDE:g} % are "
                f"allowed"
            )
        if self.share_met < MIN_SHARE_MET:
            return (
                f"too few beats have a sound that begins on them: {100 * self.share_met:.0f} %, "
                f"{100 * MIN_SHARE_MET:g} % are needed"
            )
        if self.unevenness > MAX_UNEVENNESS:
            return (
                f"the beats slip: one lasts {100 * self.unevenness:.0f} % more or less than the "
                f"others, {100 * MAX_UNEVENNESS:g} % are allowed"
            )
        if self.first_error_seconds > MAX_ERROR_SECONDS:
            return (
                f"too little holds the first downbeat: it is known within "
                f"{1000 * self.first_error_seconds:.1f} ms, {1000 * MAX_ERROR_SECONDS:g} ms "
                f"are needed"
            )
        if self.error_seconds > MAX_ERROR_SECONDS:
            return (
                f"the sounds begin too vaguely to place the beats: they scatter by "
                f"{1000 * self.miss_seconds:.1f} ms, and too many beats are only known within "
                f"{1000 * self.error_seconds:.1f} ms, {1000 * MAX_ERROR_SECONDS:g} ms are needed"
            )
        if self.downbeat_confidence < MIN_DOWNBEAT_CONFIDENCE:
            return (
                f"it is not clear which beat begins a bar: the likeliest has a chance of "
                f"{100 * self.downbeat_confidence:.0f} %, {100 * MIN_DOWNBEAT_CONFIDENCE:g} % "
                f"are needed"
            )
        return ""


def find_beats(clip: Clip, grid: Grid, heard: Heard | None = None) -> Beats | None:
    """Find the beats of a clip that follows `grid` within 8 %; None where nothing recurs.

    Any channels, any start: the first downbeat may come up to a bar late. `heard` is what
    audio.hearing.hear(clip) gave, where that is at hand. Raises AudioError.
    """
    heard = heard or hear(clip)
    if heard is None:
        return None
    starts = find_note_starts(heard)
    envelope = _begun(heard.onsets, starts.envelope)
    step, parts = pulse_of(grid)
    ternary = parts == 3
    places = to_beats(envelope.seconds, grid)
    path = find_path(envelope, places, float(step), grid.bpm, ternary)
    if path is None or len(path.places) < SPAN_PULSES:
        return None
    if path.swung and parts == 4:
        parts = 6  # the path may follow the off-beats, a third of a beat away
    pulses = np.array([float(grid.seconds_at(place)) for place in path.places])
    slots = _slots(pulses, parts)
    downbeat = find_downbeat(clip, grid, heard, slots, float(step) / parts, parts)
    if downbeat is None:
        return None
    bar_pulses = slots[downbeat.slot :: parts]
    bar_pulses = bar_pulses[bar_pulses < clip.seconds + (pulses[-1] - pulses[-2])]
    if len(bar_pulses) < SPAN_PULSES:
        return None
    onsets = find_onsets(heard.onsets, heard.attacks)
    expected = [float(grid.seconds_at(number * step)) for number in range(len(bar_pulses))]
    line = fit_line(bar_pulses, np.array(expected), starts, ternary)
    lengths = np.diff(line.seconds) / np.diff(expected)
    uneven = float(np.abs(lengths / np.median(lengths) - 1).max())
    return _beats(path, line, uneven, downbeat, onsets, step, float(grid.beats))


def _begun(onsets: OnsetEnvelope, notes: OnsetEnvelope) -> OnsetEnvelope:
    """How much begins: as loud as the onsets are, as likely as a note starts; at true moments."""
    loud = np.interp(notes.seconds, onsets.seconds, np.minimum(relative_strength(onsets), 1.0))
    return OnsetEnvelope(np.sqrt(loud * notes.values), notes.seconds)


def pulse_of(grid: Grid) -> tuple[Fraction, int]:
    """Quarters from pulse to pulse, and into how many parts a pulse falls."""
    meters = {grid.meter_at_bar(bar) for bar in range(grid.bars)}
    felt = {felt_step(meter) for meter in meters}
    step = felt.pop()
    if not felt and all((meter.beats / step).denominator == 1 for meter in meters):
        return step, 3 if step.numerator % 3 == 0 else 4
    lengths = [meter.beats for meter in meters] + [Fraction(1)]
    unit = Fraction(
        gcd(*(length.numerator for length in lengths)),
        lcm(*(length.denominator for length in lengths)),
    )
    return unit, 4 if unit == 1 else 2 if unit == Fraction(1, 2) else 1


def _slots(pulses: Floats, parts: int) -> Floats:
    """Times of all pulses and their parts, going on at the same pace beyond both ends."""
    first = np.median(np.diff(pulses[: SPAN_PULSES + 1]))
    last = np.median(np.diff(pulses[-SPAN_PULSES - 1 :]))
    ahead = np.arange(-MARGIN_PULSES, 0) * first + pulses[0]
    behind = np.arange(1, MARGIN_PULSES + 1) * last + pulses[-1]
    whole = np.concatenate([ahead, pulses, behind])
    counted = np.arange((len(whole) - 1) * parts + 1) / parts
    return np.asarray(np.interp(counted, np.arange(len(whole)), whole))


def _beats(
    path: BeatPath,
    line: BeatLine,
    unevenness: float,
    downbeat: Downbeat,
    onsets: Onsets,
    step: Fraction,
    grid_beats: float,
) -> Beats:
    beats = np.arange(len(line.seconds), dtype=np.float64) * float(step)
    return Beats(
        beats=beats,
        seconds=line.seconds,
        score=path.score,
        rival=path.rival,
        beside=path.beside,
        miss_seconds=line.miss_seconds,
        share_met=line.share_met,
        first_error_seconds=float(line.error_seconds[0]),
        error_seconds=float(
            np.percentile(line.error_seconds[beats <= grid_beats], MOST_OF_PERCENT)
        ),
        unevenness=unevenness,
        downbeat_confidence=downbeat.confidence,
        onsets=onsets,
    )
