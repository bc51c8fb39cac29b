"""Tracks and items of a REAPER project, as lines of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from stems.provenance import KEY
from stems.rpp import RppLines, extension, guid, quoted, seconds_text


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item lies in its project, and how long it is."""

    start_seconds: Fraction
    seconds: Fraction


def write_track(
    lines: RppLines, name: str, colour: tuple[int, int, int], folder: str, *, folded: bool = False
) -> None:
    """Open a track; the caller adds its items and closes it.

    `folder` is "1 1" for a folder, "2 -1" for the last track in it, else "0 0".
    """
    red, green, blue = colour
    lines.open(f"TRACK {guid()}")
    lines.add(f"NAME {quoted(name)}")
    lines.add(f"PEAKCOL {0x1000000 | red | green << 8 | blue << 16}")
    lines.add("BEAT -1", "VOLPAN 1 0 -1 -1 1", "MUTESOLO 0 0 0")
    lines.add(f"ISBUS {folder}")
    lines.add(f"BUSCOMP {2 if folded else 0} 0 0 0 0")
    lines.add("NCHAN 2", "FX 1", "MAINSEND 1 0")


@dataclass(frozen=True, slots=True)
class ItemTake:
    """A take: the lines of its source, which it plays from `offset_seconds` on."""

    name: str
    source: Sequence[str]
    provenance: Mapping[str, object] = field(default_factory=dict)
    offset_seconds: Fraction = Fraction(0)


def write_item(
    lines: RppLines,
    place: Place,
    takes: Sequence[ItemTake],
    provenance: Mapping[str, object] | None = None,
    reports: Sequence[Sequence[str]] = (),
    *,
    muted: bool = False,
) -> None:
    """Write an item with all its takes; `reports` are what was measured on each, in lines."""
    lines.open("ITEM")
    lines.add(f"POSITION {seconds_text(place.start_seconds)}")
    lines.add("SNAPOFFS 0")
    lines.add(f"LENGTH {seconds_text(place.seconds)}")
    lines.add("LOOP 0", "ALLTAKES 0", "FADEIN 1 0 0 1 0 0 0", "FADEOUT 1 0 0 1 0 0 0")
    lines.add(f"MUTE {int(muted)} 0")
    lines.add("SEL 0")
    lines.add(f"IGUID {guid()}")
    if provenance:
        _write_extension(lines, "EXTI", provenance)
    _write_notes(lines, reports)
    for number, take in enumerate(takes):
        if number:
            lines.add("TAKE")
        lines.add(f"NAME {quoted(take.name)}")
        lines.add("VOLPAN 1 0 1 -1", f"SOFFS {seconds_text(take.offset_seconds)}")
        lines.add("PLAYRATE 1 1 0 -1 0 0.0025", "CHANMODE 0")
        lines.add(f"GUID {guid()}")
        lines.open(take.source[0])
        lines.add(*take.source[1:])
        lines.close()
        if take.provenance:
            _write_extension(lines, "EXT", take.provenance)
    lines.close()


def _write_extension(lines: RppLines, tag: str, facts: Mapping[str, object]) -> None:
    lines.open(tag)
    lines.add(*extension(KEY, facts))
    lines.close()


def _write_notes(lines: RppLines, reports: Sequence[Sequence[str]]) -> None:
    """The notes of an item: what was measured on each of its takes."""
    if not any(reports):
        return
    lines.open("NOTES")
    for number, report in enumerate(reports):
        lines.add(*(["|"] if number else []), *(f"|{line}" for line in report))
    lines.close()
    lines.add("IMGRESOURCEFLAGS 0")


def sound_source(path: str) -> list[str]:
    """Lines of a source that is a sound file, by its path from the project."""
    kind = "FLAC" if path.endswith(".flac") else "WAVE"
    return [f"SOURCE {kind}", f"FILE {quoted(path)}"]
