"""An error as the sentence a user reads, and the exit status that it ends a command with."""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass
from datetime import datetime

from daemon.config import Config
from daemon.errors import DaemonError, Interrupted, UsageError
from daemon.installation import lack_of

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130  # 130: ended by Ctrl-C, as shells have it


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in one sentence, and the exit status."""

    sentence: str
    status: int


def failure_of(error: Exception) -> Failure:
    """Return what to say of an error; of one that nobody foresaw the traceback goes to a file."""
    from audio.errors import AudioError
    from diffusion.errors import Cancelled, EngineError
    from midi.errors import MidiError
    from osc_protocol.errors import Code, ProtocolError
    from stems.errors import StemError

    bad_input = {
        Code.BAD_TYPE, Code.OUT_OF_RANGE, Code.UNKNOWN_KEY, Code.MISSING_ARGUMENT,
        Code.PATH_FORBIDDEN, Code.TOO_LARGE, Code.BAD_MIDI, Code.UNSUPPORTED,
    }  # fmt: skip
    match error:
        case Cancelled() | Interrupted():
            return Failure("cancelled; nothing was written", INTERRUPTED)
        case UsageError() | MidiError():
            return Failure(str(error), BAD_USAGE)
        case ProtocolError(code=code):
            return Failure(str(error), BAD_USAGE if code in bad_input else FAILED)
        case DaemonError() | EngineError() | StemError() | AudioError():
            return Failure(str(error), FAILED)
        case ModuleNotFoundError() if lack := lack_of(error):
            return Failure(lack, FAILED)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            what = error.filename or "what was to be printed or written"
            return Failure(f"the disk is full: {what} found no room", FAILED)
    unexpected = f"an unexpected {type(error).__name__}; {_write_traceback(error)}"
    return Failure(unexpected, FAILED)


def _write_traceback(error: Exception) -> str:
    """Write a traceback for a report of the fault, and say where it is."""
    now = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    path = Config().log_folder / f"error-{now}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
    except OSError:
        return f"its details ({error}) could not be written to {path}"
    return f"please report it with {path}"
