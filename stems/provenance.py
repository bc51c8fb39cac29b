"""Where an item of the project and each of its takes come from.

It is what the scripts inside REAPER leave on what they insert, in the same words, so that an
action such as "use these settings" works on a delivered project as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stems.manifest import backline_version

KEY = "backline"  # P_EXT:backline in REAPER's scripts
_NOT_SETTINGS = frozenset(
    {"seed", "melody", "source", "source_take", "bar_range", "midi_path", "audio_path", "edit",
     "parts"}
)  # fmt: skip
_DAEMONS_OWN = ("format", "wav32f")  # what the daemon writes unless asked for another is no setting


@dataclass(frozen=True, slots=True)
class Origin:
    """The job that all items of a project come from.

    `rid` tells its items from another job's; `request` is GenerateRequest.as_dict(), `engine`
    what the engine says of itself, `folder` where the job's files lie, so that they can be
    changed in part.
    """

    rid: str
    job: str
    title: str
    bars: int
    request: Mapping[str, object]
    engine: Mapping[str, object]
    folder: str

    def of_item(self) -> dict[str, object]:
        """Say what was asked: the same for all stems, whose names are still to be added."""
        return {
            "rid": self.rid,
            "job": _number(self.job),
            "title": self.title,
            "bars": self.bars,
            "keys": [list(setting) for setting in _settings(self.request)],
            "folder": self.folder,
            "backline": backline_version(),
        }

    def of_take(self, take: int, seed: int, sha256: str) -> dict[str, object]:
        """Say how one take of one stem was made; `sha256` is that of its sound file."""
        return {
            "rid": self.rid,
            "job": _number(self.job),
            "take": take,
            "seed": seed,
            "engine": self.engine.get("name"),
            "weights": self.engine.get("weights"),
            "sha256": sha256,
            "folder": self.folder,
        }


@dataclass(frozen=True, slots=True)
class SplitOrigin:
    """The same of a sound that was split: there are no settings to vary or to take up."""

    rid: str
    job: str
    title: str
    sound: str
    engine: Mapping[str, object]
    folder: str

    def of_item(self, stem: str) -> dict[str, object]:
        """Say what a stem was split from."""
        return {
            "rid": self.rid,
            "job": _number(self.job),
            "stem": stem,
            "title": self.title,
            "split": self.sound,
            "folder": self.folder,
            "backline": backline_version(),
        }

    def of_take(self, sha256: str) -> dict[str, object]:
        """Say by which splitter; `sha256` is that of the stem's sound file."""
        origin = Origin(self.rid, self.job, self.title, 0, {}, self.engine, self.folder)
        return origin.of_take(1, 0, sha256)


def _number(job: str) -> int:
    return int(job) if job.isdecimal() else 0


def _settings(request: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    """Each setting that says something: its name on the wire, OSC type tag and value."""
    for field, value in request.items():
        name = field.replace("_", "-")
        if field in _NOT_SETTINGS or value in ("", 0, None) or (field, value) == _DAEMONS_OWN:
            continue
        if isinstance(value, list | tuple):
            yield name, "s", ",".join(map(str, value))
        elif isinstance(value, int):
            yield name, "i", value
        elif isinstance(value, float):
            yield name, "d", value
        else:
            yield name, "s", value
