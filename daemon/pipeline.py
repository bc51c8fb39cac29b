"""The whole way of one request, from what was asked to the files that answer it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from audio.measure import measure
from daemon.changing import revision_of, source_of, stems_of, take_of
from daemon.splitting import OpenSplitter, open_splitter, with_stems
from daemon.stages import Progress, WholeJob
from diffusion.engine import Conditions, Engine
from diffusion.errors import Cancelled
from diffusion.shaping import Shaping
from osc_protocol.messages import GenerateRequest
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

    `progress` gets the stage (load, diffuse, decode, split, measure, write) and the fraction of the
    whole job in 0..1, which never falls; `cancelled` is asked at each diffusion step. An engine
    that is already loaded stays so and is not closed. Raises Cancelled, and one sentence as
    ProtocolError or MidiError (the request), EngineError, StemError or AudioError.
    """
    grid, key, melody = request.grid(), request.parsed_key(), request.read_melody()
    sections = request.bar_sections()
    source = source_of(request)
    whole_job = WholeJob(progress, request.takes)
    engine_facts: dict[str, object] = {}  # known once it is loaded, written down at the end

    def takes() -> Iterator[Take]:
        engine.load(whole_job.load)
        engine_facts.update({"name": engine.name, **engine.describe()})
        for index, seed in enumerate(request.seeds):
            tell = whole_job.take(index)
            conditions = Conditions(
                grid, key, melody, request.lead, request.tags, request.lyrics, seed,
                request.sample_rate, request.stems, sections, revision_of(source, request),
                Shaping(request.melody_mode, request.melody_strength),
            )  # fmt: skip
            generation = engine.generate(conditions, tell, cancelled)
            generation = with_stems(generation, request.stems, open_splitter, tell, cancelled)
            stem_set = stems_of(generation, source, request)
            tell("measure", 0.0)
            report = measure(stem_set.mix, grid, key, drums=stem_set.clips.get("drums"))
            if cancelled():
                raise Cancelled("cancelled")
            tell("write", 0.0)
            yield take_of(stem_set, generation, report.as_dict(), seed, source)

    manifest = deliver(
        out_dir,
        request=request.as_dict(),
        grid=grid,
        key=key,
        melody=melody,
        takes=takes(),
        stems=source.manifest.stems if source else request.stems,
        engine=engine_facts,
        job=job,
        label=request.project or (f"backline {job}" if job else ""),
        sections=sections,
        at_beats=request.at_beats,
        at_seconds=request.at_seconds,
        format_name=request.format,
    )
    whole_job.done()
    return manifest
