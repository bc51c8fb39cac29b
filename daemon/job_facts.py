"""What a job is about, in the words that people look for it by: style, tempo, key, bars, date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

GENERATE = "generate"
_UTC = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class JobFacts:
    """Kind of the request, and what it asked for; 0 and "" where it asked for nothing of the sort.

    `style` is its style in words, of a split or a conform which sound; `bpm` is the first tempo.
    """

    kind: str
    style: str
    bpm: float
    key: str
    bars: int

    @property
    def line(self) -> str:
        """Return what is known of them in a line."""
        tempo = f"{self.bpm:.3f}".rstrip("0").rstrip(".") + " bpm" if self.bpm else ""
        bars = f"{self.bars} {'bar' if self.bars == 1 else 'bars'}" if self.bars else ""
        return ", ".join(filter(None, (tempo, self.key, bars, self.style)))


def facts_of(request: Mapping[str, Any]) -> JobFacts:
    """Return the facts of a stored request, whatever it lacks."""
    kind = str(request.get("kind") or GENERATE)
    style = str(request.get("tags") or request.get("sections") or "")
    if path := request.get("path"):
        style = f"{kind} of {PurePath(str(path)).name}"
    return JobFacts(
        kind, " ".join(style.split()), float(request.get("bpm") or 0.0),
        str(request.get("key") or ""), int(request.get("bars") or 0),
    )  # fmt: skip


def utc_text(seconds: float) -> str:
    """Return Unix seconds as a date and time, such as 2026-11-30T22:05:12Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_UTC)


def local_text(utc: str) -> str:
    """Return what utc_text() gave as this machine's clock has it: 2026-11-30 23:05; "" for ""."""
    if not utc:
        return ""
    moment = datetime.strptime(utc, _UTC).replace(tzinfo=UTC)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
