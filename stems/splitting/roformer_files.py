"""RoFormers' files: a file of weights and the YAML file that describes it, beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stems.errors import StemError
from stems.splitting.roformer_layout import layout_of, read_config

CONFIG = ".yaml"
WEIGHTS = (".safetensors", ".ckpt", ".th")
HOLDERS = ("state_dict", "state", "model_state_dict")  # under which a file may keep its weights


def pair_of(path: Path) -> tuple[Path, Path] | None:
    """The weights and the configuration that a path, of either, belongs to; None if to neither.

    The other has the same name but for its ending, or is the only one of its kind in the folder.
    Raises StemError where weights of RoFormers have no configuration, or it has no weights.
    """
    if path.suffix == CONFIG:
        if read_config(path) is None:
            return None
        weights = _partner(path, WEIGHTS)
        if weights is None:
            raise StemError(f"{path} describes a network, and no file of weights "
                            f"({', '.join(WEIGHTS)}) named {path.stem} is beside it")  # fmt: skip
        return weights, path
    config = _partner(path, (CONFIG,))
    if config is not None and read_config(config) is not None:
        return path, config
    if path.suffix == ".ckpt":
        raise StemError(f"{path} needs its configuration beside it: {path.stem}{CONFIG}")
    return None


def _partner(path: Path, suffixes: tuple[str, ...]) -> Path | None:
    same = [path.with_suffix(suffix) for suffix in suffixes]
    found = [each for each in same if each.is_file()]
    if not found:
        beside = (each for each in path.parent.glob("*") if each.suffix in suffixes)
        found = [each for each in beside if each.is_file()]
    return found[0] if len(found) == 1 else None


def read_roformer(weights: Path, config: Path) -> Any:
    """The network of a file of weights; pickles are read by torch's restricted unpickler alone.

    Raises StemError.
    """
    from stems.splitting.roformer import Roformer

    described = read_config(config)
    assert described is not None
    layout = layout_of(described, config.name)
    return Roformer(layout, read_state(weights))


def read_state(path: Path) -> dict[str, Any]:
    """Tensors by name; raises whatever the formats raise."""
    import torch

    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    found = torch.load(path, "cpu", weights_only=True, mmap=True)
    for holder in HOLDERS:
        if isinstance(found, dict) and isinstance(found.get(holder), dict):
            found = found[holder]
            break
    if not isinstance(found, dict) or not all(torch.is_tensor(each) for each in found.values()):
        raise StemError(f"{path} holds no weights by name")
    return {name.removeprefix("module."): each for name, each in found.items()}
