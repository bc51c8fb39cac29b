"""How old results may get, and how much room they may take."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.amounts import bytes_of, seconds_of


@dataclass(frozen=True, slots=True)
class Limits:
    """The greatest age and size of all results, 0 for no limit.

    With `keep_rated` those that have a rating stay, and count.
    """

    older_seconds: float = 0.0
    over_bytes: int = 0
    keep_rated: bool = False

    @classmethod
    def of(cls, older: str, over: str, keep_rated: bool) -> Limits:
        """Read them as they are typed (30d, 20GB), "" for no limit; raises UsageError."""
        return cls(
            seconds_of("older", older) if older else 0.0,
            bytes_of("over", over) if over else 0,
            keep_rated,
        )

    @property
    def are_off(self) -> bool:
        """Whether nothing would ever be deleted."""
        return not self.older_seconds and not self.over_bytes
