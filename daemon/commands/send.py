"""`backline send`: talk to the running daemon over OSC."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.commands.options import (
    AsJson,
    CopyTo,
    DefaultGroup,
    Force,
    GroupedCommand,
    Port,
    check_engine,
    send_config,
)
from daemon.commands.request_options import check_inputs, takes, takes_request
from daemon.errors import DaemonError
from daemon.screen import say, say_aside, say_json
from osc_protocol.generate import Generate
from osc_protocol.messages import CLASSES, REQUESTS, AnyRequest, Command, JobsItem, Message

if TYPE_CHECKING:
    from osc_protocol.client import Client

STOP_SECONDS = 30.0  # longer than a daemon takes to stop on a very busy machine
NoStart = Annotated[
    bool, typer.Option("--no-start", help="Fail where no daemon runs, rather than start one.")
]


class GenerateByDefault(DefaultGroup):
    """`backline send --bpm ...` is `backline send generate --bpm ...`."""

    default = "generate"


send = typer.Typer(
    help="Talk to the running daemon.", cls=GenerateByDefault, no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip


def _ordering(kind: type[AnyRequest]) -> Callable[..., None]:
    """A subcommand that orders a job, watches it and says what came of it."""

    @takes_request(kind)
    def send_request(
        request: AnyRequest,
        as_json: AsJson = False,
        out: CopyTo = None,
        osc_port: Port = None,
        no_start: NoStart = False,
        force: Force = False,
    ) -> None:
        check_inputs(request)
        if isinstance(request, Generate):
            request.read_files()
            check_engine(request.engine)
        _send_request(request, out, (osc_port, no_start), as_json, force)

    send_request.__doc__ = f"Have the daemon do it, and wait. {kind.row.about}"
    return send_request


for _kind in REQUESTS.values():
    _word = _kind.row.address.rpartition("/")[2]
    send.command(_word, cls=GroupedCommand)(_ordering(_kind))


def _client(osc_port: str | None, no_start: bool = True) -> Client:
    """A client of the daemon on that port; without `no_start` one is started where none is."""
    from daemon.running import port_is_free, start_daemon
    from osc_protocol.client import Client

    config = send_config(osc_port)
    if port_is_free(config.osc_port):
        if no_start:
            raise DaemonError(
                f"no daemon runs on port {config.osc_port}; `backline serve` starts one"
            )
        say_aside("no daemon runs: starting one, which `backline send quit` ends")
        start_daemon(config)
    return Client(port=config.osc_port, name="backline send")


def _send_request(
    request: AnyRequest,
    out: Path | None,
    daemon: tuple[str | None, bool],
    as_json: bool,
    force: bool,
) -> None:
    """Send it, watch the job to its end, and say what came of it."""
    from daemon.commands.outputs import free_folder
    from daemon.results import lines_on
    from daemon.sending import send_and_watch

    if out is not None:
        out = free_folder(out, request, force=force)
    with _client(*daemon) as client:
        if request.dry_run:
            client.submit(request)
            say_json(request.as_dict())
            return
        manifest, folder = send_and_watch(client, request, out)
    if as_json:
        say_json(manifest.as_dict())
        return
    for line in lines_on(manifest, folder):
        say(line)


@send.command("status")
def send_status(osc_port: Port = None) -> None:
    """Say how the daemon is."""
    with _client(osc_port) as client:
        status = client.status()
    say(
        f"{status.state}, {status.running} running, {status.queued} queued, "
        f"up {status.uptime_seconds} s, engine {status.engine or 'not loaded yet'}"
    )


@send.command("jobs")
def send_jobs(osc_port: Port = None, no_start: NoStart = False) -> None:
    """List the newest jobs, the newest first."""
    with _client(osc_port, no_start) as client:
        for item in client.jobs():
            say(_line(item))


def _line(item: JobsItem) -> str:
    from daemon.job_facts import JobFacts, local_text

    facts = JobFacts(item.kind, item.style, round(item.bpm, 3), item.key, item.bars)
    gone = ", deleted" if item.state == "done" and item.created and not item.has_files else ""
    return (
        f"{item.job:>5}  {item.state:<9}  {item.fraction:>4.0%}  {local_text(item.created):<16}  "
        f"{'*' * item.rating:<5}  {item.job_rid}  {facts.line}{gone}"
    ).rstrip()


@send.command("cancel")
def send_cancel(
    job: Annotated[str, typer.Argument(help="Number of the job, or its request id.")],
    osc_port: Port = None,
) -> None:
    """Cancel a job."""
    with _client(osc_port) as client:
        done = client.cancel(job)
    say(f"job {done.job} {done.outcome}")


@send.command("quit")
def send_quit(
    drain: Annotated[bool, typer.Option(help="Let the accepted jobs end first.")] = False,
    osc_port: Port = None,
) -> None:
    """Stop the daemon; a running job goes back to its queue."""
    from daemon.running import port_is_free, wait_for_end

    config = send_config(osc_port)
    if port_is_free(config.osc_port):
        say(f"no daemon runs on port {config.osc_port}")
        return
    with _client(osc_port) as client:
        client.quit("drain" if drain else "now")
    if drain:
        say_aside("the daemon stops when its queue is empty")
    wait_for_end(config, math.inf if drain else STOP_SECONDS)
    say("the daemon has stopped")


def _plain(kind: type[Command]) -> Callable[..., None]:
    """A subcommand for a command of the table that needs no words of its own."""

    @takes(kind, dict)
    def send_plain(
        request: dict[str, object], osc_port: Port = None, no_start: NoStart = False
    ) -> None:
        with _client(osc_port, no_start) as client:
            reply = client.ask(kind, CLASSES[kind.row.answers[0]], **request)
        for argument in reply.row.args[1:]:
            say(f"{argument.name.replace('-', ' ')}: {getattr(reply, argument.field)}")

    send_plain.__doc__ = kind.row.about
    return send_plain


def _needs_no_words(kind: type[Message], named: set[str]) -> bool:
    """True of a command with one answer that has no subcommand and is not part of a session."""
    if not issubclass(kind, Command) or len(kind.row.answers) != 1:
        return False
    return _name(kind) not in {"ping", "hello", "notify", *named}


def _name(kind: type[Message]) -> str:
    return kind.row.address.removeprefix("/backline/")


_named = {str(command.name) for command in send.registered_commands}
PLAIN = {_name(kind): kind for kind in CLASSES.values() if _needs_no_words(kind, _named)}
for _plain_name, _plain_kind in PLAIN.items():
    send.command(_plain_name, cls=GroupedCommand)(_plain(_plain_kind))  # type: ignore[arg-type]
