"""A take in the making: what was played as stems, a mix separated by a splitter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audio.clip import Clip
from diffusion.engine import CancelFlag, Generation, Progress
from diffusion.errors import Cancelled, EngineError
from midi.grid import Grid
from midi.note import Note
from osc_protocol.errors import Code, ProtocolError
from stems.errors import StemError
from stems.facts import TakeFacts
from stems.plain import as_plain, from_plain
from stems.stem_set import Take

if TYPE_CHECKING:
    from stems.splitting.splitter import Splitter

OpenSplitter = Callable[[str | None], "Splitter"]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Stems of (2, frames) each, what they play, the engine's score, and what was done so far."""

    stems: Mapping[str, Clip]
    notes: Mapping[str, tuple[Note, ...]]
    score: Mapping[str, object] | None
    facts: TakeFacts


def separated(
    generation: Generation,
    stems: tuple[str, ...],
    open_splitter: OpenSplitter,
    progress: Progress,
    cancelled: CancelFlag,
) -> Draft:
    """Return what was played as stems: a mix is split into `stems`.

    `progress` gets the stage split and its own fraction. Raises Cancelled, EngineError,
    ProtocolError and StemError.
    """
    facts = from_plain(TakeFacts, as_plain(generation.facts))
    if generation.stems is not None:
        return Draft(generation.stems, generation.notes, generation.score, facts)
    if generation.mix is None:
        raise EngineError("the engine gave neither stems nor a mix")
    from stems.splitting.splitter import separate

    splitter = load_splitter(open_splitter, "")
    separation = separate(
        generation.mix, splitter, stems=stems,
        progress=lambda fraction: progress("split", fraction), cancelled=cancelled,
    )  # fmt: skip
    facts = replace(facts, splitter=splitter.facts(), silent=separation.silent)
    return Draft(separation.clips, generation.notes, generation.score, facts)


def with_transcribed_notes(take: Take, grid: Grid, cancelled: CancelFlag) -> Take:
    """Return a take with notes transcribed from those stems that were split from a mix.

    They end with the grid. Raises Cancelled and StemError.
    """
    if take.facts.splitter is None:
        return take
    from stems.transcription.transcriber import transcribe

    split_stems = take.facts.changed or take.stem_set.names
    notes = dict(take.notes)
    for name in split_stems:
        if cancelled():
            raise Cancelled("cancelled")
        transcribed = transcribe(take.stem_set.clips[name], name, grid)
        notes[name] = tuple(
            replace(note, length_beats=min(note.length_beats, grid.beats - note.start_beats))
            for note in transcribed
            if note.start_beats < grid.beats
        )
    return replace(take, notes=notes, facts=replace(take.facts, notes_heard=split_stems))


def opened_now(open_splitter: OpenSplitter) -> OpenSplitter:
    """Open the best splitter now, and return what gives this one; raises ProtocolError."""
    splitter = load_splitter(open_splitter, "")
    return lambda name: splitter


def load_splitter(open_splitter: OpenSplitter, name: str) -> Splitter:
    """Open a splitter and read its files; what is wrong with them is an error of `model`."""
    with as_refusal_of("model", Code.MODEL_UNAVAILABLE):
        splitter = open_splitter(name or None)
        splitter.facts()
    return splitter


@contextmanager
def as_refusal_of(field: str, code: Code) -> Iterator[None]:
    """Turn a StemError into the ProtocolError that refuses one field of the request."""
    try:
        yield
    except StemError as error:
        raise ProtocolError(code, str(error), field) from None
