"""What can go wrong with downloaded weights."""

from diffusion.errors import EngineError


class ModelError(EngineError):
    """Weights are missing, damaged or cannot be had; the message says what to do."""
