"""`backline install-reaper`: the scripts into REAPER's resource folder, or out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import Home
from daemon.config import typed_config
from daemon.screen import say

Resources = Annotated[
    Path | None,
    typer.Option("--resource-path", help="REAPER's resource folder, if it is portable."),
]
Uninstall = Annotated[bool, typer.Option("--uninstall", help="Remove what was installed.")]


def install_reaper(
    resource_path: Resources = None, home: Home = None, uninstall: Uninstall = False
) -> None:
    """Copy the scripts to REAPER's resource folder; with --uninstall take exactly them back."""
    from daemon import reaper_folders, reaper_install
    from stems.version import backline_version

    resources = resource_path or reaper_install.resource_folder()
    backline_home = typed_config(home=home).home
    if uninstall:
        gone = reaper_install.uninstall(resources)
        reaper_folders.forget(backline_home, resources)
        say(f"removed {gone.files} files from {gone.folder}")
        for path in gone.kept:
            say(f"left {path}: it was changed after it was installed")
        say("actions that REAPER still lists: Actions > Show action list, select, Delete")
        return
    done = reaper_install.install(resources, backline_home)
    if resource_path is not None:
        reaper_folders.remember(backline_home, resources)
    say(f"backline {backline_version()}: {done.files} files in {done.folder}")
    for path in done.kept:
        say(f"your own changes are kept as {path}")
    say(
        "next, in REAPER: Actions > Show action list > New action > Load ReaScript, "
        f"choose backline_setup.lua in {done.folder} and run it: it adds the other actions"
    )
    say("actions that are loaded already are up to date; `--uninstall` takes all this back")
