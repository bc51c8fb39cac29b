"""A finished job's sounds and notes, copied out under tidy names and in any format."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from audio.clip import Clip, read_clip
from midi.errors import KeyNameError
from midi.key import Key
from stems.chunks import Music, music_of, tags_of
from stems.errors import StemError
from stems.files import DEFAULT_FORMAT, MIX, sound_format, tidy_name, write_sounds
from stems.manifest import Manifest, grid_of, read_manifest
from stems.staging import plain_disk_errors


def write_copies(folder: Path, target: Path, format_name: str = "") -> list[str]:
    """Copy stems, mix and notes of the job in `folder` into `target`; return the names, sorted.

    In the job's own format the files are copied as they are, in another they are written again
    with the same tags; whole numbers sum exactly. Raises StemError where a name is taken, a file
    is missing or has been changed in length, or the disk refuses; then none of them is there.
    """
    manifest = read_manifest(folder)
    form = sound_format(format_name) if format_name else None
    if format_name == manifest.request.get("format", DEFAULT_FORMAT):
        form = None
    partial = target / ".backline-copies"
    with plain_disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            if form is not None:
                for take in manifest.takes:
                    _convert(folder, partial, manifest, take.take, format_name)
            for entry in manifest.files:
                sound = entry.role in ("stem", "mix")
                if entry.role == "notes" or (sound and form is None):
                    name = _name(
                        manifest, entry.stem or MIX, entry.take or 1, Path(entry.path).suffix
                    )
                    shutil.copyfile(folder / entry.path, partial / name)
            names = sorted(file.name for file in partial.iterdir())
            for name in names:
                if (target / name).exists():
                    raise StemError(f"{name} is in {target} already; choose another folder")
            for name in names:
                os.replace(partial / name, target / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return names


def _convert(folder: Path, target: Path, manifest: Manifest, take: int, format_name: str) -> None:
    suffix = sound_format(format_name).suffix
    clips: dict[str, Clip] = {}
    for entry in manifest.files:
        if entry.take == take and entry.role in ("stem", "mix"):
            clips[entry.stem or MIX] = read_clip(folder / entry.path)
    names = list(clips)
    mix = clips.pop(MIX, None)  # a splitting has none
    position = round((manifest.position.start_seconds or 0.0) * manifest.grid.sample_rate)
    tags = tags_of(names, take, position, manifest.request, _music(manifest))
    paths = {name: target / _name(manifest, name, take, suffix) for name in names}
    write_sounds(paths, clips, mix, format_name=format_name, tags=tags)


def _name(manifest: Manifest, name: str, take: int, suffix: str) -> str:
    return tidy_name(
        name, suffix, job=manifest.job, label=manifest.project, take=take,
        takes=len(manifest.takes), music=_music(manifest),
    )  # fmt: skip


def _music(manifest: Manifest) -> Music | None:
    """What the job was asked to play; None for one that took a recording apart."""
    if manifest.key is None:
        return None
    try:
        return music_of(
            grid_of(manifest), Key.parse(manifest.key.name),
            loops=not manifest.request.get("tail_seconds"),
        )  # fmt: skip
    except KeyNameError as wrong:
        raise StemError(f"the manifest's key cannot be read: {wrong}") from None
