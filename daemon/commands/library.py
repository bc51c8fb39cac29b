"""`backline library`, `play` and `open`: results found again, heard, rated and deleted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.commands.options import AsJson, DefaultGroup, GroupedCommand, Home
from daemon.config import typed_config
from daemon.errors import UsageError
from daemon.failure import FAILED
from daemon.screen import progress_bar, say, say_aside, say_json

if TYPE_CHECKING:
    from daemon.library import Entry
    from stems.manifest import Manifest

Words = Annotated[
    list[str] | None, typer.Argument(help="Words that its style, tempo, key or id must have.")
]
Style = Annotated[str, typer.Option("--style", help="Words that its style must have.")]
KeyName = Annotated[str, typer.Option("--key", help="Key, such as 'C minor' or F#m.")]
Bpm = Annotated[str, typer.Option("--bpm", help="Tempo, or a range such as 90-100.")]
Date = Annotated[
    str,
    typer.Option(
        "--date", help="2026-11-30, 2026-11, 2026-11-01..2026-11-15, or 7d: the last 7 days."
    ),
]
Least = Annotated[int, typer.Option("--rating", metavar="1..5", help="Rating, at least.")]
Every = Annotated[bool, typer.Option("--all", help="Jobs without files as well.")]
Limit = Annotated[int, typer.Option("--limit", help="How many at most; 0 for no limit.")]
Target = Annotated[
    str,
    typer.Argument(metavar="RESULT", help="A job's number or id, 'last', a folder or a manifest."),
]
Stars = Annotated[int, typer.Argument(metavar="RATING", help="1 to 5, or 0 to take it back.")]
Jobs = Annotated[list[str], typer.Argument(metavar="JOB...", help="Numbers or ids of jobs.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
StemNames = Annotated[str, typer.Option("--stems", help="Only these stems: drums,bass.")]
Take = Annotated[int, typer.Option("--take", help="Which take.")]


class ListByDefault(DefaultGroup):
    """`backline library --key Cm` is `backline library list --key Cm`."""

    default = "list"


library = typer.Typer(
    help="The results of the daemon's jobs: list, search, show, rate, delete.",
    cls=ListByDefault, rich_markup_mode=None,
)  # fmt: skip


def list_(
    words: Words = None,
    style: Style = "",
    key: KeyName = "",
    bpm: Bpm = "",
    date: Date = "",
    rating: Least = 0,
    every: Every = False,
    limit: Limit = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List results, the newest first; all that is given must fit."""
    from itertools import islice

    from daemon.library import entries, wanted

    fits = wanted(" ".join(words or ()), style, key, bpm, date, rating)
    fitting = (each for each in entries(_home(home)) if (every or each.is_there) and fits(each))
    found = list(islice(fitting, limit or None))
    if as_json:
        say_json([each.as_plain() for each in found])
        return
    for each in found:
        say(_line(each))
    if not found:
        say_aside(f"no result fits in {_home(home)}")
    elif len(found) == limit and next(fitting, None):
        say_aside(f"the newest {limit} are shown; --limit 0 shows all")


@library.command(cls=GroupedCommand)
def show(target: Target, home: Home = None, as_json: AsJson = False) -> None:
    """Show what a result was asked for, what was measured and which files it has."""
    from daemon.library import find, result_at, why_not_there
    from daemon.ratings import rating_of
    from daemon.results import lines_on
    from stems.manifest import read_manifest

    where = _home(home)
    if Path(target).exists():
        entry, path = None, result_at(where, target)
    else:
        entry = find(where, target)
        path = entry.manifest
    manifest = read_manifest(path) if entry is None or entry.is_there else None
    if as_json:
        known = {"rating": rating_of(path)} if entry is None else entry.as_plain()
        say_json(known | ({"manifest": manifest.as_dict()} if manifest else {}))
        return
    if entry is not None:
        say(_line(entry))
    if manifest is None:
        assert entry is not None, "without an entry there is a manifest"
        say(f"no files: {why_not_there(entry)}")
        return
    for line in lines_on(manifest, path.parent):
        say(line)


@library.command(cls=GroupedCommand)
def rate(target: Target, rating: Stars, home: Home = None) -> None:
    """Rate a result from 1 to 5; the rating lies beside it and goes with it."""
    from daemon import ratings
    from daemon.library import result_at
    from stems.manifest import read_manifest

    path = result_at(_home(home), target)
    read_manifest(path, check_files=False)
    ratings.rate(path, rating)
    say(f"{path.parent}: {_stars(rating) if rating else 'no rating'}")


@library.command(cls=GroupedCommand)
def delete(jobs: Jobs, yes: Yes = False, home: Home = None) -> None:
    """Delete the files of jobs; the journal keeps that there were such jobs."""
    from daemon import job_folders
    from daemon.amounts import size_text
    from daemon.errors import DaemonError
    from daemon.library import find, needed_folders

    where = _home(home)
    going = [find(where, target) for target in dict.fromkeys(jobs)]
    there = [entry for entry in going if entry.folder.is_dir()]
    for entry in going:
        if entry not in there:
            say_aside(f"job {entry.job.number} has no files")
    for entry in there:
        say(f"{_line(entry)}  {size_text(job_folders.bytes_in(entry.folder))}")
    if there and not yes and not typer.confirm("delete?", err=True):
        return
    failed = len(there) < len(going)
    for entry in there:
        number = entry.job.number
        try:
            done = job_folders.delete(entry.folder.parent, number, lambda: needed_folders(where))
            if done:
                say(f"job {number}: deleted")
                continue
            say_aside(f"error: job {number} is left: a job that waits or runs needs it")
        except DaemonError as error:
            say_aside(f"error: job {number} is left: {error}")
        failed = True
    if failed:
        raise typer.Exit(FAILED)


def play(target: Target, stems: StemNames = "", take: Take = 1, home: Home = None) -> None:
    """Play the mix of a result, or some of its stems together; Ctrl-C stops."""
    from daemon.library import result_at
    from daemon.playback import play as play_files
    from stems.manifest import read_manifest

    path = result_at(_home(home), target)
    manifest = read_manifest(path)
    files = [path.parent / each for each in _sounds(manifest, stems, take)]
    with progress_bar() as show:
        title = stems or "Playing"
        seconds = play_files(files, lambda fraction: show(title, fraction))
    say(f"{path.parent}: {seconds:.2f} s played")


def open_(target: Target, home: Home = None) -> None:
    """Open the folder of a result in the system's file manager."""
    from daemon import file_manager
    from daemon.library import result_at

    folder = result_at(_home(home), target).parent
    file_manager.show(folder)
    say(str(folder))


library.command("list", cls=GroupedCommand)(list_)
library.command("search", cls=GroupedCommand)(list_)
library.command("play", cls=GroupedCommand)(play)
library.command("open", cls=GroupedCommand)(open_)


def _sounds(manifest: Manifest, stems: str, take: int) -> list[str]:
    """Where the sounds lie that are to be heard together; raises UsageError."""
    takes = [each.take for each in manifest.takes]
    if take not in takes:
        raise UsageError(f"take must be from 1 to {len(takes)}, not {take}")
    names = list(dict.fromkeys(filter(None, (each.strip() for each in stems.split(",")))))
    for name in names:
        if name not in manifest.stems:
            raise UsageError(f"stems must be among {', '.join(manifest.stems)}, not {name!r}")
    has_mix = any(entry.role == "mix" and entry.take == take for entry in manifest.files)
    if not names and has_mix:
        return [manifest.sound_path(None, take)]
    return [manifest.sound_path(name, take) for name in names or manifest.stems]


def _home(home: Path | None) -> Path:
    return typed_config(home=home).home


def _line(entry: Entry) -> str:
    job = entry.job
    when = datetime.fromtimestamp(job.created_seconds).strftime("%Y-%m-%d %H:%M")
    state = "" if entry.is_there else f"{'deleted' if job.state == 'done' else job.state}  "
    return f"{job.number:>5}  {when}  {_stars(entry.rating):<5}  {state}{entry.facts.line}".rstrip()


def _stars(rating: int) -> str:
    return "*" * rating
