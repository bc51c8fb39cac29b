"""`backline generate`: stems made in this process, without a daemon."""

from __future__ import annotations

from daemon.commands.options import AsJson, Out, check_engine
from daemon.commands.order_options import takes_order
from daemon.screen import say, say_json
from osc_protocol.generate import Generate


@takes_order(Generate)
def generate(order: Generate, out: Out, as_json: AsJson = False) -> None:
    """Make stems in this process, without a daemon."""
    from daemon.results import check_folder, summary
    from daemon.screen import interruptible, progress_bar

    order.read_melody()
    check_engine(order.engine)
    check_folder(out)
    if order.dry_run:
        say_json(order.as_dict())
        return
    with interruptible() as cancelled, progress_bar() as show:
        show("load", 0.0)
        from daemon.pipeline import generate as run
        from diffusion.engines import engine_spec

        loaded = engine_spec(order.engine).open()
        try:
            manifest = run(order, loaded, out, show, cancelled)
        finally:
            loaded.close()
        show("done", 1.0)
    if as_json:
        say_json(manifest.as_dict())
        return
    for line in summary(manifest, out):
        say(line)
