"""The folders below which clients may name files without being allowed to by `allow-root`."""

from __future__ import annotations

import os
import string
import sys
from pathlib import Path

from midi.user_file import resolved

# What `backline demo` asks to be played, of a clone or of what is installed.
OWN_EXAMPLES = (Path(__file__).parent, Path(__file__).parent.parent / "examples")


def usual_roots(home: Path) -> tuple[Path, ...]:
    """Return the daemon's home, the user's own folder and other disks, all links followed."""
    usual = (home, Path.home(), *_media_folders(), *OWN_EXAMPLES)
    # A user without a folder of its own is sometimes said to be at home in /.
    return tuple(root for root in map(resolved, usual) if root != root.parent)


def _media_folders() -> tuple[Path, ...]:
    """Where this system has other disks and removable ones."""
    if sys.platform == "win32":
        system = os.environ.get("SystemDrive", "C:").upper()
        drives = [f"{letter}:" for letter in string.ascii_uppercase if f"{letter}:" != system]
        public = os.environ.get("PUBLIC")
        folders = [Path(drive + os.sep) for drive in drives if os.path.isdir(drive + os.sep)]
        return (*folders, *([Path(public)] if public else []))
    if sys.platform == "darwin":
        return Path("/Volumes"), Path("/Users/Shared")
    return Path("/media"), Path("/mnt"), Path("/run/media")
