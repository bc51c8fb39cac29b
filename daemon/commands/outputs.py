"""Files and folders that a command writes: there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from daemon.claim import claimed, release
from daemon.errors import DaemonError, UsageError
from daemon.screen import say_aside
from osc_protocol.messages import AnyRequest
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, read_manifest
from stems.staging import backup_name, staging


class _TrialEnds(Exception):
    """Ends a trial without leaving a trace of it."""


def free_folder(
    out_dir: Path, request: AnyRequest | None, inputs: Sequence[Path] = (), *, force: bool = False
) -> Path:
    """Return the folder for the result of `request`: `out_dir`, or one beside it, which is said.

    Free is what is empty. Beside an earlier result of the same command (of a split: of the same
    sound) goes the new one, under the next number, as it does where another command is at work;
    what else is there is moved aside by `force`, as an earlier result is. Raises UsageError where
    the result may not go there.
    """
    read = [Path(getattr(request, arg.field)) for arg in request.row.paths] if request else []
    for given in (each for each in (*inputs, *read) if each.name):
        refuse_inputs(out_dir, "out", [given, given.parent])
    is_trial = bool(request and request.dry_run)
    if not is_trial and not claimed(out_dir):
        return beside(out_dir, holds="is being written by another command")
    try:
        if _is_taken(out_dir):
            if not force and _is_earlier(out_dir, request):
                release(out_dir)
                return beside(out_dir, quiet=is_trial)
            backup = backup_name(out_dir.resolve())
            if not force:
                raise UsageError(
                    f"out {str(out_dir)!r} holds other files; choose another folder, or --force, "
                    f"which keeps it as {backup.name}"
                )
            if not is_trial:
                os.replace(out_dir.resolve(), backup)
                say_aside(f"{out_dir} was there already and is kept as {backup.name}")
        with staging(out_dir):
            raise _TrialEnds
    except _TrialEnds:
        return out_dir
    except (OSError, StemError) as error:
        raise UsageError(str(error)) from error


def beside(folder: Path, *, quiet: bool = False, holds: str = "holds an earlier result") -> Path:
    """Return the first free folder of song-2, song-3 ... beside `folder`, and say so."""
    plain = folder.resolve()
    names = (plain.with_name(f"{plain.name}-{number}") for number in count(2))
    for each in names:
        if os.path.lexists(each) or not (quiet or claimed(each)):
            continue
        if _is_taken(each):  # since a moment ago
            release(each)
            continue
        free = folder.parent / each.name
        if not quiet:
            say_aside(f"{folder} {holds}; the new one goes beside it, into {free}")
        return free
    raise AssertionError("numbers do not end")


def _is_taken(folder: Path) -> bool:
    """True of a folder with files in sight."""
    return folder.is_dir() and any(not each.name.startswith(".") for each in folder.iterdir())


def _is_earlier(folder: Path, request: AnyRequest | None) -> bool:
    """True of a result of the same command, of a split one of the same sound."""
    try:
        found = read_manifest(folder / MANIFEST_NAME, check_files=False)
    except StemError:
        return False
    return bool(found.request.get("path") == getattr(request, "path", None))


def check_beside(
    folder: Path, names: Sequence[str], request: AnyRequest, inputs: Sequence[Path], *, force: bool
) -> None:
    """Raise UsageError when files of these names may not be written among others in `folder`.

    What is there already is kept under another name by `force`, which is said.
    """
    if (folder / MANIFEST_NAME).is_file():
        raise UsageError(f"out {str(folder)!r} holds a finished job; choose another folder")
    for target in (folder / name for name in names):
        refuse_inputs(target, "out", inputs)
        if not request.dry_run:
            _claim(target, "out")
        if not target.exists():
            continue
        backup = backup_name(target)
        _check_taken(target, backup, "out", force, folder=False)
        if not request.dry_run:
            with written_to(target, "out"):
                os.replace(target, backup)
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

    After an error it is back. Raises UsageError for an input, for a file of a finished job, for
    what another command is writing, and without `force` for whatever is there already; an empty
    folder is free where `folder` is wanted.
    """
    for target in targets:
        refuse_inputs(target, option, inputs)
        _claim(target, option)
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
    for target in targets:
        release(target)
    for target, backup in moved.items():
        say_aside(f"{target} was there already and is kept as {backup.name}")


def check_free(target: Path, option: str, inputs: Sequence[Path], *, force: bool) -> None:
    """Raise UsageError where in_place_of would refuse this file, before there is one to write."""
    refuse_inputs(target, option, inputs)
    above = next((each for each in target.parents if each.exists()), None)
    if above and not above.is_dir():
        raise UsageError(f"{option} {str(target)!r} cannot be written: {above} is not a folder")
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


def _claim(target: Path, option: str) -> None:
    if not claimed(target):
        raise UsageError(
            f"{option} {str(target)!r} is being written by another command; choose another name"
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
