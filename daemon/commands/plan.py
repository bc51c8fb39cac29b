"""`backline plan`: the lead sheet that generate would play, to look at and to edit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.commands.options import AsJson, Force, Out
from daemon.commands.outputs import beside, free_folder, refuse_inputs
from daemon.commands.request_options import takes_request
from daemon.errors import UsageError
from daemon.screen import interruptible, progress_bar, say, say_json
from diffusion.engines import engine_spec
from midi.lead_sheet import LeadSheet
from midi.number import counted
from osc_protocol.generate import Generate
from stems.manifest import MANIFEST_NAME


@takes_request(Generate)
def plan(request: Generate, out: Out, as_json: AsJson = False, force: Force = False) -> None:
    """Write the lead sheet that generate would play: to look at, edit, and play with --plan."""
    from daemon.pipeline.plan_job import sheet_of
    from daemon.plan_folder import write_plan

    request.read_files()
    out = _free_folder(out, request, force=force)
    with interruptible(), progress_bar() as show:
        show("plan", 0.0)
        sheet, changes = sheet_of(request, engine_spec(request.engine).open())
        if not request.dry_run:
            write_plan(out, request, sheet)
        show("done", 1.0)
    if as_json or request.dry_run:
        say_json(sheet.as_dict())
        return
    for line in (*_summary(sheet, out), *changes):
        say(line)


def _free_folder(out: Path, request: Generate, *, force: bool) -> Path:
    """Return the folder for the plan, beside an earlier one; raises UsageError where none is."""
    from daemon.plan_folder import PLAN_FILES

    if (out / MANIFEST_NAME).is_file():
        raise UsageError(f"out {str(out)!r} holds a finished job; choose another folder")
    if request.plan_path:
        refuse_inputs(out, "out", [Path(request.plan_path), Path(request.plan_path).parent])
    names = {each.name for each in out.iterdir()} if out.is_dir() else set()
    if not force and names and all(name.startswith(PLAN_FILES) for name in names):
        return beside(out, quiet=request.dry_run)
    return free_folder(out, request, force=force)


def _summary(sheet: LeadSheet, out: Path) -> Iterator[str]:
    """Lines on what there is, and what is left to the engine."""
    from daemon.plan_folder import PLAN_FILES

    yield f"{out}: {' '.join(PLAN_FILES)}"
    if sheet.sections:
        form = (f"{each.name} {each.first_bar}-{each.last_bar}" for each in sheet.sections)
        yield f"form: {', '.join(form)}"
    if sheet.chords:
        yield f"chords: {' '.join(each.symbol for each in sheet.chords)}"
    if sheet.tune:
        yield f"tune: {counted(len(sheet.tune.notes), 'note')} for the {sheet.tune.part}"
    silent = [part for part, bars in sheet.parts.items() if not bars]
    if silent:
        yield f"does not play: {', '.join(silent)}"
    known = {"form": sheet.sections, "chords": sheet.chords, "tune": sheet.tune}
    missing = [name for name, found in known.items() if not found]
    if missing:
        yield f"left to the engine: {', '.join(missing)}"
