"""The worker: one process apart that owns torch and plays jobs, and the daemon's hold on it.

A crash, a full memory or a busy interpreter there never reaches the process that answers OSC.
One pipe joins them. To the worker: ("run", job, request, folder, requests that wait behind it and
may be played along), ("cancel", job), ("stop",).
From it: ("ready", engine), ("progress", job, stage, fraction), ("done", job, stems),
("cancelled", job), ("failed", job, code, message). An end of the pipe that closes means that the
process behind it is gone: the worker then stops by itself.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from daemon.config import Config
from diffusion.engines import EngineSpec, engine_spec
from osc_protocol.errors import Code, ProtocolError

if TYPE_CHECKING:
    from daemon.pipeline.job_batches import BatchedEngine
    from stems.manifest import Manifest
    from stems.splitting.splitter import Splitter

log = logging.getLogger("backline.worker")

Message = tuple[Any, ...]
Model = TypeVar("Model")

LOG_BYTES = 1 << 20


class Worker:
    """A running worker process; `tell` gets its messages and, last, ("gone", exit status).

    `tell` is called from a thread of this object's own, one message at a time.
    """

    def __init__(self, config: Config, tell: Callable[[Worker, Message], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=work,
            args=(
                theirs,
                (config.engines, config.splitter_factory),
                config.warm_engine,
                str(config.log_folder),
            ),
            name="backline-worker",
            daemon=True,
        )
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        self._tell = tell
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="worker-reader", daemon=True)
        self._reader.start()

    def send(self, *message: object) -> None:
        """Send one message; a worker that is gone is told by `tell`, not here."""
        with self._sending, contextlib.suppress(OSError):
            self._connection.send(message)

    def kill(self) -> None:
        """End the process at once, the cancel of last resort."""
        self._process.kill()

    def stop(self, patience_seconds: float) -> None:
        """Let the worker end by itself, or kill it when it takes longer."""
        self.send("stop")
        self._process.join(patience_seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _read(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                break
            self._tell_safely(message)
        self._process.join()
        self._tell_safely(("gone", self._process.exitcode))

    def _tell_safely(self, message: Message) -> None:
        try:
            self._tell(self, message)
        except Exception:  # a full disk, say, must not leave later messages unheard
            log.exception("the message %s of the worker had no effect", message[0])


def work(
    connection: Connection,
    models: tuple[tuple[EngineSpec, ...], str],
    warm_engine: str,
    log_folder: str,
) -> None:
    """Be the worker: play the jobs the daemon sends until it says stop or is gone.

    `models` are the rows of engines and the "module:function" that opens splitters.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which tells us
    log_file = Path(log_folder) / "worker.log"
    _write_output_to(log_file)
    _yield_to_the_front_process()
    rows, splitter_factory = models
    engines: _Opened[BatchedEngine] = _Opened(lambda name: _batched(name, rows))
    splitters: _Opened[Splitter] = _Opened(lambda name: _attribute(splitter_factory)(name))
    orders = _Orders(connection)
    try:
        connection.send(("ready", warm_engine if _warm_up(warm_engine, engines, orders) else ""))
        while (order := orders.next()) is not None:
            message = _play(order, engines, splitters, orders, log_file)
            connection.send(message)
    except (EOFError, OSError):
        pass  # the daemon is gone
    finally:
        for engine in engines:
            engine.close()


def _warm_up(name: str, engines: _Opened[BatchedEngine], orders: _Orders) -> bool:
    """Load an engine and play one bar that nobody hears; says whether the engine is loaded.

    The first job then finds all imported and compiled. It gives way to a job that comes.
    """
    if not name:
        return False
    try:
        from daemon.pipeline import generate
        from osc_protocol.generate import Generate

        engine = engines.open(name)
        engine.load(lambda stage, fraction: None)
    except Exception:  # the job that needs it will meet the fault again, and tell it
        traceback.print_exc()
        return False
    with (
        contextlib.suppress(Exception),
        tempfile.TemporaryDirectory(prefix="backline-warm-up-") as folder,
    ):
        request = Generate(bpm=120.0, key="C major", bars=1, seed=0)
        generate(request, engine, Path(folder), lambda stage, fraction: None, orders.are_waiting)
    return True


def _play(
    order: Message,
    engines: _Opened[BatchedEngine],
    splitters: _Opened[Splitter],
    orders: _Orders,
    log_file: Path,
) -> Message:
    """Run one job and return the message that tells how it ended."""
    from audio.errors import AudioError
    from daemon.pipeline import generate
    from daemon.pipeline.split_job import split
    from diffusion.errors import Cancelled, EngineError
    from midi.errors import MidiError
    from osc_protocol.messages import ORDERS, Split
    from stems.errors import StemError

    number, request, folder, behind = order[1], order[2], Path(order[3]), order[4]

    def progress(stage: str, fraction: float) -> None:
        orders.connection.send(("progress", number, stage, fraction))

    def cancelled() -> bool:
        return orders.cancelled(number)

    job = str(number)
    try:
        asked = ORDERS[request.get("kind", "")].restored(request)  # the front end has checked it
        if isinstance(asked, Split):
            manifest = split(asked, splitters.open, folder, progress, cancelled, job=job)
        else:
            engine = engines.open(asked.engine)
            engine.expect(behind)
            manifest = generate(
                asked, engine, folder, progress, cancelled, job=job, open_splitter=splitters.open
            )
        return ("done", number, stems_of(manifest, folder))
    except Cancelled:
        return ("cancelled", number)
    except EOFError:
        raise
    except ProtocolError as error:
        return ("failed", number, error.code, error.message)
    except MidiError as error:
        return ("failed", number, Code.OUT_OF_RANGE, str(error))
    except EngineError as error:
        return ("failed", number, Code.MODEL_UNAVAILABLE, str(error))
    except (StemError, AudioError) as error:
        return ("failed", number, Code.INTERNAL, str(error))
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        return ("failed", number, *explain(error, log_file))


def explain(error: Exception, log_file: Path) -> tuple[int, str]:
    """Return error code and sentence for an exception nobody foresaw."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return Code.OUT_OF_MEMORY, "there is not enough memory for this job; ask for fewer bars"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Code.DISK_FULL, "the disk is full; make room and send the job again"
    return (
        Code.INTERNAL,
        f"an unexpected error ({type(error).__name__}); the details are in {log_file}",
    )


def _batched(name: str, rows: tuple[EngineSpec, ...]) -> BatchedEngine:
    from daemon.pipeline.job_batches import BatchedEngine

    return BatchedEngine(engine_spec(name, rows).open())


def _attribute(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


class _Opened(Generic[Model]):
    """The engines or splitters opened so far, each kept with its weights for the next job."""

    def __init__(self, opens: Callable[[Any], Model]) -> None:
        self._opens = opens
        self._open: dict[str | None, Model] = {}

    def open(self, name: str | None = None) -> Model:
        """Return the model of that name (None: the default one), opened once."""
        if name not in self._open:
            self._open[name] = self._opens(name)
        return self._open[name]

    def __iter__(self) -> Iterator[Model]:
        return iter(self._open.values())


class _Orders:
    """The worker's end of the pipe, read between jobs and at each step of one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._waiting: list[Message] = []
        self._cancelled: set[int] = set()
        self._stopping = False

    def next(self) -> Message | None:
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

    def _take(self, message: Message) -> None:
        match message:
            case ("run", *_):
                self._waiting.append(message)
            case ("cancel", int(number)):
                self._cancelled.add(number)
            case _:
                self._stopping = True


def stems_of(manifest: Manifest, folder: Path) -> list[dict[str, object]]:
    """Return what is told of each stem of a finished job, take after take, as StemReady's fields.

    The mix and the other files lie beside them; the manifest names them all.
    """
    files = [entry for entry in manifest.files if entry.role == "stem"]
    sample_rate = int(str(manifest.grid["sample_rate"]))
    return [
        {
            "index": index,
            "count": len(files),
            "name": entry.stem,
            "path": str(folder / entry.path),
            "url": "",
            "seconds": entry.frames / sample_rate,
            "sample_rate": sample_rate,
            "channels": manifest.takes[(entry.take or 1) - 1].facts.get("channels", 2),
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


def _yield_to_the_front_process() -> None:
    """Be nice (where the system knows that): a ping must not wait for a diffusion step."""
    if hasattr(os, "nice"):
        os.nice(5)
