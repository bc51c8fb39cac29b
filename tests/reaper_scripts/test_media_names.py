"""Files in a project's media folder: their names are those that `backline export --files` gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audio.flac_file import FlacFile
from midi.key import Key
from midi.meter import Meter
from stems.chunks import Music
from stems.files import tidy_name


def name_in_lua(reaper: Any, manifest: dict[str, object], stem: str, take: int) -> str:
    told = reaper.play(
        f"local manifest = Daemon.json.decode([==[{json.dumps(manifest)}]==])\n"
        f'w.boxes[1] = w:lib("names").of(manifest, "{stem}", {take}, "{stem}.wav")'
    )
    return str(told["boxes"][0])


@pytest.mark.parametrize(
    ("job", "project", "bpm", "key", "takes"),
    [
        ("42", "", 92.5, "C minor", 1),
        ("12345", "ignored", 120.0, "F# dorian", 3),
        ("", "My song_2 -", 61.7, "Bb mixolydian", 1),
        ("", "", 100.12345, "A locrian", 2),
    ],
)
def test_the_name_is_the_exports(
    reaper: Any, job: str, project: str, bpm: float, key: str, takes: int
) -> None:
    manifest = {
        "job": job, "request": {"project": project}, "takes": [{"take": 1}] * takes,
        "grid": {"bpm": bpm}, "key": {"name": Key.parse(key).name},
    }  # fmt: skip
    music = Music(bpm, 4.0, Meter.parse("4/4"), Key.parse(key), True)
    wanted = tidy_name(
        "drums", ".wav", job=job, label=project, take=takes, takes=takes, music=music
    )
    assert name_in_lua(reaper, manifest, "drums", takes) == wanted


def test_a_split_has_neither_tempo_nor_key(reaper: Any) -> None:
    manifest = {"job": "7", "request": {}, "takes": [{}], "grid": {}, "key": {}}
    assert name_in_lua(reaper, manifest, "vocals", 1) == "backline_0007_vocals.wav"
    assert tidy_name("vocals", ".wav", job="7") == "backline_0007_vocals.wav"


def test_flac_files_as_we_write_them_are_taken(reaper: Any, tmp_path: Path) -> None:
    path = tmp_path / "bass.flac"
    with FlacFile(path, 96_000, 2, {"title": "backline bass"}) as flac:
        flac.write(np.full((2, 12345), 7, np.int32))
    entry = {
        "path": "bass.flac", "role": "stem", "stem": "bass", "take": 1,
        "bytes": path.stat().st_size, "frames": 12345,
    }  # fmt: skip
    manifest = {
        "job": "7", "takes": [{}], "grid": {"sample_rate": 96_000, "frames": 12345},
        "files": [entry],
    }  # fmt: skip
    told = reaper.play(
        f"local manifest = Daemon.json.decode([==[{json.dumps(manifest)}]==])\n"
        "local fetch = coroutine.wrap(function()\n"
        f'  local found, why = w:lib("media").fetch(manifest, [==[{tmp_path}]==], {{"bass"}},'
        f" [==[{tmp_path}/media]==], {{}})\n"
        '  return found and "" .. found[1].takes[1].path or why\n'
        "end)\n"
        "local said\nrepeat said = fetch() until said\nw.boxes[1] = said"
    )
    copied = Path(told["boxes"][0])
    assert copied == tmp_path / "media" / "backline_0007_bass.flac"
    assert copied.read_bytes() == path.read_bytes()
