"""`backline generate`: stems made in this process, without a daemon."""

from __future__ import annotations

import json

import typer

from daemon.commands.options import AsJson, Out, check_engine
from daemon.commands.request_options import with_request_options
from daemon.commands.typed_request import RequestOptions
from daemon.screen import say


@with_request_options
def generate(context: typer.Context, out: Out, as_json: AsJson = False) -> None:
    """Make stems in this process, without a daemon."""
    from daemon.results import check_folder, summary
    from daemon.screen import interruptible, progress_bar

    request = RequestOptions.of(context).request()
    request.read_melody()
    check_engine(request.engine)
    check_folder(out)
    with interruptible() as cancelled, progress_bar() as show:
        show("load", 0.0)
        from daemon.pipeline import generate as run
        from diffusion.engines import engine_spec

        loaded = engine_spec(request.engine).open()
        try:
            manifest = run(request, loaded, out, show, cancelled)
        finally:
            loaded.close()
        show("done", 1.0)
    if as_json:
        say(json.dumps(manifest.as_dict(), indent=2, ensure_ascii=False))
        return
    for line in summary(manifest, out):
        say(line)
