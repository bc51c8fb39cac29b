"""Mixes and files, friendly and hostile, taken apart by a small random network."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.append(str(Path(__file__).parent))
from splitting_models import (  # type: ignore[import-not-found]  # beside this file
    SOURCES,
    save_safetensors,
    tiny_htdemucs,
)

from audio.clip import Clip
from audio.residue import null_dbfs
from audio.stem_names import STEMS
from diffusion.errors import Cancelled
from stems.errors import StemError
from stems.splitting import file_splitting
from stems.splitting.file_splitting import split_file
from stems.splitting.model_files import Model
from stems.splitting.network import Network, snr_db
from stems.splitting.placement import joined, place
from stems.splitting.recording import look_through
from stems.splitting.splitter import Level, Splitter, separate
from stems.stem_set import StemSet

NULL_DBFS = -120.0  # what float32 stems may miss of their mix


@pytest.fixture(scope="module")
def splitter(tmp_path_factory: pytest.TempPathFactory) -> Splitter:
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    return Splitter("tiny", save_safetensors(tiny_htdemucs(), path), precision="float32")


class Quarters:
    """Stands for a network that hears a quarter of the mix in each stem, and counts its runs."""

    precision, device, batch, at_once, bfloat16_snr_db = "float32", "cpu", 1, 2, None

    def __init__(self, sample_rate: int, segment_frames: int) -> None:
        sources = {"melody" if name == "other" else name: name for name in SOURCES}
        self.model = Model((), sample_rate, segment_frames, "0" * 64, sources)
        self.runs = 0

    def estimate(self, mixes: np.ndarray, sources: Sequence[str], tick: object) -> np.ndarray:
        tick()  # type: ignore[operator]
        self.runs += 1
        return np.repeat(mixes[:, None] / 4, len(sources), 1)


@pytest.fixture
def quarters() -> Splitter:
    splitter = Splitter("quarters", Path("nowhere"))
    splitter._network = Quarters(8000, 80_000)  # type: ignore[assignment]  # 10 s
    return splitter


def noise(seconds: float, rate: int = 44_100, channels: int = 2, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, 0.1, (channels, max(1, round(seconds * rate)))).astype(np.float32)


def test_segments_are_spread_evenly_and_are_as_few_as_a_quarter_of_overlap_allows() -> None:
    # 24 s in segments of 7.8 s with a hop of 5.85 s at most: (24 - 7.8) / 5.85 = 2.8, so 3 hops
    # of 5.4 s. demucs begins one every 5.85 s, five of them, the last for 0.6 s of sound.
    assert place(240, 78) == (0, 54, 108, 162)
    assert place(78, 78) == (0,)
    assert place(70, 78) == (-4,), "in the middle of one"
    # A loop of 20 s needs 20 / 5.85 = 3.4, so 4 around its circle.
    assert place(200, 78, loop=True) == (0, 50, 100, 150)


def test_overlapping_segments_of_one_sound_give_that_sound() -> None:
    sound = noise(0.01)[None]
    frames = sound.shape[-1]
    parts = ((first, sound[..., first : first + 100]) for first in place(frames, 100))
    whole = np.concatenate(list(joined(parts, frames)), -1)
    np.testing.assert_allclose(whole, sound, atol=1e-6)  # float32 weights


@pytest.mark.parametrize("rate", [8_000, 44_099, 48_000, 192_000])
def test_stems_have_the_mixes_rate_and_length_and_add_up_to_it(
    splitter: Splitter, rate: int
) -> None:
    mix = Clip(noise(0.7, rate), rate)
    heard: list[float] = []
    separation = separate(mix, splitter, progress=heard.append)
    stems = StemSet(separation.clips, gained_db=0.0)
    assert stems.names == STEMS and (stems.frames, stems.sample_rate) == (mix.frames, rate)
    assert null_dbfs(mix, stems.clips.values()) <= NULL_DBFS
    assert heard == sorted(heard) and heard[-1] == 1.0
    assert splitter.facts().precision == "float32" and splitter.facts().name == "tiny"


def test_the_same_mix_is_split_the_same_way_twice(splitter: Splitter) -> None:
    mix = Clip(noise(1.2), 44_100)
    first, second = (splitter.split(mix) for _ in range(2))
    for name in STEMS:
        np.testing.assert_array_equal(first[name].samples, second[name].samples)


class Remembering(Quarters):
    """Hears in each frame the mean of what was in the last tenth of a second, or silence."""

    def estimate(self, mixes: np.ndarray, sources: Sequence[str], tick: object) -> np.ndarray:
        sums = np.cumsum(np.pad(mixes, ((0, 0), (0, 0), (800, 0))), -1, dtype=np.float64)
        means = ((sums[..., 800:] - sums[..., :-800]) / 800).astype(np.float32)
        return super().estimate(means, sources, tick)


def test_a_loop_is_heard_going_round(quarters: Splitter) -> None:
    quarters._network = Remembering(8000, 40_000)  # type: ignore[assignment]
    loop = noise(17, 8000)  # its first tenth of a second follows upon its last
    loop += np.linspace(-1, 1, loop.shape[1], dtype=np.float32)
    kernel = np.zeros_like(loop[0])
    kernel[:800] = 1 / 3200
    around = np.fft.irfft(np.fft.rfft(loop) * np.fft.rfft(kernel), loop.shape[1])[:, :800]
    heard = {
        going_round: quarters.split(Clip(loop, 8000), loop=going_round)["bass"].samples[:, :800]
        for going_round in (False, True)
    }
    # Without its end before it, half of what its beginning remembers is missing; with it nothing
    # is but where a segment begins, which counts little: the loop's first is in the middle of one.
    assert snr_db(around, heard[False]) < 10
    assert snr_db(around, heard[True]) > 30


def test_only_what_is_asked_is_given(splitter: Splitter) -> None:
    mix = Clip(noise(0.6), 44_100)
    alone = separate(mix, splitter, stems=("vocals",))
    assert tuple(alone.clips) == ("vocals",)
    np.testing.assert_array_equal(
        alone.clips["vocals"].samples, splitter.split(mix)["vocals"].samples
    )
    with pytest.raises(StemError, match="stem must be one of drums, bass, melody, vocals"):
        splitter.split(mix, stems=("guitar",))


def test_a_cancelled_split_starts_no_more_segments(quarters: Splitter) -> None:
    heard: list[float] = []
    with pytest.raises(Cancelled):
        quarters.split(
            Clip(noise(60, 8000), 8000), progress=heard.append, cancelled=lambda: len(heard) >= 2
        )
    # Of some fifteen: two that were told, two that run and one that waits.
    assert quarters.network.runs <= 5  # type: ignore[attr-defined]


def test_silence_is_silent_and_needs_no_network(quarters: Splitter) -> None:
    separation = separate(Clip(np.zeros((2, 80_000), np.float32), 8000), quarters)
    assert separation.silent == STEMS
    assert quarters.network.runs == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("offered", "kept", "low", "high"),
    [(1.0, "bfloat16", 40.0, 200.0), (1.02, "float32", 33.0, 35.0)],  # 20 log 50 is 34 dB
)
def test_bfloat16_is_kept_only_if_the_first_segment_comes_out_alike(
    splitter: Splitter, monkeypatch: pytest.MonkeyPatch,
    offered: float, kept: str, low: float, high: float,
) -> None:  # fmt: skip
    monkeypatch.setattr("stems.splitting.network._has_bfloat16", lambda device: True)

    def way(module: object, precision: str, device: str) -> object:
        gain = offered if precision == "bfloat16" else 1.0
        return lambda mixes, tick: mixes[:, None].repeat(1, 4, 1, 1) * gain

    monkeypatch.setattr("stems.splitting.network._way", way)
    network = Network(splitter.network.model)
    mixes = noise(0.5)[None]
    first = network.settle(mixes, ["bass"], lambda: None)
    np.testing.assert_array_equal(first[:, 0], mixes)  # the whole precision's, whichever is kept
    assert network.precision == kept and network.bfloat16_snr_db is not None
    assert low <= network.bfloat16_snr_db <= high


def wav(folder: Path, samples: np.ndarray, rate: int, subtype: str = "FLOAT") -> Path:
    path = folder / "sound.wav"
    soundfile.write(path, samples.T, rate, subtype=subtype)
    return path


def square(frames: int) -> np.ndarray:
    return np.where(np.arange(frames) % 200 < 100, 1.0, -1.0)[None].repeat(2, 0)


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        pytest.param(noise(0.6, 8_000, channels=1), 8_000, id="mono at 8 kHz"),
        pytest.param(noise(0.6, 192_000), 192_000, id="192 kHz"),
        pytest.param(noise(0, 44_100), 44_100, id="one frame"),
        pytest.param(np.zeros((2, 30_000)), 44_100, id="silence"),
        pytest.param(square(30_000), 44_100, id="full-scale square"),
        pytest.param(np.full((2, 30_000), 0.5), 44_100, id="DC"),
        pytest.param(noise(0.6) * 1e-20, 44_100, id="next to nothing"),
        pytest.param(noise(0.6) * 1e6, 44_100, id="far too loud"),
    ],
)
def test_odd_sounds_are_split_right(
    splitter: Splitter, tmp_path: Path, samples: np.ndarray, rate: int
) -> None:
    recording = look_through(wav(tmp_path, samples, rate))
    split = split_file(recording, splitter, tmp_path)
    written = [soundfile.read(split.paths[name], always_2d=True) for name in STEMS]
    assert all(r == rate and x.shape == samples.T.shape for x, r in written)
    source = soundfile.read(tmp_path / "sound.wav", always_2d=True)[0]
    miss = np.abs(source - sum(x for x, _ in written)).max()
    assert miss <= 10 ** (NULL_DBFS / 20) * max(1.0, np.abs(source).max())
    silent = {name for name, (x, _) in zip(STEMS, written, strict=True) if not x.any()}
    assert set(split.silent) == silent


def with_nan(folder: Path) -> Path:
    samples = noise(1.0, 8000)
    samples[1, 4000] = np.nan
    return wav(folder, samples, 8000)


def cut_header(folder: Path) -> Path:
    path = wav(folder, noise(0.1), 44_100)
    path.write_bytes(path.read_bytes()[:30])
    return path


def text(folder: Path, name: str = "sound.wav") -> Path:
    path = folder / name
    path.write_text("this is a text\n" * 20)
    return path


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: wav(folder, noise(0.1, channels=9), 44_100), "has 9 channels, the limit"),
        (lambda folder: wav(folder, np.zeros((2, 0)), 44_100), r"holds no sound \(0 frames\)"),
        (lambda folder: wav(folder, noise(0.1, 4000), 4000), "has 4000 Hz; sounds of 8000 to"),
        (with_nan, r"holds NaN or infinity at 0\.500 s"),
        (cut_header, "cannot read "),
        (text, "cannot read .*not recogni[sz]ed"),
        (lambda folder: text(folder, "sound.raw"), "cannot read "),
        (lambda folder: folder, "is not a regular file but a folder"),
        (lambda folder: folder / "gone.wav", "cannot read "),
    ],
)
def test_what_cannot_be_split_is_told_in_one_sentence(
    tmp_path: Path, make: object, told: str
) -> None:
    with pytest.raises(StemError, match=told) as caught:
        look_through(make(tmp_path))  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_gives_what_is_there(splitter: Splitter, tmp_path: Path) -> None:
    path = wav(tmp_path, noise(1.0), 44_100, "PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + 4 * 10_000])  # of stereo frames of 2 x 2 bytes
    assert look_through(path).frames == 10_000


def test_blocks_of_a_file_join_without_a_seam(
    quarters: Splitter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_splitting, "BLOCK_FRAMES", 100_000)  # 12.5 s, and laps of 1 s
    sound = noise(60, 8000)
    split = split_file(look_through(wav(tmp_path, sound, 8000)), quarters, tmp_path)
    for path in split.paths.values():  # each block's stems are a quarter, so all of it must be
        np.testing.assert_allclose(soundfile.read(path)[0].T, sound / 4, atol=2e-6)
    assert split.null_dbfs is not None and split.null_dbfs <= NULL_DBFS


@pytest.fixture
def an_hour(tmp_path: Path) -> Iterator[Path]:
    """60 minutes of mono at 8 kHz: one second of noise again and again."""
    path = tmp_path / "hour.wav"
    second = noise(1.0, 8000, channels=1)[0]
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(np.tile(second, 60))
    yield path
    for each in tmp_path.glob("*.wav"):  # nobody needs them any more
        each.unlink()


@pytest.mark.slow
def test_an_hour_is_split_in_bounded_memory(quarters: Splitter, an_hour: Path) -> None:
    recording = look_through(an_hour)
    tracemalloc.start()
    try:
        split = split_file(recording, quarters, an_hour.parent, stems=("vocals",))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Mix and stem have 3600 x 8000 frames in stereo, 230 MB each in float32, and twice that where
    # levels are taken in float64; a block of theirs has 17 MB. Seen: 207 MB.
    assert most < 300e6
    assert soundfile.info(split.paths["vocals"]).frames == recording.frames == 3600 * 8000
    assert split.null_dbfs is None, "one stem cannot add up to anything"


def test_a_level_is_that_of_both_sides_together() -> None:
    level = Level.of(np.array([[1.0, 3.0], [3.0, 5.0]], np.float32))
    assert (level.mean, level.deviation) == (3.0, 1.0)  # of 2 and 4


def test_channels_that_cancel_are_turned_for_the_network_and_back(
    quarters: Splitter, tmp_path: Path
) -> None:
    one = noise(1.0, 8000, channels=1)[0]
    sound = np.stack([one, -one])
    recording = look_through(wav(tmp_path, sound, 8000))
    assert recording.signs is not None
    split = split_file(recording, quarters, tmp_path)
    for path in split.paths.values():  # a quarter of it each, to 24 bits
        np.testing.assert_allclose(soundfile.read(path)[0].T, sound / 4, atol=2e-6)


def test_many_channels_are_split_as_their_mix_down(quarters: Splitter, tmp_path: Path) -> None:
    recording = look_through(wav(tmp_path, noise(1.0, 8000, channels=6), 8000))
    assert (recording.channels, len(recording.remarks)) == (2, 1)
    split = split_file(recording, quarters, tmp_path)
    assert soundfile.info(split.paths["bass"]).channels == 2
