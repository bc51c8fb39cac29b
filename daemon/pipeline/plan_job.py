"""A request to plan becomes a lead sheet, and in a daemon a manifest of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from daemon.pipeline.conditions import conditions_of
from daemon.pipeline.plan import planned
from daemon.pipeline.revision import source_of
from daemon.plan_folder import PLAN_FILES, fill_plan
from diffusion.engine import CancelFlag, Engine, Progress
from diffusion.errors import Cancelled
from midi.lead_sheet import LeadSheet
from osc_protocol.generate import Generate
from osc_protocol.plan import Plan
from stems.entries import GridEntry, KeyEntry, MelodyEntry, PositionEntry, sections_of
from stems.manifest import MANIFEST_NAME, Manifest, describe_file, write_manifest
from stems.project_file import start_seconds
from stems.staging import plain_disk_errors, publish, staging
from stems.version import backline_version


def sheet_of(request: Generate, engine: Engine) -> tuple[LeadSheet, tuple[str, ...]]:
    """Return the lead sheet that `engine` would play, and sentences on how what is given was read.

    Raises ProtocolError, MidiError, EngineError and StemError.
    """
    conditions, changes = conditions_of(request, source_of(request))
    return planned(conditions, engine).lead_sheet, changes


def plan(
    request: Plan, engine: Engine, out_dir: Path, progress: Progress, cancelled: CancelFlag,
    *, job: str = "",
) -> Manifest:  # fmt: skip
    """Write the lead sheet of a request in `out_dir`: all files, the manifest last, or nothing.

    `progress` gets the stage plan and the fraction. Raises Cancelled, and one sentence as
    ProtocolError, MidiError, EngineError or StemError.
    """
    progress("plan", 0.0)
    sheet, _ = sheet_of(request, engine)
    if cancelled():
        raise Cancelled("cancelled")
    grid, melody = request.grid, request.read_melody()
    with staging(out_dir) as folder, plain_disk_errors(out_dir):
        fill_plan(folder, request, sheet)
        manifest = Manifest(
            backline=backline_version(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            job=job,
            request=request.as_dict(),
            engine=engine.describe(),
            grid=GridEntry.of(grid, request.sample_rate),
            key=KeyEntry.of(request.parsed_key),
            melody=None if melody is None else MelodyEntry.of(melody),
            position=PositionEntry(
                start_seconds=float(start_seconds(grid, request.at_beats, request.at_seconds)),
                at_beats=request.at_beats,
                at_seconds=request.at_seconds,
            ),
            sections=sections_of(sheet.bar_sections(grid.bars), grid),
            stems=(),
            takes=(),
            files=tuple(describe_file(folder, name, "plan") for name in PLAN_FILES),
        )
        write_manifest(folder / MANIFEST_NAME, manifest)
        publish(folder, out_dir, MANIFEST_NAME)
    progress("plan", 1.0)
    return manifest
