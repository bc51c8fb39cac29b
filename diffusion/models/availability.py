"""Whether weights for an engine lie on this machine, without loading them."""

from __future__ import annotations


def reason_against_ace_step() -> str:
    """Return why ACE-Step cannot play on this machine and what to do, or ""."""
    from diffusion.models.errors import ModelError
    from diffusion.models.folder import chosen_model, models_folder
    from diffusion.models.shelf import find_for_music

    try:
        find_for_music(models_folder(), chosen_model())
    except ModelError as error:
        return str(error)
    return ""
