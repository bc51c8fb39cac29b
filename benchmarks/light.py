"""Two of the networks by onnxruntime beside torch: `python -m benchmarks.light [FOLDER]`.

Exports the embedded engine's transformer (8 bars, two in a batch) and the splitter's network (12 s)
with their weights and inputs of seed 0, then runs each by onnxruntime and by torch in a process
of its own: seconds of CPU to import and load, for the first run, for the quickest of five, and the
greatest difference of what comes out. Needs onnxruntime, onnx, onnxscript and onnx-ir beside torch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
NETWORKS, ENGINES = ("transformer", "splitter"), ("onnxruntime", "torch")
MOMENTS = 516  # of the splitter's spectrogram in 12 s
RUNS = 5


def main() -> None:
    """Export both, and print a line for each network and engine."""
    if len(sys.argv) == 4:
        _run(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
        return
    with tempfile.TemporaryDirectory(prefix="backline-light-") as scratch:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        for name in NETWORKS:
            _export(folder, name)
        for name in NETWORKS:
            for engine in ENGINES:
                words = [sys.executable, "-m", "benchmarks.light", str(folder), name, engine]
                subprocess.run(words, cwd=ROOT, check=True)


def _network(name: str) -> tuple[Any, Any]:
    """A function of tensors, and the module that it is of."""
    from safetensors.torch import load_file

    from diffusion.embedded.backbone import load_backbone
    from stems.splitting.mask_network import MaskNetwork

    if name == "transformer":
        weights = ROOT / "diffusion" / "embedded" / "weights"
        network = load_backbone(next(weights.glob("diffusion-*.safetensors")), "cpu")
        return network, network
    splitter = MaskNetwork()
    state = load_file(ROOT / "stems" / "splitting" / "weights" / "embedded.safetensors")
    plain = {key.split(".", 1)[1] if key[0].isdigit() else key: each for key, each in state.items()}
    splitter.load_state_dict({key: each.float() for key, each in plain.items()})
    return splitter.eval().shares, splitter


def _inputs(name: str) -> dict[str, Any]:
    import torch

    from diffusion.embedded import vocabulary
    from diffusion.embedded.intent import CONTEXT_CHANNELS
    from diffusion.embedded.latents import LAYOUT
    from stems.splitting.mask_network import ROWS

    torch.manual_seed(0)
    frames = 8 * 4 * 12
    if name == "splitter":
        return {"magnitudes": torch.rand(1, 2, MOMENTS, ROWS)}
    return {
        "noisy": torch.randn(2, frames, LAYOUT.channels), "time": torch.rand(2),
        "context": torch.randn(2, frames, CONTEXT_CHANNELS),
        "tokens": torch.randint(0, len(vocabulary.TOKENS), (2, vocabulary.SLOTS)),
    }  # fmt: skip


def _export(folder: Path, name: str) -> None:
    import torch

    call, network = _network(name)
    if call is not network:
        network.forward = call
    inputs = _inputs(name)
    with torch.inference_mode():
        out = call(*inputs.values()).numpy()
    given = {key: each.numpy() for key, each in inputs.items()}
    np.savez(folder / f"{name}.npz", out=out, **given)
    torch.onnx.export(
        network, tuple(inputs.values()), folder / f"{name}.onnx",
        input_names=list(inputs), opset_version=18, dynamo=True,
    )  # fmt: skip


def _run(folder: Path, name: str, engine: str) -> None:
    """Load it, run it, and print the line."""
    kept = dict(np.load(folder / f"{name}.npz"))
    wanted = kept.pop("out")
    before = _cpu()
    run = (_by_onnxruntime if engine == "onnxruntime" else _by_torch)(folder, name, kept)
    loaded = _cpu()
    out = run()
    took = [_cpu() - loaded]
    for _ in range(RUNS):
        started = _cpu()
        run()
        took.append(_cpu() - started)
    apart = float(np.abs(out - wanted).max())
    print(
        f"{name:<12} {engine:<12} load {loaded - before:.2f} s, first {took[0]:.2f} s, then "
        f"{min(took[1:]):.2f} s of CPU; at most {apart:.0e} from torch; "
        f"torch is {'' if 'torch' in sys.modules else 'not '}imported"
    )


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


def _by_onnxruntime(folder: Path, name: str, kept: dict[str, Any]) -> Callable[[], Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
    return lambda: session.run(None, kept)[0]


def _by_torch(folder: Path, name: str, kept: dict[str, Any]) -> Callable[[], Any]:
    import torch

    call, _ = _network(name)
    tensors = [torch.from_numpy(each) for each in kept.values()]

    def run() -> Any:
        with torch.inference_mode():
            return call(*tensors).numpy()

    return run


if __name__ == "__main__":
    main()
