"""The `backline` command: its subcommands, and how whatever goes wrong is told."""

from __future__ import annotations

import sys
import traceback
from datetime import datetime
from typing import Annotated

import typer

from daemon.commands import (
    conform,
    energy,
    export,
    generate,
    install_reaper,
    measure,
    models,
    reproduce,
    send,
    service,
    split,
    to_midi,
)
from daemon.commands import slice as slicing
from daemon.commands.request_options import GroupedCommand
from daemon.config import Config
from daemon.errors import DaemonError, Interrupted, UsageError
from daemon.screen import say, say_aside

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130  # 130: ended by Ctrl-C, as shells have it


def _show_version(wanted: bool) -> None:
    if wanted:
        from stems.manifest import backline_version

        say(f"backline {backline_version()}")
        raise typer.Exit


app = typer.Typer(
    help="The band behind your DAW: stems generated in time, in key, on the grid.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: quick, and the same on every terminal
    pretty_exceptions_enable=False,
)


@app.callback()
def backline(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version)
    ] = False,
) -> None:
    """The band behind your DAW: stems generated in time, in key, on the grid."""


for command in (
    generate.generate, reproduce.reproduce, service.serve, service.demo, service.doctor,
    install_reaper.install_reaper, export.export, measure.measure, conform.conform,
    energy.energy, split.split, to_midi.to_midi,
):  # fmt: skip
    app.command(cls=GroupedCommand)(command)
app.command("slice")(slicing.slice_)
app.add_typer(send.send, name="send")
app.add_typer(models.models, name="models")


def main() -> None:
    """Run the command; whatever goes wrong ends in one sentence and an exit status."""
    try:
        app()
    except KeyboardInterrupt:
        say_aside("stopped")
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(_tell(error))


def _tell(error: Exception) -> int:
    """Print the sentence for an error and return the exit status."""
    from audio.errors import AudioError
    from diffusion.errors import Cancelled, EngineError
    from midi.errors import MidiError
    from osc_protocol.errors import Code, ProtocolError
    from stems.errors import StemError

    bad_input = {
        Code.BAD_TYPE, Code.OUT_OF_RANGE, Code.UNKNOWN_KEY, Code.MISSING_ARGUMENT,
        Code.PATH_FORBIDDEN, Code.TOO_LARGE, Code.BAD_MIDI, Code.UNSUPPORTED,
    }  # fmt: skip
    match error:
        case Cancelled() | Interrupted():
            say_aside("cancelled; nothing was written")
            return INTERRUPTED
        case UsageError() | MidiError():
            say_aside(f"error: {error}")
            return BAD_USAGE
        case ProtocolError(code=code):
            say_aside(f"error: {error}")
            return BAD_USAGE if code in bad_input else FAILED
        case DaemonError() | EngineError() | StemError() | AudioError():
            say_aside(f"error: {error}")
            return FAILED
    say_aside(f"error: an unexpected {type(error).__name__}; {_keep(error)}")
    return FAILED


def _keep(error: Exception) -> str:
    """Write a traceback where a report of the fault can take it from, and say where."""
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    path = Config().log_folder / f"error-{now}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return f"its details ({error}) could not be written to {path}"
    return f"please report it with {path}"
