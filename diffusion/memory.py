"""Where the networks lie: on the accelerator for good, for their stage, or block by block."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from diffusion.errors import EngineError
from diffusion.models.shelf import Snapshot

GIB = 1 << 30
AWAY = torch.device("cpu")
ROOM_BYTES = 2 * GIB  # for activations and one tile of the decoder, next to the weights
UNKNOWN_BYTES = 1 << 62
OUT_OF_MEMORY = (  # what such errors say; the last is of cuBLAS and cuDNN
    "out of memory", "can't allocate memory", "not enough memory", "status_alloc_failed",
)  # fmt: skip
BFLOAT16_CAPABILITY = 8  # major compute capability of the first GPUs that multiply it in hardware


@dataclass(frozen=True, slots=True)
class MemoryMode:
    """One way to share the memory.

    `offload` is "nothing", "parts" (each network comes for its stage) or "blocks" (so do the
    transformer's blocks, one after the other). `tile` is the decoder's, in latent frames.
    """

    name: str
    offload: str
    tile: int
    batch: int


MODES = (
    MemoryMode("full", "nothing", 256, 8),
    MemoryMode("offload", "parts", 128, 4),
    MemoryMode("low", "blocks", 48, 1),
)


def choose_mode(weights: dict[str, int], free_bytes: int) -> MemoryMode:
    """The fastest mode whose share of `weights` (bytes of each network) fits into free memory."""
    if sum(weights.values()) + ROOM_BYTES <= free_bytes:
        return MODES[0]
    if max(weights.values()) + ROOM_BYTES <= free_bytes:
        return MODES[1]
    return MODES[2]


def next_lower(mode: MemoryMode) -> MemoryMode | None:
    """The mode that needs less memory, or None below the last."""
    return next(iter(MODES[MODES.index(mode) + 1 :]), None)


def networks_of(pipeline: Any) -> dict[str, Any]:
    """The networks of a pipeline by name."""
    parts = pipeline.components.items()
    return {name: part for name, part in parts if isinstance(part, torch.nn.Module)}


def weights_of(pipeline: Any) -> dict[str, int]:
    """Bytes of each network of a pipeline."""
    return {
        name: sum(weight.nbytes for weight in (*part.parameters(), *part.buffers()))
        for name, part in networks_of(pipeline).items()
    }


def best_device() -> torch.device:
    """CUDA, Apple's GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def best_dtype(device: torch.device, parameters: int = 0) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, else float32; never float16, which overflows.

    Where there is one memory only, as with a CPU and with Apple's GPU, it is bfloat16 as well if
    so many parameters of float32 do not fit.
    """
    if device.type == "cuda":  # earlier ones emulate bfloat16, slowly
        major, _ = torch.cuda.get_device_capability(device)
        return torch.bfloat16 if major >= BFLOAT16_CAPABILITY else torch.float32
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32 if fits(device, parameters, torch.float32) else torch.bfloat16


def choose_device(
    snapshot: Snapshot, device_name: str, precision: str
) -> tuple[torch.device, torch.dtype]:
    """The device and the precision for some weights; best_device and best_dtype where "".

    Raises EngineError where this machine cannot hold them.
    """
    device = torch.device(device_name) if device_name else best_device()
    count = parameters(snapshot)
    dtype: torch.dtype = getattr(torch, precision) if precision else best_dtype(device, count)
    if not fits(device, count, dtype):
        raise EngineError(
            f"model {snapshot.name} needs {count * dtype.itemsize / 1e9:.1f} GB for its "
            f"weights, and this machine has {machine_bytes() / 1e9:.1f} GB of memory"
        )
    return device, dtype


def parameters(snapshot: Snapshot) -> int:
    """How many numbers the weights of a snapshot are; reads the heads of its files only.

    Raises EngineError.
    """
    count = 0
    for path in snapshot.tensor_files:
        try:
            with safe_open(path, "pt") as file:
                count += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())
        except (OSError, SafetensorError) as error:
            raise EngineError(f"{path} cannot be read: {error}") from error
    return count


def fits(device: torch.device, parameters: int, dtype: torch.dtype) -> bool:
    """Whether the machine's memory holds so many parameters, if they have to stay in it."""
    needed: int = parameters * dtype.itemsize + ROOM_BYTES
    return device.type == "cuda" or needed <= machine_bytes()


def machine_bytes() -> int:
    """Bytes of memory that the machine has; a huge number where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # as on Windows
        return UNKNOWN_BYTES


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device; on CPU and Apple, without end: there is one memory only."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return UNKNOWN_BYTES


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is an allocation that did not fit, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in OUT_OF_MEMORY)


def release(device: torch.device) -> None:
    """Give cached blocks back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


class Placement:
    """Brings a pipeline's networks to the device as its mode says, and takes them away again.

    In mode low only the transformer's blocks move, one at a time; its small rest stays there.
    """

    def __init__(self, pipeline: Any, device: torch.device, mode: MemoryMode) -> None:
        self.device, self.mode = device, mode
        self._parts = networks_of(pipeline)
        for name, part in self._parts.items():
            if mode.offload == "blocks" and name == "transformer":
                self._settle_blocks(part)
            else:
                self.move(part, device if mode.offload == "nothing" else AWAY)

    def move(self, part: Any, place: torch.device) -> None:
        """Move a network, or a block of one."""
        part.to(place)

    def on_device(self, *names: str) -> AbstractContextManager[None]:
        """Have these networks on the device inside the `with`; also a failure takes them away."""
        moving = [] if self.mode.offload == "nothing" else list(names)
        if self.mode.offload == "blocks" and "transformer" in moving:
            moving.remove("transformer")
        return self._visiting([self._parts[name] for name in moving])

    def block_on_device(self, block: Any) -> AbstractContextManager[None]:
        """Have one block of the transformer on the device inside the `with`."""
        return self._visiting([block] if self.mode.offload == "blocks" else [])

    @contextmanager
    def _visiting(self, parts: list[Any]) -> Iterator[None]:
        try:
            for part in parts:
                self.move(part, self.device)
            yield
        finally:
            for part in parts:
                self.move(part, AWAY)
            if parts:
                release(self.device)

    def _settle_blocks(self, transformer: Any) -> None:
        blocks = transformer.layers
        for block in blocks:
            self.move(block, AWAY)
        del transformer.layers
        try:
            self.move(transformer, self.device)
        finally:
            transformer.layers = blocks


def _cpu_has_bfloat16() -> bool:
    capable = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(capable and capable())
