"""The whole way of one request, from what was asked to the files that answer it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from audio.choice import Limits
from audio.errors import GateError
from daemon.pipeline.alignment import at_loudness, finished
from daemon.pipeline.conditions import conditions_of
from daemon.pipeline.progress import Progress, WholeJob
from daemon.pipeline.revision import source_of, stems_of, take_of
from daemon.pipeline.selection import Attempt, choose, judged
from daemon.pipeline.separation import OpenSplitter, open_splitter, opened, with_notes, with_stems
from daemon.pipeline.take_batches import Batches
from diffusion.engine import MIX_ENGINES, Engine
from diffusion.errors import Cancelled
from osc_protocol.messages import GenerateRequest
from osc_protocol.settings import settings
from stems.delivery import deliver
from stems.manifest import Manifest
from stems.take import Take

# Threads of torch that wait for each other must not burn the time of those they wait for: with a
# DAW or anything else on the same cores 8 bars took 104 s of diffusion, and take 2.4 s like this.
# Read when torch is imported, which is later.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def generate(
    request: GenerateRequest,
    engine: Engine,
    out_dir: Path,
    progress: Progress,
    cancelled: Callable[[], bool],
    *,
    job: str = "",
    open_splitter: OpenSplitter = open_splitter,
) -> Manifest:
    """Make what `request` asks for in `out_dir`: all files, the manifest last, or nothing.

    `progress` gets the stage (load, diffuse, decode, split, conform, measure, write) and the
    fraction of the whole job in 0..1, which never falls; `cancelled` is asked at each diffusion
    step. An engine that is already loaded stays so and is not closed. Raises Cancelled, and one
    sentence as ProtocolError or MidiError (the request), EngineError, StemError or AudioError;
    GateError where no take passed: the best then lies in `out_dir` all the same.
    """
    source, limits = source_of(request), Limits.parse(request.gate)
    asked = conditions_of(request, source)
    grid, key, melody = asked.grid, asked.key, asked.melody
    whole_job = WholeJob(progress, request.takes + (request.retries if limits else 0))
    batches = Batches(engine, request.seeds, whole_job.together)
    engine_facts: dict[str, object] = {}  # known once it is loaded, written down at the end
    refusal = ""

    def play(number: int, seed: int, transposed: bool = request.transpose) -> Attempt:
        tell = whole_job.take(number)
        generation = batches.play(replace(asked, seed=seed), tell, cancelled)
        gave_a_mix = generation.stems is None
        generation = with_stems(generation, request.stems, open_splitter, tell, cancelled)
        generation = finished(
            generation, request, grid, key, tell, gave_a_mix=gave_a_mix, transposed=transposed
        )
        stem_set, levelled = at_loudness(stems_of(generation, source, request), request.loudness)
        tell("measure", 0.0)
        report, judgement = judged(stem_set, request, grid, key, melody, generation.facts)
        if cancelled():
            raise Cancelled("cancelled")
        take = take_of(stem_set, generation, {**report, **levelled}, seed, source)
        tell("write", 0.0)
        return Attempt(take, judgement)

    def takes() -> Iterator[Take]:
        nonlocal refusal
        nonlocal open_splitter
        if engine.name in MIX_ENGINES:  # a splitter that is missing is told before anything plays
            open_splitter = opened(open_splitter)
        engine.load(whole_job.load)
        engine_facts.update({"name": engine.name, **engine.describe()})
        if not request.chooses:
            for number, seed in enumerate(request.seeds):
                yield with_notes(play(number, seed).take, grid, cancelled)
            return
        choice = choose(
            play, request.seeds, request.more_seeds, request.best or request.takes, limits
        )
        if choice.refusal and limits and limits.key and not request.transpose:
            # Every take was in another key: transposing the best is better than none.
            again, seed = partial(play, transposed=True), choice.takes[0].seed
            moved = choose(again, [seed], [], 1, limits, choice.attempts)
            choice = choice if moved.refusal else moved
        refusal = choice.refusal
        yield from (with_notes(take, grid, cancelled) for take in choice.takes)

    manifest = deliver(
        out_dir,
        request=request.as_dict(),
        settings=settings(request),
        grid=grid,
        key=key,
        melody=melody,
        takes=takes(),
        stems=source.manifest.stems if source else request.stems,
        engine=engine_facts,
        job=job,
        label=request.project or (f"backline {job}" if job else ""),
        sections=asked.sections,
        at_beats=request.at_beats,
        at_seconds=request.at_seconds,
        format_name=request.format,
    )
    whole_job.done()
    if refusal:
        raise GateError(f"{refusal}; its files are in {out_dir}")
    return manifest
