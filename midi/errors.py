"""What can be wrong with musical intent, each as one plain sentence."""


class MidiError(ValueError):
    """A musical value is wrong; the message names field, value and limit."""


class GridError(MidiError):
    """The tempo, meter or number of bars cannot make a grid."""


class KeyNameError(MidiError):
    """The text is not a key this program knows."""


class MelodyError(MidiError):
    """The melody cannot be read or holds nothing to play."""


class SectionError(MidiError):
    """Sections, or prompts at times, do not lie on the bars there are."""


class ChordError(MidiError):
    """A chord symbol, or chords over bars, cannot be read."""


class SheetError(MidiError):
    """A lead sheet cannot be read, or does not fit its bars."""


class CurveError(MidiError):
    """The points of an intensity curve are none."""
