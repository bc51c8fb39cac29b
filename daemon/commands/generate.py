"""`backline generate`: stems made in this process, without a daemon."""

from __future__ import annotations

from daemon.commands.options import AsJson, Out, check_engine
from daemon.commands.request_options import takes_request
from daemon.screen import say, say_json
from osc_protocol.generate import Generate


@takes_request(Generate)
def generate(request: Generate, out: Out, as_json: AsJson = False) -> None:
    """Make stems in this process, without a daemon."""
    from daemon.results import check_folder, summary
    from daemon.screen import interruptible, progress_bar

    request.read_melody()
    check_engine(request.engine)
    check_folder(out)
    if request.dry_run:
        say_json(request.as_dict())
        return
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
        say_json(manifest.as_dict())
        return
    for line in summary(manifest, out):
        say(line)
