"""What the lists of front ends and commands hold is there, and nothing is left out."""

from __future__ import annotations

import inspect
import pkgutil

import pytest
import typer

from daemon.cli import COMMANDS, app_of
from daemon.front_ends.front_end import FRONT_ENDS, FrontEnd
from daemon.front_ends.osc_commands import Commands
from osc_protocol.messages import CLASSES, Command


def test_every_command_of_the_table_has_a_method_that_carries_it_out() -> None:
    """A plan is a request to generate, and is carried out like one."""
    commands = {each for each in CLASSES.values() if issubclass(each, Command)}
    methods = Commands.__dict__["carry_out"].dispatcher
    assert {
        each for each in commands if methods.dispatch(each) is methods.dispatch(object)
    } == set()
    assert methods.registry.keys() - commands == {object}


@pytest.mark.parametrize("implementation", FRONT_ENDS)
def test_a_front_end_has_all_that_the_server_calls(implementation: str) -> None:
    front_end = pkgutil.resolve_name(implementation)
    for name, method in inspect.getmembers(FrontEnd, inspect.isfunction):
        if not name.startswith("_"):
            own = inspect.signature(getattr(front_end, name)).parameters
            assert list(own) == list(inspect.signature(method).parameters), name


def test_a_command_line_holds_the_command_it_names_or_all() -> None:
    whole = typer.main.get_command(app_of([]))
    assert list(whole.commands) == list(COMMANDS)  # type: ignore[attr-defined]
    one = typer.main.get_command(app_of(["serve", "--osc-port", "0"]))
    assert list(one.commands) == ["serve"]  # type: ignore[attr-defined]
    unknown = typer.main.get_command(app_of(["swim"]))
    assert list(unknown.commands) == list(COMMANDS)  # type: ignore[attr-defined]
