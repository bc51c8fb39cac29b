"""Values of a request that is not sent yet: one at a time, each at an address of its own.

What a fader or a button can send is an address and one value. The addresses are those of the keys
of generate, under /backline/draft/.
"""

from __future__ import annotations

from dataclasses import dataclass

from osc_protocol.argument import Arg
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.message import Command

DRAFT_PREFIX = "/backline/draft/"
DRAFT_KEYS = {name: argument for name, argument in Generate.row.key_names.items()}


@dataclass(frozen=True)
class Draft(Command):
    """One value, not checked yet, for the argument of generate that its address names."""

    argument: Arg
    value: object

    @property
    def address(self) -> str:
        """Where it is sent to, and where its echo comes from."""
        return DRAFT_PREFIX + self.argument.name


def draft_of(address: str, values: list[object]) -> Draft:
    """Return the value sent to an address under DRAFT_PREFIX; raises ProtocolError."""
    argument = DRAFT_KEYS.get(address.removeprefix(DRAFT_PREFIX))
    if argument is None:
        raise ProtocolError(Code.UNKNOWN_ADDRESS, f"{address!a:.80} is no key of generate")
    if len(values) != 1:
        wanted = f"{address} takes one value, not {len(values)}"
        raise ProtocolError(Code.MISSING_ARGUMENT, wanted, argument.field)
    return Draft(argument, values[0])
