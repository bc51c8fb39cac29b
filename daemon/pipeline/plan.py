"""The lead sheet of a request: what the user gave of form, chords, tune and parts, as one plan."""

from __future__ import annotations

from midi.lead_sheet import LeadSheet, Section, Tune
from midi.melody import Melody
from midi.sections import spans
from osc_protocol.generate import Generate


def given_sheet(request: Generate, melody: Melody | None) -> LeadSheet:
    """Return the lead sheet that a request gives, partial where it says nothing.

    Raises ProtocolError for chords that cannot be read.
    """
    progression = request.read_chords()
    curve = request.curve
    return LeadSheet(
        sections=tuple(
            Section(span.name, span.first_bar + 1, span.end_bar)
            for span in spans(request.bar_sections)
            if span.name
        ),
        chords=progression.chords if progression else (),
        tune=Tune(request.lead, melody.notes) if melody else None,
        intensity=curve.bar_means(request.grid.bar_starts) if curve else None,
    )
