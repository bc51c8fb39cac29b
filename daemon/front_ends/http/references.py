"""What names a file in a body: a path of this machine, an upload, or an earlier job."""

from __future__ import annotations

from pathlib import Path, PurePath

from daemon.front_ends.http.door import Door
from osc_protocol.checks import shown
from osc_protocol.errors import Code, ProtocolError

UPLOAD, JOB = "sha256:", "job:"


class Finder:
    """Finds the files that one client names; `roots` are the folders in which they may lie."""

    def __init__(self, door: Door, owner: str, is_local: bool) -> None:
        self._door, self._owner, self._is_local = door, owner, is_local
        own = (door.uploads.folder.resolve(), door.config.jobs_folder.resolve())
        self.roots: tuple[Path, ...] = (*door.config.roots, *own) if is_local else own

    def path(self, name: str) -> str:
        """Return the path of what is named; raises ProtocolError."""
        if name.startswith(UPLOAD):
            found = self._door.uploads.find(name.removeprefix(UPLOAD))
            if found is None:
                sentence = f"{shown(name)} names no upload: PUT it to /v1/uploads first"
                raise ProtocolError(Code.OUT_OF_RANGE, sentence)
            return str(found.resolve())
        if name.startswith(JOB):
            try:
                job = self._door.job(name.removeprefix(JOB), self._owner)
            except ProtocolError:
                sentence = f"{shown(name)} names no job"
                raise ProtocolError(Code.OUT_OF_RANGE, sentence) from None
            return str(self._door.folder(job).resolve())
        if not self._is_local or not PurePath(name).is_absolute():
            wanted = "an absolute path or an upload" if self._is_local else "an upload"
            sentence = f"{shown(name)} is not {wanted}, sha256:... of one, or job:... of a job"
            raise ProtocolError(Code.PATH_FORBIDDEN, sentence)
        return name
