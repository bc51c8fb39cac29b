"""Tracks and items of a REAPER project, and what they say of where they come from.

An item's origin and a take's are what the scripts inside REAPER leave on what they insert, in the
same words, so that an action such as "use these settings" works on a delivered project as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from diffusion.facts import EngineDescription
from stems.facts import SplitterDescription
from stems.plain import as_plain
from stems.rpp import Chunk, extension, guid, quoted, seconds_text
from stems.version import backline_version

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


def track(
    name: str, colour: tuple[int, int, int], folder: str, *items: Chunk, folded: bool = False
) -> Chunk:
    """A track; `folder` is "1 1" for a folder, "2 -1" for the last track in it, else "0 0"."""
    red, green, blue = colour
    return [
        f"TRACK {guid()}",
        f"NAME {quoted(name)}",
        f"PEAKCOL {0x1000000 | red | green << 8 | blue << 16}",
        "BEAT -1", "VOLPAN 1 0 -1 -1 1", "MUTESOLO 0 0 0",
        f"ISBUS {folder}",
        f"BUSCOMP {2 if folded else 0} 0 0 0 0",
        "NCHAN 2", "FX 1", "MAINSEND 1 0",
        *items,
    ]  # fmt: skip


def take_lines(
    name: str,
    source: Chunk,
    origin: Mapping[str, object] | None = None,
    offset_seconds: Fraction = Fraction(0),
) -> Chunk:
    """The lines of a take, which plays its source from `offset_seconds` on."""
    return [
        f"NAME {quoted(name)}",
        "VOLPAN 1 0 1 -1",
        f"SOFFS {seconds_text(offset_seconds)}",
        "PLAYRATE 1 1 0 -1 0 0.0025", "CHANMODE 0",
        f"GUID {guid()}",
        source,
        *([extension("EXT", origin)] if origin else []),
    ]  # fmt: skip


def item(
    start_seconds: Fraction,
    seconds: Fraction,
    takes: Sequence[Chunk],
    origin: Mapping[str, object] | None = None,
    reports: Sequence[Sequence[str]] = (),
    *,
    muted: bool = False,
) -> Chunk:
    """An item with all its takes; `reports` are what was measured on each, in lines."""
    lines: list[str | Chunk] = [
        "ITEM",
        f"POSITION {seconds_text(start_seconds)}", "SNAPOFFS 0", f"LENGTH {seconds_text(seconds)}",
        "LOOP 0", "ALLTAKES 0", "FADEIN 1 0 0 1 0 0 0", "FADEOUT 1 0 0 1 0 0 0",
        f"MUTE {int(muted)} 0", "SEL 0", f"IGUID {guid()}",
    ]  # fmt: skip
    if origin:
        lines.append(extension("EXTI", origin))
    if any(reports):
        notes = ["NOTES"]
        for number, report in enumerate(reports):
            notes += [*(["|"] if number else []), *(f"|{line}" for line in report)]
        lines += [notes, "IMGRESOURCEFLAGS 0"]
    for number, take in enumerate(takes):
        lines += [*(["TAKE"] if number else []), *take]
    return lines
