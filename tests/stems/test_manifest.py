import json
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import pytest

from diffusion.facts import EngineDescription
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody
from stems.entries import (
    FileEntry,
    GridEntry,
    KeyEntry,
    MelodyEntry,
    MeterEntry,
    PositionEntry,
    Section,
    TakeEntry,
    TempoEntry,
)
from stems.errors import StemError
from stems.facts import TakeFacts
from stems.manifest import (
    Manifest,
    describe_file,
    read_manifest,
    write_manifest,
)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A manifest of one file, which lies beside it."""
    (tmp_path / "bass.wav").write_bytes(b"twelve bytes")
    return Manifest(
        backline="0.1.0",
        created="2026-01-02T03:04:05+00:00",
        job="job-1",
        request={"bpm": 92.5, "tags": ("warm", "日本"), "nested": {"a": [1, None]}},
        engine=EngineDescription(name="embedded", weights={"model": "ab12"}),
        grid=GridEntry.of(Grid.constant(92.5, bars=4), 48_000),
        key=KeyEntry.of(Key.parse("C minor")),
        melody=None,
        position=PositionEntry(start_seconds=7.5, at_beats=0.0, at_seconds=7.5),
        sections=(Section("verse", 0, 4),),
        stems=("bass",),
        takes=(TakeEntry(1, 42, -0.5, -141.0, None, TakeFacts(engine={"steps": 8})),),
        files=(describe_file(tmp_path, "bass.wav", "stem", stem="bass", take=1, frames=3),),
    )


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path, manifest: Manifest):
    write_manifest(tmp_path / "manifest.json", manifest)
    read = read_manifest(tmp_path, check_hashes=True)
    assert read.as_dict() == manifest.as_dict()
    assert (read.sections, read.takes, read.files) == (
        manifest.sections, manifest.takes, manifest.files,
    )  # fmt: skip


def test_a_file_is_described_by_its_bytes(manifest: Manifest):
    (entry,) = manifest.files
    assert entry == FileEntry(
        "bass.wav", "stem", "bass", 1, 12, 3, sha256(b"twelve bytes").hexdigest()
    )


def test_the_schema_is_the_first_thing_in_the_file(tmp_path: Path, manifest: Manifest):
    write_manifest(tmp_path / "manifest.json", manifest)
    text = (tmp_path / "manifest.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "schema": "backline.manifest/1",\n')
    assert text.endswith("}\n")
    assert "日本" in text


def test_words_that_are_no_unicode_are_kept_as_json_keeps_them(tmp_path: Path, manifest: Manifest):
    odd = replace(manifest, request={"tags": "caf\udce9"})  # Latin-1 bytes on a command line
    write_manifest(tmp_path / "manifest.json", odd)
    assert read_manifest(tmp_path).request == {"tags": "caf\udce9"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_what_json_cannot_hold_is_refused_and_leaves_no_file(
    tmp_path: Path, manifest: Manifest, value: object
):
    with pytest.raises(StemError, match="cannot be written as JSON"):
        write_manifest(tmp_path / "manifest.json", replace(manifest, request={"fact": value}))
    assert [file.name for file in tmp_path.iterdir()] == ["bass.wav"]


def test_a_failed_write_keeps_the_manifest_that_was_there(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "manifest.json"
    write_manifest(path, manifest)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_manifest(path, replace(manifest, job="job-2"))
    assert path.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"bass.wav", "manifest.json"}


def test_another_schema_is_refused_by_name(tmp_path: Path, manifest: Manifest):
    data = manifest.as_dict() | {"schema": "backline.manifest/2"}
    (tmp_path / "manifest.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(StemError, match=r"must be backline.manifest/1, not 'backline.manifest/2'"):
        read_manifest(tmp_path)


def test_a_lacking_field_is_named(manifest: Manifest):
    data = manifest.as_dict()
    del data["takes"]
    with pytest.raises(StemError, match="lacks the field 'takes'"):
        Manifest.from_dict(data)


@pytest.mark.parametrize(
    "change", [{"files": [1]}, {"files": None}, {"takes": [{}]}, {"stems": 5}, {"sections": [[]]}]
)
def test_a_field_of_the_wrong_form_is_refused(manifest: Manifest, change: dict[str, object]):
    with pytest.raises(StemError, match="field of the wrong form"):
        Manifest.from_dict(manifest.as_dict() | change)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "it is empty"), (b"\xff\xfe", "is not JSON"), (b"[" * 100_000, "is not JSON"),
     (b"[]", "must be a JSON object")],
)  # fmt: skip
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes, sentence: str):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(StemError, match=sentence):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_no_result(tmp_path: Path):
    with pytest.raises(StemError, match="cannot be read: No such file"):
        read_manifest(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path, manifest: Manifest):
    write_manifest(tmp_path / "manifest.json", manifest)
    (tmp_path / "bass.wav").unlink()
    with pytest.raises(StemError, match=r"names bass\.wav, which is not in"):
        read_manifest(tmp_path)


def test_a_shortened_file_is_named(tmp_path: Path, manifest: Manifest):
    write_manifest(tmp_path / "manifest.json", manifest)
    (tmp_path / "bass.wav").write_bytes(b"twelve")
    with pytest.raises(StemError, match=r"bass\.wav has 6 bytes, its manifest says 12"):
        read_manifest(tmp_path)


def test_a_changed_file_of_the_same_size_is_found_by_its_hash(tmp_path: Path, manifest: Manifest):
    write_manifest(tmp_path / "manifest.json", manifest)
    (tmp_path / "bass.wav").write_bytes(b"TWELVE BYTES")
    assert read_manifest(tmp_path).job == "job-1"
    with pytest.raises(StemError, match=r"bass\.wav was changed after"):
        read_manifest(tmp_path, check_hashes=True)


@pytest.mark.parametrize("path", ["../x.wav", "/etc/x", "a/../../x", "C:\\x", "a\\..\\b", ""])
def test_no_file_may_lie_outside_the_folder(path: str):
    with pytest.raises(StemError, match="leads out of its folder"):
        FileEntry(path, "stem", "bass", 1, 0, 0, "")


def test_a_grid_is_written_down_in_beats_seconds_and_frames(mapped_grid: Grid):
    # 120 bpm to beat 2 (1 s), a ramp to 240 bpm of 2 s, then 5 quarters of 1/4 s: 4.25 s.
    described = GridEntry.of(mapped_grid, 44_100)
    assert (described.seconds, described.frames) == (4.25, 187_425)
    assert (described.bars, described.beats, described.meter) == (4, 13.0, "7/8")
    assert described.meter_map == (MeterEntry(0, "7/8"), MeterEntry(2, "3/4"))
    assert described.tempo_map == (
        TempoEntry(0.0, 120.0, False), TempoEntry(2.0, 120.0, True), TempoEntry(8.0, 240.0, False),
    )  # fmt: skip
    bars = described.bar_frames
    assert len(bars) == 5 and (bars[0], bars[-1]) == (0, 187_425)
    assert described.grid() == mapped_grid


def test_key_and_melody_are_written_down(melody: Melody):
    assert KeyEntry.of(Key.parse("Bb minor")).name == "Bb minor"
    assert MelodyEntry.of(melody) == MelodyEntry(4, 0, ("the last note was cut",))
    assert melody.notes[0].start_beats == Fraction(0)
