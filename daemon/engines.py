"""Whether an engine can play on this machine, told at once: nothing is loaded for it."""

from __future__ import annotations

from collections.abc import Sequence


def reason_against(name: str, known: Sequence[str]) -> str:
    """Return why `name` cannot play and what to do, or "" where it can."""
    if name not in known:
        return f"engine {name!r} is not in this version yet; use --engine {known[0]}"
    if name == "ace-step":
        from diffusion.models.errors import ModelError
        from diffusion.models.folder import chosen_model, models_folder
        from diffusion.models.shelf import find_for_music

        try:
            find_for_music(models_folder(), chosen_model())
        except ModelError as error:
            return str(error)
    return ""
