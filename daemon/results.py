"""What a finished job has made: where the files go, and the lines that tell of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from daemon.errors import UsageError
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, Manifest, read_manifest
from stems.staging import publish, staging


class _OnlyTrying(Exception):
    """Ends a trial without leaving a trace of it."""


def check_folder(out_dir: Path) -> None:
    """Raise UsageError when files cannot be written to `out_dir`; leaves nothing behind."""
    try:
        with staging(out_dir):
            raise _OnlyTrying
    except _OnlyTrying:
        pass
    except StemError as error:
        raise UsageError(str(error)) from error


def fetch(folder: Path, out_dir: Path | None) -> Manifest:
    """Read a job the daemon has finished, and copy it whole to `out_dir` if that is given."""
    manifest = read_manifest(folder)
    if out_dir is not None:
        with staging(out_dir) as copy:
            for path in [*(entry.path for entry in manifest.files), MANIFEST_NAME]:
                target = copy / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / path, target)
            publish(copy, out_dir)
    return manifest


def summary(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Yield lines for a musician: the files, then for each take what was measured."""
    names = [entry.path for entry in manifest.files if "/" not in entry.path]
    yield f"{folder}: {' '.join([*names, MANIFEST_NAME])}"
    grid, rate = manifest.grid, manifest.grid["sample_rate"]
    for take in manifest.takes:
        which = f"take {take.take} (seed {take.seed}): " if len(manifest.takes) > 1 else ""
        frames = {e.frames for e in manifest.files if e.role == "stem" and e.take == take.take}
        verdict = "exactly the grid's" if frames == {grid["frames"]} else "NOT the grid's"
        yield (
            f"{which}length {'/'.join(map(str, sorted(frames)))} frames at {rate} Hz, {verdict} "
            f"{grid['frames']} ({grid['bars']} bars of {grid['meter']})"
        )
        yield f"{which}{_heard(manifest, dict(take.report))}"


def split_summary(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Yield lines on a sound that was split: the files, the splitter, which stems are silent."""
    names = [entry.path for entry in manifest.files]
    yield f"{folder}: {' '.join([*names, MANIFEST_NAME])}"
    grid = manifest.grid
    yield (
        f"{grid['frames']} frames at {grid['sample_rate']} Hz, "
        f"split by {manifest.engine.get('name', 'an unnamed splitter')}"
    )
    silent = [str(stem) for take in manifest.takes for stem in take.facts.get("silent", ())]  # type: ignore[attr-defined]
    if silent:
        yield f"silent: {', '.join(silent)}"


def _heard(manifest: Manifest, report: dict[str, object]) -> str:
    bpm, key = report.get("bpm"), report.get("key")
    tempo = f"{float(str(bpm)):.2f} BPM measured" if bpm is not None else "no tempo to be heard"
    relation = report.get("octave_relation") or "1"
    heard_at = f", heard at {relation} of it" if relation != "1" else ""
    tempo += f" ({float(str(report['bpm_asked'])):g} asked{heard_at})"
    tonality = f"{key} measured" if key is not None else "no key to be heard"
    return f"tempo {tempo}; key {tonality} ({manifest.key['name']} asked)"
