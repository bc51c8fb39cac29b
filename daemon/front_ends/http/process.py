"""The HTTP process: it serves until the daemon says close, or is gone."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from contextlib import closing
from logging.handlers import RotatingFileHandler
from multiprocessing.connection import Connection
from pathlib import Path

from daemon.config import Config
from daemon.front_ends.http.link import Link
from daemon.front_ends.http.messages import Close
from daemon.journal_reader import JournalReader
from daemon.library import JOURNAL_NAME
from midi.user_file import confined_to

LOG_BYTES = 1 << 20
NICENESS = 10  # a ping must not wait for a download


def serve(connection: Connection, listener: socket.socket, config: Config) -> None:
    """Answer HTTP on a socket that listens already."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which says close
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    _log_into(config.log_folder / "http.log")
    with (
        confined_to(config.roots),
        closing(JournalReader(config.home / JOURNAL_NAME)) as journal,
    ):
        asyncio.run(_serve(connection, listener, config, journal))


async def _serve(
    connection: Connection, listener: socket.socket, config: Config, journal: JournalReader
) -> None:
    from daemon.front_ends.http.app import app_for
    from daemon.front_ends.http.door import Door
    from daemon.front_ends.http.server import server_for

    loop = asyncio.get_running_loop()
    link = Link(connection)
    door = Door.of(config, journal, link, listener.getsockname()[1])
    server = server_for(app_for(door), config)

    def read() -> None:
        try:
            while not isinstance(message := connection.recv(), Close):
                loop.call_soon_threadsafe(link.take, message)
        except (EOFError, OSError):
            os._exit(0)  # the daemon is gone, and with it all that could be answered
        loop.call_soon_threadsafe(setattr, server, "should_exit", True)

    link.when_told = door.hub.take
    threading.Thread(target=read, name="pipe", daemon=True).start()
    watching = [asyncio.create_task(each()) for each in (door.hub.watch, door.webhooks.watch)]
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in watching:
            task.cancel()


def _log_into(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    for name in ("backline", "uvicorn"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
