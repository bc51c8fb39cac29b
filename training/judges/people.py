"""MIDI files made by people, as parts: for statistics beside our own music, never to learn from.

Any folder of MIDI files serves, in 4/4 or another meter that does not change. Debian packages
that hold such (games play them): openmsx-catapult, planetblupi-common.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diffusion.embedded.performance import Played
from training.judges.note_figures import Music

DRUM_CHANNEL = 9
EXCERPT_BARS = 16
FEWEST_NOTES = 4  # a channel with fewer is no part
LOWEST_LEAD = 57  # the mean pitch of a melody is above this
HIGHEST_BASS = 52
BASS_PROGRAMS = range(32, 40)
_Channel = list[Played]


def excerpts(folder: Path, most_a_file: int = 3) -> Iterator[tuple[str, Music]]:
    """Yield the name of every readable file below `folder` and excerpts of EXCERPT_BARS bars."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi")):
        try:
            channels, programs, bar_beats = _read(path)
        except Exception:  # foreign files: what mido cannot read says nothing about our music
            continue
        notes = [note for channel in channels.values() for note in channel]
        if not notes:
            continue
        length = EXCERPT_BARS * bar_beats
        end = max(note.start_beats for note in notes)
        for number in range(min(most_a_file, int(end / length + 0.25))):
            yield path.name, _excerpt(channels, programs, number * length, bar_beats)


def _read(path: Path) -> tuple[dict[int, _Channel], dict[int, int], float]:
    """The notes of each channel, its first program, and the length of a bar in quarters."""
    import mido

    file = mido.MidiFile(path)
    channels: dict[int, _Channel] = defaultdict(list)
    programs: dict[int, int] = {}
    bar_beats = 4.0
    for track in file.tracks:
        tick = 0
        struck: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for message in track:
            tick += message.time
            if message.type == "time_signature":
                bar_beats = 4.0 * message.numerator / message.denominator
            elif message.type == "program_change":
                programs.setdefault(message.channel, message.program)
            elif message.type in ("note_on", "note_off"):
                voice = message.channel, message.note
                if message.type == "note_on" and message.velocity:
                    struck[voice].append((tick, message.velocity))
                elif struck[voice]:
                    start, velocity = struck[voice].pop(0)
                    begin, end = (t / file.ticks_per_beat for t in (start, max(tick, start + 1)))
                    note = Played(begin, end - begin, message.note, velocity / 127)
                    channels[message.channel].append(note)
    return channels, programs, bar_beats


def _excerpt(
    channels: dict[int, _Channel], programs: dict[int, int], begin: float, bar_beats: float
) -> Music:
    """Cut an excerpt and tell drums, bass, lead and the rest apart."""
    cut = {
        channel: sorted(
            (
                Played(max(0.0, n.start_beats - begin), n.length_beats, n.pitch, n.velocity)
                for n in notes
                if begin - 0.02 <= n.start_beats < begin + EXCERPT_BARS * bar_beats
            ),
            key=lambda note: (note.start_beats, note.pitch),
        )
        for channel, notes in channels.items()
    }
    drums = cut.pop(DRUM_CHANNEL, [])
    cut = {channel: notes for channel, notes in cut.items() if len(notes) >= FEWEST_NOTES}
    named = [c for c in cut if programs.get(c) in BASS_PROGRAMS and _height(cut[c]) < HIGHEST_BASS]
    low = named or sorted(cut, key=lambda c: _height(cut[c]))[:1]
    bass = cut.pop(low[0]) if low else []
    leads = [c for c in cut if _one_voice(cut[c]) > 0.85 and _height(cut[c]) > LOWEST_LEAD]
    lead = cut.pop(max(leads, key=lambda c: _height(cut[c]))) if leads else []
    comp = sorted((n for notes in cut.values() for n in notes), key=lambda note: note.start_beats)
    parts = {"drums": drums, "bass": bass, "comp": comp, "lead": lead}
    bars = tuple(bar_beats * number for number in range(EXCERPT_BARS + 1))
    return Music({name: tuple(notes) for name, notes in parts.items()}, bars, "lead")


def _height(notes: _Channel) -> float:
    return float(np.mean([note.pitch for note in notes]))


def _one_voice(notes: _Channel) -> float:
    """The share of notes that begin when the one before has ended."""
    ended = [
        later.start_beats >= earlier.start_beats + earlier.length_beats - 0.15
        for earlier, later in itertools.pairwise(notes)
    ]
    return float(np.mean(ended)) if ended else 0.0
