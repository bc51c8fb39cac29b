"""A finished job as a DAWproject, for DAWs that do not read REAPER's files.

DAWproject 1.0 (github.com/bitwig/dawproject) is a zip of project.xml, metadata.xml and the sounds.
Where its schema wants things in an order, they are written in that order.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from midi.grid import Grid, Meter
from stems.manifest import Manifest, grid_of
from stems.musical_content import StemNotes, chord_marks, stem_notes
from stems.palette import NEUTRAL, STEM_COLOURS, hex_colour

# The format does not say whether a linear ramp of tempo is one over time or over beats. Between
# points this far apart the two differ by next to nothing.
RAMP_STEP_BEATS = Fraction(1, 4)
Mark = tuple[Fraction, str]  # a beat and what begins there


def write_dawproject(path: Path, folder: Path, manifest: Manifest) -> None:
    """Write the job in `folder` to `path`, sounds included.

    Each stem is a clip at bar 1's place in beats, its length in seconds that of its frames and
    never stretched; takes after the first, and the notes of each stem, are muted tracks. Sections
    and chords are markers. Raises StemError for a manifest that cannot be, OSError when the disk
    refuses.
    """
    grid = grid_of(manifest)
    notes, chords = list(stem_notes(folder, manifest)), chord_marks(folder, manifest, grid)
    project = _project(manifest, grid, notes, chords)
    about = Element("MetaData")
    SubElement(about, "Title").text = _title(manifest)
    SubElement(about, "Comment").text = f"backline {manifest.backline}, job {manifest.job or '-'}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.xml", _text(project))
        archive.writestr("metadata.xml", _text(about))
        for _, wav in manifest.sounds():
            archive.write(folder / wav, f"audio/{wav}", zipfile.ZIP_STORED)


def _project(
    manifest: Manifest, grid: Grid, notes: Sequence[StemNotes], chords: Sequence[Mark]
) -> Element:
    ids = map("id{}".format, count())
    root = Element("Project", version="1.0")
    SubElement(root, "Application", name="backline", version=manifest.backline)
    transport = SubElement(root, "Transport")
    tempo_id, meter_id = next(ids), next(ids)
    _real(transport, "Tempo", tempo_id, "bpm", grid.bpm, 20, 400)
    SubElement(transport, "TimeSignature", _meter(grid.meter), id=meter_id)
    structure = SubElement(root, "Structure")
    group_id, master_id = next(ids), next(ids)
    name, colour = _title(manifest), hex_colour(NEUTRAL)
    group = SubElement(
        structure, "Track", contentType="tracks", id=group_id, name=name, color=colour
    )
    arrangement = Element("Arrangement", id=next(ids))
    lanes = SubElement(arrangement, "Lanes", timeUnit="beats", id=next(ids))
    start_beats = _start_beats(manifest, grid)
    for track_name, wav in manifest.sounds():
        track_id = next(ids)
        _track(group, track_name, "audio", track_id, master_id, ids, muted=" " in track_name)
        lane = SubElement(lanes, "Lanes", track=track_id, id=next(ids))
        _clip(SubElement(lane, "Clips", id=next(ids)), manifest, grid, wav, start_beats, next(ids))
    for each in notes:
        track_id = next(ids)
        _track(group, each.name, "notes", track_id, master_id, ids, muted=True)
        lane = SubElement(lanes, "Lanes", track=track_id, id=next(ids))
        _note_clip(SubElement(lane, "Clips", id=next(ids)), each, grid, start_beats, next(ids))
    master = SubElement(
        structure, "Track", contentType="audio notes", loaded="true", id=next(ids), name="Master"
    )
    _channel(master, master_id, ids, role="master", muted=False)
    marks = _marks(manifest, grid, chords)
    _add_maps(arrangement, marks, grid, start_beats, tempo_id, meter_id, ids)
    root.append(arrangement)
    return root


def _track(
    group: Element, name: str, content: str, track_id: str, master_id: str, ids: Iterator[str],
    *, muted: bool,
) -> None:  # fmt: skip
    track = SubElement(
        group, "Track", contentType=content, loaded="true", id=track_id, name=name,
        color=hex_colour(STEM_COLOURS[name.partition(" ")[0]]),
    )  # fmt: skip
    _channel(track, next(ids), ids, role="regular", muted=muted, destination=master_id)


def _channel(
    track: Element, channel_id: str, ids: Iterator[str], *, role: str, muted: bool, **more: str
) -> None:
    facts = {"audioChannels": "2", "role": role, "solo": "false", "id": channel_id, **more}
    channel = SubElement(track, "Channel", facts)
    SubElement(channel, "Mute", value=str(muted).lower(), id=next(ids), name="Mute")
    _real(channel, "Pan", next(ids), "normalized", 0.5, 0, 1)
    _real(channel, "Volume", next(ids), "linear", 1, 0, 2)


def _clip(
    clips: Element, manifest: Manifest, grid: Grid, wav: str, start_beats: Fraction, audio_id: str
) -> None:
    seconds = Fraction(manifest.grid.frames, manifest.grid.sample_rate)
    clip = SubElement(
        clips, "Clip", time=_number(start_beats), duration=_number(grid.beats),
        contentTimeUnit="seconds", playStart="0.0", name=Path(wav).stem,
    )  # fmt: skip
    audio = SubElement(
        clip, "Audio", channels="2", duration=_number(seconds), id=audio_id,
        sampleRate=str(manifest.grid.sample_rate),
    )  # fmt: skip
    SubElement(audio, "File", path=f"audio/{wav}")


def _note_clip(
    clips: Element, played: StemNotes, grid: Grid, start_beats: Fraction, notes_id: str
) -> None:
    clip = SubElement(
        clips, "Clip", time=_number(start_beats), duration=_number(grid.beats),
        contentTimeUnit="beats", playStart="0.0", name=played.name,
    )  # fmt: skip
    notes = SubElement(clip, "Notes", id=notes_id)
    for note in played.notes:
        SubElement(
            notes, "Note", time=_number(note.start_beats), duration=_number(note.length_beats),
            channel=str(played.channel), key=str(note.pitch), vel=_number(note.velocity / 127),
        )  # fmt: skip


def _marks(manifest: Manifest, grid: Grid, chords: Sequence[Mark]) -> list[Mark]:
    """Return beats and names of sections and chords, a section before its first chord."""
    sections = [(grid.bar_starts[each.first_bar], each.name) for each in manifest.sections]
    return sorted((*sections, *chords), key=lambda mark: mark[0])


def _add_maps(
    arrangement: Element, marks: Sequence[Mark], grid: Grid, start: Fraction, tempo_id: str,
    meter_id: str, ids: Iterator[str],
) -> None:  # fmt: skip
    """Add markers, tempo and meters in beats."""
    if marks:
        markers = SubElement(arrangement, "Markers", timeUnit="beats", id=next(ids))
        for at, name in marks:
            SubElement(markers, "Marker", time=_number(start + at), name=_words(name))
    points = SubElement(arrangement, "TempoAutomation", timeUnit="beats", unit="bpm", id=next(ids))
    SubElement(points, "Target", parameter=tempo_id)
    for at, bpm, shape in _tempo(grid, start):
        point = {"time": _number(at), "value": _number(bpm), "interpolation": shape}
        SubElement(points, "RealPoint", point)
    points = SubElement(arrangement, "TimeSignatureAutomation", timeUnit="beats", id=next(ids))
    SubElement(points, "Target", parameter=meter_id)
    if start > 0:
        SubElement(points, "TimeSignaturePoint", _meter(grid.meter), time="0.0")
    for change in grid.meters:
        beat = _number(start + grid.bar_starts[change.bar])
        SubElement(points, "TimeSignaturePoint", _meter(change.meter), time=beat)


def _tempo(grid: Grid, start: Fraction) -> Iterator[tuple[Fraction, Fraction, str]]:
    """Beat, bpm, and how it goes on to the next."""
    if start > 0:
        yield Fraction(0), grid.tempo[0].bpm, "hold"
    for point, following in pairwise((*grid.tempo, None)):
        assert point is not None
        if following is None or not point.ramp:
            yield start + point.beat, point.bpm, "hold"
            continue
        beat = point.beat
        while beat < min(following.beat, grid.beats):
            bpm = point.bpm if beat == point.beat else Fraction(grid.bpm_at(beat))
            yield start + beat, bpm, "linear"
            beat += RAMP_STEP_BEATS
        if following.beat > grid.beats:  # a ramp that aims past the end is cut there
            yield start + grid.beats, Fraction(grid.bpm_at(grid.beats)), "hold"
            break


def _start_beats(manifest: Manifest, grid: Grid) -> Fraction:
    """Where bar 1 lies in beats; before it the project has the first tempo."""
    position = manifest.position
    if position.at_seconds:
        return Fraction(position.start_seconds or 0.0) * grid.tempo[0].bpm / 60
    return Fraction(str(position.at_beats))


def _title(manifest: Manifest) -> str:
    label = _words(manifest.project)
    return label or (f"backline {manifest.job}" if manifest.job else "backline")


def _real(
    parent: Element, tag: str, real_id: str, unit: str, value: float, low: float, high: float
) -> None:
    limits = {"min": _number(low), "max": _number(high)}
    SubElement(parent, tag, limits, unit=unit, value=_number(value), id=real_id, name=tag)


def _meter(meter: Meter) -> dict[str, str]:
    return {"numerator": str(meter.numerator), "denominator": str(meter.denominator)}


def _number(value: Fraction | float) -> str:
    return repr(round(float(value), 12))


def _words(text: str) -> str:
    """Text without what XML cannot hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _text(root: Element) -> bytes:
    indent(root)
    return bytes(tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"
