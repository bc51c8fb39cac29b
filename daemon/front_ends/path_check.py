"""Which files a client may name: only those below the daemon's roots."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from midi.user_file import is_below
from osc_protocol import messages as osc
from osc_protocol.checks import shown
from osc_protocol.errors import Code, refusal
from osc_protocol.request_paths import paths_of
from stems.splitting.splitters import MODEL_FILES


def check_paths(request: osc.AnyRequest, roots: Sequence[Path]) -> None:
    """Refuse a path that leads elsewhere once all links are followed; raises ProtocolError.

    Whether there is a file is not looked at before. The file is found and checked again when it is
    opened.
    """
    for field, path in (*paths_of(request), *_model_path(request)):
        if not is_below(Path(path).expanduser(), roots):
            elsewhere = f" must lie in a folder that may be read, not {shown(path)}"
            advice = "the daemon's --allow-root adds one"
            raise refusal(field, f"{elsewhere}; {advice}", Code.PATH_FORBIDDEN)


def _model_path(request: osc.AnyRequest) -> Iterator[tuple[str, str]]:
    """The path of a splitter that is not one by name."""
    if isinstance(request, osc.Split):
        model = request.model
        if "/" in model or os.sep in model or Path(model).suffix in MODEL_FILES:
            yield "model", model
