"""Sound files as the world has them: what can be read is read, what is missing is said."""

from __future__ import annotations

import struct
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.clip import Recorded, read_recorded
from audio.errors import AudioError
from audio.file_parts import parts_of
from audio.mp3_frames import mp3_parts
from audio.ogg_pages import chains
from audio.sound_files import SoundFiles
from audio.sound_reader import SoundReader

RATE, SECONDS = 44_100, 2
FRAMES = RATE * SECONDS


def noise(channels: int = 1, frames: int = FRAMES) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.4, 0.4, (frames, channels)).astype(np.float32)


def written(path: Path, sound: np.ndarray, rate: int = RATE, **more: str) -> bytes:
    soundfile.write(path, sound, rate, **more)
    return path.read_bytes()


def floats(value: float) -> Callable[[Path], object]:
    return lambda path: soundfile.write(path, np.full(900, value), RATE, "FLOAT")


def read(path: Path, data: bytes) -> Recorded:
    path.write_bytes(data)
    return read_recorded(path)


def without_length(mp3: bytes) -> bytes:
    """An MP3 as lameenc and others write it: without the first frame, which holds the length."""
    kbits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[mp3[2] >> 4]
    return mp3[144_000 * kbits // 44_100 + (mp3[2] >> 1 & 1) :]


def test_an_mp3_of_changing_bit_rate_without_a_length_is_read_to_its_end(tmp_path: Path) -> None:
    # libsndfile alone guesses the length by the first frame's bit rate, and stops there.
    mp3 = written(tmp_path / "a.mp3", noise())
    found = read(tmp_path / "b.mp3", without_length(mp3))
    # Whole frames of 1152, which also hold what the encoder put before and after the sound.
    assert found.clip.frames % 1152 == 0
    assert FRAMES <= found.clip.frames <= FRAMES + 3 * 1152
    assert found.missing_seconds == 0.0


def test_an_mp3_without_a_length_has_its_frames_where_other_programs_have_them(
    tmp_path: Path,
) -> None:
    mp3 = without_length(written(tmp_path / "a.mp3", noise()))
    found = read(tmp_path / "b.mp3", mp3).clip.samples[0]
    as_others, _ = soundfile.read(tmp_path / "b.mp3", dtype="float32")
    assert len(as_others) < len(found)
    # Another path through the decoder's filters: some bits of the 24 of a float.
    assert np.abs(as_others - found[: len(as_others)]).max() < 1e-6


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "ogg", "mp3"])
def test_files_that_were_glued_together_are_read_one_after_another(
    tmp_path: Path, suffix: str
) -> None:
    data = written(tmp_path / f"a.{suffix}", noise())
    found = read(tmp_path / f"b.{suffix}", data + data)
    assert found.clip.frames == 2 * FRAMES
    assert found.remarks == (f"b.{suffix} is 2 files in one, read one by one",)


def test_a_glued_file_of_another_rate_is_left_out_and_said(tmp_path: Path) -> None:
    data = written(tmp_path / "a.wav", noise()) + written(tmp_path / "c.wav", noise(), 48_000)
    found = read(tmp_path / "b.wav", data)
    assert found.clip.frames == FRAMES
    assert "after 2.00 s has 48000 Hz and 1 channels and is left out" in found.remarks[0]


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "mp3"])
def test_of_a_file_that_was_cut_what_is_there_is_read_and_the_rest_is_said(
    tmp_path: Path, suffix: str
) -> None:
    data = written(tmp_path / f"a.{suffix}", noise())
    found = read(tmp_path / f"b.{suffix}", data[: len(data) // 2])
    seconds = found.clip.seconds
    assert 0.8 < seconds < 1.2  # half of 2 s, where the bit rate is nearly even
    assert found.missing_seconds == pytest.approx(SECONDS - seconds, abs=0.001)
    assert found.remarks[0].startswith(f"b.{suffix} has 2.00 s by its header; ")


def pages_of(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]


def test_of_an_ogg_that_was_cut_what_is_there_is_read_and_that_more_is_missing_is_said(
    tmp_path: Path,
) -> None:
    """Its header says no length; cut between two pages nothing says how much is missing."""
    data = written(tmp_path / "a.ogg", noise())
    pages = pages_of(data)
    found = read(tmp_path / "b.ogg", data[: pages[len(pages) // 2]])
    assert 0.3 < found.clip.seconds < 1.2 and found.missing_seconds == 0.0
    (said,) = found.remarks
    assert (
        said.startswith("b.ogg stops before its end")
        and "how much is missing it does not say" in said
    )
    within = read(tmp_path / "c.ogg", data[: pages[len(pages) // 2] + 1000])  # a page says its end
    assert within.missing_seconds > 0.05 and "at least" in within.remarks[0]


def test_an_ogg_with_a_hurt_page_says_how_much_it_costs(tmp_path: Path) -> None:
    data = bytearray(written(tmp_path / "a.ogg", noise()))
    at = pages_of(data)[5] + 100
    data[at : at + 64] = bytes(64)
    found = read(tmp_path / "b.ogg", bytes(data))
    assert 0.5 < found.clip.seconds < 1.99
    assert found.missing_seconds == pytest.approx(SECONDS - found.clip.seconds, abs=0.001)
    assert "at least" not in found.remarks[0]


def test_an_ogg_taken_from_the_middle_of_a_stream_misses_nothing(tmp_path: Path) -> None:
    """Its pages count from the start of the stream: a minute more than is there."""
    data = bytearray(written(tmp_path / "a.ogg", noise()))
    for page in pages_of(data)[2:]:
        (position,) = struct.unpack_from("<q", data, page + 6)
        struct.pack_into("<q", data, page + 6, position + 60 * RATE)
    (chain,) = chains(data)
    assert (chain.frames, chain.is_whole) == (None, True)


def test_a_flac_with_a_hurt_frame_is_read_up_to_it(tmp_path: Path) -> None:
    data = bytearray(written(tmp_path / "a.flac", noise()))
    at = len(data) // 2
    data[at : at + 64] = bytes(64)
    found = read(tmp_path / "b.flac", bytes(data))
    assert 0.8 < found.clip.seconds < 1.0  # up to 4096 frames before the middle
    assert found.missing_seconds == pytest.approx(SECONDS - found.clip.seconds, abs=0.001)


def chunk_length(data: bytes, name: bytes, length: int, order: str = "<") -> bytes:
    at = data.index(name) + 4
    return data[:at] + struct.pack(f"{order}I", length) + data[at + 4 :]


@pytest.mark.parametrize("length", [0, 2**32 - 1])
@pytest.mark.parametrize("riff", [True, False])
def test_a_wav_without_a_length_is_read_to_its_end(tmp_path: Path, length: int, riff: bool) -> None:
    data = chunk_length(written(tmp_path / "a.wav", noise()), b"data", length)
    if riff:
        data = chunk_length(data, b"RIFF", length)
    found = read(tmp_path / "b.wav", data)
    assert (found.clip.frames, found.missing_seconds) == (FRAMES, 0.0)


@pytest.mark.parametrize("length", [0, 2**32 - 1])
def test_aiff_and_au_without_a_length_are_read_to_their_end(tmp_path: Path, length: int) -> None:
    aiff = written(tmp_path / "a.aiff", noise())
    aiff = chunk_length(aiff, b"SSND", length, ">")
    au = written(tmp_path / "a.au", noise(), subtype="PCM_16")
    au = au[:8] + struct.pack(">I", length) + au[12:]
    assert read(tmp_path / "b.aiff", aiff).clip.frames == FRAMES
    assert read(tmp_path / "b.au", au).clip.frames == FRAMES


@pytest.mark.parametrize("total", [0, 2**36 - 1])
def test_a_flac_without_a_length_is_read_to_its_end(tmp_path: Path, total: int) -> None:
    data = bytearray(written(tmp_path / "a.flac", noise()))
    data[21] = data[21] & 0xF0 | total >> 32  # 36 bits of STREAMINFO, which begins at byte 8
    data[22:26] = struct.pack(">I", total & 0xFFFFFFFF)
    found = read(tmp_path / "b.flac", bytes(data))
    assert FRAMES - found.clip.frames in (0, 1)  # libsndfile refuses with the very last frame
    assert found.missing_seconds == 0.0


def test_a_wav_that_truly_holds_nothing_is_not_read_as_what_follows(tmp_path: Path) -> None:
    data = written(tmp_path / "a.wav", noise(frames=0)) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    with pytest.raises(AudioError, match=r"b\.wav holds no sound \(0 frames\)"):
        read(tmp_path / "b.wav", data)


@pytest.mark.parametrize(("channels", "order"), [(3, "LRC"), (6, "LRCElr"), (8, "LRCElrlr")])
def test_many_channels_are_mixed_down_as_the_itu_has_it(
    tmp_path: Path, channels: int, order: str
) -> None:
    sound = noise(channels)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    found = read_recorded(tmp_path / "a.wav", stereo=True)
    # By hand: the left is L + .7071 C + .7071 l (twice where there are two), over their sum.
    half = 0.5**0.5
    shares = {"L": 1.0, "C": half, "l": half}
    weights = np.array([shares.get(role, 0.0) for role in order])
    left = sound @ weights / weights.sum()
    np.testing.assert_allclose(found.clip.samples[0], left, atol=1e-6)
    assert found.clip.channels == 2
    assert f"the {channels} channels of a.wav are mixed down to stereo" in found.remarks[0]
    assert read_recorded(tmp_path / "a.wav").clip.channels == channels


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (floats(np.nan), "NaN or infinity at 0.000 s"),
        (floats(3e38), "samples beyond 2147483648"),
        (lambda p: soundfile.write(p, np.zeros((9, 9)), RATE), "9 channels, the limit is 8"),
        (lambda p: soundfile.write(p, np.zeros(9), 7_999), "7999 Hz; sounds of 8000 to 192000 Hz"),
        (lambda p: soundfile.write(p, np.zeros(9), 192_001), "192001 Hz; sounds of 8000 to 192000"),
        (lambda p: p.write_bytes(bytes(range(256))), "no header|not recognised|unknown format"),
        (lambda p: None, "No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_sentence_with_its_name(
    tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    path = tmp_path / "b.wav"
    make(path)
    with pytest.raises(AudioError, match=words) as error:
        read_recorded(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_reader_gives_the_same_frames_again(tmp_path: Path) -> None:
    data = written(tmp_path / "a.flac", noise(2))
    (tmp_path / "b.flac").write_bytes(data + data[: len(data) // 2])
    with SoundReader(tmp_path / "b.flac") as file:
        first = [file.read(10_000) for _ in range(20)]
        missing = file.missing_seconds
        file.rewind()
        again = [file.read(10_000) for _ in range(20)]
        assert file.missing_seconds == missing > 0
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_files_of_other_channels_are_brought_to_the_same(tmp_path: Path) -> None:
    written(tmp_path / "mix.wav", noise(6))
    written(tmp_path / "bass.wav", noise(2))
    with SoundFiles([tmp_path / "mix.wav", tmp_path / "bass.wav"]) as files:
        assert files.channels == 2
        assert sum(block.shape[1] for block in files.blocks()) == FRAMES
        assert len(files.remarks()) == 1


@pytest.mark.parametrize("data", [b"", b"\xff\xfb", b"RIFF", b"FORM\0", b"OggS", b"fLaC", b"caff"])
def test_the_beginnings_of_files_have_parts_too(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(data + b"\xff" * 40)
    with path.open("rb") as file:
        assert [part.start for part in parts_of(file)] == [0]


def test_bytes_that_are_no_mp3_have_no_streams(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfb" * 500)
    with (tmp_path / "a").open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as junk:
        assert not list(mp3_parts(junk))
