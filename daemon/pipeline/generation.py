"""From a request to files: conditions, play, separate, align, measure, choose, deliver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from audio.choice import Limits
from audio.errors import GateError
from daemon.pipeline.alignment import align, at_loudness
from daemon.pipeline.batches import TakeBatches
from daemon.pipeline.conditions import conditions_of
from daemon.pipeline.plan import planned
from daemon.pipeline.progress import JobProgress
from daemon.pipeline.revision import merged_stems, revised_take, source_of
from daemon.pipeline.selection import Attempt, choose, measured, refusal_of
from daemon.pipeline.separation import (
    OpenSplitter,
    opened_now,
    separated,
    with_transcribed_notes,
)
from diffusion.engine import CancelFlag, Conditions, Engine, Progress
from diffusion.engines import engine_spec
from diffusion.errors import Cancelled
from osc_protocol.messages import Generate
from stems.delivery import deliver
from stems.manifest import Manifest
from stems.source import Source
from stems.splitting.splitters import open_splitter
from stems.stem_set import Take


@dataclass(frozen=True, slots=True, eq=False)
class _Production:
    """What all takes of one job share."""

    request: Generate
    engine: Engine
    source: Source | None
    conditions: Conditions
    changes: tuple[str, ...]  # sentences on how the lead sheet was read
    limits: Limits | None
    batches: TakeBatches
    open_splitter: OpenSplitter
    progress: JobProgress
    cancelled: CancelFlag


def generate(
    request: Generate,
    engine: Engine,
    out_dir: Path,
    progress: Progress,
    cancelled: CancelFlag,
    *,
    job: str = "",
    open_splitter: OpenSplitter = open_splitter,
) -> Manifest:
    """Make what `request` asks for in `out_dir`: all files, the manifest last, or nothing.

    `progress` gets the stage (load, diffuse, decode, split, conform, measure, write) and the
    fraction of the whole job in 0..1, which never falls; `cancelled` is asked at each diffusion
    step. An engine that is already loaded stays so and is not closed. Raises Cancelled, and one
    sentence as ProtocolError or MidiError (the request), EngineError, StemError or AudioError;
    GateError where no take passed: the best is in `out_dir` all the same.
    """
    source, limits = source_of(request), Limits.parse(request.gate)
    conditions, changes = conditions_of(request, source)
    job_progress = JobProgress(progress, request.takes + (request.retries if limits else 0))
    if engine_spec(request.engine).gives == "mix":
        open_splitter = opened_now(open_splitter)  # a missing one is refused before anything plays
    engine.load(job_progress.load)
    batches = TakeBatches(engine, request.seeds, job_progress.start_batch)
    production = _Production(
        request, engine, source, conditions, changes, limits, batches, open_splitter,
        job_progress, cancelled,
    )  # fmt: skip
    manifest = deliver(
        out_dir,
        request=request.as_dict(),
        settings=request.settings(),
        grid=conditions.grid,
        key=conditions.key,
        melody=conditions.melody,
        takes=_takes(production),
        stems=source.manifest.stems if source else request.stems,
        engine=engine.describe(),
        job=job,
        label=request.project or (f"backline {job}" if job else ""),
        sections=conditions.sections,
        at_beats=request.at_beats,
        at_seconds=request.at_seconds,
        format_name=request.format,
        tail_seconds=request.tail_seconds,
    )
    job_progress.done()
    refusal = refusal_of(manifest.takes[0].facts)
    if refusal:
        raise GateError(f"{refusal}; its files are in {out_dir}")
    return manifest


def _takes(production: _Production) -> Iterator[Take]:
    """Yield the takes to deliver, each made when it is asked for unless takes are chosen."""
    request = production.request
    takes: Iterator[Take]
    if request.chooses:
        takes = iter(_chosen_takes(production))
    else:
        takes = (_attempt(production, *each).take for each in enumerate(request.seeds))
    for take in takes:
        yield with_transcribed_notes(take, production.conditions.grid, production.cancelled)


def _chosen_takes(production: _Production) -> tuple[Take, ...]:
    """Return the best takes; if none passes for its key, the best one transposed if that does."""
    request, limits = production.request, production.limits
    choice = choose(
        partial(_attempt, production),
        request.seeds, request.more_seeds, request.best or request.takes, limits,
    )  # fmt: skip
    if choice.refusal and limits and limits.key and not request.transpose:
        transposed, seed = partial(_attempt, production, transpose=True), choice.takes[0].seed
        second = choose(transposed, [seed], [], 1, limits, choice.attempts)
        choice = choice if second.refusal else second
    return choice.takes


def _attempt(
    production: _Production, number: int, seed: int, *, transpose: bool = False
) -> Attempt:
    """Play, separate, align and measure take `number` (from 0); `transpose` brings it in key."""
    request, source, cancelled = production.request, production.source, production.cancelled
    conditions = planned(replace(production.conditions, seed=seed), production.engine)
    progress = production.progress.take(number)
    played = production.batches.play(conditions, progress, cancelled)
    aligned = align(
        separated(played, request.stems, production.open_splitter, progress, cancelled),
        request, conditions, progress,
        from_mix=played.stems is None, transpose=transpose or request.transpose,
    )  # fmt: skip
    remarks = (*production.changes, *aligned.facts.all_remarks)
    aligned = replace(aligned, facts=replace(aligned.facts, remarks=remarks))
    stems, levelled = at_loudness(merged_stems(aligned, source, request), request.loudness)
    progress("measure", 0.0)
    notes = {**source.notes, **aligned.notes} if source else aligned.notes
    report, judgement = measured(stems, request, conditions, aligned.facts, notes)
    if cancelled():
        raise Cancelled("cancelled")
    take = revised_take(
        stems, aligned, replace(report, levelled=levelled), seed, source, request.midi_path
    )
    take = replace(take, lead_sheet=conditions.lead_sheet)
    progress("write", 0.0)
    return Attempt(take, judgement)
