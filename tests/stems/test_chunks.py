import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from audio.clip import Clip
from diffusion.facts import EngineDescription
from midi.grid import Grid, TempoPoint
from midi.key import Key
from stems.chunks import SoundTags, chunks_of, family_of, music_of
from stems.delivery import deliver
from stems.errors import StemError
from stems.files import SOUND_FORMATS, write_sounds
from stems.manifest import read_manifest
from stems.stem_set import Take

FRAMES, RATE = 96_000, 48_000


@pytest.fixture
def tags(grid: Grid, key: Key) -> SoundTags:
    """The bass of a loop of 2 bars of 3/4 at 180 bpm in A minor, 10 hours into a project."""
    return SoundTags("bass", 2, 36_000 * RATE, "Héros & <co>", "f" * 32, 5, music_of(grid, key))


@pytest.fixture
def written(tmp_path: Path, tags: SoundTags) -> Path:
    clip = Clip(np.zeros((2, FRAMES), np.float32), RATE)
    write_sounds({"bass": tmp_path / "bass.wav"}, {"bass": clip}, tags={"bass": tags})
    return tmp_path / "bass.wav"


def chunk(path: Path, name: bytes) -> bytes:
    """Walk the chunks as RIFF has them."""
    data, at = path.read_bytes(), 12
    while at < len(data):
        found, size = struct.unpack_from("<4sI", data, at)
        if found == name:
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise AssertionError(f"no {name!r} in {path}")


def test_wavinfo_reads_where_a_stem_begins_and_what_it_is(written: Path):
    info = WavInfoReader(written)
    # 10 hours at 48 kHz are 36000 x 48000 = 1 728 000 000 frames.
    assert info.bext.time_reference == 1_728_000_000
    assert info.bext.description == "backline bass, take 2, 180 bpm, 3/4, A minor"
    assert info.bext.originator == "backline"
    assert info.bext.version == 1


def test_wavinfo_reads_project_take_track_and_family(written: Path):
    ixml = WavInfoReader(written).ixml
    assert (ixml.project, ixml.take, ixml.family_uid) == ("Héros & <co>", "2", "f" * 32)
    assert [track.name for track in ixml.track_list] == ["bass", "bass"]


def test_a_loop_says_its_tempo_beats_and_meter_and_may_be_stretched(written: Path):
    # Flags: 4 stretch + 2 root; A is 9 over middle C; 6 quarters in 3/4 at 180 bpm.
    flags, root, _, _, beats, below, above, bpm = struct.unpack(
        "<IHHfIHHf", chunk(written, b"acid")
    )
    assert (flags, root, beats, above, below, bpm) == (6, 69, 6, 3, 4, 180.0)


def test_a_loop_goes_round_from_its_first_frame_to_its_last(written: Path):
    loop = WavInfoReader(written).smpl.sample_loops[0]
    assert (loop.start, loop.end, loop.repetition_count) == (0, FRAMES - 1, 0)
    assert WavInfoReader(written).smpl.midi_note == 69


def test_libsndfile_reads_a_file_with_all_its_chunks(written: Path):
    info = soundfile.info(written, verbose=True)
    assert (info.frames, info.subtype) == (FRAMES, "FLOAT")
    assert "Meter     : 3/4\n  Tempo     : 180.0" in info.extra_info  # its own reading of acid
    assert "bext : 602" in info.extra_info and "End : 95999" in info.extra_info


@pytest.mark.parametrize(
    "song",
    [
        Grid.constant(120, "4/4", 17),  # longer than a loop
        Grid.constant(120, "7/8", 1),  # 3.5 beats
        Grid(2, (TempoPoint(Fraction(0), Fraction(120)), TempoPoint(Fraction(4), Fraction(90))),
             Grid.constant(120).meters),  # two tempi
    ],
)  # fmt: skip
def test_what_is_no_loop_is_one_shot_and_has_no_loop_points(song: Grid, tags: SoundTags, key: Key):
    _, after = chunks_of(replace(tags, music=music_of(song, key)), RATE, FRAMES, 2)
    chunks = dict(after)
    assert struct.unpack_from("<I", chunks[b"acid"])[0] == 3  # one-shot, with a root note
    assert b"smpl" not in chunks


def test_drums_have_no_root_note(tags: SoundTags):
    _, after = chunks_of(replace(tags, stem="drums"), RATE, FRAMES, 2)
    assert struct.unpack_from("<I", dict(after)[b"acid"])[0] == 4  # stretch alone


def test_sound_of_no_known_tempo_carries_only_its_place_and_family(tags: SoundTags):
    before, after = chunks_of(replace(tags, music=None), RATE, FRAMES, 2)
    assert [name for name, _ in before + after] == [b"bext", b"iXML"]


def test_the_family_is_the_request_s(tags: SoundTags):
    assert family_of({"bpm": 120, "seed": 1}) == family_of({"seed": 1, "bpm": 120})
    assert family_of({"bpm": 120, "seed": 1}) != family_of({"bpm": 120, "seed": 2})


@pytest.mark.parametrize("format_name", ["wav16", "wav24", "flac"])
def test_a_job_s_whole_numbers_sum_exactly_as_read_back(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take], format_name: str
):
    manifest = deliver(
        tmp_path, request={"bpm": 180}, grid=grid, key=key, melody=None,
        takes=[make_take(grid, level=0.9)], stems=("drums", "bass", "vocals", "melody"),
        engine=EngineDescription(name="test"), at_seconds=2.0, format_name=format_name,
    )  # fmt: skip
    shift = 32 - SOUND_FORMATS[format_name].bits
    mix, *stems = (
        soundfile.read(tmp_path / manifest.sound_path(stem, 1), dtype="int32")[0] >> shift
        for stem in (None, *manifest.stems)
    )
    assert np.array_equal(sum(stems), mix) and np.abs(mix).max() > 1_000
    assert manifest.takes[0].null_dbfs == -200.0
    assert read_manifest(tmp_path, check_hashes=True).sound_path("bass", 1).startswith("bass.")
    kind = "FLAC" if format_name == "flac" else "WAVE"
    assert f"<SOURCE {kind}" in (tmp_path / "project.rpp").read_text("utf-8")


def test_stems_of_a_job_lie_where_the_job_lies_in_the_project(
    tmp_path: Path, grid: Grid, key: Key, make_take: Callable[..., Take]
):
    deliver(
        tmp_path, request={"project": "Album"}, grid=grid, key=key, melody=None,
        takes=[make_take(grid, stems=("bass",))], stems=("bass",),
        engine=EngineDescription(name="test"), at_beats=6,
    )  # fmt: skip
    infos = [WavInfoReader(tmp_path / f"{name}.wav") for name in ("bass", "mix")]
    # 6 quarters at 180 bpm are 2 s: 96 000 frames.
    assert [info.bext.time_reference for info in infos] == [96_000, 96_000]
    assert len({info.ixml.family_uid for info in infos}) == 1
    assert {info.ixml.project for info in infos} == {"Album"}


def test_an_unknown_format_is_refused_before_anything_is_made(tmp_path: Path, grid: Grid, key: Key):
    with pytest.raises(StemError, match="format must be one of wav16, wav24, wav32f, flac"):
        deliver(
            tmp_path / "out", request={}, grid=grid, key=key, melody=None, takes=[],
            stems=("bass",), engine=EngineDescription(name="test"), format_name="mp3",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
