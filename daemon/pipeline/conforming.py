"""A recording, and stems of it, brought onto a grid: from file to file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from audio.stem_names import STEMS
from osc_protocol.conform import Conform
from osc_protocol.errors import refusal

if TYPE_CHECKING:
    from audio.conform import Conformed
    from audio.report import Conforming

T = TypeVar("T")
Watch = Callable[[float], None]  # gets the fraction; what it raises ends the work


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written; the wrap of a loop is its jump from the last sample to the first."""

    bars: int
    sample_rate: int
    conforming: Conforming = field(metadata={"json": "open"})
    wrap_jump: float | None = None
    usual_jump: float | None = None
    clicks: bool | None = None
    null_dbfs: float | None = None
    gain_db: float = 0.0
    remarks: tuple[str, ...] = ()  # on the files


def brought(
    request: Conform, inputs: Sequence[Path], outputs: Sequence[Path], watch: Watch
) -> Outcome:
    """Write what a mix and its stems, `inputs`, are on the grid, as 32-bit float WAV.

    `outputs` names a file for each. Raises CannotConform and AudioError.
    """
    return (_loop if request.loop else _straight)(request, inputs, outputs, watch)


def stem_files(folder: Path) -> dict[str, Path]:
    """Return the stems in a folder by name; raises ProtocolError where there is none."""
    paths = [folder / f"{name}{suffix}" for name in STEMS for suffix in (".flac", ".wav")]
    found = {path.stem: path for path in paths if path.is_file()}
    if not found:
        wanted = ", ".join(f"{name}.wav" for name in STEMS)
        raise refusal("stems_path", f": {folder} holds none of {wanted}")
    return {name: found[name] for name in STEMS if name in found}


def _straight(
    request: Conform, inputs: Sequence[Path], outputs: Sequence[Path], watch: Watch
) -> Outcome:
    """From file to file, however long they are."""
    from audio.conform_files import conform_files, survey
    from audio.counting import Counting
    from audio.sound_files import SoundFiles

    with SoundFiles(inputs) as files:
        found = survey(files)

        def bring(bars: int) -> Outcome:
            facts, null = conform_files(
                files, found, request.grid(bars), outputs, expected=request.expected(bars),
                tail_seconds=request.tail_seconds,
                max_stretch_percent=request.max_stretch_percent,
                counting=Counting(request.downbeat_seconds, request.pace), watch=watch,
            )  # fmt: skip
            return Outcome(bars, files.sample_rate, facts, null_dbfs=null, remarks=files.remarks())

        return _as_many_bars(bring, request, files.seconds)


def _loop(
    request: Conform, inputs: Sequence[Path], outputs: Sequence[Path], watch: Watch
) -> Outcome:
    """In memory, for the end of a loop sounds in its beginning."""
    from audio.clip import read_recorded, write_wav
    from audio.conform import conform
    from audio.counting import Counting
    from audio.loop import measure_wrap
    from audio.residue import null_dbfs

    recorded = [read_recorded(path) for path in inputs]
    if len({each.clip.channels for each in recorded}) > 1:
        recorded = [read_recorded(path, stereo=True) for path in inputs]
    mix, *parts = (each.clip for each in recorded)

    def bring(bars: int) -> tuple[int, Conformed]:
        watch(0.0)
        return bars, conform(
            mix, request.grid(bars), expected=request.expected(bars), loop=True,
            stems={path.stem: part for path, part in zip(inputs[1:], parts, strict=True)},
            max_stretch_percent=request.max_stretch_percent,
            counting=Counting(request.downbeat_seconds, request.pace),
        )  # fmt: skip

    bars, done = _as_many_bars(bring, request, mix.seconds)
    stems = list(done.stems.values())
    outputs[0].parent.mkdir(parents=True, exist_ok=True)
    for path, clip in zip(outputs, [done.mix, *stems], strict=True):
        write_wav(path, clip)
    wrap = measure_wrap(done.mix.samples)
    return Outcome(
        bars,
        mix.sample_rate,
        done.facts,
        wrap.jump,
        wrap.usual_jump,
        wrap.clicks,
        round(null_dbfs(done.mix, stems), 1) if stems else None,
        remarks=tuple(remark for each in recorded for remark in each.remarks),
    )


def _as_many_bars(bring: Callable[[int], T], request: Conform, seconds: float) -> T:
    """Bring the bars asked for onto the grid; if 0, as many as are there, which may be fewer."""
    from audio.errors import CannotConform

    one = float((request.expected(1) or request.grid(1)).seconds)
    guess = max(1, int(seconds / one + 0.1))  # rounded, for it may be a little slow or fast
    try:
        return bring(request.bars or guess)
    except CannotConform as error:
        if request.bars or not error.bars_held:
            raise
        return bring(error.bars_held)
