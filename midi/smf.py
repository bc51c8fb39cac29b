"""Standard MIDI Files in and out: guarded before mido reads, exact in beats."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from math import floor
from pathlib import Path
from typing import Any

from midi.errors import GridError, MelodyError
from midi.grid import Grid, Meter
from midi.note import Note
from midi.number import counted
from midi.smf_check import MAX_BYTES, check_smf, track_chunks

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9  # channel 10 as musicians count
RAMP_STEP_BEATS = Fraction(1, 4)  # files know no ramps: one step a sixteenth

__all__ = ["Score", "check_smf", "read_smf", "write_smf"]


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

    A note without an end is closed at the end of the file, a note of no length is dropped, a
    note struck again is ended by the second stroke. Raises MelodyError.
    """
    data = source if isinstance(source, bytes) else _read_bytes(source)
    check_smf(data)
    from mido import MidiFile

    try:
        file = MidiFile(file=BytesIO(_plain(data)))
    except Exception as error:  # mido raises six different kinds; whatever it is, it is the file
        raise MelodyError(f"melody is not a MIDI file that can be read: {error!s:.100}") from error
    return _score(_in_order(file.tracks), file.ticks_per_beat)


def write_smf(
    path: Path,
    notes: Sequence[Note],
    grid: Grid,
    *,
    program: int | None = None,
    channel: int = 0,
    name: str = "",
) -> None:
    """Write a type 1 file of 480 ticks a beat: the grid's tempo and meters, then one track.

    `program` is the General MIDI number 0..127, `channel` counts from 0. The tracks end where
    the grid ends. Ramps become a step each sixteenth that arrives on time. Raises MelodyError.
    """
    from mido import Message, MetaMessage, MidiFile, MidiTrack

    if program is not None and not 0 <= program <= 127:
        raise MelodyError(f"program must be from 0 to 127, not {program}")
    if not 0 <= channel <= 15:
        raise MelodyError(f"channel must be from 0 to 15, not {channel}")
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
    part: list[tuple[int, int, Any]] = [(0, 0, MetaMessage("track_name", name=name))]
    if program is not None:
        part.append((0, 0, Message("program_change", program=program, channel=channel)))
    for note in notes:
        start = _tick(note.start_beats)
        end = max(_tick(note.end_beats), start + 1)
        on = Message("note_on", note=note.pitch, velocity=note.velocity, channel=channel)
        off = Message("note_off", note=note.pitch, velocity=0, channel=channel)
        part += [(start, 2, on), (end, 1, off)]  # ends before starts of the same tick
    end_tick = max([_tick(grid.beats), *(tick for tick, _, _ in part)])
    file = MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    for events in (conductor, part):
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


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe or a device would never end
            raise MelodyError(f"melody file {path!s:.200} is not a regular file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one more than allowed, for check_smf to see
    except OSError as error:
        raise MelodyError(f"melody file {path!s:.200} cannot be read: {error.strerror}") from error
    except ValueError as error:  # MelodyError above, or a path that holds a NUL
        raise MelodyError(str(error)) from error


def _plain(data: bytes) -> bytes:
    """The same file without the foreign chunks that the standard allows and mido refuses."""
    tracks = [data[start:end] for start, end in track_chunks(data)]
    header = b"MThd" + (6).to_bytes(4, "big") + data[8:10]
    chunks = [b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks]
    return header + len(tracks).to_bytes(2, "big") + data[12:14] + b"".join(chunks)


def _in_order(tracks: Any) -> list[tuple[int, Any]]:
    """(tick, message) of all tracks by time; at one tick tracks keep their order."""
    events = []
    for track in tracks:
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, message))
    return sorted(events, key=lambda event: event[0])


def _score(events: list[tuple[int, Any]], ticks_per_beat: int) -> Score:
    """Pair note-ons with note-offs."""
    empty = 0
    meters: list[tuple[Fraction, Meter]] = []
    open_notes: dict[tuple[int, int], tuple[int, int]] = {}  # (channel, pitch): (tick, velocity)
    spans: list[tuple[int, int, int, int, int]] = []  # start, end, pitch, velocity, channel
    for tick, message in events:
        if message.type == "time_signature":
            with suppress(GridError):  # a meter that no grid can have marks no pickup either
                meter = Meter(message.numerator, message.denominator)
                meters.append((Fraction(tick, ticks_per_beat), meter))
        elif message.type in ("note_on", "note_off"):
            begins = message.type == "note_on" and message.velocity > 0
            voice = (message.channel, message.note)
            if voice in open_notes:
                start, velocity = open_notes.pop(voice)
                spans.append((start, tick, message.note, velocity, message.channel))
            if begins:
                open_notes[voice] = (tick, message.velocity)
    for (channel, pitch), (start, velocity) in open_notes.items():
        spans.append((start, events[-1][0], pitch, velocity, channel))
    notes: list[Note] = []
    drums: list[Note] = []
    for start, end, pitch, velocity, channel in sorted(spans):
        beats = Fraction(start, ticks_per_beat), Fraction(end - start, ticks_per_beat)
        if channel == DRUM_CHANNEL:  # a stroke may have no length: drums ring as they like
            drums.append(Note(beats[0], beats[1] or Fraction(1, 8), pitch, velocity))
        elif end > start:
            notes.append(Note(*beats, pitch, velocity))
        else:
            empty += 1
    repairs = []
    endless = sum(channel != DRUM_CHANNEL for channel, _ in open_notes)
    if endless:
        repairs.append(f"{counted(endless, 'note')} without an end closed with the file.")
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
