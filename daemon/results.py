"""What a finished job has made: where the files go, and lines that describe them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from audio.report import ChordMatch, Conforming, NotConformed, Report
from audio.tempo_words import tempo_words
from midi.number import counted
from stems.entries import GridEntry
from stems.facts import TakeFacts
from stems.manifest import MANIFEST_NAME, Manifest, read_manifest
from stems.staging import publish, staging


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
    for take in manifest.takes:
        which = f"take {take.take} (seed {take.seed}): " if len(manifest.takes) > 1 else ""
        frames = {e.frames for e in manifest.files if e.role == "stem" and e.take == take.take}
        yield f"{which}{_length(manifest, frames)}"
        if take.report:
            yield f"{which}{_tempo_and_key(manifest, take.report)}"
        if take.report and (match := take.report.chords):
            yield f"{which}{_chords(match)}"
        yield from (f"{which}{line}" for line in _processing(take.facts, take.report))
    yield from (f"remark: {remark}" for remark in manifest.remarks())
    choice = manifest.takes[0].facts.choice if manifest.takes else None
    if choice:
        from daemon.pipeline.selection import table

        yield from table(choice.attempts)


def brief_summary(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Yield lines on a plan or a conformed recording: the files, and what there is to say."""
    yield f"{folder}: {' '.join([*(entry.path for entry in manifest.files), MANIFEST_NAME])}"
    for take in manifest.takes:
        yield _length(manifest, {entry.frames for entry in manifest.files})
        yield from _processing(take.facts, None)
    yield from (f"remark: {remark}" for remark in manifest.remarks())


def _length(manifest: Manifest, frames: set[int]) -> str:
    grid = manifest.grid
    tail = max(frames, default=0) - grid.frames if manifest.request.get("tail_seconds") else 0
    verdict = "exactly the grid's" if frames == {grid.frames + tail} else "NOT the grid's"
    bars = f" ({counted(grid.bars, 'bar')} of {grid.meter})" if isinstance(grid, GridEntry) else ""
    return (
        f"length {'/'.join(map(str, sorted(frames)))} frames at {grid.sample_rate} Hz, {verdict} "
        f"{grid.frames}{bars}{f' and a tail of {tail}' if tail else ''}"
    )


def _processing(facts: TakeFacts, report: Report | None) -> Iterator[str]:
    """Yield lines on what was changed in the sound after the engine had played it."""
    match facts.conform:
        case NotConformed(refused):
            yield f"not brought onto the grid: {refused}"
        case Conforming(untouched=True):
            yield "on the grid as it came"
        case Conforming(most_stretch_percent=most):
            yield f"brought onto the grid, stretched by {most} % at most"
    if moved := facts.transposed:
        yield f"transposed by {moved.semitones:+d} semitones, from {moved.heard}"
    if level := report and report.levelled:
        held = ", held back by its peaks" if level.held_back_by_peak else ""
        peak = f"true peak {level.true_peak_dbtp:+.1f} dBTP"
        if level.after_lufs is None:
            yield f"too short to measure its loudness, so it was left as it is; {peak}"
        else:
            lufs = f"{level.after_lufs:.1f} LUFS ({level.target_lufs:g} asked{held})"
            yield f"loudness {lufs}, {peak}"


def _chords(match: ChordMatch) -> str:
    bass = match.bass_agreement
    on_starts = "" if bass is None else f", their bass on {100 * bass:.0f} % of their starts"
    return f"chords as asked {100 * match.agreement:.0f} % of the time{on_starts}"


def split_summary(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Yield lines on a sound that was split: the files, the splitter, which stems are silent."""
    names = [entry.path for entry in manifest.files]
    yield f"{folder}: {' '.join([*names, MANIFEST_NAME])}"
    grid = manifest.grid
    yield f"{grid.frames} frames at {grid.sample_rate} Hz, split by {manifest.engine.name}"
    silent = [stem for take in manifest.takes for stem in take.facts.silent or ()]
    if silent:
        yield f"silent: {', '.join(silent)}"
    yield from (f"remark: {remark}" for remark in manifest.remarks())


def _tempo_and_key(manifest: Manifest, report: Report) -> str:
    meter = manifest.grid.meter if isinstance(manifest.grid, GridEntry) else "4/4"
    asked = manifest.key.name if manifest.key else ""
    if report.key is None:
        key = f"none heard, {asked} asked" if asked else "none heard"
    else:
        same = report.key_relation == "same"
        key = f"{report.key}, as asked" if same else f"{report.key} heard, {asked} asked"
    return f"tempo {tempo_words(report, meter)}; key {key}"


SUMMARIES: Mapping[str, Callable[[Manifest, Path], Iterator[str]]] = {
    "": summary, "split": split_summary,
}  # fmt: skip


def lines_on(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Yield lines on the result of a job, whatever its kind."""
    return SUMMARIES.get(str(manifest.request.get("kind", "")), brief_summary)(manifest, folder)
