"""RoFormers of random weights under the public names, for the tests of splitting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml

SIX = ["bass", "drums", "other", "vocals", "guitar", "piano"]
TINY: dict[str, Any] = {
    "dim": 16, "depth": 2, "stereo": True, "time_transformer_depth": 1,
    "freq_transformer_depth": 2, "dim_head": 8, "heads": 2, "mask_estimator_depth": 2,
    "stft_n_fft": 512, "stft_hop_length": 128, "stft_win_length": 512,
}  # fmt: skip
BANDS = [2] * 16 + [25] * 9
MEL_BANDS = 20


def config(sources: list[str], target: str | None = None, **changed: Any) -> dict[str, Any]:
    """A configuration in the public form; segments of half a second."""
    count = 1 if target else len(sources)
    return {
        "model": {**TINY, "num_stems": count, **changed},
        "training": {"instruments": sources, "target_instrument": target},
        "inference": {"chunk_size": 22050, "num_overlap": 2},
    }


def state(asked: dict[str, Any], widths: list[int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights of a configuration whose bands have so many bins each.

    Written from the public names alone, without the code that reads them.
    """
    random = torch.Generator().manual_seed(seed)
    model = asked["model"]
    dim, inner = model["dim"], model["heads"] * model["dim_head"]
    found: dict[str, torch.Tensor] = {}

    def put(name: str, *shape: int) -> None:
        scale = shape[-1] ** -0.5 if len(shape) > 1 else 0.1
        found[name] = torch.randn(*shape, generator=random) * scale + name.endswith("gamma")

    def transformer(name: str, depth: int) -> None:
        for number in range(depth):
            one = f"{name}.layers.{number}"
            speeds = 10_000.0 ** -(torch.arange(model["dim_head"] // 2) * 2 / model["dim_head"])
            found[f"{one}.0.rotary_embed.freqs"] = speeds
            put(f"{one}.0.norm.gamma", dim)
            put(f"{one}.0.to_qkv.weight", 3 * inner, dim)
            put(f"{one}.0.to_gates.weight", model["heads"], dim)
            put(f"{one}.0.to_gates.bias", model["heads"])
            put(f"{one}.0.to_out.0.weight", dim, inner)
            put(f"{one}.1.net.0.gamma", dim)
            put(f"{one}.1.net.1.weight", 4 * dim, dim)
            put(f"{one}.1.net.1.bias", 4 * dim)
            put(f"{one}.1.net.4.weight", dim, 4 * dim)
            put(f"{one}.1.net.4.bias", dim)
        if "num_bands" in model:
            put(f"{name}.norm.gamma", dim)

    for number in range(model["depth"]):
        transformer(f"layers.{number}.0", model["time_transformer_depth"])
        transformer(f"layers.{number}.1", model["freq_transformer_depth"])
    if "num_bands" not in model:
        put("final_norm.gamma", dim)
    for number, width in enumerate(widths):
        put(f"band_split.to_features.{number}.0.gamma", 4 * width)
        put(f"band_split.to_features.{number}.1.weight", dim, 4 * width)
        put(f"band_split.to_features.{number}.1.bias", dim)
        for stem in range(model["num_stems"]):
            name = f"mask_estimators.{stem}.to_freqs.{number}.0"
            put(f"{name}.0.weight", 4 * dim, dim)
            put(f"{name}.0.bias", 4 * dim)
            if "num_bands" in model:
                put(f"{name}.2.weight", 4 * dim, 4 * dim)
                put(f"{name}.2.bias", 4 * dim)
            last = 4 if "num_bands" in model else 2
            put(f"{name}.{last}.weight", 8 * width, 4 * dim)
            put(f"{name}.{last}.bias", 8 * width)
    return found


def save(folder: Path, name: str, sources: list[str] = SIX, **more: Any) -> Path:
    """Write NAME.ckpt and NAME.yaml of a tiny BS-RoFormer; return the first."""
    asked = config(sources, **{"freqs_per_bands": BANDS, **more})
    path = folder / f"{name}.ckpt"
    torch.save(state(asked, BANDS), path)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(asked), "utf-8")
    return path
