"""Where an item of the project and each of its takes come from.

It is what the scripts inside REAPER leave on what they insert, in the same words, so that an
action such as "use these settings" works on a delivered project as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diffusion.facts import EngineDescription
from stems.facts import SplitterDescription
from stems.plain import as_plain
from stems.version import backline_version

KEY = "backline"  # P_EXT:backline in REAPER's scripts
Setting = tuple[str, str, object]  # name on the wire, OSC type tag, value


@dataclass(frozen=True, slots=True)
class Origin:
    """The job that all items of a project come from.

    `rid` distinguishes its items from another job's, `folder` is where the job's files are, so
    that they can be changed in part. `made_of` is what the items hold besides: the bars and keys
    (the settings that a variation keeps) of a song, or the path of the recording that was split.
    """

    rid: str
    job: str
    title: str
    engine: EngineDescription | SplitterDescription
    folder: str
    made_of: Mapping[str, object]

    def of_item(self, stem: str) -> dict[str, object]:
        """Return what a stem's item says of itself."""
        return {
            **self._of_job(), "title": self.title, **self.made_of, "stem": stem,
            "backline": backline_version(),
        }  # fmt: skip

    def of_take(self, take: int, seed: int, sha256: str) -> dict[str, object]:
        """Return how one take of one stem was made; `sha256` is that of its sound file."""
        engine = self.engine
        weights = engine.weights if isinstance(engine, EngineDescription) else None
        return {
            **self._of_job(), "take": take, "seed": seed, "engine": engine.name,
            "weights": as_plain(weights), "sha256": sha256,
        }  # fmt: skip

    def _of_job(self) -> dict[str, object]:
        number = int(self.job) if self.job.isdecimal() else 0
        return {"rid": self.rid, "job": number, "folder": self.folder}
