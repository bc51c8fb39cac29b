"""What can be wrong with sound."""


class AudioError(ValueError):
    """The audio cannot be read, written or measured; the message says why in one sentence."""


class GateError(AudioError):
    """No take passed the limits that were asked for; the message gives what was measured."""


class CannotConform(AudioError):
    """The audio cannot be brought onto the grid; the message gives what was measured.

    `bars_held` is the number of whole bars there are where too many were asked for, else 0.
    """

    bars_held = 0
