"""Broken and hostile files: each one a sentence, none a hang, a crash or a heap of memory."""

from __future__ import annotations

import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from midi.errors import MelodyError
from midi.grid import Grid
from midi.melody import read_melody
from midi.smf_events import read_events

GRID = Grid.constant(120, "4/4", 2)
MUTANTS = 4000
NOTE = ((0, "90 3c 40"), (480, "80 3c 00"))

Build = Callable[..., bytes]


def header(kind: int = 0, tracks: int = 1, division: int = 480, length: int = 6) -> bytes:
    numbers = b"".join(n.to_bytes(2, "big") for n in (kind, tracks, division))
    return b"MThd" + length.to_bytes(4, "big") + numbers


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"MThd", "its header is not whole"),
        (header(length=5), "its header is not whole"),
        (b"RIFF\0\0\0\0RMID", "is a RIFF file"),
        (b"%PDF-1.7 and so on", "does not begin with MThd"),
        (header(kind=2), "type 0 or 1, not 2"),
        (header(division=0), "1 to 32767 ticks a beat, not 0"),
        (header(division=0xE728), "SMPTE"),
        (header(kind=1, tracks=0), "1 to 64 tracks, not 0"),
        (header(kind=1, tracks=65), "1 to 64 tracks, not 65"),
        (header(), "0 of its 1 tracks are there"),
        (header(kind=0, tracks=2), "0 of its 2 tracks are there"),
        (b"MThd" + b"\0" * (1 << 20), "at most 1048576 bytes"),
    ],
)
def test_a_broken_frame_is_refused_with_its_reason(data: bytes, message: str) -> None:
    with pytest.raises(MelodyError, match=message):
        read_events(data)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("00", "ends within an event"),
        ("00 90", "ends within an event"),
        ("00 90 3c", "ends within an event"),
        ("81 80 80 80 00 90 3c 40", "endless number"),
        ("00 3c 40", "bad status byte"),
        ("00 f4 00", "bad status byte"),
        ("00 f0 05 01 02", "ends within an event"),
        ("00 f0 01 f7 00 3c 40", "bad status byte"),  # running status ends at a sysex
        ("00 ff 01 ff ff ff 7f", "ends within an event"),
        ("ff ff ff 7f 90 3c 40", "at most 10000 beats"),
    ],
)
def test_a_broken_event_is_refused_with_its_reason(body: str, message: str) -> None:
    events = bytes.fromhex(body)
    data = header() + b"MTrk" + len(events).to_bytes(4, "big") + events
    with pytest.raises(MelodyError, match=message):
        read_events(data)


def file_of(*chunks: bytes) -> bytes:
    return header(kind=1, tracks=len(chunks)) + b"".join(chunks)


def chunk(body: str, kind: bytes = b"MTrk") -> bytes:
    data = bytes.fromhex(body)
    return kind + len(data).to_bytes(4, "big") + data


ONE_NOTE = "00 90 3c 40 83 60 80 3c 00 00 ff 2f 00"  # 480 ticks long


@pytest.mark.parametrize("message", ["f8", "fe", "fd", "f6", "f1 20", "f3 01", "f2 00 10"])
def test_a_message_of_wires_is_passed_over_and_said(message: str) -> None:
    _, events, repairs = read_events(file_of(chunk(f"00 {message} {ONE_NOTE}")))
    assert [event[2:] for event in events[:2]] == [(0x90, b"\x3c\x40"), (0x80, b"\x3c\x00")]
    assert repairs == ["1 message that no file may hold passed over."]


def test_running_status_goes_on_over_a_clock_of_wires() -> None:
    _, events, _ = read_events(file_of(chunk("00 90 3c 40 00 f8 83 60 3c 00 00 ff 2f 00")))
    assert [event[0] for event in events[:2]] == [0, 480]


def test_a_midi_file_within_a_riff_file_is_read_and_that_is_said() -> None:
    inner = file_of(chunk(ONE_NOTE))
    riff = b"RIFF" + (len(inner) + 12).to_bytes(4, "little") + b"RMIDdata"
    _, events, repairs = read_events(riff + len(inner).to_bytes(4, "little") + inner)
    assert len(events) == 3 and repairs == ["The MIDI file lies within a RIFF file."]


@pytest.mark.parametrize("between", [b"\0", b"\0\0\0", b"JUNK\0\x09\0\0"])
def test_a_track_is_found_behind_what_is_no_chunk(between: bytes) -> None:
    """The last says that it holds 589,824 bytes, more than the file has."""
    data = header(kind=1, tracks=2) + chunk(ONE_NOTE) + between + chunk(ONE_NOTE)
    _, events, (said,) = read_events(data)
    assert len(events) == 6
    assert said.startswith(f"{len(between)} byte") and said.endswith("before track 2 passed over.")


def test_tracks_are_read_whatever_number_the_header_gives(track: Build, smf: Build) -> None:
    notes = [track((beat * 480, f"90 3{beat} 40"), (480, "80 30 00")) for beat in range(2)]
    body = b"".join(notes)
    for head, said in [
        (header(1, 3), "The header says 3 tracks, the file holds 2."),
        (header(1, 1), "The header says 1 track, the file holds 2."),
        (header(1, 0), "The header says 0 tracks, the file holds 2."),
        (header(1, 65535), "The header says 65535 tracks, the file holds 2."),
        (header(0, 2), "The file is of type 0 but holds 2 tracks; they are read together."),
    ]:
        melody = read_melody(head + body, GRID)
        assert [note.pitch for note in melody.notes] == [0x30, 0x31]
        assert said in melody.changes


def test_more_than_64_tracks_are_refused_whatever_the_header_says(track: Build) -> None:
    with pytest.raises(MelodyError, match="1 to 64 tracks, not 65"):
        read_events(header(1, 2) + track(*NOTE) * 65)


@pytest.mark.parametrize("beyond", [-10, -4, -1, 1, 2, 3, 4, 8, 1 << 31])
@pytest.mark.parametrize("wrong", [0, 1])
def test_a_track_is_read_to_its_end_whatever_its_length_says(
    track: Build, beyond: int, wrong: int
) -> None:
    tracks = [track((beat * 480, f"90 3{beat} 40"), (480, f"80 3{beat} 00")) for beat in range(2)]
    length = len(tracks[wrong]) - 8 + beyond
    tracks[wrong] = b"MTrk" + length.to_bytes(4, "big") + tracks[wrong][8:]
    melody = read_melody(header(1, 2) + b"".join(tracks), GRID)
    assert [(n.pitch, n.start_beats, n.length_beats) for n in melody.notes] == [
        (0x30, 0, 1), (0x31, 1, 1),
    ]  # fmt: skip
    said = f"Track {wrong + 1} holds {length - beyond} bytes, not the {length} that it says."
    assert said in melody.changes


@pytest.mark.parametrize("lost", range(1, 14))
def test_a_file_cut_short_is_read_up_to_the_cut_and_said(
    track: Build, smf: Build, lost: int
) -> None:
    whole = smf(
        track(*NOTE, (0, "90 40 40"), (480, "80 40 00"), (0, "90 43 40"), (480, "80 43 00"))
    )
    melody = read_melody(whole[:-lost], GRID)
    assert [note.pitch for note in melody.notes][:2] == [60, 64]
    assert melody.changes[0].startswith("Track 1 holds ")


@pytest.mark.parametrize(
    "meta",
    [
        "51 02 07 a1", "51 03 00 00 00",  # tempo
        "58 04 00 02 18 08", "58 04 04 ff 18 08", "58 02 04 02",  # meter
        "59 02 08 00", "59 02 ee 01", "59 02 00 ff",  # key
        "54 05 ff 00 00 00 00",  # SMPTE offset
        "20 02 00 00", "21 00", "2f 01 00", "00 01 00",  # channel prefix, port, end, number
    ],
)  # fmt: skip
def test_an_odd_meta_event_is_passed_over_and_said(track: Build, smf: Build, meta: str) -> None:
    melody = read_melody(smf(track((0, "ff" + meta), *NOTE)), GRID)
    assert [note.pitch for note in melody.notes] == [60]
    assert f"1 meta event of an odd size or value passed over (0x{meta[:2]})." in melody.changes


def test_a_data_byte_over_127_is_clamped_and_said(track: Build, smf: Build) -> None:
    data = smf(track((0, "90 3c 85"), (0, "b0 07 ff"), (480, "80 3c 00")))
    melody = read_melody(data, GRID)
    assert [(note.pitch, note.velocity) for note in melody.notes] == [(60, 127)]
    assert "2 data bytes over 127 taken as 127." in melody.changes


def test_the_bytes_of_system_exclusive_packets_may_be_any(track: Build, smf: Build) -> None:
    packets = track((0, "f0 03 7e ff f7"), *NOTE, (0, "f7 02 f3 01"))
    assert len(read_melody(smf(packets), GRID).notes) == 1


def test_exactly_the_most_events_are_read_and_one_more_is_not(track: Build, smf: Build) -> None:
    def file(events: int) -> bytes:
        return smf(track(*[NOTE[n % 2] for n in range(events - 1)]), ticks=480 * 20)

    assert len(read_melody(file(20_000), Grid.constant(120, "4/4", 64)).notes) > 1000
    with pytest.raises(MelodyError, match="at most 20000 events"):
        read_events(file(20_001))


def test_events_are_counted_over_all_tracks(track: Build, smf: Build) -> None:
    with pytest.raises(MelodyError, match="at most 20000 events"):
        read_events(smf(*[track(*NOTE * 167)] * 60, ticks=32767))  # 60 x 335 events


@pytest.mark.parametrize(("beats", "good"), [(10_000, True), (10_001, False)])
def test_a_file_may_last_ten_thousand_beats(
    track: Build, smf: Build, beats: int, good: bool
) -> None:
    data = smf(track(*NOTE, (480 * beats - 480, "80 3c 00")))
    if good:
        assert len(read_melody(data, GRID).notes) == 1
    else:
        with pytest.raises(MelodyError, match="at most 10000 beats; track 1 is longer"):
            read_events(data)


@pytest.mark.parametrize("event", ["ff 51 03 09 27 c0", "ff 01 01 41", "b0 07 64", "f0 01 f7"])
def test_what_is_no_note_may_stand_long_after_the_notes(
    track: Build, smf: Build, event: str
) -> None:
    data = smf(track((480 * 20_000, event)), track(*NOTE, (0, "90 40 40"), (480, "b0 07 64")))
    notes = read_melody(data, GRID).notes
    assert [(n.pitch, n.start_beats, n.length_beats) for n in notes] == [(60, 0, 1), (64, 1, 1)]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "melody holds no pitched note$"),
        ([(0, "99 24 40"), (480, "89 24 00")], r"no pitched note, only drums \(channel 10\)"),
        ([(0, "90 3c 40"), (0, "80 3c 00")], "melody holds no pitched note$"),
        ([(9 * 480, "90 3c 40"), (480, "80 3c 00")], "no note within 2 bars"),
    ],
)
def test_a_file_without_a_tune_says_so(
    track: Build, smf: Build, events: list[tuple[int, str]], message: str
) -> None:
    with pytest.raises(MelodyError, match=message):
        read_melody(smf(track(*events)), GRID)


def test_a_file_that_is_not_there_or_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MelodyError, match=r"none\.mid cannot be read: No such file"):
        read_melody(tmp_path / "none.mid", GRID)
    with pytest.raises(MelodyError, match="is not a regular file"):
        read_melody(tmp_path, GRID)
    with pytest.raises(MelodyError, match="no file of this name"):
        read_melody(Path("a\0b"), GRID)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(MelodyError, match="is not a regular file"):
        read_melody(tmp_path / "pipe.mid", GRID)


def test_a_file_over_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.mid"
    with path.open("wb") as file:
        file.truncate(1 << 33)  # 8 GiB, sparse
    with pytest.raises(MelodyError, match="at most 1048576 bytes"):
        read_melody(path, GRID)


def test_the_heaviest_files_stay_within_256_megabytes(track: Build, smf: Build) -> None:
    # A message is the heaviest thing a byte can be, a system exclusive one the longest. Tracing
    # memory is slow, so a quarter and a sixteenth of what the limits allow is read.
    notes = smf(track(*[(1, f"90 {n % 128:02x} 40") for n in range(5_000)]), ticks=32767)
    sysex = smf(track((0, b"\xf0\x83\x80\x00" + b"\x01" * (3 << 14)), *NOTE))
    for data, share in ((notes, 4), (sysex, 16)):
        tracemalloc.start()
        read_melody(data, GRID)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak * share < 256 * 2**20


def test_every_mutant_is_read_or_refused_in_a_sentence(track: Build, smf: Build) -> None:
    conductor = track((0, "ff 51 03 07 a1 20"), (0, "ff 58 04 03 02 18 08"), (0, "ff 59 02 fd 01"))
    tune = track((0, "ff 03 04 54 75 6e 65"), (0, "c0 05"), *NOTE * 3, (0, "f0 03 7e 7f f7"), *NOTE)
    seeds = [smf(conductor, tune), smf(track(*NOTE * 5)), smf(track(*NOTE), track(*NOTE), ticks=1)]
    source = random.Random(20)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(MUTANTS):
        data = mutated(bytearray(source.choice(seeds)), source)
        try:
            melody = read_melody(data, GRID)
        except MelodyError as error:
            outcomes["refused"] += 1
            assert 10 < len(str(error)) < 300
            assert "\n" not in str(error)
        else:
            outcomes["read"] += 1
            assert melody.notes[-1].end_beats <= GRID.beats
    # Both must be met often, or the mutants test nothing.
    assert min(outcomes.values()) > MUTANTS // 20


def mutated(data: bytearray, source: random.Random) -> bytes:
    for _ in range(source.choice([1, 1, 1, 2, 4, 16])):
        at = source.randrange(len(data)) if data else 0
        match source.randrange(6):
            case 0:
                data[at : at + 1] = bytes([source.randrange(256)])
            case 1:
                data[at : at + 1] = bytes([source.choice([0, 0x7F, 0x80, 0xFF, 0xF0, 0xF7])])
            case 2:
                del data[at : at + source.randrange(1, 9)]
            case 3:
                data[at:at] = bytes(source.randrange(256) for _ in range(source.randrange(1, 9)))
            case 4:
                del data[at + 1 :]
            case _:
                data[at:at] = data[source.randrange(len(data) + 1) :][:64]
    return bytes(data)
