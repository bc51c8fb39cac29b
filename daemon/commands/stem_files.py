"""A stem's file: which stem it is, and the grid it was made on."""

from __future__ import annotations

from pathlib import Path

from daemon.errors import UsageError
from midi.grid import Grid
from stems.errors import StemError


def stem_of(path: Path, named: str) -> str:
    """Return the stem that was named, or that the file is named after; raises UsageError."""
    from audio.stem_names import STEMS

    if named:
        if named not in STEMS:
            raise UsageError(f"stem must be one of {', '.join(STEMS)}, not {named!r}")
        return named
    found = [stem for stem in STEMS if stem in path.stem.lower()]
    if len(found) != 1:
        raise UsageError(
            f"stem: the name {path.name!r} does not tell which it is; give --stem "
            f"{', '.join(STEMS[:-1])} or {STEMS[-1]}"
        )
    return found[0]


def grid_for(path: Path, seconds: float, bpm: str, meter: str) -> Grid | None:
    """Return the grid of `bpm` and `meter` over so many seconds, else that of the job around.

    None where neither is known. Raises MidiError.
    """
    if bpm:
        one = float(Grid.constant(bpm, meter, 1).seconds)
        return Grid.constant(bpm, meter, max(1, -int(-seconds / one // 1)))
    from stems.manifest import MANIFEST_NAME, grid_of, read_manifest

    manifest = path.parent / MANIFEST_NAME
    if not manifest.is_file():
        manifest = path.parent.parent / MANIFEST_NAME  # of a later take
    try:
        found = read_manifest(manifest, check_files=False)
        ours = {(manifest.parent / entry.path).resolve() for entry in found.files}
        return grid_of(found) if path.resolve() in ours else None
    except StemError:
        return None
