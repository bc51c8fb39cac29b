"""The token that other machines must show, read from a file that is the user's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from daemon.errors import UsageError
from midi.user_file import read_text

MIN_TOKEN_CHARACTERS = 16
MAX_TOKEN_BYTES = 200


def token_in(path: Path | None, setting: str = "token-file") -> str:
    """Read the token from a file that others cannot read, "" of no file; raises UsageError.

    Its sentence names the `setting` that names the file.
    """
    if path is None:
        return ""
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError(f"{setting} {path} must be yours alone: chmod 600 {path}")
        token = read_text(path, MAX_TOKEN_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{setting} {path} cannot be read: {reason}") from None
    if len(token) < MIN_TOKEN_CHARACTERS:
        wanted = f"a token of at least {MIN_TOKEN_CHARACTERS} characters"
        raise UsageError(f"{setting} {path} must hold {wanted}, not {len(token)}")
    return token
