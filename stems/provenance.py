"""Where an item of the project and each of its takes come from.

It is what the scripts inside REAPER leave on what they insert, in the same words, so that an
action such as "use these settings" works on a delivered project as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffusion.facts import EngineDescription
from stems.facts import SplitterDescription
from stems.manifest import backline_version
from stems.plain import as_plain

KEY = "backline"  # P_EXT:backline in REAPER's scripts
Setting = tuple[str, str, object]  # name on the wire, OSC type tag, value


@dataclass(frozen=True, slots=True)
class Origin:
    """The job that all items of a project come from.

    `rid` tells its items from another job's; `settings` are those that a variation keeps,
    `engine` is the engine's description, `folder` is where the job's files lie, so that they can
    be changed in part.
    """

    rid: str
    job: str
    title: str
    bars: int
    settings: Sequence[Setting]
    engine: EngineDescription
    folder: str

    def of_item(self) -> dict[str, object]:
        """Say what was asked: the same for all stems, whose names are still to be added."""
        return {
            "rid": self.rid,
            "job": _number(self.job),
            "title": self.title,
            "bars": self.bars,
            "keys": [list(setting) for setting in self.settings],
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
            "engine": self.engine.name,
            "weights": as_plain(self.engine.weights),
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
    engine: SplitterDescription
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
        engine = EngineDescription(name=self.engine.name)
        origin = Origin(self.rid, self.job, self.title, 0, (), engine, self.folder)
        return origin.of_take(1, 0, sha256)


def _number(job: str) -> int:
    return int(job) if job.isdecimal() else 0
