"""A finished job as a session of Ardour 7: a folder with the session's XML and the sounds.

The format has no description but its program: what is written here is what Ardour 7.3 itself saved
and needs to load it again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from midi.grid import Grid
from stems.errors import StemError
from stems.manifest import Manifest, grid_of
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
SUPERCLOCKS_HZ = 282_240_000  # of which any usual sample rate has a whole number a frame
TICKS_PER_BEAT = 1_920
RAMP_STEP_BEATS = 1  # Ardour's ramps are of another shape: here they are steps, right on each beat
Ids = Iterator[int]


def write_session(session: Path, folder: Path, manifest: Manifest, name: str) -> None:
    """Write the job in `folder` as the session `name` into `session`, an empty folder.

    Each stem has a track, and a region that begins on the frame at which the job lies; takes after
    the first are muted tracks. Raises StemError for a job that does not begin on a bar line of its
    first meter, or is no song; OSError when the disk refuses.
    """
    grid = grid_of(manifest)
    sounds = session / "interchange" / name / "audiofiles"
    sounds.mkdir(parents=True)
    for each in ("analysis", "dead", "export", "externals", "peaks", "plugins"):
        (session / each).mkdir()
    root = _session(manifest, grid, name)
    for track, path in manifest.sounds():
        shutil.copyfile(folder / path, sounds / _file_name(track, path))
    indent(root)
    ElementTree(root).write(session / f"{name}.ardour", encoding="UTF-8", xml_declaration=True)


def _session(manifest: Manifest, grid: Grid, name: str) -> Element:
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
        playlist = SubElement(playlists, "Playlist", {
            "id": str(playlist_id), "name": track, "type": "audio", "orig-track-id": str(track_id),
            "shared-with-ids": "", "frozen": "0", "combine-ops": "0",
        })  # fmt: skip
        _region(playlist, track, next(ids), names, f"a{length}@a{first}", is_whole_file=False)
        _track(routes, track, track_id, playlist_id, order, ids)
    _locations(locations, manifest, grid, start, first + length, ids)
    root.append(_tempo_map(grid, start))
    root.set("id-counter", str(next(ids)))
    return root


def _region(
    parent: Element, name: str, number: int, sources: list[str], length: str, *, is_whole_file: bool
) -> None:
    whole = length.split("@")[0] + "@a0"
    facts = {
        "name": name if is_whole_file else f"{name}.1", "id": str(number), "type": "audio",
        "whole-file": str(int(is_whole_file)), "start": "a0", "length": length,
        "sync-position": "a0", "ancestral-start": "a0", "ancestral-length": whole, "stretch": "1",
        "shift": "1", "opaque": "1", "channels": str(len(sources)), "envelope-active": "0",
        "default-fade-in": "1", "default-fade-out": "1", "fade-in-active": "0",
        "fade-out-active": "0", "scale-amplitude": "1", "first-edit": "nothing",
    }  # fmt: skip
    for channel, source in enumerate(sources):
        facts |= {f"source-{channel}": source, f"master-source-{channel}": source}
    SubElement(parent, "Region", facts)


def _track(routes: Element, name: str, number: int, playlist: int, order: int, ids: Ids) -> None:
    stem, _, take = name.partition(" ")
    muted = str(int(bool(take)))
    red, green, blue = STEM_COLOURS.get(stem, NEUTRAL)
    colour = str(red << 24 | green << 16 | blue << 8 | 255)
    shown = {"order": str(order), "flags": "AudioTrack,OrderSet", "color": colour}
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
    route: Element, name: str, direction: str, port: str, others: tuple[str | None, ...], ids: Ids
) -> None:
    io = SubElement(route, "IO", {
        "name": name, "id": str(next(ids)), "direction": direction, "default-type": "audio",
    })  # fmt: skip
    for channel, other in enumerate(others, 1):
        each = SubElement(io, "Port", type="audio", name=f"{name}/{port} {channel}")
        if other:
            SubElement(each, "Connection", other=other)


def _locations(
    locations: Element, manifest: Manifest, grid: Grid, start: Fraction, end: int, ids: Ids
) -> None:
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


def _file_name(track: str, path: str) -> str:
    return track.replace(" ", "-") + Path(path).suffix


def _tempo_map(grid: Grid, start: Fraction) -> Element:
    """Tempo and meter from the session's start: before bar 1 they are those of bar 1."""
    lead_beats = start * grid.tempo[0].bpm / 60
    if (lead_beats / grid.meter.beats).denominator != 1:
        raise StemError(
            f"the job begins at {float(start):g} s, which is no bar line at {grid.bpm:g} bpm in "
            f"{grid.meter}; Ardour's tempo map could not have its bars"
        )
    root = Element("TempoMap", {"superclocks-per-second": str(SUPERCLOCKS_HZ)})
    tempos, meters = SubElement(root, "Tempos"), SubElement(root, "Meters")
    steps = list(_steps(grid))
    if lead_beats:
        steps = [(-lead_beats, grid.tempo[0].bpm), *steps]
        if steps[0][1] == steps[1][1]:
            del steps[1]
    for beat, bpm in steps:
        text = f"{float(bpm):.17g}"
        SubElement(tempos, "Tempo", {
            "npm": text, "enpm": text, "note-type": "4", "type": "Tempo::Constant", "active": "1",
            "locked-to-meter": "0", "continuing": "0",
            **_where(grid, beat, start, lead_beats), "omega": "0",
        })  # fmt: skip
    for change in grid.meters:
        beat = grid.bar_starts[change.bar] if change.bar else -lead_beats
        SubElement(meters, "Meter", {
            "note-value": str(change.meter.denominator),
            "divisions-per-bar": str(change.meter.numerator),
            **_where(grid, beat, start, lead_beats),
        })  # fmt: skip
    SubElement(root, "MusicTimes")
    return root


def _steps(grid: Grid) -> Iterator[tuple[Fraction, Fraction]]:
    """Tempo from each beat on; a ramp as steps that take as long as it does from beat to beat."""
    for index, point in enumerate(grid.tempo):
        last = index + 1 == len(grid.tempo)
        end = grid.beats if last else min(grid.tempo[index + 1].beat, grid.beats)
        if last or not point.ramp:
            yield point.beat, Fraction(point.bpm)
            continue
        beat = point.beat
        while beat < end:
            following = min(beat + RAMP_STEP_BEATS, end)
            seconds = Fraction(grid.seconds_at(following)) - Fraction(grid.seconds_at(beat))
            yield beat, 60 * (following - beat) / seconds
            beat = following


def _where(grid: Grid, beat: Fraction, start: Fraction, lead_beats: Fraction) -> dict[str, str]:
    """A beat of the grid, or its start if it is negative, in superclocks, quarters and bars."""
    if beat < 0:
        return {"sclock": "0", "quarters": "0:0", "bbt": "1|1|0"}
    ticks = round((lead_beats + beat) * TICKS_PER_BEAT)
    bar = grid.bar_at(beat)
    in_bar = (beat - grid.bar_starts[bar]) * grid.meter_at_bar(bar).denominator / 4  # in its notes
    bars = lead_beats / grid.meter.beats + bar
    return {
        "sclock": str(round((start + Fraction(grid.seconds_at(beat))) * SUPERCLOCKS_HZ)),
        "quarters": f"{ticks // TICKS_PER_BEAT}:{ticks % TICKS_PER_BEAT}",
        "bbt": f"{bars + 1}|{int(in_bar) + 1}|{round(in_bar % 1 * TICKS_PER_BEAT)}",
    }
