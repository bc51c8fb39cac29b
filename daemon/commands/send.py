"""`backline send`: talk to the running daemon over OSC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from daemon.commands import request_options as option
from daemon.commands.options import AsJson, CopyTo, Port, check_engine, check_port
from daemon.commands.request_options import with_request_options
from daemon.commands.typed_request import RequestOptions
from daemon.config import OSC_PORT
from daemon.screen import say


class GenerateByDefault(TyperGroup):
    """`backline send --bpm ...` is `backline send generate --bpm ...`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and args[0].startswith("-") and args[0] != "--help":
            args = ["generate", *args]
        return list(super().parse_args(ctx, args))


send = typer.Typer(
    help="Talk to the running daemon.", cls=GenerateByDefault, no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip


@send.command("generate")
@with_request_options
def send_generate(
    context: typer.Context,
    as_json: AsJson = False,
    out: CopyTo = None,
    osc_port: Port = OSC_PORT,
) -> None:
    """Have the daemon make stems, watch it, and return when the job has ended."""
    from daemon.results import check_folder, summary
    from daemon.sending import order
    from osc_protocol.client import Client

    request = RequestOptions.of(context).request()
    check_engine(request.engine)
    if out is not None:
        check_folder(out)
    with Client(port=check_port(osc_port), name="backline send") as client:
        manifest, folder = order(client, request, out)
    if as_json:
        say(json.dumps(manifest.as_dict(), indent=2, ensure_ascii=False))
        return
    for line in summary(manifest, folder):
        say(line)


@send.command("split")
def send_split(
    sound: Annotated[str, typer.Argument(help="Sound file: WAV, FLAC, MP3 or OGG.")],
    stems: option.Stems = "drums,bass,melody,vocals",
    model: Annotated[str, typer.Option("--model", help="Which splitter, if not the best.")] = "",
    loop: Annotated[bool, typer.Option("--loop", help="The sound repeats.")] = False,
    sound_format: option.SoundFormat = "wav32f",
    as_json: AsJson = False,
    out: CopyTo = None,
    osc_port: Port = OSC_PORT,
) -> None:
    """Have the daemon take a sound file apart into stems."""
    from daemon.results import check_folder, split_summary
    from daemon.sending import order
    from osc_protocol.client import Client
    from osc_protocol.generate_request import ordered_stems
    from osc_protocol.split_request import SplitRequest

    path = str(Path(sound).expanduser().resolve())
    request = SplitRequest(path, ordered_stems(stems), model, loop, format=sound_format)
    if out is not None:
        check_folder(out)
    with Client(port=check_port(osc_port), name="backline send") as client:
        manifest, folder = order(client, request, out)
    if as_json:
        say(json.dumps(manifest.as_dict(), indent=2, ensure_ascii=False))
        return
    for line in split_summary(manifest, folder):
        say(line)


@send.command("status")
def send_status(osc_port: Port = OSC_PORT) -> None:
    """Say how the daemon is."""
    from osc_protocol.client import Client

    with Client(port=check_port(osc_port), name="backline send") as client:
        status = client.status()
    say(
        f"{status.state}, {status.running} running, {status.queued} queued, "
        f"up {status.uptime_seconds} s, engine {status.engine or 'not loaded yet'}"
    )


@send.command("jobs")
def send_jobs(osc_port: Port = OSC_PORT) -> None:
    """List the newest jobs, the newest first."""
    from osc_protocol.client import Client

    with Client(port=check_port(osc_port), name="backline send") as client:
        for item in client.jobs():
            say(f"{item.job:>5}  {item.state:<9}  {item.fraction:>4.0%}  {item.job_rid}")


@send.command("cancel")
def send_cancel(
    job: Annotated[str, typer.Argument(help="Number of the job, or its request id.")],
    osc_port: Port = OSC_PORT,
) -> None:
    """Cancel a job."""
    from osc_protocol.client import Client

    with Client(port=check_port(osc_port), name="backline send") as client:
        done = client.cancel(job)
    say(f"job {done.job} {done.outcome}")


@send.command("quit")
def send_quit(
    drain: Annotated[bool, typer.Option(help="Let the accepted jobs end first.")] = False,
    osc_port: Port = OSC_PORT,
) -> None:
    """Stop the daemon; a running job goes back to its queue."""
    from osc_protocol.client import Client

    with Client(port=check_port(osc_port), name="backline send") as client:
        client.quit("drain" if drain else "now")
    say("the daemon stops" + (" when its queue is empty" if drain else ""))
