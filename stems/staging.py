"""A folder that is there as a whole or not at all.

Files are made in a hidden folder inside OUT, so on the same disk, and then moved to their place,
the manifest last. What an earlier job left in OUT is first moved aside, its manifest first of
all: whoever looks at OUT finds the old manifest with all old files, no manifest, or the new
manifest with all new files, never a mixture under one manifest. If a move fails, all moves are
taken back. A file in the way that was changed since backline wrote it, or that backline never
wrote, is not thrown away: it stays in OUT with "-bak" after its name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path

from audio.errors import AudioError
from midi.errors import MelodyError
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, rating_path, read_manifest, sha256_of


@contextmanager
def staging(out_dir: Path) -> Iterator[Path]:
    """Give a hidden empty folder in `out_dir`, made if need be; afterwards nothing of it is left.

    After an error the folders made for it are gone as well. Raises StemError at once when
    `out_dir` cannot be written.
    """
    with plain_disk_errors(out_dir):
        made = [each for each in (out_dir, *out_dir.parents) if not each.exists()]
        out_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".backline-", dir=out_dir))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        for each in made:
            with suppress(OSError):  # something else may lie in it by now
                each.rmdir()
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def plain_disk_errors(out_dir: Path) -> Iterator[None]:
    """Turn an error of the disk into a StemError that names the output folder."""
    try:
        yield
    except (OSError, AudioError, MelodyError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        reason = getattr(cause, "strerror", None) or str(error)
        raise StemError(f"output folder {out_dir} cannot be written: {reason}") from error


def publish(folder: Path, out_dir: Path, manifest_name: str = MANIFEST_NAME) -> None:
    """Move all files of `folder` to `out_dir`, the manifest last, in place of an earlier job's.

    That is the one under the same manifest's name. Whatever stops it (OSError when a file cannot
    be moved), everything is again as it was.
    """
    new = sorted(
        (file.relative_to(folder) for file in folder.rglob("*") if file.is_file()),
        key=lambda path: (path == Path(manifest_name), path),
    )
    for path in new:  # on the disk first, so that no manifest survives a power cut alone
        with (folder / path).open("r+b") as stream:
            os.fsync(stream.fileno())
    aside = folder / ".before"
    moves = _moves_aside(out_dir, new, aside, manifest_name)
    moves += [(folder / path, out_dir / path) for path in new]
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            done.append((source, target))
            os.replace(source, target)
    except BaseException:  # Ctrl-C as well
        for source, target in reversed(done):
            if not source.exists():  # the last one may not have moved
                os.replace(target, source)
        raise
    finally:
        for parent in {target.parent for _, target in moves} | {file.parent for file, _ in moves}:
            if parent not in (out_dir, folder):
                with suppress(OSError):  # only empty ones go: takes that are no more
                    parent.rmdir()


def _moves_aside(
    out_dir: Path, new: list[Path], aside: Path, manifest_name: str
) -> list[tuple[Path, Path]]:
    """Where each file goes that the new ones replace or outdate, the old manifest first."""
    ours: dict[Path, str] = {}
    old_manifest = out_dir / manifest_name
    with suppress(StemError):  # none, or not one of ours
        ours = {
            Path(e.path): e.sha256 for e in read_manifest(old_manifest, check_files=False).files
        }
    moves = [(old_manifest, aside / manifest_name)] if ours else []
    if ours and (rating := rating_path(old_manifest)).is_file():  # the new result has none
        moves.append((rating, aside / rating.name))
    for path in sorted(ours.keys() | set(new)):
        file = out_dir / path
        if not file.is_file() or (ours and path == Path(manifest_name)):
            continue
        untouched = ours.get(path) == sha256_of(file)
        moves.append((file, aside / path if untouched else backup_name(file)))
    return moves


def backup_name(file: Path) -> Path:
    """The first free name of mix.wav-bak, mix.wav-bak2, mix.wav-bak3 ..."""
    names = (file.with_name(f"{file.name}-bak{number}") for number in chain([""], count(2)))
    return next(name for name in names if not name.exists())
