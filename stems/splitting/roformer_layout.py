"""The shape of a BS-RoFormer or Mel-Band RoFormer: from its public configuration, checked.

BS-RoFormer is Lu et al. 2023 (arXiv 2309.02612), Mel-Band RoFormer Wang et al. 2023 (arXiv
2310.01809); configurations and the names of weights are those of the public training code
(ZFTurbo's Music-Source-Separation-Training, MIT, after lucidrains' BS-RoFormer, MIT).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stems.errors import StemError

BINS_OF_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
DEFAULTS: Mapping[str, Any] = {
    "heads": 8, "dim_head": 64, "stft_n_fft": 2048, "stft_hop_length": 512,
    "stft_win_length": 2048, "time_transformer_depth": 2, "freq_transformer_depth": 2,
    "zero_dc": False, "sample_rate": 44100, "num_stems": 1,
}  # fmt: skip
# What networks of this family may have and this one does not compute.
FOREIGN = ("conformer", "use_pope", "use_shared_bias", "linear_transformer_depth",
           "skip_connection", "stft_normalized")  # fmt: skip
LONGEST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Layout:
    """All that the weights do not say themselves.

    `bands` are (from bin, to bin) of the spectrum, ascending, and may overlap; `sources` the names
    of what the network gives, in its own order, and `rest` the name of what the mix holds besides,
    or "". Frames and hops are at `sample_rate` (Hz).
    """

    sources: tuple[str, ...]
    rest: str
    bands: tuple[tuple[int, int], ...]
    heads: int
    dim_head: int
    fft: int
    hop: int
    window: int
    zero_dc: bool
    sample_rate: int
    segment_frames: int

    @property
    def segment(self) -> Fraction:
        """Of the segments the network was trained on, in seconds."""
        return Fraction(self.segment_frames, self.sample_rate)


def read_config(path: Path) -> Mapping[str, Any] | None:
    """The configuration in a YAML file, None where it has no network in it (a bag's has none).

    Tuples of Python, which these files like, are read as lists and nothing else of Python's is.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A safe loader that knows tuples."""

    Loader.add_constructor(
        "tag:yaml.org,2002:python/tuple", lambda loader, node: loader.construct_sequence(node)
    )
    try:
        found = yaml.load(path.read_bytes(), Loader)
    except (OSError, yaml.YAMLError, ValueError):
        return None  # whoever needs something else of it will say what is wrong
    return found if isinstance(found, dict) and isinstance(found.get("model"), dict) else None


def layout_of(config: Mapping[str, Any], name: str) -> Layout:
    """The layout of a configuration; `name` is the file's, for errors. Raises StemError."""
    model = {**DEFAULTS, **config["model"]}
    for key in FOREIGN:
        if model.get(key):
            raise StemError(f"{name}: model.{key} is {model[key]!r}; such networks are not known")
    if model.get("stereo") is not True:
        raise StemError(f"{name}: model.stereo must be true; mono networks are not known")
    sizes = {
        key: _whole(model, key, name, low, high)
        for key, low, high in (
            ("heads", 1, 64), ("dim_head", 2, 512), ("stft_n_fft", 64, 1 << 15),
            ("stft_hop_length", 16, 1 << 14), ("stft_win_length", 64, 1 << 15),
            ("num_stems", 1, 16), ("sample_rate", 8000, 192_000),
        )
    }  # fmt: skip
    if not sizes["stft_hop_length"] <= sizes["stft_win_length"] <= sizes["stft_n_fft"]:
        raise StemError(f"{name}: model.stft_win_length must lie between stft_hop_length and "
                        f"stft_n_fft, not be {sizes['stft_win_length']}")  # fmt: skip
    sources, rest = _sources(config, sizes["num_stems"], name)
    segment = _segment(config, sizes["sample_rate"], name)
    bins = sizes["stft_n_fft"] // 2 + 1
    if "num_bands" in model:
        count = _whole(model, "num_bands", name, 2, 512)
        bands = mel_bands(sizes["sample_rate"], sizes["stft_n_fft"], count)
        if len(bands) != count or not _cover(bands, bins):
            raise StemError(f"{name}: {count} mel bands (model.num_bands) do not cover {bins} bins")
    else:
        widths = model.get("freqs_per_bands", BINS_OF_BANDS)
        if not isinstance(widths, (list, tuple)) or not all(
            isinstance(width, int) and width > 0 for width in widths
        ) or sum(widths) != bins:  # fmt: skip
            raise StemError(f"{name}: model.freqs_per_bands must add up to {bins} bins")
        ends = [sum(widths[: number + 1]) for number in range(len(widths))]
        bands = tuple(zip([0, *ends[:-1]], ends, strict=True))
    return Layout(sources, rest, bands, sizes["heads"], sizes["dim_head"], sizes["stft_n_fft"],
                  sizes["stft_hop_length"], sizes["stft_win_length"], bool(model["zero_dc"]),
                  sizes["sample_rate"], segment)  # fmt: skip


def mel_bands(sample_rate: int, fft: int, count: int) -> tuple[tuple[int, int], ...]:
    """(from bin, to bin) of each filter of Slaney's mel scale, as librosa has them.

    They overlap by halves; the lowest and the highest bin, where the outer filters are zero, belong
    to those filters.
    """
    bins = fft // 2 + 1
    hz = np.arange(bins) * sample_rate / fft
    edges = _hz_of(np.linspace(0.0, _mel_of(sample_rate / 2), count + 2))
    edges[-1] = sample_rate / 2
    found = []
    for number in range(count):
        inside = np.flatnonzero((hz > edges[number]) & (hz < edges[number + 2]))
        first, last = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)
        first = 0 if number == 0 else first
        found.append((first, bins if number == count - 1 else last))
    return tuple(band for band in found if band[1] > band[0])


LINEAR_HZ, LINEAR_MELS, STEP = 1000.0, 15.0, np.log(6.4) / 27  # of Slaney's scale


def _mel_of(hz: float) -> float:
    if hz < LINEAR_HZ:
        return hz * LINEAR_MELS / LINEAR_HZ
    return float(LINEAR_MELS + np.log(hz / LINEAR_HZ) / STEP)


def _hz_of(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above = LINEAR_HZ * np.exp(STEP * (mels - LINEAR_MELS))
    return np.where(mels < LINEAR_MELS, mels * LINEAR_HZ / LINEAR_MELS, above)


def _cover(bands: tuple[tuple[int, int], ...], bins: int) -> bool:
    starts = [0, *(end for _, end in bands)]
    gapless = all(first <= end for (first, _), end in zip(bands, starts, strict=False))
    return gapless and bands[-1][1] == bins


def _sources(config: Mapping[str, Any], count: int, name: str) -> tuple[tuple[str, ...], str]:
    """The names of what a network gives, and of what it leaves, from `training`."""
    training = config.get("training") or {}
    names = training.get("instruments") if isinstance(training, dict) else None
    if not isinstance(names, list) or not all(isinstance(each, str) and each for each in names):
        raise StemError(f"{name}: training.instruments must name what the network gives")
    names = [each.lower() for each in names]
    target = training.get("target_instrument")
    given = [str(target).lower()] if target else names
    if len(given) != count:
        raise StemError(f"{name}: model.num_stems is {count}, and training names {len(given)}: "
                        f"{', '.join(given)}")  # fmt: skip
    others = [each for each in names if each not in given]
    return tuple(given), others[0] if len(others) == 1 else ""


def _segment(config: Mapping[str, Any], sample_rate: int, name: str) -> int:
    """Frames of a segment: the training code has it in one of two places."""
    for part in ("inference", "audio"):
        chunk = (config.get(part) or {}).get("chunk_size")
        if chunk is not None:
            longest = LONGEST_SECONDS * sample_rate
            return _whole({"chunk_size": chunk}, "chunk_size", name, 4096, longest, part)
    raise StemError(f"{name}: inference.chunk_size is missing")


def _whole(values: Mapping[str, Any], key: str, name: str, low: int, high: int,
           part: str = "model") -> int:  # fmt: skip
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise StemError(f"{name}: {part}.{key} must be a whole number from {low} to {high}, "
                        f"not {value!r}")  # fmt: skip
    return value
