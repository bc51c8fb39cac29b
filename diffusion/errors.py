"""What can go wrong in an engine."""


class EngineError(RuntimeError):
    """The engine cannot do what was asked; the message says why and what to do."""


class Cancelled(EngineError):
    """The user asked the engine to stop; nothing is wrong."""
