"""The worker process: it plays the jobs that come through its pipe, one at a time.

The end of the pipe means that the daemon is gone: the worker then stops by itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config import Config
from daemon.installation import lack_of
from daemon.jobs import JobState
from daemon.local_player import LocalPlayer
from daemon.player import Player
from daemon.worker_messages import Alive, Cancel, Ended, Order, Play, Progressed, Ready, Report
from diffusion.models.folder import models_folder
from midi.user_file import confined_to
from osc_protocol.errors import Code, ProtocolError

if TYPE_CHECKING:
    from stems.manifest import Manifest

LOG_BYTES = 1 << 20
BEAT_SECONDS = 1.0
FULL_BYTES = 64 << 10  # a disk with less than that free is full
# What libraries say, whose exceptions have no kind of their own for it.
NO_MEMORY = ("out of memory", "bad_alloc", "not enough memory", "cannot allocate memory")


def work(connection: Connection, config: Config) -> None:
    """Play the jobs the daemon sends until it says stop or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which sends Stop
    log_file = config.log_folder / "worker.log"
    _write_output_to(log_file)
    _yield_to_the_front_process()
    _use_a_folder_of_its_own(config)
    orders = _Orders(connection)
    threading.Thread(target=_beat, args=(orders,), name="beat", daemon=True).start()
    with (
        contextlib.ExitStack() as at_exit,
        contextlib.suppress(EOFError, OSError),  # daemon gone
        confined_to((*config.roots, models_folder())),
    ):
        player: Player = LocalPlayer(config, at_exit, orders.are_waiting)
        if config.play_on:
            from daemon.remote_player import RemotePlayer

            player = RemotePlayer(config, player)
        orders.report(Ready(player.warm_up()))
        while (order := orders.next()) is not None:
            orders.report(_play(order, player, orders, log_file))


def _beat(orders: _Orders) -> None:
    """Show the daemon that this process runs, until the pipe ends."""
    never = threading.Event()
    with contextlib.suppress(OSError):
        while True:
            orders.report(Alive())
            never.wait(BEAT_SECONDS)


def _play(order: Play, player: Player, orders: _Orders, log_file: Path) -> Ended:
    """Play one job and report how it ended."""
    from diffusion.errors import Cancelled

    folder, number = Path(order.folder), order.number
    try:
        manifest = player.play(
            order, folder,
            lambda stage, fraction: orders.report(Progressed(number, stage, fraction)),
            lambda: orders.cancelled(number),
        )  # fmt: skip
        return Ended(order.number, JobState.DONE, stems=stems_of(manifest, folder))
    except Cancelled:
        return Ended(order.number, JobState.CANCELLED)
    except EOFError:
        raise
    except Exception as error:
        return Ended(order.number, JobState.FAILED, *explain(error, log_file, folder))


def explain(error: Exception, log_file: Path, folder: Path | None = None) -> tuple[int, str]:
    """Return error code and sentence; an exception that is no refusal goes to the log.

    `folder` is where the job's files were to be: its disk is looked at.
    """
    from audio.errors import AudioError
    from diffusion.errors import EngineError
    from midi.errors import MidiError
    from stems.errors import StemError

    causes = tuple(_causes(error))
    if any(_is_no_memory(each) for each in causes):
        _write_down(error)
        return Code.OUT_OF_MEMORY, "there is not enough memory for this job; ask for fewer bars"
    if any(_is_full_disk(each) for each in causes) or _is_full(folder):
        _write_down(error)
        return Code.DISK_FULL, "the disk is full; make room and send the job again"
    if broken := next(filter(_is_broken_disk, causes), None):
        _write_down(error)
        reason = getattr(broken, "strerror", None) or str(broken)
        return Code.DISK_FULL, f"the results cannot be written ({reason}); look after the disk"
    if lack := next(filter(None, map(lack_of, causes)), ""):
        return Code.MODEL_UNAVAILABLE, lack
    match error:
        case ProtocolError():
            return error.code, error.message
        case MidiError():
            return Code.OUT_OF_RANGE, str(error)
        case EngineError():
            return Code.MODEL_UNAVAILABLE, str(error)
        case StemError() | AudioError():
            return Code.INTERNAL, str(error)
    _write_down(error)
    sentence = f"an unexpected error ({type(error).__name__}); the details are in {log_file}"
    return Code.INTERNAL, sentence


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all it came of, the last one first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def _is_no_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM:
        return True
    return not isinstance(error, ProtocolError) and any(
        words in str(error).lower() for words in NO_MEMORY
    )


def _is_full_disk(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _is_broken_disk(error: BaseException) -> bool:
    """Whether a disk has failed, or may not be written to any more."""
    return isinstance(error, OSError) and error.errno in (errno.EIO, errno.EROFS)


def _is_full(folder: Path | None) -> bool:
    """Whether there is no room where a job's files are to be: not every library tells."""
    if folder is None:
        return False
    try:
        return shutil.disk_usage(folder if folder.exists() else folder.parent).free < FULL_BYTES
    except OSError:
        return False


def _write_down(error: Exception) -> None:
    with contextlib.suppress(OSError):  # the disk may be full here, too
        traceback.print_exception(error)
        sys.stderr.flush()


class _Orders:
    """The worker's end of the pipe, read between jobs and at each step of one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._sending = threading.Lock()
        self._waiting: list[Play] = []
        self._cancelled: set[int] = set()
        self._stopping = False

    def report(self, report: Report) -> None:
        """Tell the daemon; any thread may do so."""
        with self._sending:
            self.connection.send(report)

    def next(self) -> Play | None:
        """Wait for the next job; None when the worker is to stop."""
        while not self._waiting and not self._stopping:
            self._take(self.connection.recv())
        return None if self._stopping else self._waiting.pop(0)

    def cancelled(self, number: int) -> bool:
        """Say whether job `number` is to stop now."""
        self._take_all()
        return self._stopping or number in self._cancelled

    def are_waiting(self) -> bool:
        """Say whether there is anything else to do."""
        self._take_all()
        return self._stopping or bool(self._waiting)

    def _take_all(self) -> None:
        while self.connection.poll():
            self._take(self.connection.recv())

    def _take(self, order: Order) -> None:
        match order:
            case Play():
                self._waiting.append(order)
            case Cancel(number):
                self._cancelled.add(number)
            case _:
                self._stopping = True


def stems_of(manifest: Manifest, folder: Path) -> list[dict[str, object]]:
    """Return StemReady's fields of each stem of a finished job, take after take.

    The mix and the other files are beside them; the manifest names them all.
    """
    files = [entry for entry in manifest.files if entry.role == "stem"]
    sample_rate = manifest.grid.sample_rate
    return [
        {
            "index": index,
            "count": len(files),
            "name": entry.stem,
            "path": str(folder / entry.path),
            "url": "",
            "seconds": entry.frames / sample_rate,
            "sample_rate": sample_rate,
            "channels": manifest.takes[(entry.take or 1) - 1].facts.channels or 2,
            "bytes": entry.bytes,
            "sha256": f"sha256:{entry.sha256}",
            "take": entry.take,
        }
        for index, entry in enumerate(files)
    ]


def _write_output_to(log_file: Path) -> None:
    """Send what libraries and crashes print to a file: the daemon's own output stays clean."""
    mode = os.O_TRUNC if log_file.exists() and log_file.stat().st_size > LOG_BYTES else os.O_APPEND
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | mode, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _use_a_folder_of_its_own(config: Config) -> None:
    """Have temporary files lie in the home, where they may be read, and go with the next worker."""
    folder = config.home / "temp"
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # a full disk is said when a job needs it
        folder.mkdir(mode=0o700, exist_ok=True)
        tempfile.tempdir = str(folder)


def _yield_to_the_front_process() -> None:
    """Be nice (where the system knows that): a ping must not wait for a diffusion step."""
    if hasattr(os, "nice"):
        os.nice(5)
