"""The daemon's settings as options: made of daemon/config.py's table, which alone spells them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.config import settings
from daemon.setting import Setting

Command = Callable[..., None]


def takes_settings(command: Command) -> Command:
    """Give a command an option for each setting; its parameter `typed` has those that were typed.

    They are texts by the names of Config's fields, which reads and checks them; a list of texts
    where the option may be repeated.
    """
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, each in inspect.signature(command, eval_str=True).parameters.items()
        if name != "typed"
    ]
    shared = [
        inspect.Parameter(
            each.field, inspect.Parameter.KEYWORD_ONLY, default=None,
            annotation=Annotated[list[str] | None if each.many else str | None, _option(each)],
        )
        for each in settings()
    ]  # fmt: skip

    def call(**given: Any) -> None:
        typed = {each.name: given.pop(each.name) for each in shared}
        # Of an option that may be repeated, none is an empty list.
        command(
            typed={name: text for name, text in typed.items() if text not in (None, [])}, **given
        )

    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__annotations__ = {each.name: each.annotation for each in (*shared, *own)}
    call.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]
    return call


def _option(setting: Setting) -> Any:
    about = setting.about
    default = "" if about.default in (None, "", False, ()) else f" [{about.default}]"
    metavars: dict[type, str] = {
        Path: "PATH", str: "NAME", bool: "yes|no", IPv4Network: "NETWORK",
    }  # fmt: skip
    metavar = metavars.get(setting.kind, f"{about.low:g}..{about.high:g}")
    text = about.text[:1].upper() + about.text[1:] + ("; may be repeated" if setting.many else "")
    return typer.Option(f"--{setting.key}", metavar=metavar, help=f"{text}.{default}")
