"""What music sounds like, as 512 numbers a patch, and the Frechet distance between two sets.

The embedding is the last pooling of musicnn's VGG (Pons and Serra 2019), trained to tag
MagnaTagATune. Its weights lie in its wheel as a TensorFlow checkpoint, which is read here without
TensorFlow: an index (a LevelDB table of key, offset, size) and raw little-endian numbers.
"""

from __future__ import annotations

import struct
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

RATE, FFT, HOP, MELS, PATCH = 16_000, 512, 256, 96, 187  # as it was trained; 3 s a patch
MODEL = "MTT_vgg"
Array = NDArray[np.float64]


def embed(mono: NDArray[np.float32], sample_rate: int) -> Array:
    """Return (patches, dimensions) of a sound, a patch each 1.5 s."""
    import librosa

    sound = librosa.resample(mono, orig_sr=sample_rate, target_sr=RATE)
    mel = librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=FFT, hop_length=HOP, n_mels=MELS)
    frames = np.log10(1 + 10_000 * mel.T).astype(np.float32)
    if len(frames) < PATCH:
        frames = np.resize(frames, (PATCH, MELS))
    starts = range(0, len(frames) - PATCH + 1, PATCH // 2)
    patches = torch.from_numpy(np.stack([frames[s : s + PATCH] for s in starts]))
    with torch.inference_mode():
        return np.asarray(_vgg(patches[:, None]).double().numpy())


def frechet(one: Array, other: Array) -> float:
    """Return the Frechet distance of two Gaussians fitted to (samples, dimensions) each."""
    from scipy.linalg import sqrtm

    mean = one.mean(0) - other.mean(0)
    first, second = np.cov(one.T), np.cov(other.T)
    cross = sqrtm(first @ second)
    return float(mean @ mean + np.trace(first + second - 2 * np.real(cross)))


def _vgg(x: torch.Tensor) -> torch.Tensor:
    """(patches, 1, 187, 96) -> (patches, dimensions): the mean over the last pooling's places."""
    weights = _weights()
    x = _normed(x, "batch_normalization")
    pools = (((4, 1), 2), ((2, 2), 2), ((2, 2), 2), ((2, 2), 2), ((4, 4), 4))
    for layer, (size, stride) in enumerate(pools, 1):
        kernel = weights[f"{layer}CNN/kernel"].permute(3, 2, 0, 1)
        x = functional.conv2d(x, kernel, weights[f"{layer}CNN/bias"], padding="same").relu()
        x = functional.max_pool2d(_normed(x, f"batch_normalization_{layer}"), size, stride)
    return x.flatten(1) if x[0, 0].numel() <= 4 else x.mean((2, 3))


def _normed(x: torch.Tensor, name: str) -> torch.Tensor:
    weights = _weights()
    mean, variance, scale, shift = (
        weights[f"{name}/{part}"] for part in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    return functional.batch_norm(x, mean, variance, scale, shift, eps=1e-3)


@cache
def _weights() -> dict[str, torch.Tensor]:
    spec = find_spec("musicnn")
    if spec is None or spec.origin is None:
        raise SystemExit("musicnn is needed: pip install --no-deps musicnn==0.1.0")
    folder = Path(spec.origin).parent / MODEL
    data = (folder / ".data-00000-of-00001").read_bytes()
    found = {}
    for key, value in _table((folder / ".index").read_bytes()):
        if not key or b"Adam" in key or (b"beta" in key[-12:] and b"power" in key):
            continue
        entry = _message(value)
        if entry.get(1, 0) != 1:  # not float32
            continue
        offset, size = entry.get(4, 0), entry.get(5, 0)
        shape = [_message(d).get(1, 1) for d in _repeated(entry.get(2, b""), 2)]
        numbers = np.frombuffer(data, "<f4", size // 4, offset).reshape(shape)
        name = key.decode().removeprefix("model/")
        found[name] = torch.from_numpy(numbers.copy())
    return found


def _table(data: bytes) -> list[tuple[bytes, bytes]]:
    """All entries of a LevelDB table whose blocks are not compressed."""
    footer = data[-48:]
    at = 0
    _, at = _varint(footer, at)
    _, at = _varint(footer, at)
    index_at, at = _varint(footer, at)
    index_size, at = _varint(footer, at)
    entries = []
    for _, handle in _block(data[index_at : index_at + index_size]):
        begin, place = _varint(handle, 0)
        size, _ = _varint(handle, place)
        entries += _block(data[begin : begin + size])
    return entries


def _block(block: bytes) -> list[tuple[bytes, bytes]]:
    restarts = struct.unpack("<I", block[-4:])[0]
    end, at, key, entries = len(block) - 4 - 4 * restarts, 0, b"", []
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        size, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        entries.append((key, block[at + own : at + own + size]))
        at += own + size
    return entries


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> list[tuple[int, object]]:
    """Fields of a protocol buffer: numbers of wire types 0 and 5, bytes of type 2."""
    at, out = 0, list[tuple[int, object]]()
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value: object
            value, at = _varint(data, at)
        elif tag & 7 == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        out.append((tag >> 3, value))
    return out


def _message(data: bytes) -> dict[int, int]:
    return dict(_fields(data))  # type: ignore[arg-type]


def _repeated(data: object, field: int) -> list[bytes]:
    return [v for f, v in _fields(data) if f == field and isinstance(v, bytes)]  # type: ignore[arg-type]
