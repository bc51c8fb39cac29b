"""Beats and downbeats of a recording that was meant for a grid, found well enough to conform by.

It knows when it does not know: `Beats.doubt` says in one sentence why the beats must not be relied
on, and is empty only where rhythm, tempo and bar line all stand out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from audio.beat_line import BeatLine, fit_line
from audio.beat_path import BeatPath, find_path
from audio.clip import Clip
from audio.downbeat import Downbeat, find_downbeat
from audio.errors import Remedy
from audio.features import Features, Floats, OnsetEnvelope, extract_features
from audio.note_starts import NoteStarts, find_note_starts
from audio.onsets import Onsets, find_onsets, relative_strength
from audio.pulse import pulse_of
from audio.slips import Slip, find_slip
from audio.slot_features import SPAN_PULSES, Slots
from audio.whole_loop import WholeLoop, find_whole_loop
from midi.grid import Grid

MIN_SCORE = 0.10  # of the path: the rhythm stands out
MIN_LEAD = 0.9  # of its score over that of any other tempo
MAX_BESIDE = 0.95  # of what begins on the beats may begin a quarter of one beside them
MIN_SHARE_MET = 0.05
# One standard deviation, of the first downbeat and of nine in ten pulses inside the bars.
MAX_ERROR_SECONDS = 0.0045
MOST_OF_PERCENT = 90
PLAYED_PULSES, PLAYED_SHARE = 8, 0.15  # around a pulse, and of the notes that are usual
MAX_UNEVENNESS = 0.07  # of one beat against the others: more is a slip to another place
MIN_DOWNBEAT_CONFIDENCE = 0.75
# A loop's own ends are exact where the beats found agree with them; else they need no other.
LOOP_CONFIDENCE = 0.9
AGAINST_LOOP_CONFIDENCE = 0.6
LOOP_ERROR_SECONDS = 0.002
SAME_LINE_SECONDS = 0.025
SAME_LENGTH_SECONDS = 0.010


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """Pulses from the first downbeat on, at grid beats (n,) `beats` and the seconds of `line`.

    Pulses are the listener's beats where bars are whole numbers of them, else the notes that all
    bars are whole numbers of (eighths in 7/8). `error_seconds` is the standard error that nine of
    ten pulses inside the bars are under; `unevenness` is the furthest that one beat's length is
    from the usual, by what the grid expects of both; `onsets` are all onsets of the recording,
    `slip` is where the beats are half a beat or more beside themselves, and `fills_recording` says
    that it is a loop from its first frame to its last.
    """

    beats: Floats
    path: BeatPath
    line: BeatLine
    error_seconds: float
    unevenness: float
    downbeat: Downbeat
    onsets: Onsets
    slip: Slip | None = None
    fills_recording: bool = False

    @property
    def seconds(self) -> Floats:
        """Return the times of the beats."""
        return self.line.seconds

    @property
    def downbeat_confidence(self) -> float:
        """How likely the first bar line is right, 0..1."""
        return self.downbeat.confidence

    @property
    def has_tempo(self) -> bool:
        """Whether the beats stand out at this tempo, wherever the bars may begin."""
        path, line = self.path, self.line
        stands_out = path.score >= MIN_SCORE and path.score >= MIN_LEAD * path.rival
        is_even = self.unevenness <= MAX_UNEVENNESS and self.error_seconds <= MAX_ERROR_SECONDS
        return stands_out and is_even and line.share_met >= MIN_SHARE_MET and self.slip is None

    @property
    def doubt(self) -> str:
        """Why these beats may be wrong, in one sentence; empty where they can be relied on."""
        return next((sentence for sentence, _ in self._doubts()), "")

    @property
    def remedy(self) -> Remedy | None:
        """What a listener could say that would settle the doubt, if anything."""
        return next((remedy for _, remedy in self._doubts()), None)

    def _doubts(self) -> list[tuple[str, Remedy | None]]:
        """All reasons why these beats may be wrong, and what would settle each."""
        path, line, first_error_seconds = self.path, self.line, self.line.error_seconds[0]
        downbeat, slip = self.downbeat, self.slip
        doubts = (
            (path.score < MIN_SCORE,
             f"the rhythm is too faint to follow: it scores {path.score:.2f}, "
             f"{MIN_SCORE:g} is needed", None),
            (path.score < MIN_LEAD * path.rival,
             f"another tempo fits better: it scores {path.rival:.2f}, the one expected "
             f"{path.score:.2f}, {MIN_LEAD:g} of that is needed", Remedy.OCTAVE),
            (path.beside > MAX_BESIDE,
             f"what begins beside the beats hides which are the beats: {100 * path.beside:.0f} % "
             f"of what begins on them, {100 * MAX_BESIDE:g} % are allowed", None),
            (line.share_met < MIN_SHARE_MET,
             f"too few beats have a sound that begins on them: {100 * line.share_met:.0f} %, "
             f"{100 * MIN_SHARE_MET:g} % are needed", None),
            (self.unevenness > MAX_UNEVENNESS,
             f"the beats slip: one lasts {100 * self.unevenness:.0f} % more or less than the "
             f"others, {100 * MAX_UNEVENNESS:g} % are allowed", None),
            (slip is not None,
             f"the beats slip by {abs(slip.pulses) if slip else 0:g} of a beat at about "
             f"{slip.seconds if slip else 0:.0f} s, and go on at the same tempo", None),
            (first_error_seconds > MAX_ERROR_SECONDS,
             f"too little holds the first downbeat: it is known within "
             f"{1000 * first_error_seconds:.1f} ms, {1000 * MAX_ERROR_SECONDS:g} ms "
             f"are needed", None),
            (self.error_seconds > MAX_ERROR_SECONDS,
             f"the sounds begin too vaguely to place the beats: they scatter by "
             f"{1000 * line.miss_seconds:.1f} ms, and too many beats are only known within "
             f"{1000 * self.error_seconds:.1f} ms, {1000 * MAX_ERROR_SECONDS:g} ms are needed",
             None),
            (downbeat.confidence < MIN_DOWNBEAT_CONFIDENCE,
             f"it is not clear which beat begins a bar: the likeliest has a chance of "
             f"{100 * downbeat.confidence:.0f} %, {100 * MIN_DOWNBEAT_CONFIDENCE:g} % "
             f"are needed", Remedy.DOWNBEAT),
            (downbeat.is_outvoted,
             f"it is not clear which beat begins a bar: of {downbeat.looks} times four bars "
             f"{downbeat.agree} begin on the likeliest, and {downbeat.rival} on another",
             Remedy.DOWNBEAT),
        )  # fmt: skip
        return [(sentence, remedy) for doubtful, sentence, remedy in doubts if doubtful]


def find_beats(
    clip: Clip,
    grid: Grid,
    features: Features | None = None,
    *,
    downbeat_seconds: float | None = None,
) -> Beats | None:
    """Find the beats of a clip that follows `grid` within 8 %; None where nothing recurs.

    Any channels, any start: the first downbeat may come up to a bar late, or is the place next to
    `downbeat_seconds` where a listener said so. `features` are those of the clip, if they are
    known. Each step can be called alone: `extract_features`, `find_note_starts`, `find_pulses`,
    `find_downbeat`, `fit_line`. Raises AudioError.
    """
    features = features or extract_features(clip)
    if features is None:
        return None
    starts = find_note_starts(features)
    found = _follow(clip, grid, features, starts, downbeat_seconds)
    if downbeat_seconds is not None:
        return found
    loop = find_whole_loop(starts.envelope, clip.seconds, grid)
    if loop is None:
        return found
    pulses = loop.pulses(round(loop.beats / float(pulse_of(grid)[0])))
    if found is None or found.doubt or _is_same_line(found, pulses):
        return _of_loop(loop, pulses, grid, features, starts, found)
    if found.downbeat.confidence >= LOOP_CONFIDENCE:
        return found  # the recording is whole bars long by chance
    # The music begins its bars elsewhere than the recording does, though it is whole bars long.
    doubted = min(found.downbeat.confidence, AGAINST_LOOP_CONFIDENCE)
    return replace(found, downbeat=replace(found.downbeat, confidence=doubted))


def _follow(
    clip: Clip, grid: Grid, features: Features, starts: NoteStarts, downbeat_seconds: float | None
) -> Beats | None:
    """Follow the beats by what recurs."""
    found = find_pulses(features.onsets, starts.envelope, grid)
    if found is None:
        return None
    path, slots = found
    downbeat = (
        find_downbeat(clip, grid, features, slots)
        if downbeat_seconds is None
        else Downbeat(int(np.abs(slots.seconds - downbeat_seconds).argmin()), 1.0)
    )
    if downbeat is None:
        return None
    pulses = slots.seconds[downbeat.slot :: slots.per_pulse]
    pulses = pulses[pulses < clip.seconds + (path.seconds[-1] - path.seconds[-2])]
    if len(pulses) < SPAN_PULSES:
        return None
    step, parts = pulse_of(grid)
    expected = np.array([float(grid.seconds_at(number * step)) for number in range(len(pulses))])
    line = _fit_where_played(pulses, expected, starts, ternary=parts == 3)
    beats = np.arange(len(pulses), dtype=np.float64) * float(step)
    errors_inside = line.error_seconds[beats <= float(grid.beats)]
    lengths = np.diff(line.seconds) / np.diff(expected)
    return Beats(
        beats=beats,
        path=path,
        line=line,
        error_seconds=float(np.percentile(errors_inside, MOST_OF_PERCENT)),
        unevenness=float(np.abs(lengths / np.median(lengths) - 1).max()),
        downbeat=downbeat,
        onsets=find_onsets(features.onsets, features.attacks),
        slip=find_slip(line.seconds, expected),
    )


def _fit_where_played(
    pulses: Floats, expected: Floats, starts: NoteStarts, ternary: bool
) -> BeatLine:
    """The line through all pulses; behind the last notes, where only reverb is, it goes on evenly.

    Nothing holds the pulses there, and a tempo that seems to change there moves music before it.
    """
    trusted = np.sort(starts.seconds[starts.on_time > 0.5])
    ahead = np.append(pulses, 2 * pulses[-1] - pulses[-2])
    counts = np.diff(np.searchsorted(trusted, ahead))
    around = np.convolve(counts, np.ones(PLAYED_PULSES), "same")
    played = np.flatnonzero(around > PLAYED_SHARE * np.median(around))
    stop = int(played[-1]) + 1 if len(played) else len(pulses)
    if stop > len(pulses) - PLAYED_PULSES or stop < 4 * PLAYED_PULSES:
        return fit_line(pulses, expected, starts, ternary)
    line = fit_line(pulses[:stop], expected[:stop], starts, ternary)
    back = stop - 1 - PLAYED_PULSES
    pace = (line.seconds[-1] - line.seconds[back]) / (expected[stop - 1] - expected[back])
    more = line.seconds[-1] + pace * (expected[stop:] - expected[stop - 1])
    more_error = np.full(len(more), line.error_seconds[-1])
    return replace(
        line,
        seconds=np.concatenate([line.seconds, more]),
        error_seconds=np.concatenate([line.error_seconds, more_error]),
        share_met=line.share_met * stop / len(pulses),
    )


def _is_same_line(found: Beats, pulses: Floats) -> bool:
    """Whether beats found run along with a loop's, and from its beginning."""
    count = min(len(found.seconds), len(pulses))
    off = found.seconds[:count] - pulses[:count]
    close = np.abs(off).max() < SAME_LINE_SECONDS and np.ptp(off) < SAME_LENGTH_SECONDS
    return bool(close and count > len(pulses) - 2)


def _of_loop(
    loop: WholeLoop,
    pulses: Floats,
    grid: Grid,
    features: Features,
    starts: NoteStarts,
    found: Beats | None,
) -> Beats:
    """The beats of a loop, which are exact; what was found of how its notes scatter stays."""
    near = np.abs(starts.seconds[:, None] - pulses[None, :-1]) if len(starts.seconds) else None
    met = 0.0 if near is None else float((near.min(axis=0) < SAME_LINE_SECONDS).mean())
    errors = np.full(len(pulses), LOOP_ERROR_SECONDS)
    line = BeatLine(pulses, found.line.miss_seconds if found else 0.0, met, errors)
    rival = loop.level * min(1.0, loop.rival_contrast / loop.contrast)
    path = BeatPath(pulses, max(loop.level, MIN_SCORE), MIN_LEAD * rival, 0.0)
    confidence = LOOP_CONFIDENCE
    if found and not found.doubt:
        confidence = max(found.downbeat.confidence, confidence)
    return Beats(
        beats=np.arange(len(pulses), dtype=np.float64) * float(pulse_of(grid)[0]),
        path=path,
        line=line,
        error_seconds=LOOP_ERROR_SECONDS,
        unevenness=0.0,
        downbeat=Downbeat(0, confidence),
        onsets=found.onsets if found else find_onsets(features.onsets, features.attacks),
        fills_recording=True,
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
