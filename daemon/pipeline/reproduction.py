"""Making an old result again: the same request and weights, and the frames compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from daemon.errors import DaemonError
from daemon.pipeline.revision import check_generated
from diffusion.engine import Engine
from diffusion.engines import engine_spec
from diffusion.facts import EngineDescription, SnapshotWeights
from osc_protocol.errors import wire_name
from osc_protocol.generate import Generate
from osc_protocol.request_paths import paths_of
from stems.manifest import Manifest
from stems.version import backline_version

SOUND_ROLES = ("stem", "mix")
INGREDIENTS = ("device", "precision", "torch", "diffusers", "transformers")


class MissingIngredient(DaemonError):
    """What the old result was made with is not on this machine; the message says what."""


def open_for(manifest: Manifest) -> Engine:
    """Return the engine of a manifest with the weights of its hash; raises EngineError."""
    spec, weights = engine_spec(str(manifest.request.get("engine", ""))), _weights(manifest)
    # Weights that were pulled are one snapshot with a hash; those we ship have one for each file.
    return spec.open(_pulled(weights) if isinstance(weights, SnapshotWeights) else "")


def request_of(manifest: Manifest) -> Generate:
    """Return the request of a manifest, whose files must still be there.

    Raises MissingIngredient, and ProtocolError where the request is none of this version's.
    """
    check_generated(manifest, "it")
    request = Generate.from_dict(manifest.request)
    for field, path in paths_of(request):
        if not Path(path).exists():
            raise MissingIngredient(f"{wire_name(field)} {path} is not there any more")
    return request


def check_weights(manifest: Manifest, engine: Engine) -> None:
    """Raise MissingIngredient unless the loaded weights are those of the manifest."""
    if _weights(manifest) != engine.describe().weights:
        raise MissingIngredient(
            f"the weights of engine {manifest.engine.name} are not those of the result; it was "
            f"made by {_version(manifest.engine)}backline {manifest.backline}, "
            f"this is {_version(engine.describe())}backline {backline_version()}"
        )


def differences(old: Manifest, new: Manifest) -> list[str]:
    """Return the sound files whose frames are not the old ones."""
    made = {entry.path: entry.sha256 for entry in new.files}
    return [
        entry.path
        for entry in old.files
        if entry.role in SOUND_ROLES and made.get(entry.path) != entry.sha256
    ]


def suspects(old: Manifest, new: Manifest) -> Iterator[str]:
    """Say which ingredients differ between two results, a phrase each."""
    for name in INGREDIENTS:
        was, now = (getattr(each.engine, name, None) for each in (old, new))
        if was != now:
            yield f"{name} was {was}, is {now}"
    if old.backline != new.backline:
        yield f"backline was {old.backline}, is {new.backline}"


def _weights(manifest: Manifest) -> SnapshotWeights | Mapping[str, object] | None:
    engine = manifest.engine
    return engine.weights if isinstance(engine, EngineDescription) else None


def _version(engine: object) -> str:
    """Name the version of an engine's weights, "" where it has none."""
    version = getattr(engine, "version", None)
    return f"weights {version} of " if version else ""


def _pulled(weights: SnapshotWeights) -> str:
    """The hash to open; raises MissingIngredient with the command that brings it."""
    from diffusion.errors import ModelError
    from diffusion.models.choice import find
    from diffusion.models.folder import models_folder

    wanted = f"sha256:{weights.sha256}"
    try:
        find(models_folder(), wanted)
    except ModelError:
        command = f"backline models pull {weights.model}"
        if weights.revision:
            command += f" --revision {weights.revision}"
        raise MissingIngredient(
            f"the weights {wanted[:19]} ({weights.model}) are not on this machine; run: {command}"
        ) from None
    return wanted
