"""Files and folders that a command writes: there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.errors import DaemonError, UsageError
from daemon.screen import say_aside
from osc_protocol.messages import AnyRequest
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, read_manifest
from stems.staging import backup_name, staging


class _TrialEnds(Exception):
    """Ends a trial without leaving a trace of it."""


def check_folder(
    out_dir: Path, request: AnyRequest | None, inputs: Sequence[Path] = (), *, force: bool = False
) -> None:
    """Raise UsageError when the result of `request` may not go to `out_dir`.

    Free is what is empty or holds a result of the same command, of a split one of the same sound;
    anything else is moved aside by `force`.
    """
    read = [Path(getattr(request, arg.field)) for arg in request.row.paths] if request else []
    for given in (each for each in (*inputs, *read) if each.name):
        refuse_inputs(out_dir, "out", [given, given.parent])
    try:
        if _is_taken(out_dir, request):
            backup = backup_name(out_dir.resolve())
            if not force:
                raise UsageError(
                    f"out {str(out_dir)!r} holds other files; choose another folder, or --force, "
                    f"which keeps it as {backup.name}"
                )
            if not (request and request.dry_run):
                os.replace(out_dir.resolve(), backup)
                say_aside(f"{out_dir} was there already and is kept as {backup.name}")
        with staging(out_dir):
            raise _TrialEnds
    except _TrialEnds:
        pass
    except (OSError, StemError) as error:
        raise UsageError(str(error)) from error


def _is_taken(folder: Path, request: AnyRequest | None) -> bool:
    """True of a folder with files in sight that are no earlier result of the same command."""
    if not folder.is_dir() or all(each.name.startswith(".") for each in folder.iterdir()):
        return False
    try:
        found = read_manifest(folder / MANIFEST_NAME, check_files=False)
    except StemError:
        return True
    return found.request.get("path") != getattr(request, "path", None)


def check_beside(
    folder: Path,
    names: Sequence[str],
    manifest_name: str,
    request: AnyRequest,
    inputs: Sequence[Path],
    *,
    force: bool,
) -> None:
    """Raise UsageError when files of these names may not be written among others in `folder`.

    Free are those that are not there, and those of an earlier result of the same sound under that
    manifest's name; what else is there is kept under another name by `force`, which is said.
    """
    if (folder / MANIFEST_NAME).is_file():
        raise UsageError(f"out {str(folder)!r} holds a finished job; choose another folder")
    ours: set[Path] = set()
    with suppress(StemError):
        found = read_manifest(folder / manifest_name, check_files=False)
        if found.request.get("path") == getattr(request, "path", None):
            ours = {folder / manifest_name, *(folder / entry.path for entry in found.files)}
    for target in (folder / name for name in names):
        refuse_inputs(target, "out", inputs)
        if not target.exists() or target in ours:
            continue
        backup = backup_name(target)
        _check_taken(target, backup, "out", force, folder=False)
        if not request.dry_run:
            say_aside(f"{target} was there already and is kept as {backup.name}")


def check_ending(target: Path, option: str, endings: Sequence[str]) -> None:
    """Raise UsageError unless `target` has one of the endings, which says what is written."""
    if target.suffix.lower() not in endings:
        *others, last = endings
        ways = f"{', '.join(others)} or {last}" if others else last
        raise UsageError(f"{option} {str(target)!r} must end in {ways}")


@contextmanager
def written_to(path: Path, option: str) -> Iterator[None]:
    """Turn what the disk says while `path` is written into a DaemonError that names the option."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DaemonError(f"{option} {str(path)!r} cannot be written: {reason}") from error


@contextmanager
def written_whole(path: Path, option: str) -> Iterator[Path]:
    """Give a hidden place beside `path` that becomes it at the end; after an error it is gone."""
    partial = path.with_name(f".{path.name}.partial")
    with written_to(path, option):
        _remove(partial)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            _remove(partial)


@contextmanager
def in_place_of(
    targets: Sequence[Path],
    option: str,
    inputs: Sequence[Path] = (),
    *,
    force: bool = False,
    folder: bool = False,
) -> Iterator[None]:
    """Move aside what has the name of a target, while the targets are written; say where it is.

    After an error it is back. Raises UsageError for an input, for a file of a finished job, and
    without `force` for whatever is there already; an empty folder is free where `folder` is wanted.
    """
    for target in targets:
        refuse_inputs(target, option, inputs)
    empty = [each for each in targets if folder and each.is_dir() and not any(each.iterdir())]
    moved = {each: backup_name(each) for each in targets if each.exists() and each not in empty}
    for target, backup in moved.items():
        _check_taken(target, backup, option, force, folder)
    with written_to(targets[0], option):
        for target in empty:
            target.rmdir()
        try:
            for target, backup in moved.items():
                os.replace(target, backup)
            yield
        except BaseException:
            for target, backup in moved.items():
                if backup.exists():
                    os.replace(backup, target)
            raise
    for target, backup in moved.items():
        say_aside(f"{target} was there already and is kept as {backup.name}")


def check_free(target: Path, option: str, inputs: Sequence[Path], *, force: bool) -> None:
    """Raise UsageError where in_place_of would refuse this file, before there is one to write."""
    refuse_inputs(target, option, inputs)
    if target.exists():
        _check_taken(target, backup_name(target), option, force, folder=False)


def refuse_inputs(target: Path, option: str, inputs: Sequence[Path]) -> None:
    """Raise UsageError where `target` is one of the inputs, by whatever name."""
    for given in inputs:
        same = target.resolve() == given.resolve()
        with suppress(OSError):
            same = same or target.samefile(given)
        if same:
            or_folder = " or the folder of one" if target.is_dir() else ""
            raise UsageError(
                f"{option} {str(target)!r} is an input{or_folder}; choose another name"
            )


def _check_taken(target: Path, backup: Path, option: str, force: bool, folder: bool) -> None:
    named = f"{option} {str(target)!r}"
    if target.is_dir() and not folder:
        raise UsageError(f"{named} is a folder; give the name of a file")
    if (target.parent / MANIFEST_NAME).is_file():
        raise UsageError(f"{named} belongs to a finished job; choose another name")
    if not force:
        raise UsageError(
            f"{named} is there already; choose another name, or --force, which keeps it as "
            f"{backup.name}"
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
