"""A measured tempo beside the one asked for, in words: what is heard may be other notes of it."""

from __future__ import annotations

from audio.report import Report

CLOSE_PERCENT = 1.0
# Notes of the tempo asked for, by how many of them there are to a quarter.
NOTES = {
    "1": "quarters", "2": "eighths", "4": "sixteenths", "3": "triplets",
    "1/2": "half notes", "1/4": "whole notes",
}  # fmt: skip
COMPOUND_NOTES = {"2/3": "dotted quarters", "1/3": "dotted half notes", "4/3": "dotted eighths"}


def notes_heard(report: Report, meter: str) -> str | None:
    """Name the notes of the tempo asked that were heard, to within 1 %; None of another tempo."""
    error = report.bpm_error_percent
    if report.bpm is None or error is None or abs(error) > CLOSE_PERCENT:
        return None
    beats, _, unit = meter.partition("/")
    is_compound = beats.isdecimal() and int(beats) > 3 and int(beats) % 3 == 0 and unit != "4"
    notes = NOTES | (COMPOUND_NOTES if is_compound else {})
    return notes.get(report.octave_relation or "1")


def tempo_words(report: Report, meter: str) -> str:
    """Say what was heard: "92.49 bpm, as asked", or what it is and what was asked."""
    if report.bpm is None:
        return "no steady pulse"
    notes = notes_heard(report, meter)
    if notes is None:
        return f"{report.bpm:.2f} bpm; {report.bpm_asked:g} was asked"
    tempo = report.bpm_asked * (1 + (report.bpm_error_percent or 0.0) / 100)
    heard = "" if notes == NOTES["1"] else f" ({notes} of it are heard)"
    return f"{tempo:.2f} bpm, as asked{heard}"
