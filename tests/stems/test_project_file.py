"""project.rpp as four readers that are not ours see it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest
import rpp
import rppxml

from audio.stem_names import STEMS
from midi.grid import Grid
from midi.melody import Melody
from midi.note import Note
from stems.entries import Section
from stems.palette import STEM_COLOURS
from stems.project_file import Project, ProjectTake, start_seconds, write_project
from stems.rpp import quoted

NASTY_NAMES = [
    "plain", "two words", 'say "hi"', "it's", "it's \"both\"", "<TRACK", ">", "#5", "0x10", "",
    "  spaces  ", "back\\slash", "%n & $x", "Ünïcødé 日本 🎹", "| pipe", "; comment",
]  # fmt: skip


def project_of(grid: Grid, **changes: object) -> Project:
    values: dict[str, object] = {
        "title": "job-1", "grid": grid, "sample_rate": 48_000, "stems": STEMS, "takes": ({},),
        "melody": None, "sections": (), "start_seconds": Fraction(0),
        "created": datetime(2026, 1, 2, tzinfo=UTC),
    }  # fmt: skip
    values |= changes
    takes: tuple[object, ...] = values["takes"]  # type: ignore[assignment]
    values["takes"] = tuple(
        take if isinstance(take, ProjectTake) else ProjectTake(notes=take)  # type: ignore[arg-type]
        for take in takes
    )
    return Project(**values)  # type: ignore[arg-type]


def with_rpp(path: Path) -> list[SimpleNamespace]:
    """Tracks as the package rpp reads them: text all through."""
    root = rpp.loads(path.read_text(encoding="utf-8"))
    return [track_of(element) for element in root.findall(".//TRACK")]


def track_of(element: rpp.Element) -> SimpleNamespace:
    items = [
        SimpleNamespace(
            position=item.find("POSITION")[1],
            length=item.find("LENGTH")[1],
            loop=item.find("LOOP")[1],
            fades=(item.find("FADEIN")[2], item.find("FADEOUT")[2]),
            muted=item.find("MUTE")[1],
            takes=[each[1] for each in item.findall("NAME")],
            files=[source.find("FILE")[1] for source in item.findall(".//SOURCE")
                   if source.find("FILE")],
            events=[line[1:] for source in item.findall(".//SOURCE")
                    for line in source.children if line[0] == "E"],
        )
        for item in element.findall("ITEM")
    ]  # fmt: skip
    return SimpleNamespace(
        name=element.find("NAME")[1],
        colour=int(element.find("PEAKCOL")[1]),
        folder=tuple(element.find("ISBUS")[1:]),
        items=items,
    )


def lines_of(path: Path, chunk: str, key: str) -> list[list[object]]:
    """Lines of a top-level chunk ("" is the project) as REAPER's own parser library reads them."""
    root = rppxml.load(str(path))
    node = root if not chunk else next(
        child for child in root.children if not isinstance(child, list) and child.name == chunk
    )  # fmt: skip
    return [line for line in node.children if isinstance(line, list) and line[0] == key]


def written(tmp_path: Path, project: Project) -> Path:
    path = tmp_path / "project.rpp"
    write_project(path, project)
    return path


def test_a_folder_holds_the_stem_tracks_in_their_colours(tmp_path: Path):
    path = written(tmp_path, project_of(Grid.constant("92.5", "4/4", 8)))
    tracks = with_rpp(path)
    assert [(track.name, track.folder) for track in tracks] == [
        ("job-1", ("1", "1")),
        ("drums", ("0", "0")),
        ("bass", ("0", "0")),
        ("melody", ("0", "0")),
        ("vocals", ("2", "-1")),
    ]
    for track in tracks[1:]:
        red, green, blue = STEM_COLOURS[track.name]
        assert track.colour == 0x1000000 + red + 256 * green + 65536 * blue  # custom, BGR


def test_only_asked_stems_get_a_track_and_the_last_closes_the_folder(tmp_path: Path):
    project = project_of(Grid.constant(120), stems=("bass", "melody"))
    tracks = with_rpp(written(tmp_path, project))
    assert [(track.name, track.folder[1]) for track in tracks] == [
        ("job-1", "1"), ("bass", "0"), ("melody", "-1"),
    ]  # fmt: skip
    assert tracks[1].items[0].files == ["bass.wav"]


@pytest.mark.parametrize(
    ("bpm", "meter", "bars", "sample_rate"),
    [("61.7", "7/8", 5, 44_100), ("174", "4/4", 16, 48_000), ("92.5", "6/8", 7, 44_100),
     ("333.33", "5/4", 3, 48_000), ("20", "4/4", 50, 44_100)],
)  # fmt: skip
def test_item_lengths_are_the_grid_s_frames_exactly(
    tmp_path: Path, bpm: str, meter: str, bars: int, sample_rate: int
):
    top, bottom = (int(part) for part in meter.split("/"))
    seconds = Fraction(bars * top * 4, bottom) * 60 / Fraction(bpm)
    frames = int(seconds * sample_rate + Fraction(1, 2))  # closed form, rounded once
    project = project_of(Grid.constant(bpm, meter, bars), sample_rate=sample_rate)
    for track in with_rpp(written(tmp_path, project))[1:]:
        in_frames = Fraction(track.items[0].length) * sample_rate
        assert abs(in_frames - frames) < Fraction(1, 10**6)  # a millionth of a frame


def test_items_neither_loop_nor_fade_and_start_where_asked(tmp_path: Path):
    grid = Grid.constant(128, "4/4", 4)
    # Bar 5 at 128 bpm: 16 quarters of 60/128 s are 7.5 s.
    project = project_of(grid, start_seconds=start_seconds(grid, at_beats=16))
    for track in with_rpp(written(tmp_path, project))[1:]:
        (item,) = track.items
        assert float(item.position) == 7.5
        assert (item.loop, item.fades, item.muted) == ("0", ("0", "0"), "0")


def test_tempo_and_meter_of_a_plain_grid_stand_in_the_tempo_line_alone(tmp_path: Path):
    path = written(tmp_path, project_of(Grid.constant("92.5", "6/8", 4)))
    assert lines_of(path, "", "TEMPO") == [["TEMPO", 92.5, 6, 8]]
    assert lines_of(path, "TEMPOENVEX", "ACT") == [["ACT", 0, -1]]
    assert lines_of(path, "TEMPOENVEX", "PT") == []


def test_a_tempo_map_keeps_its_steps_ramps_and_meters(tmp_path: Path, mapped_grid: Grid):
    path = written(tmp_path, project_of(mapped_grid))
    # 120 bpm: beat 2 at 1 s. The ramp's mean is 180 bpm: its 6 quarters last 2 s, beat 8 at 3 s.
    # Bar 3 begins at beat 7, 5 quarters into the ramp: 120 t + 60 t^2 / 2 = 60 * 5 quarters,
    # t = (sqrt(14400 + 60 * 600) - 120) / 60 = 1.741657 s, at 120 + 60 t = 224.4994 bpm.
    t = (sqrt(14_400 + 36_000) - 120) / 60
    points = lines_of(path, "TEMPOENVEX", "PT")
    seven_eight, three_four = 7 + 65536 * 8, 3 + 65536 * 4
    expected = [
        (0.0, 120.0, 1, [seven_eight, 0, 1]),
        (1.0, 120.0, 0, []),
        (1.0 + t, 120.0 + 60 * t, 0, [three_four, 0, 1]),
        (3.0, 240.0, 1, []),
    ]
    assert len(points) == len(expected)
    for point, (seconds, bpm, shape, rest) in zip(points, expected, strict=True):
        assert point[1] == pytest.approx(seconds, abs=1e-12)  # seconds
        assert point[2] == pytest.approx(bpm, abs=1e-9)  # bpm
        assert point[3:] == [shape, *rest]
    assert lines_of(path, "TEMPOENVEX", "ACT") == [["ACT", 1, -1]]


def test_reaper_s_ramp_rule_on_the_written_points_leads_to_the_item_s_end(
    tmp_path: Path, mapped_grid: Grid
):
    path = written(tmp_path, project_of(mapped_grid))
    points = [(p[1], p[2], p[3]) for p in lines_of(path, "TEMPOENVEX", "PT")]
    quarters = 0.0
    for (t0, b0, shape), (t1, b1, _) in pairwise(points):
        quarters += (b0 + (b1 if shape == 0 else b0)) / 120 * (t1 - t0)
    end = float(with_rpp(path)[1].items[0].length)
    quarters += points[-1][1] / 60 * (end - points[-1][0])
    # 2 bars of 7/8 and 2 of 3/4 are 13 quarters; the end is rounded to a frame, which at
    # 240 bpm is 4 / 48000 of a quarter.
    assert quarters == pytest.approx(13, abs=0.5 * 4 / 48_000 + 1e-9)


def test_a_start_off_the_bars_lets_the_bar_before_it_be_cut(tmp_path: Path):
    grid = Grid.constant(120, "4/4", 2)
    path = written(tmp_path, project_of(grid, start_seconds=start_seconds(grid, at_seconds=3.25)))
    four_four = 4 + 65536 * 4
    assert lines_of(path, "TEMPOENVEX", "PT") == [
        ["PT", 0, 120, 1, four_four, 0, 1],
        ["PT", 3.25, 120, 1, four_four, 0, 5],
    ]


def test_a_start_on_a_bar_that_came_as_a_float_is_that_bar():
    grid = Grid.constant(61, "4/4", 2)
    # Bar 3 at 61 bpm: 8 quarters of 60/61 s, which no float is exactly.
    assert start_seconds(grid, at_seconds=8 * 60 / 61) == Fraction(480, 61)
    assert start_seconds(grid, at_beats=8) == Fraction(480, 61)
    assert start_seconds(grid) == 0


def test_takes_are_takes_of_the_same_item(tmp_path: Path):
    path = written(tmp_path, project_of(Grid.constant(120), takes=({}, {}, {})))
    for stem, track in zip(STEMS, with_rpp(path)[1:], strict=True):
        (item,) = track.items
        assert item.takes == [f"{stem} take {number}" for number in (1, 2, 3)]
        assert item.files == [f"{stem}.wav", f"take2/{stem}.wav", f"take3/{stem}.wav"]


def test_media_paths_are_relative_so_that_the_folder_can_be_moved(tmp_path: Path):
    path = written(tmp_path, project_of(Grid.constant(120), takes=({}, {})))
    files = [file for track in with_rpp(path) for item in track.items for file in item.files]
    assert len(files) == 8
    assert not any(PurePosixPath(file).is_absolute() or ".." in file for file in files)
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_the_melody_is_a_midi_item_on_its_own_track(tmp_path: Path):
    third = Fraction(1, 3)  # triplets: 320 of 960 ticks
    notes = (Note(Fraction(0), third, 60, 100), Note(third, third, 64, 90))
    harmony = (Note(Fraction(0), Fraction(2), 48, 70),)
    grid = Grid.constant(120, "4/4", 1)
    project = project_of(grid, melody=Melody(notes, harmony))
    track = with_rpp(written(tmp_path, project))[-1]
    assert (track.name, track.folder) == ("guide melody", ("0", "0"))
    (item,) = track.items
    assert (item.muted, float(item.length)) == ("0", 2.0)
    # 1 bar of 4/4 is 3840 ticks; deltas: 0, 0, 320 (off, on), 320, then 1920, then the end.
    assert item.events == [
        ["0", "90", "30", "46"], ["0", "90", "3c", "64"],
        ["320", "80", "3c", "00"], ["0", "90", "40", "5a"],
        ["320", "80", "40", "00"],
        ["1280", "80", "30", "00"],
        ["1920", "b0", "7b", "00"],
    ]  # fmt: skip


def test_what_each_stem_plays_lies_muted_in_a_folder_of_its_own(tmp_path: Path):
    kick = (Note(Fraction(0), Fraction(1, 4), 36, 127),)
    tune = (Note(Fraction(1), Fraction(1), 72, 90),)
    takes = ({"drums": kick, "melody": tune}, {"drums": kick})
    tracks = with_rpp(written(tmp_path, project_of(Grid.constant(120), takes=takes)))[5:]
    assert [(track.name, track.folder) for track in tracks] == [
        ("notes", ("1", "1")),
        ("drums notes", ("0", "0")),
        ("melody notes", ("2", "-1")),
    ]
    drums, melody = tracks[1].items[0], tracks[2].items[0]
    assert (drums.muted, melody.muted) == ("1", "1")
    assert drums.events[0] == ["0", "99", "24", "7f"]  # channel 10
    assert melody.takes == ["melody take 1", "melody take 2"]
    assert melody.events[-1][1:] == ["b0", "7b", "00"]  # the second take plays nothing


def test_a_pitch_struck_again_ends_the_note_before_it(tmp_path: Path):
    notes = (Note(Fraction(0), Fraction(2), 60, 90), Note(Fraction(1), Fraction(2), 60, 80))
    project = project_of(Grid.constant(120, "4/4", 1), takes=({"bass": notes},))
    events = with_rpp(written(tmp_path, project))[-1].items[0].events
    assert [event[:2] for event in events[:4]] == [
        ["0", "90"], ["960", "80"], ["0", "90"], ["1920", "80"],
    ]  # fmt: skip


def test_sections_are_regions_over_their_bars(tmp_path: Path):
    sections = (Section("verse 'one'", 0, 2), Section("chorus", 3, 1))
    path = written(
        tmp_path,
        project_of(Grid.constant(120, "4/4", 4), sections=sections, start_seconds=Fraction(8)),
    )
    # A bar of 4/4 at 120 bpm is 2 s, and bar 1 lies at 8 s.
    markers = [line[1:5] for line in lines_of(path, "", "MARKER")]
    assert markers == [
        [1, 8, "verse 'one'", 1], [1, 12, "", 1], [2, 14, "chorus", 1], [2, 16, "", 1],
    ]  # fmt: skip


def test_chords_are_markers_at_the_time_of_their_beat(tmp_path: Path, mapped_grid: Grid):
    chords = ((Fraction(0), "Am7"), (Fraction(7, 4), "F#m/B"), (Fraction(7, 2), "N.C."))
    path = written(tmp_path, project_of(mapped_grid, chords=chords, start_seconds=Fraction(8)))
    # The map is a ramp from 120 bpm from the second beat on; midi's tests hold seconds_at.
    wanted = [8 + float(mapped_grid.seconds_at(beat)) for beat, _ in chords]
    markers = lines_of(path, "", "MARKER")
    assert [(line[1], line[3], line[4]) for line in markers] == [
        (1, "Am7", 0), (2, "F#m/B", 0), (3, "N.C.", 0),
    ]  # fmt: skip
    assert [line[2] for line in markers] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_nasty_names_come_back_from_two_readers(tmp_path: Path, name: str):
    path = written(tmp_path, project_of(Grid.constant(120), title=name))
    expected = " ".join(name.split())
    assert with_rpp(path)[0].name == expected
    track = next(c for c in rppxml.load(str(path)).children if getattr(c, "name", "") == "TRACK")
    line = next(c for c in track.children if isinstance(c, list) and c[0] == "NAME")
    assert line[1] == expected


def test_quoting_follows_reaper_s_rules():
    assert quoted("a b") == '"a b"'
    assert quoted('a"b') == "'a\"b'"
    assert quoted("a\"b'c") == "`a\"b'c`"
    assert quoted("a\"b'c`d") == "`a\"b'c'd`"
    assert quoted("a\r\nb\x00\x1b\ud800c") == '"a b c"'  # nothing that could break the line


def test_names_cannot_add_lines(tmp_path: Path):
    plain = written(tmp_path, project_of(Grid.constant(120))).read_text(encoding="utf-8")
    path = written(tmp_path, project_of(Grid.constant(120), title="x\n>\n<TRACK\n  NAME evil"))
    assert path.read_text(encoding="utf-8").count("\n") == plain.count("\n")
    assert len(with_rpp(path)) == 5


def test_no_two_things_share_an_identity(tmp_path: Path):
    notes = {"bass": (Note(Fraction(0), Fraction(1), 40, 90),)}
    path = written(tmp_path, project_of(Grid.constant(120), takes=(notes, notes)))
    other = tmp_path / "other.rpp"
    write_project(other, project_of(Grid.constant(120), takes=(notes, notes)))
    text = path.read_text(encoding="utf-8") + other.read_text(encoding="utf-8")
    guids = [part.split("}")[0] for part in text.split("{")[1:]]
    # In each file: tempo map 1, tracks 7, items 5, their takes 10, MIDI pools 2.
    assert len(guids) == len(set(guids)) == 2 * 25


def test_a_lossless_reader_sees_tracks_items_and_takes(tmp_path: Path, mapped_grid: Grid):
    reader = pytest.importorskip("reaper_parser")
    start = Fraction(15, 2)
    sections = (Section("verse", 0, 4),)
    project = project_of(
        mapped_grid, takes=({}, {}), sections=sections, start_seconds=start, stems=("bass",)
    )
    document = reader.parse(str(written(tmp_path, project)))
    tracks = document.project.tracks
    assert [track.name for track in tracks] == ["job-1", "bass"]
    (item,) = tracks[1].items
    assert float(item.position) == 7.5
    frames = mapped_grid.frames(48_000)
    assert float(item.length) * 48_000 == pytest.approx(frames, abs=1e-6)  # frames
    assert len(item.takes) == 2


def test_an_object_reader_sees_positions_sources_and_regions(tmp_path: Path):
    reader = pytest.importorskip("reaproj")
    grid = Grid.constant(120, "4/4", 4)
    sections = (Section("chorus", 1, 2),)
    path = written(tmp_path, project_of(grid, sections=sections, start_seconds=Fraction(4)))
    document = reader.Project.load(path)
    found = [
        (track.name, item.position, item.length, PurePosixPath(item.source_path).name)
        for track in document.tracks
        for item in track.items
    ]
    assert found == [(stem, 4.0, 8.0, f"{stem}.wav") for stem in STEMS]
    assert [(r.name, r.start, r.end) for r in document.regions] == [("chorus", 6.0, 10.0)]


def test_the_file_is_utf_8_with_unix_line_ends_and_balanced_chunks(tmp_path: Path):
    path = written(tmp_path, project_of(Grid.constant(120), title="Ünïcødé"))
    data = path.read_bytes()
    assert b"\r" not in data and data.endswith(b">\n")
    assert opened(data.decode("utf-8").splitlines()) == 0


def opened(lines: Sequence[str]) -> int:
    stripped = [line.strip() for line in lines]
    return sum(line.startswith("<") for line in stripped) - stripped.count(">")
