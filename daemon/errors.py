"""What can go wrong in the service."""


class DaemonError(RuntimeError):
    """The daemon or the command cannot do what was asked; the message is one plain sentence."""


class UsageError(DaemonError):
    """What the user typed is wrong; the message names field, value and limit."""


class Interrupted(DaemonError):
    """The user stopped it; nothing is wrong."""
