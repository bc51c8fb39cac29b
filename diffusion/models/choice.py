"""Which of the weights on the shelf are meant, by a name, a hash or by what an engine plays."""

from __future__ import annotations

from pathlib import Path

from diffusion.errors import ModelError
from diffusion.models.catalogue import (
    ACE_STEP,
    CODE_PLANNER,
    CODE_PLANNERS,
    EVERY,
    MUSIC,
    SPLITTER,
    STABLE_AUDIO,
    engine_of,
)
from diffusion.models.folder import chosen_model, models_folder
from diffusion.models.shelf import Snapshot, faults, snapshots

MIN_PREFIX = 6  # digits of a hash that name it
NO_ENGINE = {
    SPLITTER: "splits mixes, it makes no music",
    CODE_PLANNER: "plans codes, it makes no music",
}


def find_for_music(root: Path, wanted: str = "", engine: str = ACE_STEP) -> Snapshot:
    """find(), for an engine: weights of another one, or a splitter's, play nothing. ModelError."""
    known = EVERY.get(wanted)
    kind = known.kind if known else ""
    if not kind or engine_of(kind) == engine:
        snapshot = find(root, wanted, engine)
        kind = snapshot.kind
        if engine_of(kind) == engine:
            return snapshot
    first = next(name for name, model in MUSIC.items() if engine_of(model.kind) == engine)
    what = NO_ENGINE.get(kind) or f"is for {engine_of(kind)}"
    raise ModelError(
        f"model {wanted!r} {what}: BACKLINE_MODEL must name weights for engine {engine}, such as "
        f"{first} (backline models list), or be unset"
    )


def whole_for_music(root: Path, wanted: str, engine: str) -> Snapshot:
    """find_for_music(), of weights whose files are all there; hashes are not read. ModelError."""
    snapshot = find_for_music(root, wanted, engine)
    fault = next(faults(snapshot, hashes=False), None)
    if fault:
        raise ModelError(
            f"model {snapshot.name}: {fault}; run: backline models verify {snapshot.name}"
        )
    return snapshot


def find_code_planner(root: Path, name: str) -> Snapshot:
    """find(), of a language model that writes 5 Hz codes; raises ModelError for other weights."""
    snapshot = find(root, name)
    if snapshot.kind != CODE_PLANNER:
        names = ", ".join(CODE_PLANNERS)
        raise ModelError(f"model {name!r} plans no codes; code-planner must name one of {names}")
    return snapshot


def chosen_for(engine: str) -> str:
    """The setting `model`, or "" where it names weights of another engine."""
    name = chosen_model()
    model = MUSIC.get(name)
    return "" if model and engine_of(model.kind) != engine else name


def reason_against_ace_step() -> str:
    """Return why ACE-Step cannot play on this machine and what to do, or ""."""
    return _reason_against(ACE_STEP)


def reason_against_stable_audio() -> str:
    """Return why Stable Audio 3 cannot play on this machine and what to do, or ""."""
    return _reason_against(STABLE_AUDIO)


def _reason_against(engine: str) -> str:
    try:
        find_for_music(models_folder(), chosen_for(engine), engine)
    except ModelError as error:
        return str(error)
    return ""


def find(root: Path, wanted: str = "", engine: str = ACE_STEP) -> Snapshot:
    """The snapshot of a name or of a hash's first digits; "" takes the first that `engine` plays.

    Raises ModelError that says which command downloads it.
    """
    there = snapshots(root)
    if not wanted:
        names = [name for name, model in MUSIC.items() if engine_of(model.kind) == engine]
        there = [each for each in there if engine_of(each.kind) == engine]
        if not there:
            raise ModelError(
                f"engine {engine!r} has no weights on this machine; "
                f"run: backline models pull {names[0]}"
            )
        rank = {name: place for place, name in enumerate(names)}
        return min(there, key=lambda each: rank.get(each.name, len(rank)))
    digits = wanted.removeprefix("sha256:").lower()
    for each in there:
        if each.name == wanted or (len(digits) >= MIN_PREFIX and each.sha256.startswith(digits)):
            return each
    if wanted in EVERY:
        raise ModelError(
            f"model {wanted!r} is not on this machine; run: backline models pull {wanted}"
        )
    raise ModelError(
        f"no model {wanted!r} is on this machine; `backline models list` shows those that are"
    )
