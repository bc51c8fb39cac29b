"""What is measured on a recording, and what was done to it, as plain data for a manifest.

None stands for what the sound does not show. Importing this imports no heavy library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loudness:
    """Integrated loudness in LUFS and true peak in dBTP; -200 for silence, None if too short."""

    lufs: float | None
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Levelled:
    """One gain that brought a mix and its stems to a target loudness, limited by its true peak."""

    target_lufs: float
    before_lufs: float | None
    after_lufs: float | None
    true_peak_dbtp: float
    gain_db: float
    held_back_by_peak: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by name, what was measured, the limit it breaks, and one sentence on it."""

    name: str
    measured: float
    limit: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Departure:
    """A note that was not found as given: its beat, MIDI pitch, and the pitch found, if any."""

    beat: float
    asked: int
    heard: float | None


@dataclass(frozen=True, slots=True)
class MelodyMatch:
    """How far a stem is the melody; shares from 0 to 1.

    `recall` of the notes given are found at their pitch, `precision` of the time that has a pitch
    has a given one, `note_f1` is their harmonic mean. `chroma_agreement` is the recall with
    octaves left out of account.
    """

    note_f1: float
    recall: float
    precision: float
    chroma_agreement: float
    departures: tuple[Departure, ...]


@dataclass(frozen=True, slots=True)
class ChordDeparture:
    """A chord that was not found as asked: its beat, its symbol, and the triad found instead."""

    beat: float
    asked: str
    heard: str


@dataclass(frozen=True, slots=True)
class ChordMatch:
    """How far what is played has the chords of the lead sheet; shares from 0 to 1.

    `agreement` is the share of time with the chord asked, `bass_agreement` that of the chords on
    whose start the bass plays their bass note (None where its notes are not known). It is measured
    on "notes" where the engine gives them, else on the "sound". `departures` are the first 64.
    """

    agreement: float
    bass_agreement: float | None
    measured_on: str
    departures: tuple[ChordDeparture, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """How the beats found lie to the grid, in ms, late is positive; `worst` keeps its sign.

    `drift_percent` is how far the tempo goes, at most, from its own mean. `doubt` says why none of
    this may be relied on, and is empty where it can be; `remedy` is what would settle it:
    "downbeat" (where bar 1 is), "octave" (whether it is counted half or twice as fast), or None.
    """

    median_ms: float
    p95_ms: float
    worst_ms: float
    drift_percent: float
    downbeats_seconds: tuple[float, ...]
    downbeat_confidence: float
    doubt: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured beside what was asked.

    `bpm` is the pulse found, in quarters of the grid's first tempo; `octave_relation` the ratio
    nearest to bpm / bpm_asked ("2": the pulse found is eighths; "2/3": dotted quarters), and
    `bpm_error_percent` what is left once that ratio is taken out. `beats_seconds`, to 0.1 ms, are
    the beats from the first bar line on where they are followed surely, else the beats of that
    pulse that have an onset. `beat_offset_ms` is the median from the grid's
    beats to the onsets next to them, late is positive; None if the tempo is over 1 % off. `key` is
    the nearest major or minor key, see key_relation. The clip has `frames`, the grid
    `frames_expected`. `levelled` is there where a loudness was asked for, `chords` where the lead
    sheet has some.
    """

    bpm: float | None
    bpm_asked: float
    bpm_error_percent: float | None
    octave_relation: str | None
    beats_seconds: tuple[float, ...]
    beat_offset_ms: float | None
    key: str | None
    key_asked: str | None
    key_relation: str | None
    peak_dbfs: float
    frames: int
    frames_expected: int
    levelled: Levelled | None = None
    chords: ChordMatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination(Report):
    """A report, and all else that can be measured on a recording."""

    placement: Placement | None
    key_score: float | None
    melody: MelodyMatch | None
    loudness: Loudness
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Conforming:
    """How a recording was brought onto a grid, and how sure its beats are.

    `untouched`: it lay on the grid and was only cut to length. `missing_seconds` of silence stand
    at the end because the recording ended early. `score` and `rival` are those of its beats and of
    the next best ones, `miss_ms` how far its onsets lie from them. `beats_before_seconds`, to
    0.1 ms, are the beats as they lay in the recording.
    """

    untouched: bool
    first_downbeat_seconds: float
    most_stretch_percent: float
    missing_seconds: float
    downbeat_confidence: float
    score: float
    rival: float
    miss_ms: float
    frames: int
    tail_frames: int
    beats_before_seconds: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class NotConformed:
    """Why a recording could not be brought onto its grid; it was only cut to length."""

    refused: str


@dataclass(frozen=True, slots=True)
class Transposed:
    """By how many semitones all but the drums were moved, from the key found to the one asked."""

    semitones: int
    heard: str
    asked: str
    formants_kept: bool
