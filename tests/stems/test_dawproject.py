"""A job as a DAWproject: the rules of its published schema, and the same music."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import log
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from diffusion.facts import EngineDescription
from midi.chords import chords_from_text
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet
from midi.note import Note
from stems.dawproject import write_dawproject
from stems.delivery import deliver
from stems.errors import StemError
from stems.manifest import Manifest
from stems.stem_set import Take

STEMS = ("drums", "bass")
NASTY = 'it\'s <"so"> & ünï\x07 🎹'

# Of each element that is written: what may stand in it, in this order, and the attributes it may
# have, the first of them required ones. From Project.xsd of DAWproject 1.0.
RULES: dict[str, tuple[list[str], set[str], set[str]]] = {
    "Project": (["Application", "Transport", "Structure", "Arrangement"], {"version"}, set()),
    "Application": ([], {"name", "version"}, set()),
    "Transport": (["Tempo", "TimeSignature"], set(), set()),
    "Tempo": ([], {"unit"}, {"id", "name", "value", "min", "max"}),
    "TimeSignature": ([], {"numerator", "denominator"}, {"id"}),
    "Structure": (["Track"], set(), set()),
    "Track": (["Channel", "Track"], set(), {"id", "name", "color", "contentType", "loaded"}),
    "Channel": (["Mute", "Pan", "Volume"], set(),
                {"id", "audioChannels", "destination", "role", "solo"}),
    "Mute": ([], set(), {"id", "name", "value"}),
    "Pan": ([], {"unit"}, {"id", "name", "value", "min", "max"}),
    "Volume": ([], {"unit"}, {"id", "name", "value", "min", "max"}),
    "Arrangement": (["Lanes", "Markers", "TempoAutomation", "TimeSignatureAutomation"], set(),
                    {"id"}),
    "Lanes": (["Lanes", "Clips"], set(), {"id", "timeUnit", "track"}),
    "Clips": (["Clip"], set(), {"id"}),
    "Clip": (["Audio", "Notes"], {"time"}, {"duration", "contentTimeUnit", "playStart", "name"}),
    "Audio": (["File"], {"channels", "sampleRate", "duration"}, {"id"}),
    "Notes": (["Note"], set(), {"id"}),
    "Note": ([], {"time", "duration", "key"}, {"channel", "vel", "rel"}),
    "File": ([], {"path"}, set()),
    "Markers": (["Marker"], set(), {"id", "timeUnit"}),
    "Marker": ([], {"time"}, {"name"}),
    "TempoAutomation": (["Target", "RealPoint"], set(), {"id", "timeUnit", "unit"}),
    "TimeSignatureAutomation": (["Target", "TimeSignaturePoint"], set(), {"id", "timeUnit"}),
    "Target": ([], set(), {"parameter"}),
    "RealPoint": ([], {"time", "value"}, {"interpolation"}),
    "TimeSignaturePoint": ([], {"time", "numerator", "denominator"}, set()),
}  # fmt: skip
VALUES = {
    "timeUnit": {"beats", "seconds"}, "contentTimeUnit": {"beats", "seconds"},
    "interpolation": {"hold", "linear"}, "role": {"regular", "master"},
    "contentType": {"audio", "notes", "tracks", "audio notes"},
    "unit": {"bpm", "normalized", "linear"},
}  # fmt: skip


@pytest.fixture
def export(
    tmp_path: Path,
    mapped_grid: Grid,
    key: Key,
    make_take: Callable[..., Take],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[Element, zipfile.ZipFile, Manifest]]:
    """Delivers two takes and exports them: project.xml, the archive, the manifest."""
    monkeypatch.setattr("stems.delivery.draw_overview", lambda path, _: path.write_bytes(b"png"))

    def call(
        takes: Sequence[Take] = (), **changes: object
    ) -> tuple[Element, zipfile.ZipFile, Manifest]:
        takes = takes or [make_take(mapped_grid, seed, STEMS) for seed in (1, 2)]
        manifest = deliver(
            tmp_path / "job", request={"project": NASTY}, grid=mapped_grid, key=key, melody=None,
            takes=takes, stems=STEMS, engine=EngineDescription(name="test"), job="7",
            sections=(NASTY, NASTY, "chorus", "chorus"), **changes,  # type: ignore[arg-type]
        )  # fmt: skip
        write_dawproject(tmp_path / "song.dawproject", tmp_path / "job", manifest)
        archive = zipfile.ZipFile(tmp_path / "song.dawproject")
        return fromstring(archive.read("project.xml")), archive, manifest

    return call


Export = Callable[..., tuple[Element, zipfile.ZipFile, Manifest]]


def test_every_element_keeps_the_rules_of_the_schema(export: Export) -> None:
    project, _, _ = export(at_beats=14)
    assert (project.tag, project.get("version")) == ("Project", "1.0")
    for element in project.iter():
        children, required, optional = RULES[element.tag]
        order = [children.index(child.tag) for child in element]
        assert order == sorted(order), element.tag
        assert required <= element.attrib.keys() <= required | optional, element.tag
        for name, allowed in VALUES.items():
            assert element.get(name) in {None, *allowed}, (element.tag, name)


def test_every_identity_is_one_and_every_reference_finds_its_own(export: Export) -> None:
    project, _, _ = export()
    identities = [each.attrib["id"] for each in project.iter() if "id" in each.attrib]
    assert len(identities) == len(set(identities))
    tags = {each.attrib["id"]: each.tag for each in project.iter() if "id" in each.attrib}
    found = {"track": "Track", "destination": "Channel"}
    for element in project.iter():
        for name, tag in found.items():
            assert name not in element.attrib or tags[element.attrib[name]] == tag
    targets = [tags[each.attrib["parameter"]] for each in project.iter("Target")]
    assert targets == ["Tempo", "TimeSignature"]


def test_the_sounds_lie_in_the_file_unchanged(export: Export) -> None:
    project, archive, manifest = export()
    paths = [each.attrib["path"] for each in project.iter("File")]
    assert paths == [
        "audio/drums.wav", "audio/bass.wav", "audio/take2/drums.wav", "audio/take2/bass.wav",
    ]  # fmt: skip
    hashes = {f"audio/{file.path}": file.sha256 for file in manifest.files if file.role == "stem"}
    assert {path: hashlib.sha256(archive.read(path)).hexdigest() for path in paths} == hashes
    assert set(archive.namelist()) == {"project.xml", "metadata.xml", *paths}
    assert archive.testzip() is None


def test_each_stem_is_a_clip_at_its_bar_and_only_the_first_take_sounds(export: Export) -> None:
    project, _, manifest = export(at_beats=14)
    every = project.findall("Structure/Track/Track")
    tracks = [track for track in every if track.get("contentType") == "audio"]
    muted = [mute.get("value") for track in tracks for mute in track.findall("Channel/Mute")]
    assert list(zip((track.get("name") for track in tracks), muted, strict=True)) == [
        ("drums", "false"), ("bass", "false"), ("drums take 2", "true"), ("bass take 2", "true"),
    ]  # fmt: skip
    lanes = [
        lane
        for lane in project.findall("Arrangement/Lanes/Lanes")
        if lane.find(".//Audio") is not None
    ]
    assert [lane.get("track") for lane in lanes] == [track.get("id") for track in tracks]
    for lane in lanes:
        (clip,) = lane.findall("Clips/Clip")
        # The job begins at beat 14 and has 2 bars of 7/8 and 2 of 3/4: 13 quarters.
        assert (float(clip.attrib["time"]), float(clip.attrib["duration"])) == (14.0, 13.0)
        (audio,) = clip.findall("Audio")
        seconds = float(audio.attrib["duration"])
        frames = manifest.grid.frames
        assert seconds * 48_000 == pytest.approx(frames, abs=1e-6)  # frames


def test_the_tempo_map_takes_as_long_as_the_grid_whatever_a_ramp_is_linear_in(
    export: Export, mapped_grid: Grid
) -> None:
    project, _, _ = export()
    points = [
        (float(p.attrib["time"]), float(p.attrib["value"]), p.attrib["interpolation"])
        for p in project.findall("Arrangement/TempoAutomation/RealPoint")
    ]
    assert (points[0], points[-1]) == ((0.0, 120.0, "hold"), (8.0, 240.0, "hold"))
    over_time = over_beats = 0.0
    for (beat, bpm, shape), (later, later_bpm, _) in pairwise(points):
        beats = later - beat
        if shape == "hold":
            over_time += beats * 60 / bpm
            over_beats += beats * 60 / bpm
        else:
            over_time += beats * 120 / (bpm + later_bpm)
            over_beats += beats * 60 * log(later_bpm / bpm) / (later_bpm - bpm)
    expected = float(mapped_grid.seconds_at(Fraction(8)))
    assert over_time == pytest.approx(expected, abs=1e-9)  # seconds: it is the grid's own rule
    assert over_beats == pytest.approx(expected, abs=1e-3)  # a millisecond, seen from the other


def test_meters_and_sections_lie_on_their_bars(export: Export) -> None:
    project, _, _ = export(at_beats=14)
    meters = [
        (float(p.attrib["time"]), p.attrib["numerator"], p.attrib["denominator"])
        for p in project.findall("Arrangement/TimeSignatureAutomation/TimeSignaturePoint")
    ]
    # Two bars of 7/8 are 7 quarters.
    assert meters == [(0.0, "7", "8"), (14.0, "7", "8"), (21.0, "3", "4")]
    markers = [
        (float(m.attrib["time"]), m.attrib["name"])
        for m in project.findall("Arrangement/Markers/Marker")
    ]
    assert markers == [(14.0, " ".join(NASTY.replace("\x07", " ").split())), (21.0, "chorus")]


def test_the_notes_of_each_stem_are_a_muted_track_in_beats(
    export: Export, make_take: Callable[..., Take], mapped_grid: Grid
) -> None:
    notes = {
        "drums": (Note(Fraction(0), Fraction(1, 4), 36, 127), Note(Fraction(9), Fraction(1), 38)),
        "bass": (Note(Fraction(3, 2), Fraction(2), 33, 64),),
    }
    takes = [replace(make_take(mapped_grid, seed, STEMS), notes=notes) for seed in (1, 2)]
    project, _, _ = export(at_beats=14, takes=takes)
    tracks = {
        track.get("id"): track for track in project.findall("Structure/Track/Track")
        if track.get("contentType") == "notes"
    }  # fmt: skip
    names = [track.get("name") for track in tracks.values()]
    assert names == ["drums notes", "bass notes", "drums notes take 2", "bass notes take 2"]
    muted = {mute.get("value") for each in tracks.values() for mute in each.iter("Mute")}
    assert muted == {"true"}
    lanes = [
        lane for lane in project.findall("Arrangement/Lanes/Lanes") if lane.get("track") in tracks
    ]
    (clip,) = lanes[0].findall("Clips/Clip")
    assert clip.attrib.items() >= {
        "time": "14.0", "duration": "13.0", "contentTimeUnit": "beats", "playStart": "0.0",
    }.items()  # fmt: skip
    found = [[note.attrib for note in lane.iter("Note")] for lane in lanes[:2]]
    assert found == [
        [
            {"time": "0.0", "duration": "0.25", "channel": "9", "key": "36", "vel": "1.0"},
            {"time": "9.0", "duration": "1.0", "channel": "9", "key": "38",
             "vel": repr(round(100 / 127, 12))},
        ],
        [{"time": "1.5", "duration": "2.0", "channel": "0", "key": "33",
          "vel": repr(round(64 / 127, 12))}],
    ]  # fmt: skip


def test_chords_are_markers_among_the_sections_and_a_gap_is_one_too(
    export: Export, make_take: Callable[..., Take], mapped_grid: Grid
) -> None:
    am, f, _, c = chords_from_text("Am7 F | F | C", mapped_grid).chords[:4]
    later = replace(c, start_beats=8.5, length_beats=1.0)
    sheet = LeadSheet(chords=(am, f, later))
    takes = [replace(make_take(mapped_grid, 1, STEMS), lead_sheet=sheet)]
    project, _, _ = export(at_beats=14, takes=takes)
    markers = [
        (float(m.attrib["time"]), m.attrib["name"])
        for m in project.findall("Arrangement/Markers/Marker")
    ]
    assert markers[1:] == [
        (14.0, "Am7"), (15.75, "F"), (17.5, "N.C."), (21.0, "chorus"), (22.5, "C"), (23.5, "N.C."),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "role"), [("bass.mid", "notes"), ("lead_sheet.json", "plan")])
def test_notes_or_chords_that_cannot_be_read_are_one_sentence(
    tmp_path: Path, export: Export, make_take: Callable[..., Take], mapped_grid: Grid,
    name: str, role: str,
) -> None:  # fmt: skip
    notes = {"bass": (Note(Fraction(0), Fraction(1), 33),)}
    sheet = LeadSheet(chords=chords_from_text("C", mapped_grid).chords)
    take = replace(make_take(mapped_grid, 1, STEMS), notes=notes, lead_sheet=sheet)
    _, _, manifest = export(takes=[take])
    assert role in {entry.role for entry in manifest.files}
    (tmp_path / "job" / name).write_bytes(b"MThd, not whole")
    with pytest.raises(StemError, match=f"{re.escape(name)} of the job cannot be read: "):
        write_dawproject(tmp_path / "other.dawproject", tmp_path / "job", manifest)
    assert not (tmp_path / "other.dawproject").exists()


def test_a_position_in_seconds_becomes_beats_of_the_first_tempo(export: Export) -> None:
    project, _, _ = export(at_seconds=7.0)
    (time,) = {clip.attrib["time"] for clip in project.iter("Clip")}
    assert float(time) == 14.0  # 7 s at 120 bpm


def test_the_title_stands_in_the_metadata(export: Export) -> None:
    _, archive, _ = export()
    metadata = fromstring(archive.read("metadata.xml"))
    assert (metadata.tag, metadata.findtext("Title")) == (
        "MetaData",
        " ".join(NASTY.replace("\x07", " ").split()),
    )


@pytest.mark.parametrize("fault", [{"tempo_map": []}, {"bars": "x"}, {"meter_map": [{"bar": 0}]}])
def test_a_manifest_without_a_grid_is_one_sentence(
    tmp_path: Path, export: Export, fault: dict[str, object]
) -> None:
    _, _, manifest = export()
    plain = manifest.as_dict()
    plain["grid"] |= fault
    with pytest.raises(StemError, match=r"the manifest's grid cannot be read|of the wrong form"):
        broken = Manifest.from_dict(plain)
        write_dawproject(tmp_path / "other.dawproject", tmp_path / "job", broken)
    assert not (tmp_path / "other.dawproject").exists()
