"""`backline prune`: results that are too old, or take too much room, deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from daemon.commands.options import Home
from daemon.config import typed_config
from daemon.errors import UsageError
from daemon.failure import FAILED
from daemon.screen import say, say_aside

Older = Annotated[str, typer.Option("--older", metavar="30d", help="Results older than that.")]
Over = Annotated[
    str,
    typer.Option("--over", metavar="20GB", help="The oldest, until all have at most that size."),
]
KeepRated = Annotated[bool, typer.Option("--keep-rated", help="Keep those that have a rating.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def prune(
    older: Older = "",
    over: Over = "",
    keep_rated: KeepRated = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    home: Home = None,
) -> None:
    """Delete old results of the daemon's jobs; says which, and asks."""
    from daemon.amounts import size_text
    from daemon.limits import Limits
    from daemon.retention import carry_out, plan

    limits = Limits.of(older, over, keep_rated)
    if limits.are_off:
        raise UsageError("give --older, such as 30d, or --over, such as 20GB, or both")
    where = typed_config(home=home).home
    going = plan(where, limits)
    for entry, size in going.going:
        day = datetime.fromtimestamp(entry.job.created_seconds).strftime("%Y-%m-%d")
        say(f"{entry.job.number:>5}  {day}  {size_text(size):>8}  {entry.facts.line}".rstrip())
    would = "would be " if dry_run else ""
    say(
        f"{len(going.going)} results, {size_text(going.going_bytes)}, {would or 'are to be '}"
        f"deleted; {size_text(going.left_bytes)} stay in {where / 'jobs'}"
    )
    if limits.over_bytes and going.left_bytes > limits.over_bytes:
        say_aside("more than that size stays: the rest is rated, in use, or no folder of its own")
    if dry_run or not going.going or not (yes or typer.confirm("delete?", err=True)):
        return
    failed = 0
    for entry, _, why in carry_out(where, going):
        if why:
            say_aside(f"error: job {entry.job.number} is left: {why}")
            failed += 1
    say(f"{len(going.going) - failed} deleted")
    if failed:
        raise typer.Exit(FAILED)
