"""A finished job as a session of Ardour 7: a folder with the session's XML and the sounds.

The format has no description but its program: what is written here is what Ardour 7.3 itself saved
and needs to load it again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from midi.grid import Grid
from stems.ardour_time import SUPERCLOCKS_HZ, TICKS_PER_BEAT, tempo_map
from stems.manifest import Manifest, grid_of
from stems.musical_content import StemNotes, chord_marks, stem_notes
from stems.palette import NEUTRAL, STEM_COLOURS
from stems.project_file import start_seconds

SPEAKERS = ("system:playback_1", "system:playback_2")
MASTER = ("Master/audio_in 1", "Master/audio_in 2")
# Without the first Ardour opens nothing; the others keep exports from being anything but the sum.
OPTIONS = {
    "native-file-data-format": "FormatFloat",
    "native-file-header-format": "WAVE",
    "use-region-fades": "1",
}
Ids = Iterator[int]


def write_session(session: Path, folder: Path, manifest: Manifest, name: str) -> None:
    """Write the job in `folder` as the session `name` into `session`, an empty folder.

    Each stem has a track, and a region that begins on the frame at which the job lies; takes after
    the first, and the notes of each stem, are muted tracks. Sections are ranges,
    chords marks. Raises StemError for a job that does not begin on a bar line of its
    first meter, or is no song; OSError when the disk refuses.
    """
    grid = grid_of(manifest)
    sounds = session / "interchange" / name / "audiofiles"
    sounds.mkdir(parents=True)
    for each in ("analysis", "dead", "export", "externals", "peaks", "plugins"):
        (session / each).mkdir()
    notes, chords = list(stem_notes(folder, manifest)), chord_marks(folder, manifest, grid)
    root = _session(manifest, grid, name, notes, chords)
    midi = sounds.with_name("midifiles")
    midi.mkdir()
    for part in notes:
        shutil.copyfile(folder / part.path, midi / _file_name(part.name, part.path))
    for track, path in manifest.sounds():
        shutil.copyfile(folder / path, sounds / _file_name(track, path))
    indent(root)
    ElementTree(root).write(session / f"{name}.ardour", encoding="UTF-8", xml_declaration=True)


def _session(
    manifest: Manifest, grid: Grid, name: str, notes: Sequence[StemNotes],
    chords: Sequence[tuple[Fraction, str]],
) -> Element:  # fmt: skip
    rate, frames = manifest.grid.sample_rate, manifest.grid.frames
    start = start_seconds(grid, manifest.position.at_beats, manifest.position.at_seconds)
    ids = count(1)
    root = Element("Session", {
        "version": "7002", "name": name, "sample-rate": str(rate), "session-range-is-free": "1",
        "name-counter": "1", "event-counter": "0", "vca-counter": "1",
    })  # fmt: skip
    made = f"backline {manifest.backline}"
    SubElement(root, "ProgramVersion", {"created-with": made, "modified-with": made})
    config = SubElement(root, "Config")
    for option, value in OPTIONS.items():
        SubElement(config, "Option", name=option, value=value)
    SubElement(root, "Metadata")
    sources, regions = SubElement(root, "Sources"), SubElement(root, "Regions")
    locations = SubElement(root, "Locations")
    SubElement(root, "Bundles")
    routes, playlists = SubElement(root, "Routes"), SubElement(root, "Playlists")
    for empty in ("UnusedPlaylists", "RouteGroups"):
        SubElement(root, empty)
    click = SubElement(root, "Click")
    _ports(click, "Click", "Output", "audio_out", SPEAKERS, ids)
    _fader(click, ids)
    shown = {"order": "0", "flags": "MasterOut,OrderSet"}
    _fader(_route(routes, "Master", next(ids), shown, SPEAKERS, ids), ids)
    first, length = (count * (SUPERCLOCKS_HZ // rate) for count in (round(start * rate), frames))
    for order, (track, path) in enumerate(manifest.sounds(), 1):
        names = [str(next(ids)) for _ in range(2)]
        for channel, source in enumerate(names):
            SubElement(sources, "Source", {
                "name": _file_name(track, path), "take-id": "", "type": "audio", "flags": "",
                "id": source, "channel": str(channel), "origin": path, "gain": "1",
            })  # fmt: skip
        _region(regions, track, next(ids), names, f"a{length}@a0", is_whole_file=True)
        track_id, playlist_id = next(ids), next(ids)
        playlist = _playlist(playlists, track, "audio", playlist_id, track_id)
        _region(playlist, track, next(ids), names, f"a{length}@a{first}", is_whole_file=False)
        _track(routes, track, track_id, playlist_id, order, ids)
    _note_tracks(root, notes, grid, start, len(list(manifest.sounds())) + 1, ids)
    marks = [(start + grid.seconds_at(beat), symbol) for beat, symbol in chords]
    _locations(locations, manifest, grid, start, first + length, marks, ids)
    root.append(tempo_map(grid, start))
    root.set("id-counter", str(next(ids)))
    return root


def _note_tracks(
    root: Element, notes: Sequence[StemNotes], grid: Grid, start: Fraction, order: int, ids: Ids
) -> None:
    """Add a source, a region and a muted track for each; `order` is the place of the first."""
    sources, regions, routes, playlists = (
        _within(root, tag) for tag in ("Sources", "Regions", "Routes", "Playlists")
    )
    lead = round(start * grid.tempo[0].bpm / 60 * TICKS_PER_BEAT)
    span = f"b{round(grid.beats * TICKS_PER_BEAT)}@b"
    for place, part in enumerate(notes, order):
        source, track_id, playlist_id = (next(ids) for _ in range(3))
        SubElement(sources, "Source", {
            "name": _file_name(part.name, part.path), "take-id": "", "type": "midi", "flags": "",
            "id": str(source), "origin": part.path,
        })  # fmt: skip
        _region(regions, part.name, next(ids), [str(source)], f"{span}0", is_whole_file=True)
        playlist = _playlist(playlists, part.name, "midi", playlist_id, track_id)
        placed = f"{span}{lead}"
        _region(playlist, part.name, next(ids), [str(source)], placed, is_whole_file=False)
        _note_track(routes, part.name, track_id, playlist_id, place, ids)


def _within(root: Element, tag: str) -> Element:
    found = root.find(tag)
    assert found is not None
    return found


def _playlist(parent: Element, name: str, kind: str, number: int, track: int) -> Element:
    return SubElement(parent, "Playlist", {
        "id": str(number), "name": name, "type": kind, "orig-track-id": str(track),
        "shared-with-ids": "", "frozen": "0", "combine-ops": "0",
    })  # fmt: skip


def _region(
    parent: Element, name: str, number: int, sources: list[str], length: str, *, is_whole_file: bool
) -> None:
    """Add a region of sound, or of MIDI where its length counts beats ("b")."""
    domain = length[0]
    whole = f"{length.split('@')[0]}@{domain}0"
    facts = {
        "name": name if is_whole_file else f"{name}.1", "id": str(number),
        "type": "midi" if domain == "b" else "audio",
        "whole-file": str(int(is_whole_file)), "start": f"{domain}0", "length": length,
        "sync-position": f"{domain}0", "ancestral-start": f"{domain}0",
        "ancestral-length": whole, "stretch": "1",
        "shift": "1", "opaque": "1", "channels": str(len(sources)), "envelope-active": "0",
        "default-fade-in": "1", "default-fade-out": "1", "fade-in-active": "0",
        "fade-out-active": "0", "scale-amplitude": "1", "first-edit": "nothing",
    }  # fmt: skip
    for channel, source in enumerate(sources):
        facts |= {f"source-{channel}": source, f"master-source-{channel}": source}
    SubElement(parent, "Region", facts)


def _colour(stem: str) -> str:
    red, green, blue = STEM_COLOURS.get(stem, NEUTRAL)
    return str(red << 24 | green << 16 | blue << 8 | 255)


def _note_track(
    routes: Element, name: str, number: int, playlist: int, order: int, ids: Ids
) -> None:
    """A muted track of MIDI, whose output is connected to nothing."""
    colour = _colour(name.partition(" ")[0])
    route = SubElement(routes, "Route", {
        "version": "7002", "id": str(number), "name": name, "default-type": "midi",
        "strict-io": "1", "active": "1", "midi-playlist": str(playlist), "mode": "Normal",
        "note-mode": "Sustained", "playback-channel-mode": "AllChannels",
    })  # fmt: skip
    SubElement(route, "PresentationInfo", {
        "order": str(order), "flags": "MidiTrack,OrderSet", "color": colour,
    })  # fmt: skip
    for direction, port in (("Input", "midi_in"), ("Output", "midi_out")):
        _ports(route, name, direction, port, (None,), ids, "midi")
    SubElement(route, "MuteMaster", {"mute-point": "PostFader,Listen,Main", "muted": "1"})
    SubElement(route, "Controllable", {"name": "mute", "id": str(next(ids)), "value": "1"})


def _track(routes: Element, name: str, number: int, playlist: int, order: int, ids: Ids) -> None:
    stem, _, take = name.partition(" ")
    muted = str(int(bool(take)))
    shown = {"order": str(order), "flags": "AudioTrack,OrderSet", "color": _colour(stem)}
    route = _route(routes, name, number, shown, MASTER, ids, playlist)
    SubElement(route, "MuteMaster", {"mute-point": "PostFader,Listen,Main", "muted": muted})
    SubElement(route, "Controllable", {"name": "mute", "id": str(next(ids)), "value": muted})
    _fader(route, ids)


def _route(
    routes: Element, name: str, number: int, shown: dict[str, str], outs: tuple[str, ...],
    ids: Ids, playlist: int | None = None,
) -> Element:  # fmt: skip
    """A route without its fader; one that plays nothing itself, the master, has no playlist."""
    plays = {} if playlist is None else {"audio-playlist": str(playlist), "mode": "Normal"}
    route = SubElement(routes, "Route", {
        "version": "7002", "id": str(number), "name": name, "default-type": "audio",
        "strict-io": str(int(playlist is None)), "active": "1", **plays,
    })  # fmt: skip
    SubElement(route, "PresentationInfo", shown)
    _ports(route, name, "Input", "audio_in", (None, None), ids)
    _ports(route, name, "Output", "audio_out", outs, ids)
    return route


def _fader(route: Element, ids: Ids) -> None:
    fader = SubElement(route, "Processor", {
        "id": str(next(ids)), "name": "Amp", "active": "1", "type": "amp",
    })  # fmt: skip
    SubElement(fader, "Controllable", {
        "name": "gaincontrol", "id": str(next(ids)), "flags": "GainLike", "value": "1",
    })  # fmt: skip


def _ports(
    route: Element, name: str, direction: str, port: str, others: tuple[str | None, ...], ids: Ids,
    kind: str = "audio",
) -> None:  # fmt: skip
    io = SubElement(route, "IO", {
        "name": name, "id": str(next(ids)), "direction": direction, "default-type": kind,
    })  # fmt: skip
    for channel, other in enumerate(others, 1):
        each = SubElement(io, "Port", type=kind, name=f"{name}/{port} {channel}")
        if other:
            SubElement(each, "Connection", other=other)


def _locations(
    locations: Element, manifest: Manifest, grid: Grid, start: Fraction, end: int,
    marks: Sequence[tuple[Fraction, str]], ids: Ids,
) -> None:  # fmt: skip
    def add(name: str, first: int, last: int, flags: str) -> None:
        SubElement(locations, "Location", {
            "id": str(next(ids)), "name": name, "start": f"a{first}", "end": f"a{last}",
            "flags": flags, "locked": "0",
        })  # fmt: skip

    add("session", 0, end, "IsSessionRange")  # what an export exports
    for section in manifest.sections:
        bars = (section.first_bar, section.first_bar + section.bars)
        first, last = (round((start + grid.seconds_at(grid.bar_starts[bar])) * SUPERCLOCKS_HZ)
                       for bar in bars)  # fmt: skip
        add(section.name, first, last, "IsRangeMarker")
    for seconds, symbol in marks:
        at = round(seconds * SUPERCLOCKS_HZ)
        add(symbol, at, at, "IsMark")


def _file_name(track: str, path: str) -> str:
    return track.replace(" ", "-") + Path(path).suffix
