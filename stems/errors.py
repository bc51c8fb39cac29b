"""What can be wrong with stems and their files."""


class StemError(ValueError):
    """Stems do not belong together, or a delivered file is wrong; the message says why."""
