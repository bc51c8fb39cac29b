"""Walk a Standard MIDI File byte by byte, so that nothing broken or endless reaches the reader.

The format is that of "Standard MIDI Files 1.0" (MIDI Manufacturers Association, 1996). The
walk is linear in the file's size and allocates nothing that a length in the file asks for.
"""

from __future__ import annotations

from midi.errors import MelodyError

MAX_BYTES = 1 << 20
MAX_TRACKS = 64
MAX_EVENTS = 20_000
MAX_BEATS = 10_000  # 25 minutes at 400 bpm
_VARLEN_BYTES = 4
_HEADER_BYTES = 14

_END_OF_TRACK, _TEMPO, _SMPTE_OFFSET, _METER, _KEY = 0x2F, 0x51, 0x54, 0x58, 0x59
_META_BYTES = {_END_OF_TRACK: 0, _TEMPO: 3, _SMPTE_OFFSET: 5, _METER: 4, _KEY: 2}
_META_BYTES |= {0x20: 1, 0x21: 1}  # channel prefix, port


def check_smf(data: bytes) -> None:
    """Raise MelodyError unless `data` is a whole type 0 or 1 file within the limits.

    At most 1 MiB, 64 tracks, 20000 events and 10000 beats; 1..32767 ticks a beat.
    """
    ticks_per_beat = _check_header(data)
    tracks = track_chunks(data)
    declared = int.from_bytes(data[10:12], "big")
    if len(tracks) < declared:
        raise MelodyError(
            f"melody file is cut short: {len(tracks)} of its {declared} tracks are there"
        )
    events = 0
    for number, (start, end) in enumerate(tracks, 1):
        events = _check_track(data[start:end], number, events, MAX_BEATS * ticks_per_beat)


def track_chunks(data: bytes) -> list[tuple[int, int]]:
    """Return where each track's bytes begin and end, as many as the header declares.

    Chunks of other kinds are passed over, as the standard asks. Raises MelodyError.
    """
    declared = int.from_bytes(data[10:12], "big")
    tracks: list[tuple[int, int]] = []
    at = 8 + int.from_bytes(data[4:8], "big")
    while len(tracks) < declared and at + 8 <= len(data):
        start = at + 8
        end = start + int.from_bytes(data[at + 4 : start], "big")
        if data[at : at + 4] == b"MTrk":
            if end > len(data):
                raise MelodyError(
                    f"melody file is cut short: track {len(tracks) + 1} should be "
                    f"{end - start} bytes, {len(data) - start} are there"
                )
            tracks.append((start, end))
        at = end
    return tracks


def _check_header(data: bytes) -> int:
    """Return the ticks a beat."""
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
    if not 1 <= tracks <= MAX_TRACKS:
        raise MelodyError(f"melody file must have 1 to {MAX_TRACKS} tracks, not {tracks}")
    if kind == 0 and tracks != 1:
        raise MelodyError(f"melody file of type 0 must have 1 track, not {tracks}")
    return division


def _check_track(track: bytes, number: int, events: int, max_ticks: int) -> int:
    """Walk one track's events; return the count of events so far."""
    at, tick, running = 0, 0, 0
    while at < len(track):
        delta, at = _varlen(track, at, number)
        tick += delta
        events += 1
        if tick > max_ticks:
            raise MelodyError(
                f"melody file must last at most {MAX_BEATS} beats; track {number} is longer"
            )
        if events > MAX_EVENTS:
            raise MelodyError(f"melody file must have at most {MAX_EVENTS} events; it has more")
        status = _byte(track, at, number)
        if status >= 0x80:
            at += 1
        else:
            status = running
        if 0x80 <= status < 0xF0:
            running = status
            at = _check_data(track, at, 1 if 0xC0 <= status < 0xE0 else 2, number)
        elif status == 0xFF:
            at = _check_meta(track, at, number)
        elif status in (0xF0, 0xF7):
            running = 0
            length, at = _varlen(track, at, number)
            at = _skip(track, at, length, number)
        else:
            raise MelodyError(
                f"melody file is broken: track {number} has a bad status byte at {at}"
            )
    return events


def _check_data(track: bytes, at: int, count: int, number: int) -> int:
    end = _skip(track, at, count, number)
    if max(track[at:end]) > 0x7F:
        raise MelodyError(f"melody file is broken: track {number} has a data byte over 127 at {at}")
    return end


def _check_meta(track: bytes, at: int, number: int) -> int:
    kind = _byte(track, at, number)
    length, start = _varlen(track, at + 1, number)
    end = _skip(track, start, length, number)
    body = track[start:end]
    good = length == _META_BYTES.get(kind, length)
    if kind == 0x00:  # sequence number: its two bytes may be left out
        good = length in (0, 2)
    elif good and kind == _TEMPO:
        good = any(body)
    elif good and kind == _METER:
        good = body[0] > 0 and body[1] <= 7
    elif good and kind == _SMPTE_OFFSET:
        good = body[0] < 0x80
    elif good and kind == _KEY:
        good = body[1] <= 1 and (body[0] <= 7 or body[0] >= 0xF9)
    if not good:
        raise MelodyError(
            f"melody file is broken: track {number} has a bad meta event {kind:#04x} at {at}"
        )
    return end


def _varlen(track: bytes, at: int, number: int) -> tuple[int, int]:
    """Read a variable-length number of at most four bytes; return it and where it ends."""
    value = 0
    for _ in range(_VARLEN_BYTES):
        byte = _byte(track, at, number)
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    raise MelodyError(f"melody file is broken: track {number} has an endless number at {at}")


def _byte(track: bytes, at: int, number: int) -> int:
    if at >= len(track):
        raise MelodyError(f"melody file is broken: track {number} ends within an event")
    return track[at]


def _skip(track: bytes, at: int, count: int, number: int) -> int:
    if count > len(track) - at:
        raise MelodyError(f"melody file is broken: track {number} ends within an event")
    return at + count
