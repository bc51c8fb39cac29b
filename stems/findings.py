"""What was measured on a take, in words a musician reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audio.decibels import SILENCE_DB, dbfs
from audio.report import Examination, Report
from audio.tempo_words import notes_heard
from midi.grid import Grid
from midi.key import Key
from stems.stem_set import Take

NULL_LIMIT_DBFS = -100.0
CHORDS_LEAST = 0.9  # of the time
BEAT_LIMIT_MS = 20.0  # from about here on, which of two sounds came first is heard (Hirsh 1959)


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured figure: its name, its value, what to hold it against, and if it is as asked."""

    name: str
    value: str
    remark: str
    as_asked: bool


def findings(
    take: Take, grid: Grid, key: Key, null_dbfs: float | None = None
) -> tuple[Finding, ...]:
    """Tempo, beats, key, peak and length of a take, and how well mix and stems cancel."""
    heard = _musical(take.report, key, str(grid.meters[0].meter))
    return tuple(heard) + tuple(_technical(take, grid, null_dbfs))


def as_lines(found: Iterable[Finding]) -> Iterator[str]:
    """Write findings as text, a line each."""
    for each in found:
        yield f"{each.name}: {each.value}" + (f", {each.remark}" if each.remark else "")


def decibels(value: float, digits: int = 1) -> str:
    """Write a level in dB with a true minus sign."""
    return f"{value:.{digits}f} dB".replace("-", "−")


def _musical(report: Report | None, key: Key, meter: str) -> Iterator[Finding]:
    tempo = beats = found_key = ("not heard" if report else "not measured", "", False)
    if report and report.bpm is not None:
        notes, error = notes_heard(report, meter), report.bpm_error_percent or 0.0
        remark = f"{_signed(error, 2)} % from the tempo asked"
        if report.octave_relation is None:  # no tempo was asked for
            remark, notes = "", ""
        elif report.octave_relation != "1":
            remark = f"{notes} of the tempo asked" if notes else f"{report.bpm_asked:g} was asked"
        tempo = f"{report.bpm:.2f} BPM", remark, notes is not None
    offset = _offset_ms(report)
    if offset is not None:
        close = abs(offset) <= BEAT_LIMIT_MS
        beats = f"{_signed(offset, 1)} ms", "median off the grid", close
    if report and report.key:
        relation = report.key_relation
        remark = "as asked" if relation == "same" else f"{relation} key; asked was {key.name}"
        found_key = report.key, remark if relation else "", relation in ("same", None)
    yield Finding("tempo", *tempo)
    yield Finding("beats", *beats)
    yield Finding("key", *found_key)
    if report and report.chords:
        share = report.chords.agreement
        close = share >= CHORDS_LEAST
        yield Finding("chords", f"{100 * share:.0f} %", "of the time as asked", close)


def _offset_ms(report: Report | None) -> float | None:
    """How late the beats are: of those that were found, where they were looked for."""
    if isinstance(report, Examination) and report.placement and not report.placement.doubt:
        return report.placement.median_ms
    return report.beat_offset_ms if report else None


def _technical(take: Take, grid: Grid, null_dbfs: float | None) -> Iterator[Finding]:
    mix = take.stem_set.mix
    yield Finding("peak of the mix", f"{decibels(dbfs(mix.peak))}FS", "sample peak", True)
    asked = grid.frames(mix.sample_rate)
    if take.report and take.report.frames_expected:  # a file's report expects none
        asked = max(asked, take.report.frames_expected)
    tail = " and its tail" if asked > grid.frames(mix.sample_rate) else ""
    remark = f"as the grid{tail}" if mix.frames == asked else f"the grid{tail} has {asked}"
    frames = f"{mix.frames:,}".replace(",", " ")
    remark = f"frames at {mix.sample_rate} Hz, {remark}"
    yield Finding("length", frames, remark, mix.frames == asked)
    if null_dbfs is not None:
        nothing = null_dbfs <= SILENCE_DB
        value = "nothing" if nothing else f"{decibels(null_dbfs, 0)}FS"
        small = null_dbfs <= NULL_LIMIT_DBFS
        yield Finding("mix minus stems", value, "peak of what is left", small)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
