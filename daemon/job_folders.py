"""The folders of jobs in a home: how much lies there, which are needed, and how one is deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from daemon.errors import DaemonError
from daemon.jobs import Job
from osc_protocol.errors import ProtocolError
from osc_protocol.messages import REQUESTS
from osc_protocol.request_paths import paths_of

GOING = ".deleted-"  # before the number of a folder that is being deleted


def is_there(folder: Path) -> bool:
    """Say whether a job's files are there: a folder of its own with a manifest."""
    return not folder.is_symlink() and (folder / "manifest.json").is_file()


def bytes_in(folder: Path) -> int:
    """Return the size of all files below a folder; links are not followed."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for each in entries:
            with suppress(OSError):
                if each.is_dir(follow_symlinks=False):
                    total += bytes_in(Path(each.path))
                else:
                    total += each.stat(follow_symlinks=False).st_size
    return total


def needed(jobs_folder: Path, unfinished: Iterable[Job]) -> frozenset[int]:
    """Return the jobs whose folders unfinished ones write or read."""
    found: set[int] = set()
    home = jobs_folder.resolve()
    for job in unfinished:
        found.add(job.number)
        for path in _paths_named(job):
            with suppress(OSError, ValueError):
                inside = path.resolve().relative_to(home)
                if inside.parts and inside.parts[0].isdecimal():
                    found.add(int(inside.parts[0]))
    return frozenset(found)


def delete(jobs_folder: Path, number: int, needed_now: Callable[[], Container[int]]) -> bool:
    """Delete the folder of a job, out of sight at once; False where another job needs it.

    What is needed is looked up again once the folder is out of sight: a job that was accepted in
    between finds it at its place. Raises DaemonError for a link, which may lead anywhere, and when
    the disk refuses.
    """
    folder, going = jobs_folder / str(number), jobs_folder / f"{GOING}{number}"
    if folder.is_symlink() or not folder.is_dir():
        raise DaemonError(f"{folder} is no folder of its own and is left as it is")
    if number in needed_now():
        return False
    try:
        shutil.rmtree(going, ignore_errors=True)  # left by one that was interrupted
        os.replace(folder, going)
        if number in needed_now():
            os.replace(going, folder)
            return False
        shutil.rmtree(going)
    except OSError as error:
        raise DaemonError(f"{folder} cannot be deleted: {error.strerror}") from error
    return True


def sweep(jobs_folder: Path) -> None:
    """Delete what an interrupted deletion has left."""
    with suppress(OSError):
        for each in jobs_folder.glob(f"{GOING}*"):
            if not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)


def _paths_named(job: Job) -> Iterator[Path]:
    kind = REQUESTS.get(str(job.request.get("kind") or ""))
    if kind is None:
        return
    with suppress(ProtocolError, ValueError):
        for _, path in paths_of(kind.restored(job.request)):
            yield Path(path)
