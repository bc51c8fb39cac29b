"""A job's folder: whole, or as it was before."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rpp
import soundfile
from PIL import Image

from diffusion.facts import EngineDescription
from midi.chords import chords_from_text
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet
from midi.melody import Melody
from stems.delivery import deliver
from stems.errors import StemError
from stems.facts import TakeFacts
from stems.manifest import Manifest, read_manifest
from stems.overview import draw_overview
from stems.stem_set import Take

ONE_STEM = ("bass",)


@pytest.fixture
def hand_over(
    grid: Grid, key: Key, make_take: Callable[..., Take], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Manifest]:
    """deliver() of one take of one stem, unless told otherwise; the picture is left blank."""
    monkeypatch.setattr("stems.delivery.draw_overview", lambda path, _: path.write_bytes(b"png"))

    def call(out_dir: Path, **changes: Any) -> Manifest:
        stems = changes.get("stems", ONE_STEM)
        values: dict[str, Any] = {
            "request": {"bpm": 180.0}, "grid": grid, "key": key, "melody": None,
            "takes": [make_take(grid, stems=stems)], "stems": stems,
            "engine": EngineDescription(name="test"), "job": "job-1",
        }  # fmt: skip
        return deliver(out_dir, **(values | changes))

    return call


def test_the_project_marks_the_chords_of_the_first_take(
    tmp_path: Path, grid: Grid, make_take: Callable[..., Take], hand_over: Callable[..., Manifest]
) -> None:
    sheets = [
        LeadSheet(chords=chords_from_text(text, grid).chords) for text in ("Am7 | F", "C | G")
    ]
    takes = [replace(make_take(grid, stems=ONE_STEM), lead_sheet=sheet) for sheet in sheets]
    hand_over(tmp_path / "job", takes=takes)
    project = rpp.loads((tmp_path / "job" / "project.rpp").read_text("utf-8"))
    markers = [line[3] for line in project.findall("MARKER")]
    assert markers[:2] == ["Am7", "F"]
    assert "G" not in markers


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_whole_job_lies_in_one_folder(
    tmp_path: Path,
    grid: Grid,
    melody: Melody,
    make_take: Callable[..., Take],
    hand_over: Callable[..., Manifest],
):
    out = tmp_path / "deep" / "out"
    stems = ("drums", "bass", "melody", "vocals")
    takes = [make_take(grid, seed, stems) for seed in (11, 12)]
    manifest = hand_over(
        out, takes=takes, stems=stems, melody=melody, sections=("verse", "chorus"), at_beats=6
    )
    of_a_take = {f"{stem}.{kind}" for stem in stems for kind in ("wav", "mid")} | {"mix.wav"}
    whole = {"manifest.json", "project.rpp", "overview.png"}
    expected = whole | of_a_take | {f"take2/{name}" for name in of_a_take}
    assert set(contents(out)) == expected
    assert {file.path for file in manifest.files} == expected - {"manifest.json"}
    assert read_manifest(out, check_hashes=True).as_dict() == manifest.as_dict()
    assert [(take.take, take.seed, take.facts) for take in manifest.takes] == [
        (1, 11, TakeFacts(engine={"steps": 8})), (2, 12, TakeFacts(engine={"steps": 8})),
    ]  # fmt: skip
    assert all(take.null_dbfs <= -100.0 for take in manifest.takes)
    assert manifest.position.start_seconds == 2.0  # 6 quarters at 180 bpm
    assert [section.name for section in manifest.sections] == ["verse", "chorus"]


def test_the_manifest_s_lengths_are_those_of_the_files(
    tmp_path: Path, hand_over: Callable[..., Manifest]
):
    manifest = hand_over(tmp_path / "out")
    sounds = [file for file in manifest.files if file.role in ("stem", "mix")]
    assert len(sounds) == 2
    for file in sounds:
        assert soundfile.info(tmp_path / "out" / file.path).frames == file.frames == 96_000
    assert manifest.grid.frames == 96_000


def test_a_picture_is_delivered_with_it(
    tmp_path: Path, hand_over: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("stems.delivery.draw_overview", draw_overview)
    hand_over(tmp_path / "out")
    with Image.open(tmp_path / "out" / "overview.png") as image:
        assert image.size == (1600, 1000)


def test_items_of_the_project_tell_where_they_come_from_and_what_was_measured(
    tmp_path: Path,
    grid: Grid,
    make_take: Callable[..., Take],
    hand_over: Callable[..., Manifest],
):
    settings = [("bpm", "d", 180.0), ("retries", "i", 0), ("stems", "s", "bass")]
    takes = [make_take(grid, seed, ONE_STEM) for seed in (11, 12)]
    engine = EngineDescription(name="embedded", weights={"band": "sha256:1"}, device="cpu")
    manifest = hand_over(
        tmp_path, takes=takes, job="7", label="Night", settings=settings, engine=engine
    )
    (track,) = [
        each for each in rpp.loads((tmp_path / "project.rpp").read_text("utf-8")).findall("TRACK")
        if each.find("NAME")[1] == "bass"
    ]  # fmt: skip
    item = track.find("ITEM")
    origin = json.loads(item.find("EXTI").find("backline")[1])
    assert origin.pop("rid") and origin.pop("backline")
    assert origin == {
        "job": 7, "title": "Night", "bars": 2, "stem": "bass", "folder": str(tmp_path.resolve()),
        "keys": [["bpm", "d", 180.0], ["retries", "i", 0], ["stems", "s", "bass"]],
    }  # fmt: skip
    of_takes = [json.loads(chunk.find("backline")[1]) for chunk in item.findall("EXT")]
    sounds = {file.take: file.sha256 for file in manifest.files if file.role == "stem"}
    assert [(each["take"], each["seed"], each["sha256"]) for each in of_takes] == [
        (1, 11, sounds[1]), (2, 12, sounds[2]),
    ]  # fmt: skip
    assert {each["job"] for each in of_takes} == {7}
    assert {each["folder"] for each in of_takes} == {str(tmp_path.resolve())}
    assert of_takes[0]["engine"] == "embedded" and of_takes[0]["weights"] == {"band": "sha256:1"}
    notes = item.find("NOTES").children
    assert [line for line in notes if line.startswith("|take")] == [
        "|take 1, seed 11", "|take 2, seed 12",
    ]  # fmt: skip
    assert "|tempo: 180.00 BPM, +0.00 % from the tempo asked" in notes


def test_the_folder_track_is_named_by_label_job_or_music(
    tmp_path: Path, hand_over: Callable[..., Manifest]
):
    for label, job, name in (
        ("Night drive", "job-1", "Night drive"),
        ("", "job-1", "job-1"),
        ("", "", "backline 180 bpm A minor"),
    ):
        hand_over(tmp_path / "out", label=label, job=job)
        text = (tmp_path / "out" / "project.rpp").read_text(encoding="utf-8")
        assert f'NAME "{name}"' in text


def test_the_same_takes_give_the_same_sound_files(
    tmp_path: Path, hand_over: Callable[..., Manifest]
):
    first, second = (hand_over(tmp_path / name) for name in ("a", "b"))
    hashes = [
        {file.path: file.sha256 for file in manifest.files if file.role in ("stem", "mix", "notes")}
        for manifest in (first, second)
    ]
    assert hashes[0] == hashes[1]


def test_a_cancel_between_takes_leaves_nothing(
    tmp_path: Path,
    grid: Grid,
    make_take: Callable[..., Take],
    hand_over: Callable[..., Manifest],
):
    def cancelled() -> Iterator[Take]:
        yield make_take(grid, stems=ONE_STEM)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand_over(tmp_path / "deep" / "out", takes=cancelled())
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_told_before_the_first_take_is_made(
    tmp_path: Path, hand_over: Callable[..., Manifest]
):
    (tmp_path / "file").write_text("in the way")

    def never() -> Iterator[Take]:
        raise AssertionError("a take was made for nothing")
        yield

    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(StemError, match=r"output folder .*file.* cannot be written: "):
            hand_over(out, takes=never())
    assert contents(tmp_path) == {"file": b"in the way"}


@pytest.mark.parametrize("module", ["stems.files.WaveFile", "stems.delivery.draw_overview"])
def test_a_full_disk_leaves_nothing_and_is_told_in_a_sentence(
    tmp_path: Path,
    hand_over: Callable[..., Manifest],
    monkeypatch: pytest.MonkeyPatch,
    module: str,
):
    def full(path: Path, *rest: object, **more: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, full)
    with pytest.raises(StemError, match=r"out cannot be written: No space left on device$"):
        hand_over(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_sound_that_cannot_be_written_names_the_output_folder_not_a_hidden_one(
    tmp_path: Path, hand_over: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
):
    from audio.wave_file import WaveFile

    def full(*rest: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WaveFile, "write", full)
    with pytest.raises(StemError) as told:
        hand_over(tmp_path / "out")
    assert str(told.value) == (
        f"output folder {tmp_path / 'out'} cannot be written: No space left on device"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"stems": ("bass", "drums")}, "take 1 has the stems bass, asked were drums, bass"),
        ({"takes": []}, "at least one take"),
        ({"request": {"score": float("nan")}}, "cannot be written as JSON"),
        ({"sections": ("verse",)}, "names 1 bars, the grid has 2"),
        ({"grid": Grid.constant(180, "3/4", 3)}, "take 1 has 96000 frames, its grid has 144000"),
    ],
)
def test_what_does_not_fit_the_request_is_refused_and_leaves_nothing(
    tmp_path: Path,
    grid: Grid,
    make_take: Callable[..., Take],
    hand_over: Callable[..., Manifest],
    changes: dict[str, Any],
    sentence: str,
):
    takes = [make_take(grid, stems=ONE_STEM)]
    with pytest.raises(StemError, match=sentence):
        hand_over(tmp_path / "out", **({"takes": takes} | changes))
    assert list(tmp_path.iterdir()) == []


def test_an_older_result_is_replaced_and_its_left_overs_go(
    tmp_path: Path,
    grid: Grid,
    make_take: Callable[..., Take],
    hand_over: Callable[..., Manifest],
):
    stems = ("drums", "bass")
    takes = [make_take(grid, seed, stems) for seed in (1, 2)]
    hand_over(tmp_path, takes=takes, stems=stems)
    (tmp_path / "my notes.txt").write_text("mine")
    manifest = hand_over(tmp_path, job="job-2")
    expected = {file.path for file in manifest.files} | {"manifest.json", "my notes.txt"}
    assert set(contents(tmp_path)) == expected
    assert not (tmp_path / "take2").exists()
    assert read_manifest(tmp_path, check_hashes=True).job == "job-2"


def test_what_a_user_changed_or_made_is_kept_beside_the_new(
    tmp_path: Path, hand_over: Callable[..., Manifest]
):
    (tmp_path / "mix.wav").write_bytes(b"my own mix")
    hand_over(tmp_path)
    (tmp_path / "project.rpp").write_text("my edits")
    hand_over(tmp_path)
    assert (tmp_path / "mix.wav-bak").read_bytes() == b"my own mix"
    assert (tmp_path / "project.rpp-bak").read_text() == "my edits"
    (tmp_path / "project.rpp").write_text("more edits")
    hand_over(tmp_path)
    assert (tmp_path / "project.rpp-bak").read_text() == "my edits"
    assert (tmp_path / "project.rpp-bak2").read_text() == "more edits"
    assert read_manifest(tmp_path, check_hashes=True).job == "job-1"


def test_no_manifest_ever_stands_over_files_that_are_not_its_own(
    tmp_path: Path,
    grid: Grid,
    make_take: Callable[..., Take],
    hand_over: Callable[..., Manifest],
    monkeypatch: pytest.MonkeyPatch,
):
    hand_over(tmp_path, job="old")
    seen: list[str] = []
    replace = os.replace

    def watched(source: Path, target: Path) -> None:
        replace(source, target)
        if (tmp_path / "manifest.json").exists():
            seen.append(read_manifest(tmp_path, check_hashes=True).job)
        else:
            seen.append("none")

    monkeypatch.setattr("os.replace", watched)
    hand_over(tmp_path, job="new", takes=[make_take(grid, 2, ONE_STEM)])
    # The new manifest is written in the hidden folder first; of the 6 files the old manifest
    # goes first, and the new one comes last.
    assert seen == ["old"] + ["none"] * 11 + ["new"]


@pytest.mark.parametrize("error", [PermissionError(13, "The file is in use"), KeyboardInterrupt()])
def test_whichever_move_fails_the_older_result_is_as_it_was(
    error: BaseException,
    tmp_path: Path,
    grid: Grid,
    make_take: Callable[..., Take],
    hand_over: Callable[..., Manifest],
    monkeypatch: pytest.MonkeyPatch,
):
    hand_over(tmp_path, job="old")
    (tmp_path / "project.rpp").write_text("my edits")
    before = contents(tmp_path)
    take = make_take(grid, 2, ONE_STEM)
    replace = os.replace
    failures = 0
    for failing in range(1, 20):
        moves = iter(range(1, 100))

        def unreliable(
            source: Path, target: Path, moves: Iterator[int] = moves, failing: int = failing
        ) -> None:
            if next(moves) == failing:
                raise error
            replace(source, target)

        with monkeypatch.context() as patch:
            patch.setattr("os.replace", unreliable)
            try:
                hand_over(tmp_path, job="new", takes=[take])
            except (StemError, KeyboardInterrupt) as told:
                if isinstance(told, StemError):
                    assert "cannot be written: The file is in use" in str(told)
                failures += 1
                assert contents(tmp_path) == before
            else:
                break
    assert failures == 13  # writing the manifest, then 6 files away and 6 in
    assert read_manifest(tmp_path, check_hashes=True).job == "new"


def test_something_in_the_way_leaves_the_folder_as_it_was(
    tmp_path: Path, hand_over: Callable[..., Manifest]
):
    (tmp_path / "overview.png").mkdir()
    (tmp_path / "overview.png" / "x").write_text("mine")
    with pytest.raises(StemError, match="cannot be written"):
        hand_over(tmp_path)
    assert contents(tmp_path) == {"overview.png/x": b"mine"}
