"""A project with everything in it, as four readers see it: all of them the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import rpp
import rppxml

from diffusion.facts import EngineDescription
from midi.grid import Grid
from midi.melody import Melody
from midi.note import Note
from stems.entries import FileEntry, Section
from stems.facts import SplitterDescription
from stems.project_file import Project, ProjectTake, write_project, write_split_project
from stems.project_items import Origin
from stems.version import backline_version

# A chunk is (tag, attributes, what is in it); a line is a tuple of its words.
Chunk = tuple[str, tuple[str, ...], list[Any]]

HARD_TEXT = 'it\'s "so" `ticked`, <x> > \\n 100 %  two spaces ünï 🎹'


def with_rpp(text: str) -> Chunk:
    """Perlence's rpp, a grammar in ply."""

    def walk(node: Any) -> Any:
        if isinstance(node, str):
            return (node,)
        if isinstance(node, list):
            return tuple(node)
        return node.tag, tuple(node.attrib), [walk(child) for child in node.children]

    return walk(rpp.loads(text))


def with_rppxml(text: str) -> Chunk:
    """The parser of REAPER's own makers (WDL), which turns what looks like a number into one."""

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return tuple(map(str, node))
        return node.name, tuple(map(str, node.params)), [walk(child) for child in node.children]

    return walk(rppxml.loads(text))


def with_reaper_parser(text: str) -> Chunk:
    """A lossless reader without dependencies."""
    reader = pytest.importorskip("reaper_parser")

    def walk(node: Any) -> Any:
        if hasattr(node, "key"):
            return (node.key, *node.values)
        return node.tag, tuple(node.attrs), [walk(child) for child in node.children]

    return walk(reader.parse(text).root)


def with_reaproj(text: str) -> Chunk:
    """An object reader, asked to write what it has read; that is read again."""
    reader = pytest.importorskip("reaproj")
    return with_rpp(reader.Project.loads(text).dumps())


READERS = [with_rpp, with_rppxml, with_reaper_parser, with_reaproj]


def lines(chunk: Chunk, key: str) -> Iterator[tuple[str, ...]]:
    yield from (each for each in chunk[2] if not is_chunk(each) and each[0] == key)


def chunks(chunk: Chunk, tag: str) -> Iterator[Chunk]:
    yield from (each for each in chunk[2] if is_chunk(each) and each[0] == tag)


def is_chunk(node: Any) -> bool:
    return len(node) == 3 and isinstance(node[2], list)


def extension(chunk: Chunk) -> dict[str, object]:
    """What P_EXT:backline would give: a quoted value, or one in base64."""
    for line in lines(chunk, "backline"):
        return dict(json.loads(line[1]))
    (long,) = chunks(chunk, "BIN")
    assert long[1] == ("backline",)
    return dict(json.loads(base64.b64decode("".join(line[0] for line in long[2]))))


def notes(item: Chunk) -> list[str]:
    return [line[0].removeprefix("|") for chunk in chunks(item, "NOTES") for line in chunk[2]]


def media(source: Chunk) -> str:
    return next((line[1] for line in lines(source, "FILE")), source[1][0])


def item_of(item: Chunk) -> dict[str, object]:
    numbers = {key: float(next(lines(item, key))[1]) for key in ("POSITION", "LENGTH", "LOOP")}
    return numbers | {
        "takes": [line[1] for line in lines(item, "NAME")],
        "media": [media(source) for source in chunks(item, "SOURCE")],
        "origin": [extension(chunk) for chunk in chunks(item, "EXTI")],
        "origins of takes": [extension(chunk) for chunk in chunks(item, "EXT")],
        "notes": notes(item),
    }


def seen(project: Chunk) -> dict[str, object]:
    (tempo,) = chunks(project, "TEMPOENVEX")
    return {
        "tracks": {
            next(lines(track, "NAME"))[1]: (
                int(next(lines(track, "ISBUS"))[2]),
                [item_of(item) for item in chunks(track, "ITEM")],
            )
            for track in chunks(project, "TRACK")
        },
        "tempo": [tuple(map(float, line[1:])) for line in lines(tempo, "PT")],
        "regions": [
            (int(line[1]), float(line[2]), line[3], line[4]) for line in lines(project, "MARKER")
        ],
    }


@pytest.fixture
def text(tmp_path: Path, mapped_grid: Grid) -> str:
    """Two takes of two stems on ramps and odd meters, placed at 7.5 s, which is no bar line."""
    tune = (Note(Fraction(0), Fraction(1), 72, 90),)
    takes = (
        ProjectTake(
            {"bass": tune},
            {"drums": {"take": 1, "style": HARD_TEXT}, "bass": {"take": 1}},
            ("take 1, seed 5", "tempo: 120.00 BPM, +0.01 % from the tempo asked", "key: F# minor"),
        ),
        ProjectTake(
            {}, {"drums": {"take": 2, "long": HARD_TEXT * 100}, "bass": {"take": 2}}, ("take 2",)
        ),
    )
    project = Project(
        HARD_TEXT.replace("`", "'"), mapped_grid, 48_000, ("drums", "bass"), takes,
        Melody(tune, ()), (Section("verse 'one'", 0, 2), Section("chorus", 2, 2)), Fraction(15, 2),
        datetime(2026, 1, 2, tzinfo=UTC),
        Origin("r1", "job-1", HARD_TEXT, EngineDescription(name="test"), "/jobs/1", {"bars": 4}),
    )  # fmt: skip
    write_project(tmp_path / "project.rpp", project)
    return (tmp_path / "project.rpp").read_text(encoding="utf-8")


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_sees_all_that_was_written(
    text: str, mapped_grid: Grid, reader: Callable[[str], Chunk]
) -> None:
    found = seen(reader(text))
    # The grid's frames, 13 quarters of a map, are held against closed forms in the tests of midi.
    length_seconds = float(f"{mapped_grid.frames(48_000) / 48_000:.14f}")

    def stem(name: str, origins: list[dict[str, object]]) -> list[dict[str, object]]:
        return [
            {
                "POSITION": 7.5, "LENGTH": length_seconds, "LOOP": 0.0,
                "takes": [f"{name} take 1", f"{name} take 2"],
                "media": [f"{name}.wav", f"take2/{name}.wav"],
                "origin": [{"rid": "r1", "job": 0, "folder": "/jobs/1", "title": HARD_TEXT,
                            "bars": 4, "stem": name, "backline": backline_version()}],
                "origins of takes": origins,
                "notes": ["take 1, seed 5", "tempo: 120.00 BPM, +0.01 % from the tempo asked",
                          "key: F# minor", "", "take 2"],
            }
        ]  # fmt: skip

    def midi(*names: str) -> list[dict[str, object]]:
        return [
            {"POSITION": 7.5, "LENGTH": length_seconds, "LOOP": 0.0, "takes": list(names),
             "media": ["MIDI"] * len(names), "origin": [], "origins of takes": [], "notes": []}
        ]  # fmt: skip

    title = " ".join(HARD_TEXT.replace("`", "'").split())
    drums = [{"take": 1, "style": HARD_TEXT}, {"take": 2, "long": HARD_TEXT * 100}]
    assert found["tracks"] == {
        title: (1, []),
        "drums": (0, stem("drums", drums)),
        "bass": (-1, stem("bass", [{"take": 1}, {"take": 2}])),
        "guide melody": (0, midi("guide melody")),
        "notes": (1, []),
        "bass notes": (-1, midi("bass take 1", "bass take 2")),
    }
    # Regions: bars 1 to 2 and 3 to 4, at the times the grid has for their bar lines.
    starts = [7.5 + float(mapped_grid.seconds_at(mapped_grid.bar_starts[bar])) for bar in (0, 2, 4)]
    regions = found["regions"]
    assert isinstance(regions, list)
    assert [(number, name, flag) for number, _, name, flag in regions] == [
        (1, "verse 'one'", "1"), (1, "", "1"), (2, "chorus", "1"), (2, "", "1"),
    ]  # fmt: skip
    expected = [starts[0], starts[1], starts[1], starts[2]]
    assert [seconds for _, seconds, _, _ in regions] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("reader", READERS[1:])
def test_all_readers_see_the_same_tempo_map(text: str, reader: Callable[[str], Chunk]) -> None:
    tempo = seen(reader(text))["tempo"]
    assert tempo == seen(with_rpp(text))["tempo"]
    assert isinstance(tempo, list)
    # Before the start; the start, cutting the bar before it; the ramp; 3/4 in it; its end.
    assert [point[2] for point in tempo] == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert [point[0] for point in tempo[:3]] == [0.0, 7.5, 8.5]


def test_reapers_own_parser_library_writes_back_what_it_has_read(text: str) -> None:
    again, before = (seen(with_rpp(each)) for each in (rppxml.dumps(rppxml.loads(text)), text))
    tempo, tempo_before = again.pop("tempo"), before.pop("tempo")
    assert again == before
    assert isinstance(tempo, list) and isinstance(tempo_before, list)
    for point, point_before in zip(tempo, tempo_before, strict=True):
        assert point == pytest.approx(point_before, abs=1e-9)  # it rounds to 10 decimals


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_sees_a_split_where_its_sound_lay(
    tmp_path: Path, reader: Callable[[str], Chunk]
) -> None:
    # 12345 frames of 44.1 kHz; the sound begins 0.6 frames into them, at 7.25 s of the project.
    offset = Fraction(6, 441_000)
    reports = {
        "bass": ("bass of a 'b'.wav, split by embedded",),
        "vocals": ("vocals of it", "nothing is heard in it"),
    }
    files = {
        name: FileEntry(f"{name}.flac", "stem", name, 1, 0, 12_345, sha256 * 32)
        for name, sha256 in (("bass", "ab"), ("vocals", "cd"))
    }
    splitter = SplitterDescription(
        name="embedded", sha256="ab", precision="float32", bfloat16_snr_db=None, device="cpu",
        sample_rate=44_100, segment_seconds=6.0, overlap=0.25, torch="2", demucs="4",
    )  # fmt: skip
    origin = Origin("r7", "42", "a 'b' stems", splitter, "/jobs/42", {"split": "/music/a 'b'.wav"})
    path = tmp_path / "project.rpp"
    made = datetime(2026, 1, 2, tzinfo=UTC)
    write_split_project(
        path, origin, {file: reports[name] for name, file in files.items()}, sample_rate=44_100,
        at_beats=0, at_seconds=7.25, offset_seconds=offset, created=made,
    )  # fmt: skip
    project = reader(path.read_text(encoding="utf-8"))
    assert [float(part) for part in next(lines(project, "TEMPO"))[1:]] == [120, 4, 4]
    assert next(lines(project, "SAMPLERATE"))[1] in ("44100", "44100.0")
    tracks = list(chunks(project, "TRACK"))
    assert [next(lines(track, "NAME"))[1] for track in tracks] == ["a 'b' stems", *files]
    assert [int(float(next(lines(track, "ISBUS"))[2])) for track in tracks] == [1, 0, -1]
    for track, (name, file) in zip(tracks[1:], files.items(), strict=True):
        (item,) = chunks(track, "ITEM")
        assert float(next(lines(item, "SOFFS"))[1]) == pytest.approx(float(offset), abs=1e-10)
        assert next(chunks(item, "SOURCE"))[1][0] == "FLAC"
        found = item_of(item)
        length = pytest.approx(12_345 / 44_100 - float(offset), abs=1e-9)  # rppxml: 10 decimals
        job = {"rid": "r7", "job": 42, "folder": "/jobs/42"}
        assert found == {
            "POSITION": 7.25, "LENGTH": length, "LOOP": 0.0, "takes": [name],
            "media": [file.path], "notes": list(reports[name]),
            "origin": [{**job, "stem": name, "title": "a 'b' stems", "split": "/music/a 'b'.wav",
                        "backline": backline_version()}],
            "origins of takes": [{**job, "take": 1, "seed": 0, "engine": "embedded",
                                  "weights": None, "sha256": file.sha256}],
        }  # fmt: skip
