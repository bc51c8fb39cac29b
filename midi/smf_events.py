"""The events of a Standard MIDI File, read byte by byte: nothing broken or endless gets further.

The format is that of "Standard MIDI Files 1.0" (MIDI Manufacturers Association, 1996). Reading is
linear in the file's size and allocates nothing that a length in the file asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from midi.errors import MelodyError
from midi.number import counted

MAX_BYTES = 1 << 20
MAX_TRACKS = 64
MAX_EVENTS = 20_000
MAX_BEATS = 10_000  # 25 minutes at 400 bpm
_VARLEN_BYTES = 4
_HEADER_BYTES = 14
_END_OF_TRACK = b"\xff\x2f\x00"

META = 0xFF
METER = 0x58
# Of a channel prefix, port, end of track, tempo, SMPTE offset, meter and key.
_META_BYTES = {0x20: 1, 0x21: 1, 0x2F: 0, 0x51: 3, 0x54: 5, METER: 4, 0x59: 2}

# Bytes after a status that wires know and files do not: of time code, position, song, the clock.
_FOREIGN_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, **dict.fromkeys(range(0xF8, META), 0)}

# Tick, track from 1, status, and data; that of META begins with its kind.
Event = tuple[int, int, int, bytes]


def read_events(data: bytes) -> tuple[int, list[Event], list[str]]:
    """Return the ticks a beat of a type 0 or 1 file, the events of all its tracks, the repairs.

    Events are in order of time; at one tick tracks keep their order. A repair is a sentence on what
    was odd and how it was read. Raises MelodyError beyond 1 MiB, 64 tracks, 20000 events, 10000
    beats or 32767 ticks a beat.
    """
    repairs = list[str]()
    data = _unwrapped(data, repairs)
    kind, declared, ticks_per_beat = _read_header(data)
    tracks = list(islice(_tracks(data, repairs), MAX_TRACKS + 1))
    count = len(tracks) or declared
    if not 1 <= count <= MAX_TRACKS:
        more = " or more" if tracks else ""
        raise MelodyError(f"melody file must have 1 to {MAX_TRACKS} tracks, not {count}{more}")
    if not tracks:
        raise MelodyError(f"melody file is cut short: 0 of its {declared} tracks are there")
    if len(tracks) != declared:
        repairs.append(
            f"The header says {counted(declared, 'track')}, the file holds {len(tracks)}."
        )
    if kind == 0 and len(tracks) > 1:
        repairs.append(
            f"The file is of type 0 but holds {len(tracks)} tracks; they are read together."
        )
    events: list[Event] = []
    clamped, foreign, odd = 0, 0, list[int]()
    for track in tracks:
        with suppress(_CutShort):
            _read_track(track, events, MAX_BEATS * ticks_per_beat)
        clamped, foreign = clamped + track.clamped, foreign + track.foreign
        odd += track.odd_metas
    if odd:
        kinds = ", ".join(f"{kind:#04x}" for kind in sorted(set(odd)))
        repairs.append(
            f"{counted(len(odd), 'meta event')} of an odd size or value passed over ({kinds})."
        )
    if clamped:
        repairs.append(f"{counted(clamped, 'data byte')} over 127 taken as 127.")
    if foreign:
        repairs.append(f"{counted(foreign, 'message')} that no file may hold passed over.")
    return ticks_per_beat, sorted(events, key=lambda event: event[0]), repairs


def _unwrapped(data: bytes, repairs: list[str]) -> bytes:
    """The file that a RIFF of MIDI holds (RMID: MMA's RP-029), or else what was given."""
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        begin = data.find(b"MThd")
        if begin >= 0:
            repairs.append("The MIDI file lies within a RIFF file.")
            return data[begin:]
    return data


def _read_header(data: bytes) -> tuple[int, int, int]:
    """Return the type, the number of tracks and the ticks a beat."""
    if not data:
        raise MelodyError("melody file is empty")
    if len(data) > MAX_BYTES:
        raise MelodyError(f"melody file must be at most {MAX_BYTES} bytes (1 MiB); it is larger")
    if data[:4] == b"RIFF":
        raise MelodyError(
            "melody file is a RIFF file; save it as a plain Standard MIDI File (.mid)"
        )
    if data[:4] != b"MThd":
        raise MelodyError("melody file is not a MIDI file: it does not begin with MThd")
    if len(data) < _HEADER_BYTES or int.from_bytes(data[4:8], "big") < 6:
        raise MelodyError("melody file is cut short: its header is not whole")
    kind, tracks, division = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10, 12))
    if kind not in (0, 1):
        raise MelodyError(f"melody file must be of type 0 or 1, not {kind}")
    if division & 0x8000:
        raise MelodyError("melody file counts time in SMPTE frames; only ticks a beat can be read")
    if division == 0:
        raise MelodyError("melody file must have 1 to 32767 ticks a beat, not 0")
    return kind, tracks, division


def _tracks(data: bytes, repairs: list[str]) -> Iterator[_Track]:
    """Each track; chunks of other kinds are passed over, as the standard asks."""
    number, at = 0, 8 + int.from_bytes(data[4:8], "big")
    while at + 8 <= len(data):
        start = at + 8
        length = int.from_bytes(data[at + 4 : start], "big")
        end = start + length
        if data[at : at + 4] == b"MTrk":
            number += 1
            end = _track_end(data, start, end)
            if end != start + length:
                repairs.append(
                    f"Track {number} holds {end - start} bytes, not the {length} that it says."
                )
            yield _Track(data[start:end], number, cut=end < start + length)
        elif not _is_chunk(data, at) or end > len(data):  # what it is nobody knows
            end = data.find(b"MTrk", at + 1)
            if end < 0:
                return
            repairs.append(f"{counted(end - at, 'byte')} before track {number + 1} passed over.")
        at = end


def _is_chunk(data: bytes, at: int) -> bool:
    return all(0x20 <= byte < 0x7F for byte in data[at : at + 4])


def _track_end(data: bytes, start: int, end: int) -> int:
    """Where the track ends: at `end`, unless the file shows that its length is wrong."""
    within = data.find(_END_OF_TRACK + b"MTrk", start, end + 4)
    if within >= 0:
        return within + 3
    if end < len(data) and not _is_chunk(data, end) and data[end - 3 : end] != _END_OF_TRACK:
        beyond = data.find(_END_OF_TRACK + b"MTrk", end - 2)
        if beyond >= 0:
            return beyond + 3
        return len(data) if data.endswith(_END_OF_TRACK) else end
    return min(end, len(data))


class _CutShort(Exception):
    """A track that is shorter than its length says ends within an event."""


class _Track:
    """The bytes of a track, taken from front to back."""

    def __init__(self, data: bytes, number: int, *, cut: bool) -> None:
        self.data, self.number, self.at, self.cut = data, number, 0, cut
        self.clamped, self.foreign, self.odd_metas = 0, 0, list[int]()

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            if self.cut:
                raise _CutShort
            raise self.broken("ends within an event")
        self.at += count
        return self.data[self.at - count : self.at]

    def take_number(self) -> int:
        """A variable-length number of at most four bytes."""
        value = 0
        for _ in range(_VARLEN_BYTES):
            byte = self.take(1)[0]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise self.broken(f"has an endless number at {self.at}")

    def broken(self, how: str) -> MelodyError:
        return MelodyError(f"melody file is broken: track {self.number} {how}")


def _read_track(track: _Track, events: list[Event], max_ticks: int) -> None:
    tick = running = 0
    while track.at < len(track.data):
        tick += track.take_number()
        if len(events) == MAX_EVENTS:
            raise MelodyError(f"melody file must have at most {MAX_EVENTS} events; it has more")
        status = track.take(1)[0]
        if status < 0x80:
            status, track.at = running, track.at - 1
        start = track.at
        if 0x80 <= status < 0xF0:
            running = status
            data = track.take(1 if 0xC0 <= status < 0xE0 else 2)
            track.clamped += sum(byte > 0x7F for byte in data)
            data = bytes(min(byte, 0x7F) for byte in data)
        elif status == META:
            data = track.take(1)
            data += track.take(track.take_number())
            if not _is_meta(data[0], data[1:]):
                track.odd_metas.append(data[0])  # no note depends on it
                continue
        elif status in (0xF0, 0xF7):
            running = 0
            data = track.take(track.take_number())
        elif status in _FOREIGN_BYTES:
            track.take(_FOREIGN_BYTES[status])
            track.foreign += 1
            continue
        else:
            raise track.broken(f"has a bad status byte at {start}")
        if tick <= max_ticks:
            events.append((tick, track.number, status, data))
        elif 0x80 <= status < 0xA0:  # what is no note may stand anywhere, and is passed over
            raise MelodyError(
                f"melody file must last at most {MAX_BEATS} beats; track {track.number} is longer"
            )


def _is_meta(kind: int, body: bytes) -> bool:
    if kind == 0x00:  # sequence number: its two bytes may be left out
        return len(body) in (0, 2)
    if len(body) != _META_BYTES.get(kind, len(body)):
        return False
    match kind:
        case 0x51:  # tempo
            return any(body)
        case 0x58:  # METER
            return body[0] > 0 and body[1] <= 7
        case 0x54:  # SMPTE offset
            return body[0] < 0x80
        case 0x59:  # key
            return body[1] <= 1 and (body[0] <= 7 or body[0] >= 0xF9)
    return True
