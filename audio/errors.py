"""What can be wrong with sound."""


class AudioError(ValueError):
    """The audio cannot be read, written or measured; the message says why in one sentence."""
