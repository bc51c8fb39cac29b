"""Beats and downbeats of a recording that was meant for a grid, found well enough to conform by.

It knows when it does not know: `Beats.doubt` says in one sentence why the beats must not be relied
on, and is empty only where rhythm, tempo and bar line all stand out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.beat_line import BeatLine, fit_line
from audio.beat_path import BeatPath, find_path
from audio.clip import Clip
from audio.downbeat import find_downbeat
from audio.features import Features, Floats, OnsetEnvelope, extract_features
from audio.note_starts import find_note_starts
from audio.onsets import Onsets, find_onsets, relative_strength
from audio.pulse import pulse_of
from audio.slot_features import SPAN_PULSES, Slots
from midi.grid import Grid

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
    """Pulses from the first downbeat on, at grid beats (n,) `beats` and the seconds of `line`.

    Pulses are the listener's beats where bars are whole numbers of them, else the notes that all
    bars are whole numbers of (eighths in 7/8). `error_seconds` is the standard error that nine of
    ten pulses inside the bars are under; `unevenness` is the furthest that one beat's length is
    from the usual, by what the grid expects of both; `onsets` are all onsets of the recording.
    """

    beats: Floats
    path: BeatPath
    line: BeatLine
    error_seconds: float
    unevenness: float
    downbeat_confidence: float
    onsets: Onsets

    @property
    def seconds(self) -> Floats:
        """Return the times of the beats."""
        return self.line.seconds

    @property
    def doubt(self) -> str:
        """Why these beats may be wrong, in one sentence; empty where they can be relied on."""
        path, line, first_error_seconds = self.path, self.line, self.line.error_seconds[0]
        doubts = (
            (path.score < MIN_SCORE,
             f"the rhythm is too faint to follow: it scores {path.score:.2f}, "
             f"{MIN_SCORE:g} is needed"),
            (path.score < MIN_LEAD * path.rival,
             f"another tempo fits better: it scores {path.rival:.2f}, the one expected "
             f"{path.score:.2f}, {MIN_LEAD:g} of that is needed"),
            (path.beside > MAX_BESIDE,
             f"what begins beside the beats hides which are the beats: {100 * path.beside:.0f} % "
             f"of what begins on them, {100 * MAX_BESIDE:g} % are allowed"),
            (line.share_met < MIN_SHARE_MET,
             f"too few beats have a sound that begins on them: {100 * line.share_met:.0f} %, "
             f"{100 * MIN_SHARE_MET:g} % are needed"),
            (self.unevenness > MAX_UNEVENNESS,
             f"the beats slip: one lasts {100 * self.unevenness:.0f} % more or less than the "
             f"others, {100 * MAX_UNEVENNESS:g} % are allowed"),
            (first_error_seconds > MAX_ERROR_SECONDS,
             f"too little holds the first downbeat: it is known within "
             f"{1000 * first_error_seconds:.1f} ms, {1000 * MAX_ERROR_SECONDS:g} ms "
             f"are needed"),
            (self.error_seconds > MAX_ERROR_SECONDS,
             f"the sounds begin too vaguely to place the beats: they scatter by "
             f"{1000 * line.miss_seconds:.1f} ms, and too many beats are only known within "
             f"{1000 * self.error_seconds:.1f} ms, {1000 * MAX_ERROR_SECONDS:g} ms are needed"),
            (self.downbeat_confidence < MIN_DOWNBEAT_CONFIDENCE,
             f"it is not clear which beat begins a bar: the likeliest has a chance of "
             f"{100 * self.downbeat_confidence:.0f} %, {100 * MIN_DOWNBEAT_CONFIDENCE:g} % "
             f"are needed"),
        )  # fmt: skip
        return next((sentence for doubtful, sentence in doubts if doubtful), "")


def find_beats(clip: Clip, grid: Grid, features: Features | None = None) -> Beats | None:
    """Find the beats of a clip that follows `grid` within 8 %; None where nothing recurs.

    Any channels, any start: the first downbeat may come up to a bar late. `features` are those of
    the clip, if they are known. Each step can be called alone: `extract_features`,
    `find_note_starts`, `find_pulses`, `find_downbeat`, `fit_line`. Raises AudioError.
    """
    features = features or extract_features(clip)
    if features is None:
        return None
    starts = find_note_starts(features)
    found = find_pulses(features.onsets, starts.envelope, grid)
    if found is None:
        return None
    path, slots = found
    downbeat = find_downbeat(clip, grid, features, slots)
    if downbeat is None:
        return None
    first, confidence = downbeat
    pulses = slots.seconds[first :: slots.per_pulse]
    pulses = pulses[pulses < clip.seconds + (path.seconds[-1] - path.seconds[-2])]
    if len(pulses) < SPAN_PULSES:
        return None
    step, parts = pulse_of(grid)
    expected = np.array([float(grid.seconds_at(number * step)) for number in range(len(pulses))])
    line = fit_line(pulses, expected, starts, ternary=parts == 3)
    beats = np.arange(len(pulses), dtype=np.float64) * float(step)
    errors_inside = line.error_seconds[beats <= float(grid.beats)]
    lengths = np.diff(line.seconds) / np.diff(expected)
    return Beats(
        beats=beats,
        path=path,
        line=line,
        error_seconds=float(np.percentile(errors_inside, MOST_OF_PERCENT)),
        unevenness=float(np.abs(lengths / np.median(lengths) - 1).max()),
        downbeat_confidence=confidence,
        onsets=find_onsets(features.onsets, features.attacks),
    )


def find_pulses(
    onsets: OnsetEnvelope, notes: OnsetEnvelope, grid: Grid
) -> tuple[BeatPath, Slots] | None:
    """The pulses of a recording that follows `grid`, and the slots where its bars may begin.

    `onsets` is the onset envelope, `notes` the envelope of NoteStarts. None for fewer than
    SPAN_PULSES.
    """
    step, parts = pulse_of(grid)
    # How much begins: as loud as the onsets are, as likely as a note starts; at true moments.
    loud = np.interp(notes.seconds, onsets.seconds, np.minimum(relative_strength(onsets), 1.0))
    path = find_path(OnsetEnvelope(np.sqrt(loud * notes.values), notes.seconds), grid)
    if path is None or len(path.seconds) < SPAN_PULSES:
        return None
    # A swung path may follow the off-beats, a third of a beat away.
    parts = 6 if path.swung and parts == 4 else parts
    return path, Slots.along(path.seconds, step, parts)
