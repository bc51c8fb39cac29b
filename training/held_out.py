"""Held-out requests, what the composer's band plays to each, and how a soundfont renders that.

A request is the first bars of a held-out piece (seeds that end in 0, tunes set aside) in the
meter and mode that its number calls for, moved to the key that its number calls for, at a tempo
between 60 and 180 with a fraction. Half of the requests give the melody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from audio.clip import Clip
from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.decoder import (
    PIECE_PLACES,
    PLACES,
    ROOM_DB,
    hits_of,
    tones_of,
)
from diffusion.embedded.decoder.network import Weights
from diffusion.embedded.decoder.room import add_room, new_room, pan
from diffusion.embedded.decoder.sounds import KITS as KIT_NAMES
from diffusion.embedded.decoder.sounds import PITCHED
from diffusion.embedded.performance import DRUMS, PART_STEM, Part, Performance, Played
from diffusion.engine import Conditions
from midi.grid import Grid
from midi.key import Key
from midi.melody import Melody, top_voice
from midi.note import Note
from training.compose import Piece, compose
from training.sounds import DRUM_BANK, KITS, PROGRAMS, Event, Soundfont

METERS = ("4/4", "3/4", "4/4", "6/8", "4/4", "7/8")
MAX_BARS = 8
SHORTEST_BEATS = 1 / 24  # a note that the end would cut shorter is left out
RATE = 44_100


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A request as the engine is asked it, and the composer's own answer, `truth`."""

    number: int
    conditions: Conditions
    truth: Performance
    style: str


def held_out(number: int, seed: int) -> HeldOut:
    """Return request `number` of the set that `seed` names."""
    meter, tonic, minor = METERS[number % 6], (5 * number) % 12, number // 12 % 2 == 1
    draw = np.random.default_rng([seed, number])
    while True:
        piece = compose(10 * int(draw.integers(1, 2**30)), held_out_tunes=True)
        mode_fits = piece.mode == ("minor" if minor else "major")
        if piece.meter == meter and mode_fits and 60 <= piece.bpm < 180:
            break
    bpm = min(180.0, int(piece.bpm) + round(0.37 * number % 1, 2))
    bars = min(piece.bars, MAX_BARS)
    grid = Grid.constant(bpm, meter, bars)
    shift = (tonic - piece.tonic + 6) % 12 - 6
    truth = _moved(piece.performance, shift, float(grid.beats))
    tune = melody_of(piece, shift, grid) if number % 2 == 0 else None
    conditions = Conditions(
        grid=grid,
        key=Key(tonic, piece.mode),
        melody=tune,
        lead=piece.lead,
        tags=", ".join([piece.style.replace("_", " "), *piece.moods]),
        seed=number,
        sample_rate=RATE,
        sections=piece.sections[:bars],
    )
    return HeldOut(number, conditions, truth, piece.style)


def _moved(performance: Performance, shift: int, beats: float) -> Performance:
    """The first `beats` of a performance, its pitched parts `shift` semitones higher."""
    parts = {}
    for name, part in performance.parts.items():
        notes = [
            replace(
                note,
                pitch=note.pitch + (0 if name == "drums" else shift),
                length_beats=min(note.length_beats, beats - note.start_beats),
            )
            for note in part.notes
            if note.start_beats < beats - SHORTEST_BEATS
        ]
        parts[name] = replace(part, notes=tuple(notes))
    return Performance(beats, parts)


def melody_of(piece: Piece, shift: int, grid: Grid) -> Melody | None:
    notes = [
        Note(
            Fraction(round(n.start_beats * 960), 960),
            Fraction(max(1, round(n.length_beats * 960)), 960),
            n.pitch + shift,
            max(1, round(n.velocity * 127)),
        )
        for n in piece.tune
        if n.start_beats < float(grid.beats) - 0.1
    ]
    voice, _ = top_voice(notes)
    cut = [replace(n, length_beats=min(n.length_beats, grid.beats - n.start_beats)) for n in voice]
    return Melody(tuple(cut)) if cut else None


def soundfont_stems(
    font: Soundfont, weights: Weights, performance: Performance, grid: Grid
) -> dict[str, Clip]:
    """Drums, bass and melody of a performance by FluidSynth, placed and in the room as ours are."""
    import torch

    frames = grid.frames(RATE)
    stems = {stem: torch.zeros(2, frames) for stem in ("drums", "bass", "melody")}
    response = new_room(RATE)
    for name, part in performance.parts.items():
        if name == "vocals" or not part.notes:
            continue
        play = _drums if name == "drums" else _tones
        mono = play(font, weights, part, grid)
        sound = pan(torch.from_numpy(mono), PLACES.get(name, PIECE_PLACES.get(name, 0.0)))
        if name in ROOM_DB:
            add_room(sound, response, ROOM_DB[name])
        stems[PART_STEM[name]] += sound * db_to_amplitude(part.gain_db)
    return {stem: Clip(sound.numpy(), RATE) for stem, sound in stems.items()}


def _drums(font: Soundfont, weights: Weights, part: Part, grid: Grid) -> np.ndarray:
    frames = grid.frames(RATE)
    events = [
        Event(round(hit.start), frames, DRUMS[hit.piece], max(1, round(hit.velocity * 127)))
        for hit in hits_of(part, grid, RATE)
    ]
    gain = float(weights["kit_gain"][KIT_NAMES.index(part.timbre)])
    sound = font.play(events, frames, program=KITS[part.timbre], bank=DRUM_BANK)
    return (sound * gain).astype(np.float32)


def _tones(font: Soundfont, weights: Weights, part: Part, grid: Grid) -> np.ndarray:
    events = [
        Event(round(t.start), int(t.held_seconds * RATE), t.pitch, max(1, round(t.velocity * 127)))
        for t in tones_of(part, grid, RATE)
    ]
    gain = float(weights["note_gain"][PITCHED.index(part.timbre)])
    sound = font.play(events, grid.frames(RATE), program=PROGRAMS[part.timbre])
    return (sound * gain).astype(np.float32)


def seconds_of(notes: Iterable[Played], grid: Grid) -> list[tuple[float, float, int]]:
    """Return played notes as (start, end, pitch) in seconds."""
    return [
        (
            float(grid.seconds_at(n.start_beats)),
            float(grid.seconds_at(n.start_beats + n.length_beats)),
            n.pitch,
        )
        for n in notes
    ]
