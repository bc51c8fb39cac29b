"""`backline models`: the weights on this machine, of ACE-Step and of splitters."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.weight_files import add_file, add_splitter, check_hashes, splitter_pair
from daemon.errors import UsageError
from daemon.screen import say, say_aside
from diffusion.models import hub, shelf
from diffusion.models.catalogue import (
    ACE_STEP,
    EVERY,
    SPLITTER,
    SPLITTERS,
    engine_of,
    model_named,
)
from diffusion.models.choice import find
from diffusion.models.folder import models_folder
from diffusion.models.layout import INDEX_NAME
from diffusion.models.scan import scan as find_weights
from diffusion.models.scan import usual_folders

GB = 1_000_000_000
FAILED = 1  # exit status
LICENCE_LINES = 60
KINDS = tuple(dict.fromkeys(model.kind for model in EVERY.values()))

models = typer.Typer(
    help="Download, check and remove the weights of ACE-Step 1.5 and of splitters.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="A name that `backline models list` shows.")]
Which = Annotated[str, typer.Argument(help="A name, or the first digits of a hash.")]


@models.command("list")
def list_models() -> None:
    """Show which weights there are, what each needs, and which are on this machine."""
    root = models_folder()
    there = shelf.snapshots(root)
    for model in EVERY.values():
        mark = "here" if any(each.name == model.name for each in there) else "-"
        needs = (
            "no GPU needed"
            if model.name in SPLITTERS
            else f"GPU {model.vram_gb:>4.1f} GB (at least {model.least_vram_gb:.1f})"
        )
        say(f"{model.name:<15} {mark:<5} {model.disk_gb:>5.1f} GB disk, {needs}; {model.about}")
    for each in there:
        source = f"{each.repository}@{each.revision[:12]}" if each.repository else str(each.folder)
        say(f"on this machine: {each.name} {each.sha256[:12]} {each.bytes / GB:.1f} GB, {source}")
    say(f"models are kept in {root}")


@models.command()
def pull(
    name: Name,
    revision: Annotated[
        str, typer.Option(help="Another commit, tag or branch than the catalogue's.")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to the licence without asking.")
    ] = False,
) -> None:
    """Download weights, after showing their licence; an interrupted download goes on."""
    model = model_named(name)
    if not model.repository:
        raise UsageError(f"model {name} cannot be downloaded ready to use: {model.about}")
    root = models_folder()
    remote = hub.look_up(
        model.repository, revision or model.revision, model.lender, only=model.files
    )
    if any(
        each.revision == remote.revision and each.name == name for each in shelf.snapshots(root)
    ):
        say(f"{name} is on this machine already (commit {remote.revision[:12]})")
        return
    folder = root / name / f"partial-{remote.revision[:12]}"
    hub.check_disk(remote, folder)
    if engine_of(model.kind) and INDEX_NAME not in remote.files:
        raise UsageError(
            f"{remote.repository} at {remote.revision[:12]} has no {INDEX_NAME}: it is not in the "
            "layout that backline reads, so nothing was downloaded"
        )
    if engine_of(model.kind) == ACE_STEP and remote.missing_parts:
        say(
            f"{remote.repository} has no {' and no '.join(remote.missing_parts)}: these weights "
            "cannot cover a sound, and a melody in melody mode raw only"
        )
    _agree(model.licence, hub.licence_of(remote, folder), remote, yes)
    show, done = _bytes_bar(), 0
    for path, size in remote.all_files.items():
        show(path, done, remote.bytes)
        hub.download_one(remote, path, folder)
        done += size
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    check_hashes(folder, model.files)
    snapshot = shelf.add(
        root, name, model.kind, folder,
        repository=model.repository, revision=remote.revision, progress=show,
    )  # fmt: skip
    shown = f"{snapshot.sha256[:12]}, {snapshot.bytes / GB:.1f} GB"
    say(f"{name} is ready: {shown} in {snapshot.folder}")


@models.command()
def add(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of ACE-Step's weights, in either layout, or demucs', or ComfyUI's file, "
            "or a RoFormer's with its .yaml beside it."
        ),
    ],
    name: Annotated[str, typer.Option(help="What to call them.")] = "",
    kind: Annotated[
        str,
        typer.Option(help=f"{', '.join(KINDS)}; else taken from them."),
    ] = "",
) -> None:
    """Use weights that are on this machine already; folders are hashed and stay where they are.

    A file of ComfyUI's is converted once, beside the downloads; what belongs to it is looked for in
    the folders beside it. A splitter's file is linked there, or copied, with its configuration.
    """
    from diffusion.ace_step.checkpoint import kind_in_name, read_kind

    is_file = folder.is_file()
    name = name or (folder.resolve().stem if is_file else folder.resolve().name)
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise UsageError(f"name must be letters, digits, - _ and ., not {name!r}")
    if kind and kind not in KINDS:
        raise UsageError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if is_file and kind in ("", SPLITTER):
        if pair := splitter_pair(folder):
            say(add_splitter(pair, name, _bytes_bar()))
            return
    if is_file:
        say(add_file(folder, name, kind or kind_in_name(folder.name), _bytes_bar()))
        return
    if not kind:
        known = EVERY.get(name)
        kind = known.kind if known else read_kind(folder, name)
    snapshot = shelf.add(models_folder(), name, kind, folder, progress=_bytes_bar())
    say(f"{name} is ready: {snapshot.sha256[:12]}, kind {kind}, in {snapshot.folder}")


@models.command()
def scan(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Where to look; the usual places if left out.")
    ] = None,
    add_all: Annotated[
        bool, typer.Option("--add", help="Add what is found and whole, under its own name.")
    ] = False,
) -> None:
    """Find weights of ACE-Step that other programs have downloaded, in any layout."""
    missing = next((folder for folder in folders or () if not folder.is_dir()), None)
    if missing is not None:
        raise UsageError(f"there is no folder {missing}")
    places = folders or usual_folders()
    found = list(find_weights(places))
    for each in found:
        say(f"{each.layout} layout: {each.path}" + (f": {each.fault}" if each.fault else ""))
        if not each.fault and not add_all:
            say(f"  to use it: backline models add {shlex.quote(str(each.path))}")
    if not found:
        where = ", ".join(map(str, places)) or "the usual places, none of which exists"
        say(f"no weights of ACE-Step 1.5 are in {where}")
    for each in found:
        if add_all and not each.fault:
            add(each.path)


@models.command()
def verify(which: Annotated[str, typer.Argument(help="Which; all if left out.")] = "") -> None:
    """Check the SHA-256 of every file."""
    root = models_folder()
    chosen = [find(root, which)] if which else shelf.snapshots(root)
    if not chosen:
        say(f"no models are in {root}")
    damaged = 0
    for snapshot in chosen:
        found = list(shelf.faults(snapshot, progress=_bytes_bar()))
        damaged += bool(found)
        say(f"{snapshot.name} {snapshot.sha256[:12]}: {'; '.join(found) or 'all files are whole'}")
        if found:
            again = f"backline models remove {snapshot.sha256[:12]}"
            say(f"  to get it again: {again} && backline models pull {snapshot.name}")
    if damaged:
        raise typer.Exit(FAILED)


@models.command()
def remove(which: Which) -> None:
    """Remove weights from this machine; a folder that was only added stays."""
    root = models_folder()
    snapshot = find(root, which)
    shelf.remove(root, snapshot)
    say(f"removed {snapshot.name} {snapshot.sha256[:12]}")


def _agree(notice: str, licence: str, remote: hub.Remote, yes: bool) -> None:
    """Show the licence and ask; raises UsageError unless the answer is yes."""
    say(notice)
    lines = licence.strip().splitlines()
    for line in lines[:LICENCE_LINES]:
        say(f"| {line}")
    if len(lines) > LICENCE_LINES:
        say(f"| ... all of it: https://huggingface.co/{remote.repository}")
    say(f"{remote.repository} at {remote.revision[:12]}: {remote.bytes / GB:.1f} GB")
    if yes:
        return
    try:
        agreed = typer.confirm("Download it under these terms?")
    except typer.Abort:
        agreed = False
    if not agreed:
        raise UsageError("not downloaded: agree when asked, or with --yes")


def _bytes_bar() -> Callable[[str, int, int], None]:
    """Return what says on stderr which file is worked on, and how much is done."""
    last = ""

    def show(file: str, done: int, total: int) -> None:
        nonlocal last
        if file != last:
            say_aside(f"{done / max(total, 1):4.0%}  {file}")
            last = file

    return show
