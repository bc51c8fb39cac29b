"""Standard MIDI Files in and out, exact in beats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

from midi.errors import GridError, MelodyError
from midi.grid import Grid, Meter
from midi.note import Note
from midi.number import counted
from midi.smf_events import MAX_BYTES, META, METER, Event, read_events
from midi.user_file import open_file

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9  # channel 10 as musicians count
RAMP_STEP_BEATS = Fraction(1, 4)  # files know no ramps: one step a sixteenth


@dataclass(frozen=True, slots=True)
class Score:
    """What a file holds: pitched notes, meters with the beat they begin at, what was repaired.

    `drums` are the notes of channel 10.
    """

    notes: tuple[Note, ...]
    meters: tuple[tuple[Fraction, Meter], ...]
    drums: tuple[Note, ...]
    repairs: tuple[str, ...]


def read_smf(source: Path | bytes) -> Score:
    """Read notes and meters of a type 0 or 1 file, all tracks together.

    Notes pair within their track and channel. A note without an end is closed at the end of the
    file, a note of no length is dropped, a note struck again is ended by the second stroke, which
    the note-off of that tick does not end. Raises MelodyError.
    """
    return score_of(*read_events(smf_bytes(source)))


@dataclass(frozen=True, slots=True)
class Track:
    """A track to write: notes, and texts by the beat they stand at.

    `program` is the General MIDI number 0..127, `channel` counts from 0.
    """

    name: str
    notes: Sequence[Note]
    channel: int = 0
    program: int | None = None
    texts: Sequence[tuple[Fraction, str]] = ()


def write_smf(
    path: Path,
    notes: Sequence[Note],
    grid: Grid,
    *,
    program: int | None = None,
    channel: int = 0,
    name: str = "",
) -> None:
    """Write a type 1 file of one track of notes, as write_tracks does; raises MelodyError."""
    write_tracks(path, [Track(name, notes, channel, program)], grid)


def write_tracks(
    path: Path,
    tracks: Sequence[Track],
    grid: Grid,
    markers: Sequence[tuple[Fraction, str]] = (),
    texts: Sequence[str] = (),
) -> None:
    """Write a type 1 file of 480 ticks a beat: the grid's tempo and meters, then the tracks.

    `markers` stand at their beats and `texts` at the start, with the tempo. The tracks end where
    the grid ends. Ramps become a step each sixteenth that arrives on time. Raises MelodyError.
    """
    from mido import MetaMessage, MidiFile, MidiTrack

    conductor: list[tuple[int, int, Any]] = [
        (_tick(beat), 0, MetaMessage("set_tempo", tempo=tempo)) for beat, tempo in _tempos(grid)
    ]
    for change in grid.meters:
        meter = MetaMessage(
            "time_signature",
            numerator=change.meter.numerator,
            denominator=change.meter.denominator,
        )
        conductor.append((_tick(grid.bar_starts[change.bar]), 0, meter))
    conductor += [(0, 0, MetaMessage("text", text=_plain(each))) for each in texts]
    conductor += [
        (_tick(beat), 1, MetaMessage("marker", text=_plain(each))) for beat, each in markers
    ]
    parts = [conductor, *map(_events, tracks)]
    end_tick = max([_tick(grid.beats), *(tick for part in parts[1:] for tick, _, _ in part)])
    file = MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    for events in parts:
        events.sort(key=lambda event: event[:2])
        track = MidiTrack()
        now = 0
        for tick, _, message in [*events, (end_tick, 3, MetaMessage("end_of_track"))]:
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    try:
        file.save(path)
    except OSError as error:
        raise MelodyError(f"cannot write {path}: {error.strerror}") from error


def _plain(text: str) -> str:
    """The text without what UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _events(track: Track) -> list[tuple[int, int, Any]]:
    """A track's messages with their ticks, and their order at one tick."""
    from mido import Message, MetaMessage

    program, channel = track.program, track.channel
    if program is not None and not 0 <= program <= 127:
        raise MelodyError(f"program must be from 0 to 127, not {program}")
    if not 0 <= channel <= 15:
        raise MelodyError(f"channel must be from 0 to 15, not {channel}")
    events: list[tuple[int, int, Any]] = [(0, 0, MetaMessage("track_name", name=track.name))]
    if program is not None:
        events.append((0, 0, Message("program_change", program=program, channel=channel)))
    events += [
        (_tick(beat), 0, MetaMessage("text", text=_plain(text))) for beat, text in track.texts
    ]
    for note in track.notes:
        start = _tick(note.start_beats)
        end = max(_tick(note.end_beats), start + 1)
        on = Message("note_on", note=note.pitch, velocity=note.velocity, channel=channel)
        off = Message("note_off", note=note.pitch, velocity=0, channel=channel)
        events += [(start, 2, on), (end, 1, off)]  # ends before starts of the same tick
    return events


def smf_bytes(source: Path | bytes) -> bytes:
    """Return the bytes of a file, of which no more than can be read; raises MelodyError."""
    if isinstance(source, bytes):
        return source
    path = source
    try:
        with open_file(path) as file:
            return file.read(MAX_BYTES + 1)  # one more than allowed, for read_events to see
    except OSError as error:
        raise MelodyError(f"melody file {path!s:.200} cannot be read: {error.strerror}") from error


def score_of(ticks_per_beat: int, events: Sequence[Event], repairs: list[str]) -> Score:
    """Pair the note-ons and note-offs of events, as read_events gives them."""
    meters: list[tuple[Fraction, Meter]] = []
    open_notes: dict[tuple[int, int, int], tuple[int, int]] = {}  # voice: (tick, velocity)
    late_offs: Counter[tuple[int, tuple[int, int, int]]] = Counter()  # of notes struck again
    spans: list[tuple[int, int, int, int, int]] = []  # start, end, pitch, velocity, channel
    for tick, track, status, data in events:
        if status == META and data[0] == METER:
            with suppress(GridError):  # a meter that no grid can have marks no pickup either
                meters.append((Fraction(tick, ticks_per_beat), Meter(data[1], 1 << data[2])))
        elif 0x80 <= status < 0xA0:
            pitch, velocity = data
            voice = (track, status & 0xF, pitch)
            strikes = status >= 0x90 and velocity > 0
            if not strikes and late_offs[tick, voice]:
                late_offs[tick, voice] -= 1
                continue
            if voice in open_notes:
                start, struck = open_notes.pop(voice)
                spans.append((start, tick, pitch, struck, voice[1]))
                late_offs[tick, voice] += strikes
            if strikes:
                open_notes[voice] = (tick, velocity)
    for (_, channel, pitch), (start, velocity) in open_notes.items():
        spans.append((start, events[-1][0], pitch, velocity, channel))
    notes: list[Note] = []
    drums: list[Note] = []
    for start, end, pitch, velocity, channel in sorted(spans):
        beats = Fraction(start, ticks_per_beat), Fraction(end - start, ticks_per_beat)
        if channel == DRUM_CHANNEL:  # a stroke may have no length: drums ring as they like
            drums.append(Note(beats[0], beats[1] or Fraction(1, 8), pitch, velocity))
        elif end > start:
            notes.append(Note(*beats, pitch, velocity))
    endless = sum(channel != DRUM_CHANNEL for _, channel, _ in open_notes)
    if endless:
        repairs.append(f"{counted(endless, 'note')} without an end closed with the file.")
    empty = len(spans) - len(notes) - len(drums)
    if empty:
        repairs.append(f"{counted(empty, 'note')} of no length left out.")
    return Score(tuple(notes), tuple(meters), tuple(drums), tuple(repairs))


def _tick(beat: Fraction) -> int:
    return floor(beat * TICKS_PER_BEAT + Fraction(1, 2))


def _tempos(grid: Grid) -> list[tuple[Fraction, int]]:
    """Beats and the microseconds a quarter from there on; ramps in steps of a sixteenth."""
    tempos: list[tuple[Fraction, int]] = []
    ends = [point.beat for point in grid.tempo[1:]] + [grid.beats]
    for point, end in zip(grid.tempo, ends, strict=True):
        beat, end = point.beat, min(end, grid.beats)
        while beat < end:
            following = min(beat + RAMP_STEP_BEATS, end) if point.ramp else end
            seconds = grid.seconds_at(following) - grid.seconds_at(beat)
            tempos.append((beat, round(1_000_000 * seconds / (following - beat))))
            beat = following
    return tempos
