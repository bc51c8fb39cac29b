"""What all messages share: a row of the table and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from osc_protocol.addresses import BY_NAME, Row
from osc_protocol.checks import check


class Message:
    """A frozen dataclass whose name is a row's and whose fields are the row's, in its order.

    Making one checks every field against the table and raises ProtocolError.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        cls.__doc__ = cls.__doc__ or f"{cls.row().address}: {cls.row().about}"

    def __post_init__(self) -> None:
        for argument in self.row().fields:
            value = check(argument, getattr(self, argument.field))
            object.__setattr__(self, argument.field, value)

    @classmethod
    def row(cls) -> Row:
        """The row of the table this class stands for."""
        return BY_NAME[cls.__name__]

    def values(self) -> Mapping[str, object]:
        """The fields by name."""
        return {f.name: getattr(self, f.name) for f in fields(cast(Any, self))}
