"""An old result is made again frame by frame, or the missing ingredient is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., int]


@pytest.fixture
def result(run: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    options = ("--bpm", "240", "--key", "Am", "--bars", "1", "--seed", "5", "--stems", "drums,bass")
    assert run("generate", *options, "-o", folder) == 0
    return folder


def changed(folder: Path, **fields: object) -> None:
    """Write other values into the manifest: "engine__device" is the device of the engine."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    for name, value in fields.items():
        *groups, last = name.split("__")
        place = manifest
        for group in groups:
            place = place[group]
        place[last] = value
    path.write_text(json.dumps(manifest), "utf-8")


@pytest.mark.parametrize("what", ["", "manifest.json"])
def test_the_same_request_gives_the_same_frames(
    run: Run, result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    assert run("reproduce", result / what, "-o", tmp_path / "new") == 0
    assert "the same frames in every stem and mix" in capsys.readouterr().out
    for name in ("drums.wav", "bass.wav", "mix.wav"):
        assert (tmp_path / "new" / name).read_bytes() == (result / name).read_bytes()


def test_other_frames_are_told_with_what_differs(
    run: Run, result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((result / "manifest.json").read_text("utf-8"))
    files = [entry | {"sha256": "0" * 64} for entry in manifest["files"]]
    changed(result, files=files, engine__device="cuda")
    assert run("reproduce", result, "-o", tmp_path / "new") == 1
    said = capsys.readouterr().out
    assert "other frames in" in said and "bass.wav" in said
    assert "device was cuda, is cpu" in said


def test_other_weights_are_named(
    run: Run, result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(result, engine__weights={"older": "ones"}, engine__version="7", backline="0.0.9")
    assert run("reproduce", result, "-o", tmp_path / "new") == 1
    said = capsys.readouterr().err
    assert "weights of engine tone are not those of the result" in said
    assert "made by weights 7 of backline 0.0.9" in said
    assert not (tmp_path / "new").exists()


def test_weights_that_were_removed_name_the_command(
    run: Run, result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = {
        "model": "turbo",
        "repository": "r/turbo",
        "revision": "be23eff",
        "sha256": "ab" * 32,
    }
    changed(result, request__engine="ace-step", engine__weights=weights)
    assert run("reproduce", result, "-o", tmp_path / "new") == 1
    said = capsys.readouterr().err
    assert said.strip().endswith("run: backline models pull turbo --revision be23eff")


def test_a_melody_that_is_gone_is_named(
    run: Run, result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(result, request__melody_path=str(tmp_path / "gone.mid"))
    assert run("reproduce", result, "-o", tmp_path / "new") == 1
    assert "melody-path" in capsys.readouterr().err


def test_something_else_than_a_manifest_is_one_sentence(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("reproduce", tmp_path, "-o", tmp_path / "new") == 1
    assert "cannot be read" in capsys.readouterr().err
