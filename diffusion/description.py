"""How an engine that plays downloaded weights describes itself in a manifest."""

from __future__ import annotations

from importlib.metadata import version

import torch

from diffusion.facts import EngineDescription
from diffusion.models.catalogue import licence_of
from diffusion.models.shelf import Snapshot


def description(
    engine: str, engine_version: str, snapshot: Snapshot, device: torch.device, dtype: torch.dtype
) -> EngineDescription:
    """The weights' hash and origin, the device, the precision, and the versions of libraries."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return EngineDescription(
        name=engine,
        version=engine_version,
        kind=snapshot.kind,
        weights=snapshot.describe(),
        licence=licence_of(snapshot.describe().model),
        device=gpu or device.type,
        precision=str(dtype).removeprefix("torch."),
        torch=torch.__version__,
        diffusers=version("diffusers"),
        transformers=version("transformers"),
    )
