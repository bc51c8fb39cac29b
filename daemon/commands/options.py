"""Options that several commands share, the checks of what they were given, and their help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from daemon.claim import release_all
from daemon.errors import UsageError
from diffusion.engines import engine_spec

if TYPE_CHECKING:
    from daemon.config import Config


def output_path(text: str | Path) -> Path:
    """Return the name of what is to be written; raises UsageError for an empty one."""
    if not str(text):
        raise UsageError("the name of what is to be written must not be empty")
    return Path(text)


OUTPUT: dict[str, Any] = {"parser": output_path, "metavar": "PATH"}
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the results.", **OUTPUT)]
CopyTo = Annotated[
    Path | None, typer.Option("-o", "--out", help="Copy the results here.", **OUTPUT)
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what is there; it is kept with -bak at its end.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print only the results, as JSON.")]
Port = Annotated[str | None, typer.Option("--osc-port", metavar="N", help="The daemon's UDP port.")]
Recordings = Annotated[
    list[Path], typer.Argument(help="Sound files, folders of them, or patterns such as 'a/*.wav'.")
]
StemName = Annotated[
    str, typer.Option("--stem", help="drums, bass, melody or vocals; else as the file is named.")
]
StemBpm = Annotated[
    str, typer.Option("--bpm", help="Quarter notes a minute; known of a job's own files.")
]
Meter = Annotated[str, typer.Option("--meter", help="Time signature, such as 4/4 or 7/8.")]
Home = Annotated[Path | None, typer.Option("--home", help="The daemon's folder.")]


def send_config(osc_port: str | None) -> Config:
    """Return the settings of a daemon to talk to; raises UsageError where its port is none."""
    from daemon.config import typed_config

    config = typed_config(osc_port=osc_port)
    if not config.osc_port:
        raise UsageError("osc-port must be from 1 to 65535, not 0")
    return config


def check_engine(name: str) -> None:
    """Raise UsageError where that engine cannot play on this machine, saying what to do."""
    reason = engine_spec(name).reason_against()
    if reason:
        raise UsageError(reason)


class DefaultGroup(TyperGroup):
    """Commands of which `default` is meant where options come first, or nothing at all."""

    default = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_meant = args[0].startswith("-") if args else not self.no_args_is_help
        if is_meant and "--help" not in args[:1]:
            args = [self.default, *args]
        return list(super().parse_args(ctx, args))


class GroupedCommand(TyperCommand):
    """A command whose help lists its options in groups, and that gives back what it has claimed."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        finally:
            release_all()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            kind = "Arguments" if param.param_type_name == "argument" else "Options"
            if record is not None:
                group = getattr(param, "rich_help_panel", None) or kind
                groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)
