"""`backline split`: recordings split into drums, bass, melody and vocals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.commands.batch import CancelFlag, Done, Name, Show, over_all
from daemon.commands.options import OUTPUT, AsJson, Force, Recordings
from daemon.commands.outputs import check_beside, free_folder
from daemon.commands.request_options import takes
from daemon.errors import UsageError
from daemon.output_names import Layout, OutputNames, output_names
from daemon.sound_inputs import sound_inputs
from osc_protocol.request_paths import absolute
from osc_protocol.split import Split
from stems.manifest import MANIFEST_NAME
from stems.splitting.splitters import open_splitter

if TYPE_CHECKING:
    from stems.manifest import Manifest

ONE, MANY = "{stem}", "{file}/{stem}"  # names of the stems of one recording, and of several
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the stems.", **OUTPUT)]


@takes(Split, dict, without=["path"])
def split(
    files: Recordings,
    request: dict[str, Any],
    out: Out,
    name: Name = "",
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Split recordings into stems of their own rate and length that add up to them."""
    inputs = sound_inputs(files)
    requests = {file: Split(path=absolute(str(file)), **request) for file in inputs.files}
    first = requests[inputs.files[0]]
    names = _names(name or (MANY if inputs.many else ONE), inputs.files, first)
    layouts = {file: names.layout(file) for file in inputs.files}
    folders = {
        file: _place(out, layout, requests[file], names.suffix, inputs.files, force)
        for file, layout in layouts.items()
    }
    opened = cache(open_splitter)  # the networks stay for the next recording

    def work(file: Path, show: Show, cancelled: CancelFlag) -> Done:
        asked, layout = requests[file], layouts[file]
        if asked.dry_run:
            return Done((), asked.as_dict())
        from daemon.pipeline.split_job import split as split_sound

        folder = folders[file]
        made = split_sound(asked, opened, folder, show, cancelled, named=layout.named)
        written = [folder / f"{layout.named('manifest')}.json"]
        line = _line(made, asked, folder)
        lines = [f"{file}: {line}" if inputs.many else line]
        lines += [f"  {remark}" for remark in made.remarks()]
        return Done(lines, made.as_dict(), written)

    over_all(inputs, work, as_json=as_json or first.dry_run, bar=not first.dry_run)


def _names(pattern: str, files: Sequence[Path], request: Split) -> OutputNames:
    from stems.files import sound_format

    names = output_names(pattern, files, ("stem",), sound_format(request.format).suffix)
    if len(request.stems) > 1 and not names.layout(files[0]).has_stem:
        raise UsageError(f"name {pattern!r} must have {{stem}} in it, for there are several stems")
    return names


def _place(
    out: Path, layout: Layout, request: Split, suffix: str, inputs: Sequence[Path], force: bool
) -> Path:
    """Return the folder for the stems of one recording; raises UsageError where there is none."""
    folder, manifest = out / layout.folder, f"{layout.named('manifest')}.json"
    if manifest == MANIFEST_NAME:
        return free_folder(folder, request, inputs, force=force)
    stems = [layout.named(stem) + suffix for stem in request.stems]
    names = [*stems, manifest, f"{layout.named('project')}.rpp"]
    check_beside(folder, names, request, inputs, force=force)
    return folder


def _line(manifest: Manifest, request: Split, folder: Path) -> str:
    grid, take = manifest.grid, manifest.takes[0]
    silent = take.facts.silent
    more = f"; nothing is heard in {' and '.join(silent)}" if silent else ""
    if take.facts.sureness:
        sure = (f"{name} {round(100 * share)} %" for name, share in take.facts.sureness.items())
        more += f"; sure of {', '.join(sure)}"
    if take.gain_db:
        more += f"; all brought down by {-take.gain_db:.2f} dB to fit {request.format}"
    return (
        f"{', '.join(manifest.stems)} of {grid.seconds:.2f} s at {grid.sample_rate} Hz, "
        f"by {manifest.engine.name}{more}; written to {folder}"
    )
