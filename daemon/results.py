"""What a finished job has made: where the files go, and the lines that tell of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
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
        yield from (f"{which}{line}" for line in _done_to_it(take.facts, take.report))
    yield from _choice(manifest)


def _done_to_it(facts: Mapping[str, object], report: Mapping[str, object]) -> Iterator[str]:
    """Lines on what was done to the sound after the engine had played it."""
    conform = facts.get("conform")
    if isinstance(conform, Mapping):
        if "refused" in conform:
            yield f"not brought onto the grid: {conform['refused']}"
        elif conform.get("untouched"):
            yield "on the grid as it came"
        else:
            yield f"brought onto the grid, stretched by {conform['most_stretch_percent']} % at most"
    moved = facts.get("transposed")
    if isinstance(moved, Mapping):
        yield f"transposed by {moved['semitones']:+d} semitones, from {moved['heard']}"
    level = report.get("levelled")
    if isinstance(level, Mapping):
        held = ", held back by its peaks" if level["held_back_by_peak"] else ""
        yield (
            f"loudness {level['after_lufs']:.1f} LUFS ({level['target_lufs']:g} asked{held}), "
            f"true peak {level['true_peak_dbtp']:+.1f} dBTP"
        )


def _choice(manifest: Manifest) -> Iterator[str]:
    """The table of all attempts, where takes were chosen."""
    choice = manifest.takes[0].facts.get("choice") if manifest.takes else None
    if isinstance(choice, Mapping) and isinstance(choice.get("attempts"), list | tuple):
        from daemon.pipeline.selection import table

        yield from table(choice["attempts"])


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
