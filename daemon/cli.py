"""The `backline` command. Each command imports what it needs when it runs: help stays quick."""

from __future__ import annotations

import json
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from daemon import request_options as option
from daemon.config import OSC_PORT, Config, default_home
from daemon.errors import DaemonError, Interrupted, UsageError
from daemon.request_options import RequestOptions
from daemon.screen import say, say_aside

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130  # 130: ended by Ctrl-C, as shells have it

Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the results.")]
CopyTo = Annotated[Path | None, typer.Option("-o", "--out", help="Copy the results here.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only the manifest, as JSON.")]
Port = Annotated[int, typer.Option("--osc-port", help="The daemon's UDP port.")]
Home = Annotated[Path | None, typer.Option("--home", help="The daemon's folder.")]


class GenerateByDefault(TyperGroup):
    """`backline send --bpm ...` is `backline send generate --bpm ...`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and args[0].startswith("-") and args[0] != "--help":
            args = ["generate", *args]
        return list(super().parse_args(ctx, args))


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
send = typer.Typer(
    help="Talk to the running daemon.", cls=GenerateByDefault, no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip
app.add_typer(send, name="send")


@app.callback()
def backline(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version)
    ] = False,
) -> None:
    """The band behind your DAW: stems generated in time, in key, on the grid."""


@app.command()
def generate(
    bpm: option.Bpm,
    key: option.KeyName,
    out: Out,
    bars: option.Bars = "8",
    meter: option.MeterName = "4/4",
    melody: option.MelodyFile = "",
    lead: option.Lead = "melody",
    tags: option.Tags = "",
    lyrics: option.Lyrics = "",
    seed: option.Seed = "",
    takes: option.Takes = "1",
    engine: option.EngineName = "embedded",
    stems: option.Stems = "drums,bass,melody,vocals",
    sample_rate: option.SampleRate = "48000",
    as_json: AsJson = False,
) -> None:
    """Make stems in this process, without a daemon."""
    from daemon.results import check_folder, summary
    from daemon.screen import interruptible, progress_bar
    from osc_protocol.generate_request import GenerateRequest

    options = RequestOptions(
        bpm, key, bars, meter, melody, lead, tags, lyrics, seed, takes, engine, stems, sample_rate
    )
    request = GenerateRequest(**options.fields())  # type: ignore[arg-type]  # it checks each
    request.read_melody()
    _check_engine(request.engine)
    check_folder(out)
    with interruptible() as cancelled, progress_bar() as show:
        show("load", 0.0)
        from daemon.pipeline import generate as run
        from diffusion.engine import open_engine

        loaded = open_engine(request.engine)
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


@app.command()
def serve(osc_port: Port = OSC_PORT, home: Home = None) -> None:
    """Run the daemon until Ctrl-C, SIGTERM or `backline send quit`."""
    from daemon.server import Daemon
    from stems.manifest import backline_version

    daemon = Daemon(Config(home=home or default_home(), osc_port=osc_port))
    daemon.start()
    with daemon.stopped_by_signals():
        try:
            say(
                f"backline {backline_version()} listens for OSC on "
                f"udp://127.0.0.1:{daemon.osc_port} (home {daemon.config.home})"
            )
            daemon.serve()
        finally:
            daemon.stop()


@send.command("generate")
def send_generate(
    bpm: option.Bpm,
    key: option.KeyName,
    bars: option.Bars = "8",
    meter: option.MeterName = "4/4",
    melody: option.MelodyFile = "",
    lead: option.Lead = "melody",
    tags: option.Tags = "",
    lyrics: option.Lyrics = "",
    seed: option.Seed = "",
    takes: option.Takes = "1",
    engine: option.EngineName = "embedded",
    stems: option.Stems = "drums,bass,melody,vocals",
    sample_rate: option.SampleRate = "48000",
    as_json: AsJson = False,
    out: CopyTo = None,
    osc_port: Port = OSC_PORT,
) -> None:
    """Have the daemon make stems, watch it, and return when the job has ended."""
    from daemon.results import check_folder, summary
    from daemon.sending import order
    from osc_protocol.client import Client
    from osc_protocol.generate_request import GenerateRequest

    options = RequestOptions(
        bpm, key, bars, meter, melody, lead, tags, lyrics, seed, takes, engine, stems, sample_rate
    )
    request = GenerateRequest(**options.fields())  # type: ignore[arg-type]  # it checks each
    _check_engine(request.engine)
    if out is not None:
        check_folder(out)
    with Client(port=_port(osc_port), name="backline send") as client:
        manifest, folder = order(client, request, out)
    if as_json:
        say(json.dumps(manifest.as_dict(), indent=2, ensure_ascii=False))
        return
    for line in summary(manifest, folder):
        say(line)


@send.command("status")
def send_status(osc_port: Port = OSC_PORT) -> None:
    """Say how the daemon is."""
    from osc_protocol.client import Client

    with Client(port=_port(osc_port), name="backline send") as client:
        status = client.status()
    say(
        f"{status.state}, {status.running} running, {status.queued} queued, "
        f"up {status.uptime_seconds} s, engine {status.engine or 'not loaded yet'}"
    )


@send.command("jobs")
def send_jobs(osc_port: Port = OSC_PORT) -> None:
    """List the newest jobs, the newest first."""
    from osc_protocol.client import Client

    with Client(port=_port(osc_port), name="backline send") as client:
        for item in client.jobs():
            say(f"{item.job:>5}  {item.state:<9}  {item.fraction:>4.0%}  {item.job_rid}")


@send.command("cancel")
def send_cancel(
    job: Annotated[str, typer.Argument(help="Number of the job, or its request id.")],
    osc_port: Port = OSC_PORT,
) -> None:
    """Cancel a job."""
    from osc_protocol.client import Client

    with Client(port=_port(osc_port), name="backline send") as client:
        done = client.cancel(job)
    say(f"job {done.job} {done.outcome}")


@send.command("quit")
def send_quit(
    drain: Annotated[bool, typer.Option(help="Let the accepted jobs end first.")] = False,
    osc_port: Port = OSC_PORT,
) -> None:
    """Stop the daemon; a running job goes back to its queue."""
    from osc_protocol.client import Client

    with Client(port=_port(osc_port), name="backline send") as client:
        client.quit("drain" if drain else "now")
    say("the daemon stops" + (" when its queue is empty" if drain else ""))


@app.command()
def demo(out: Out = Path("out/demo")) -> None:
    """Start a daemon, send it one request over OSC, and show what comes of it."""
    from daemon.demo import play
    from daemon.results import check_folder, summary

    check_folder(out)
    for line in summary(*play(out)):
        say(line)


@app.command()
def doctor(osc_port: Port = OSC_PORT, home: Home = None) -> None:
    """Check this machine: a line each, ok, warning or problem, and what to do."""
    from daemon.doctor import PROBLEM, examine

    config = Config(home=home or default_home(), osc_port=osc_port)
    problems = 0
    for finding in examine(config):
        advice = f" -> {finding.advice}" if finding.advice else ""
        say(f"{finding.status:<8} {finding.subject}: {finding.text}{advice}")
        problems += finding.status == PROBLEM
    if problems:
        raise typer.Exit(FAILED)


def main() -> None:
    """Run the command; whatever goes wrong ends in one sentence and an exit status."""
    try:
        app()
    except KeyboardInterrupt:
        say_aside("stopped")
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(_tell(error))


def _port(number: int) -> int:
    if not 1 <= number <= 65_535:
        raise UsageError(f"osc-port must be from 1 to 65535, not {number}")
    return number


def _check_engine(name: str) -> None:
    engines = Config().engines
    if name not in engines:
        raise UsageError(f"engine {name!r} is not in this version yet; use --engine {engines[0]}")


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
