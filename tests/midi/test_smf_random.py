"""Any valid file is read back note for note: several tracks, one channel, unisons, repetitions."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from midi.smf import read_smf

TICKS = 96


@dataclass(frozen=True)
class Stroke:
    """A note as it is written: ticks, pitch, velocity, and whether its end is a note-on of 0."""

    start: int
    length: int
    pitch: int
    velocity: int
    ends_by_zero: bool


@dataclass(frozen=True)
class Track:
    """Its channel, its notes, of which no two of one pitch overlap, and how it is written."""

    channel: int
    strokes: tuple[Stroke, ...]
    ons_first: bool  # at a tick that ends a note and begins the next of its pitch
    running_status: bool


def without_overlaps(strokes: list[Stroke]) -> tuple[Stroke, ...]:
    kept: list[Stroke] = []
    for each in sorted(strokes, key=lambda one: one.start):
        if all(
            each.pitch != other.pitch or other.start + other.length <= each.start for other in kept
        ):
            kept.append(each)
    return tuple(kept)


STROKES = st.builds(
    Stroke,
    start=st.integers(0, 20).map(lambda step: step * 24),  # on a coarse grid, so that many meet
    length=st.sampled_from((1, 24, 48, 96)),
    pitch=st.integers(60, 63),
    velocity=st.integers(1, 127),
    ends_by_zero=st.booleans(),
)
TRACKS = st.builds(
    Track,
    channel=st.sampled_from((0, 0, 0, 5, 15)),
    strokes=st.lists(STROKES, max_size=12).map(without_overlaps),
    ons_first=st.booleans(),
    running_status=st.booleans(),
)


def delta(ticks: int) -> bytes:
    out = [ticks & 0x7F]
    while ticks := ticks >> 7:
        out.append(ticks & 0x7F | 0x80)
    return bytes(reversed(out))


def chunk(track: Track) -> bytes:
    events: list[tuple[int, int, bytes]] = []
    for each in track.strokes:
        on = bytes([0x90 | track.channel, each.pitch, each.velocity])
        off = bytes([0x80 | track.channel, each.pitch, 64])
        if each.ends_by_zero:
            off = bytes([0x90 | track.channel, each.pitch, 0])
        events.append((each.start, 0 if track.ons_first else 1, on))
        events.append((each.start + each.length, 1 if track.ons_first else 0, off))
    body, now, status = b"", 0, -1
    for tick, _, event in sorted(events, key=lambda found: found[:2]):
        short = track.running_status and event[0] == status
        body += delta(tick - now) + (event[1:] if short else event)
        now, status = tick, event[0]
    body += b"\0\xff\x2f\0"
    return b"MTrk" + struct.pack(">I", len(body)) + body


@given(st.lists(TRACKS, min_size=1, max_size=5), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_valid_file_is_read_back_note_for_note(tracks: list[Track], type_0: bool) -> None:
    tracks = tracks[:1] if type_0 else tracks
    kind = 0 if type_0 else 1
    head = struct.pack(">4sIHHH", b"MThd", 6, kind, len(tracks), TICKS)
    score = read_smf(head + b"".join(map(chunk, tracks)))
    written = sorted(
        (Fraction(each.start, TICKS), Fraction(each.length, TICKS), each.pitch, each.velocity)
        for track in tracks
        for each in track.strokes
    )
    found = sorted(
        (note.start_beats, note.length_beats, note.pitch, note.velocity) for note in score.notes
    )
    assert found == written
    assert score.repairs == ()
