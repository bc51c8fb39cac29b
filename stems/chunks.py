"""What a stem's WAV file says of itself to DAWs and samplers, chunk by chunk.

bext: EBU Tech 3285, broadcast wave. acid: Sony's ACID, as libsndfile and Ardour read it. smpl:
Microsoft's multimedia registry. iXML: version 2.10 of ixml.info. All of it follows from the
request, nothing from the time or the machine, so the same request gives the same bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from audio.wave_file import Chunk
from midi.grid import Grid, Meter
from midi.key import Key

ONE_SHOT, HAS_ROOT, STRETCH = 0x01, 0x02, 0x04
MIDDLE_C = 60
LOOP_BARS = 16  # what is longer is a song, which no host should stretch by itself
UNPITCHED = ("drums", "mix")


@dataclass(frozen=True, slots=True)
class Music:
    """Tempo at the start in bpm, length in quarters, meter and key; what repeats is a loop."""

    bpm: float
    beats: float
    meter: Meter
    key: Key
    is_loop: bool


@dataclass(frozen=True, slots=True)
class SoundTags:
    """What is known of a sound file: the stem ("mix" for the mix), its take, and where it is from.

    `position_frames` is where it begins in the user's project, at the file's rate. `family` is the
    same for all files of a job and no others; `files` is how many those are. `music` is None where
    it is unknown.
    """

    stem: str
    take: int
    position_frames: int
    project: str
    family: str
    files: int
    music: Music | None = None

    @property
    def description(self) -> str:
        """One line for people: "backline drums, take 1, 92.5 bpm, 4/4, C minor"."""
        words = [f"backline {self.stem}", f"take {self.take}"]
        if self.music:
            words += [f"{self.music.bpm:.6g} bpm", str(self.music.meter), self.music.key.name]
        return ", ".join(words)

    @property
    def texts(self) -> dict[str, str]:
        """The same for formats that hold texts only."""
        return {
            "title": self.description,
            "album": self.project,
            "software": "backline",
            "comment": f"begins at frame {self.position_frames}; family {self.family}",
        }


def tags_of(
    names: Collection[str],
    take: int,
    position_frames: int,
    request: Mapping[str, object],
    music: Music | None,
) -> dict[str, SoundTags]:
    """Return what the sounds of one take say of themselves, by their names."""
    project, family = str(request.get("project") or ""), family_of(request)
    return {
        name: SoundTags(name, take, position_frames, project, family, len(names), music)
        for name in names
    }


def music_of(grid: Grid, key: Key, *, loops: bool = True) -> Music:
    """Return what a host needs to know; a loop has one tempo, one meter and whole beats.

    Without `loops` it is none, since it has a tail.
    """
    is_loop = (
        loops
        and grid.is_constant
        and len(grid.meters) == 1
        and grid.bars <= LOOP_BARS
        and grid.beats.denominator == 1
    )
    return Music(grid.bpm, float(grid.beats), grid.meter, key, is_loop)


def family_of(request: Mapping[str, object]) -> str:
    """Return 32 hexadecimal digits that two jobs share only where they ask for the same."""
    asked = json.dumps(request, sort_keys=True, default=str)
    return uuid5(NAMESPACE_URL, f"backline:{asked}").hex


def chunks_of(
    tags: SoundTags, sample_rate: int, frames: int, channels: int
) -> tuple[list[Chunk], list[Chunk]]:
    """Return the chunks that belong before the samples, and those after them."""
    after = [(b"iXML", _ixml(tags, sample_rate, channels))]
    if tags.music:
        pitched = tags.stem not in UNPITCHED
        root = MIDDLE_C + (tags.music.key.tonic if pitched else 0)
        flags = STRETCH if tags.music.is_loop else ONE_SHOT
        acid = _acid(flags | (HAS_ROOT if pitched else 0), root, tags.music)
        sample = [(b"smpl", sampler(root, sample_rate, frames))] if tags.music.is_loop else []
        after = [(b"acid", acid), *sample, *after]
    return [(b"bext", _bext(tags))], after


def _bext(tags: SoundTags) -> bytes:
    """Version 1; date and time are left empty, since they would be the time of writing."""
    return struct.pack(
        "<256s32s32s10s8sQH64s10s180s",
        tags.description.encode("ascii", "replace"), b"backline", tags.family.encode("ascii"),
        b"", b"", tags.position_frames, 1, b"", b"", b"",
    )  # fmt: skip


def _acid(flags: int, root: int, music: Music) -> bytes:
    # The two fields between, of unknown meaning, are as ACID itself writes them.
    return struct.pack(
        "<IHHfIHHf", flags, root, 0x8000, 0.0, round(music.beats),
        music.meter.denominator, music.meter.numerator, music.bpm,
    )  # fmt: skip


def one_shot(root: int) -> bytes:
    """Return an acid chunk of a sound that is played once, at its own pitch, without a tempo."""
    return struct.pack("<IHHfIHHf", ONE_SHOT | HAS_ROOT, root, 0x8000, 0.0, 0, 4, 4, 0.0)


def sampler(root: int, sample_rate: int, loop_frames: int = 0, loop_start: int = 0) -> bytes:
    """Return a smpl chunk with one loop without end over so many frames, or with none.

    The format counts a loop's last frame in.
    """
    loop = b""
    if loop_frames:
        loop = struct.pack("<6I", 0, 0, loop_start, loop_start + loop_frames - 1, 0, 0)
    nanoseconds = round(1e9 / sample_rate)
    return struct.pack("<9I", 0, 0, nanoseconds, root, 0, 0, 0, bool(loop), 0) + loop


def _ixml(tags: SoundTags, sample_rate: int, channels: int) -> bytes:
    root, project, position = Element("BWFXML"), _printable(tags.project), tags.position_frames
    _add(root, IXML_VERSION="2.10", PROJECT=project, TAKE=tags.take, NOTE=tags.description)
    files = SubElement(root, "FILE_SET")
    _add(files, TOTAL_FILES=tags.files, FAMILY_UID=tags.family, FAMILY_NAME=project)
    speed = SubElement(root, "SPEED")
    _add(speed, FILE_SAMPLE_RATE=sample_rate, TIMESTAMP_SAMPLE_RATE=sample_rate)
    _add(speed, TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI=position >> 32)
    _add(speed, TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO=position & 0xFFFF_FFFF)
    tracks = SubElement(root, "TRACK_LIST")
    _add(tracks, TRACK_COUNT=channels)
    for channel in range(1, channels + 1):
        track = SubElement(tracks, "TRACK")
        _add(track, CHANNEL_INDEX=channel, INTERLEAVE_INDEX=channel, NAME=tags.stem)
    return bytes(tostring(root, encoding="UTF-8", xml_declaration=True))


def _add(parent: Element, **texts: object) -> None:
    """Add elements that hold a text each."""
    for name, text in texts.items():
        SubElement(parent, name).text = str(text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
