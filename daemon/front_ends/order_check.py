"""What is looked at before a request is accepted, whichever front end it comes through."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.front_ends.path_check import check_paths
from diffusion.engines import EngineSpec, engine_spec
from midi.lead_sheet_file import SHEET_NAMES
from midi.smf_events import MAX_BYTES
from midi.user_file import open_file
from osc_protocol import messages as osc
from osc_protocol.errors import Code, ProtocolError, refusal
from osc_protocol.request_paths import paths_of

QUICK_MELODY_BYTES = 16 << 10  # some 2000 notes; longer ones are read when their turn comes


def check_acceptable(
    request: osc.AnyRequest,
    roots: Sequence[Path],
    engines: Sequence[EngineSpec],
    is_new: Callable[[], bool],
    *,
    quickly: bool = False,
) -> None:
    """Refuse what cannot be played here: paths not below `roots`, engines, files that are wrong.

    Files of a request that is not new are not read again; `quickly` leaves long ones until the
    job's turn comes. Raises ProtocolError.
    """
    check_paths(request, roots)
    if not isinstance(request, osc.Generate):
        if request.dry_run or is_new():
            _check_readable(request)
        return
    reason = engine_spec(request.engine, engines).reason_against()
    if reason:
        raise ProtocolError(Code.MODEL_UNAVAILABLE, reason, "engine")
    names_files = request.melody or any(True for _ in paths_of(request))
    is_read_now = names_files and is_new() and (not quickly or _is_read_quickly(request))
    if request.dry_run or is_read_now:
        request.read_files()  # what is wrong with it is said now, not when its turn comes


def _check_readable(request: osc.Split | osc.Conform) -> None:
    """Refuse files that cannot be read; a folder is read when the job's turn comes."""
    for field, path in paths_of(request):
        if field != "path" and Path(path).is_dir():
            continue
        try:
            open_file(Path(path)).close()
        except OSError as error:
            sentence = f" {path!r} cannot be read: {error.strerror}"
            raise refusal(field, sentence) from None


def _is_read_quickly(request: osc.Generate) -> bool:
    """Whether reading its files keeps no ping waiting; what is too large is refused unread."""
    size = len(request.melody)
    plan = Path(request.plan_path)
    files = [Path(each) for each in (request.melody_path, request.chords_path) if each]
    files += [plan, *(plan / name for name in SHEET_NAMES)] if request.plan_path else []
    for path in files:
        with contextlib.suppress(OSError):  # which reading it will report
            size = max(size, path.stat().st_size)
    return size <= QUICK_MELODY_BYTES or size > MAX_BYTES
