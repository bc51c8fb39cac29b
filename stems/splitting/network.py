"""A model loaded on a device, in the precision that suits it, run one batch after another."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from audio.clip import Samples
from stems.errors import StemError
from stems.splitting.model_files import Model
from stems.splitting.parallel import AT_ONCE, Tick

MIN_BFLOAT16_SNR_DB = 40.0  # of the first segment, beside float32
Forward = Callable[[Any, Tick], Any]
GPU_BATCH = 4  # segments
# Parameters of glibc's mallopt(3), with its numbers for them. By default blocks go back to the
# system at once and come again as zeroed pages, which costs more than many a layer. The few largest
# still do: between two threads they would tear the heap to pieces that fit nothing.
_MALLOPT = {
    -3: 12 << 20,  # M_MMAP_THRESHOLD: smaller blocks stay on the heap
    -1: (1 << 31) - 1,  # M_TRIM_THRESHOLD: and the heap stays ours
    -2: 64 << 20,  # M_TOP_PAD: which grows in large steps
    -8: 1,  # M_ARENA_MAX: one heap for all threads, so that one takes what another gave back
}


def tune_process() -> None:
    """Keep freed memory for the next layer, and let waiting threads sleep instead of spin.

    The second has an effect only before torch is imported; spinning threads of torch, next to a
    DAW on the same cores, were seen to take several times as long. Both only where they are known.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            for parameter, value in _MALLOPT.items():
                mallopt(parameter, value)


def give_back_memory() -> None:
    """Return to the system what tune_process() kept."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


class Network:
    """A model's networks on one device; `precision` is "" until settle() has found it.

    bfloat16 is tried where the processor multiplies it in hardware (elsewhere it takes many times
    as long), and kept if the first segment comes out within 40 dB of float32. `batch` is how many
    segments go through at a time, `at_once` how many such batches may be computed in parallel.
    """

    def __init__(self, model: Model, *, precision: str = "", device: str = "") -> None:
        import torch

        self.model = model
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.batch, self.at_once = (1, AT_ONCE) if self.device == "cpu" else (GPU_BATCH, 1)
        self.precision = precision or ("" if _has_bfloat16(self.device) else "float32")
        self.bfloat16_snr_db: float | None = None  # where it was tried
        self._ways: dict[tuple[int, str], Forward] = {}
        self._making = threading.Lock()
        for member in model.members:
            member.module.to(self.device)

    def estimate(self, mixes: Samples, sources: Sequence[str], tick: Tick) -> Samples:
        """Return estimates (batch, sources, 2, frames) of mixes (batch, 2, frames).

        Only networks with a share in one of `sources` run, and `tick` is called before each. May be
        called by several threads at once.
        """
        return self._run(mixes, sources, self.precision or "float32", tick)

    def settle(self, mixes: Samples, sources: Sequence[str], tick: Tick) -> Samples:
        """Choose the precision by what both make of these mixes; return the float32 estimates.

        One after the other, on all threads: both at once would hold more than a split does.
        """
        exact = self._run(mixes, sources, "float32", tick)
        self._ways = {}
        give_back_memory()  # or what follows would find it in pieces that do not fit
        quick = self._run(mixes, sources, "bfloat16", tick)
        self.bfloat16_snr_db = round(snr_db(exact, quick), 1)
        good = self.bfloat16_snr_db >= MIN_BFLOAT16_SNR_DB
        self.precision = "bfloat16" if good else "float32"
        if not good:
            self._ways = {}
        for way in self._ways.values():
            drop = getattr(way, "drop_originals", None)
            if drop is not None:
                drop()
        give_back_memory()
        return exact

    def _run(self, mixes: Samples, sources: Sequence[str], precision: str, tick: Tick) -> Samples:
        import torch

        out = np.zeros((len(mixes), len(sources), *mixes.shape[1:]), np.float32)
        totals = [sum(member.shares[name] for member in self.model.members) for name in sources]
        given = torch.from_numpy(mixes).to(self.device)
        for index, member in enumerate(self.model.members):
            shares = [member.shares[name] / t for name, t in zip(sources, totals, strict=True)]
            if not any(shares):
                continue
            tick()
            order = [list(member.module.sources).index(name) for name in sources]
            with torch.inference_mode():
                found = self._way(index, precision)(given, tick)
                estimates = found[:, order].float().cpu().numpy()
            out += estimates * np.asarray(shares, np.float32)[:, None, None]
        if not np.isfinite(out).all():
            raise StemError("the network gives NaN or infinity: its weights are no good")
        return out

    def _way(self, index: int, precision: str) -> Forward:
        with self._making:
            if (index, precision) not in self._ways:
                module = self.model.members[index].module
                self._ways[index, precision] = _way(module, precision, self.device)
            return self._ways[index, precision]


def snr_db(wanted: Samples, found: Samples) -> float:
    """Power of `wanted` over that of the difference, in dB; 200 where there is none."""
    signal = float(np.square(wanted, dtype=np.float64).sum())
    noise = float(np.square(wanted.astype(np.float64) - found).sum())
    if not math.isfinite(noise):
        return 0.0
    return min(200.0, 10 * math.log10(signal / noise)) if noise and signal else 200.0


def _way(module: Any, precision: str, device: str) -> Forward:
    """The quickest way known to compute a network: our own, for HTDemucs on a CPU only."""
    import torch

    from stems.splitting.lean import LeanHTDemucs, is_lean
    from stems.splitting.roformer import LeanRoformer, Roformer

    if isinstance(module, Roformer):
        return LeanRoformer(module, getattr(torch, precision))

    if device == "cpu" and is_lean(module):
        return LeanHTDemucs(module, getattr(torch, precision))

    def forward(mixes: Any, tick: Tick) -> Any:
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            return module(mixes)

    return forward


def _has_bfloat16(device: str) -> bool:
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capable = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(capable and capable())
