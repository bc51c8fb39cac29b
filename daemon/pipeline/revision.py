"""The change of a finished job: what is read and changed of it, and how old and new are joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from audio.report import Report
from daemon.pipeline.separation import Draft
from diffusion.engine import Revision
from diffusion.engines import engine_spec
from diffusion.errors import EngineError
from midi.timed_prompts import is_timed
from osc_protocol.argument import CHANGE
from osc_protocol.generate import MELODIES, Generate
from stems.entries import LengthEntry
from stems.errors import StemError
from stems.manifest import MANIFEST_NAME, Manifest, read_manifest
from stems.source import (
    Source,
    change,
    check_same_frame,
    level_remark,
    read_edited_notes,
    read_source,
)
from stems.stem_set import StemSet, Take


def repeated(folder: Path, changes: Mapping[str, object]) -> Generate:
    """Return the request of the job in `folder` with `changes`, as a request to change it.

    A new seed is drawn and there is one take unless `changes` say otherwise. Raises StemError
    where there is no finished job, ProtocolError for changes that cannot be.
    """
    manifest = read_manifest(folder / MANIFEST_NAME, check_files=False)
    check_generated(manifest, str(folder))
    before = manifest.request
    asked = Generate.kept_fields(before, CHANGE) | {"from_": str(folder)}
    if asked.get("melody_path") and not Path(str(asked["melody_path"])).exists():
        # The melody has been played already; without its file only new leads go without it.
        asked["melody_path"] = ""
    if is_timed(str(changes.get("tags", ""))):
        asked["sections"] = ""  # which they give themselves
    if changes.keys() & set(MELODIES):
        asked = {name: value for name, value in asked.items() if name not in MELODIES}
    return Generate(**asked | dict(changes))


def check_generated(manifest: Manifest, name: str) -> None:
    """Raise StemError where a manifest is not that of generated music."""
    if isinstance(manifest.grid, LengthEntry):
        raise StemError(
            f"{name} is a split recording, which has no tempo and no bars; only what was generated "
            "can be made again or changed"
        )
    if kind := manifest.request.get("kind"):
        raise StemError(
            f"{name} is what a {kind} made; only what was generated can be made again or changed"
        )


def source_of(request: Generate) -> Source | None:
    """Return the finished job that `request` changes, if it changes one."""
    if not request.from_:
        return None
    # An engine that gives a mix changes the sound: it needs no score.
    with_score = engine_spec(request.engine).gives == "stems"
    source = read_source(Path(request.from_), request.from_take, with_score=with_score)
    check_generated(source.manifest, request.from_)
    check_same_frame(source, request.as_dict())
    return source


def revision_of(source: Source | None, request: Generate) -> Revision | None:
    """Return what the engine is to change of a score, if it changes one."""
    if source is None:
        return None
    if engine_spec(request.engine).gives == "mix":
        if request.midi_path:
            raise EngineError(
                f"midi-path needs a job of the embedded engine: {request.engine} makes sound, "
                "it cannot play notes that are given"
            )
        return None
    notes = None
    if request.midi_path:
        notes = read_edited_notes(Path(request.midi_path), request.stems[0]).notes
    return Revision(source.score, *request.bar_span, notes)


def merged_stems(draft: Draft, source: Source | None, request: Generate) -> StemSet:
    """Return the whole band's stems: those generated, and those that stay."""
    if source is None:
        return StemSet(draft.stems)
    return change(source, draft.stems, request.grid, request.bar_span)


def revised_take(
    stem_set: StemSet,
    draft: Draft,
    report: Report,
    seed: int,
    source: Source | None,
    midi_path: str = "",
) -> Take:
    """Return the take to deliver; stems that stay keep their notes."""
    notes, facts = draft.notes, draft.facts
    if source is not None:
        notes = {**source.notes, **notes}
        level = level_remark(stem_set)
        repairs = source.repairs
        if midi_path:
            repairs += read_edited_notes(Path(midi_path), next(iter(draft.stems))).repairs
        facts = replace(
            facts,
            changed=tuple(draft.stems),
            source_job=source.manifest.job,
            source_take=source.take,
            remarks=(*facts.all_remarks, *repairs, *([level] if level else [])),
        )
    return Take(stem_set, notes, report, seed, facts, draft.score)
