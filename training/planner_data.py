"""Lead sheets as the planner's tokens and places: composed ones, folk tunes and people's songs.

    python -m training.planner_data --pieces 6000 --first-seed 20001 --out data/plans1 \
        --people data/people_sheets.json

writes OUT.npz. Composed seeds that end in 0 and a tenth of the people's songs (by title) are left
out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.moods import MOODS
from diffusion.embedded.performance import RANGES
from diffusion.embedded.vocabulary import STYLES
from diffusion.planner import vocabulary as v
from diffusion.planner.material import (
    Material,
    PlannedSection,
    put_chords,
    put_tune,
)
from diffusion.planner.reading import known_token
from diffusion.planner.writer import Writer
from midi.key import MODES
from training.compose import Piece, compose
from training.songs import Song, held_out_title, read_songs

PEOPLE_TIMES = 6  # how often a song by people is read, each time in another key and order
Chords = list[tuple[float, float, int | None, int | None, tuple[int, ...]]]


@dataclass(slots=True)
class PlanExample:
    """A sheet to learn from: what is the same throughout, and its material."""

    material: Material
    facts: dict[str, int]
    has_tune: bool = True
    chords_known: bool = False
    places: list[list[int]] = field(default_factory=list)


def shift_of(tonic: int) -> int:
    """Semitones from a tonic of C up to `tonic`, -5..6: pitches less this are counted from C."""
    return tonic if tonic <= 6 else tonic - 12


def _level(value: float) -> int:
    return min(v.LEVELS - 1, max(0, int(value * v.LEVELS)))


def composed_example(seed: int) -> PlanExample:
    """The lead sheet of a composed piece; every fourth has a long form."""
    random = Random(f"plan {seed}")
    piece = compose(seed, long=seed % 4 == 1)
    starts = [round(bar * piece.performance.beats / piece.bars * v.UNITS)
              for bar in range(piece.bars + 1)]  # fmt: skip
    material = Material(starts, _sections(piece))
    shift = shift_of(piece.tonic)
    put_chords(
        material,
        [
            (c.start_beats, c.length_beats, (c.root - piece.tonic) % 12, None,
             [(p - piece.tonic) % 12 for p in c.pitch_classes])
            for c in piece.chords
        ],
    )  # fmt: skip
    put_tune(material, [(n.start_beats, n.length_beats, n.pitch - shift) for n in piece.tune])
    moods = [1 + MOODS.index(mood) for mood in piece.moods] + [0, 0]
    facts = {
        "manner": 0,
        "style": 1 + STYLES.index(piece.style),
        "mood": moods[0],
        "second_mood": moods[1],
        "mode": MODES.index(piece.mode),
        "tonic": piece.tonic,
        "meter": meter_index(piece.meter),
        "tempo": v.bucket_of_tempo(piece.bpm),
        "bars": v.bucket_of_bars(piece.bars),
        "ending": int(piece.ending == "full"),
        "lead": 1 + int(piece.lead == "vocals"),
        "order": 0,
    }
    return _varied(random, PlanExample(material, facts))


def meter_index(meter: str) -> int:
    """The index of a meter in METERS, the last for one that is not there."""
    return v.METERS.index(meter) if meter in v.METERS else len(v.METERS) - 1


def _sections(piece: Piece) -> list[PlannedSection]:
    found, at = [], 0
    names = {"chords": "comp", "melody": "lead"}
    while at < piece.bars:
        end = at
        while end < piece.bars and piece.sections[end] == piece.sections[at]:
            end += 1
        plays = []
        for part in v.PARTS:
            active = piece.presence[names.get(part, part)][at:end]
            share = sum(active) / len(active)
            half = active[: len(active) // 2]
            late = any(active) and not any(half) and len(half) > 0
            plays.append(0 if share < 0.25 else 2 if late else 1)
        level = sum(piece.intensity[at:end]) / (end - at)
        found.append(PlannedSection(piece.sections[at], end - at, tuple(plays), _level(level)))
        at = end
    return found


def people_example(song: Song, seed: int) -> PlanExample | None:
    """A song by people in a key drawn from `seed`; its form is left to the composer's sheets.

    None where the tune fits neither the lead's nor the singer's range in any key.
    """
    random = Random(f"people {song.title} {seed}")
    lead = random.choice((1, 2))
    low, high = RANGES["lead" if lead == 1 else "vocals"]
    pitches = [pitch for _, _, pitch in song.notes]
    fitting = [
        (tonic, octave)
        for tonic in range(12)
        for octave in (-24, -12, 0, 12)
        if low + 2 <= min(pitches) + shift_of(tonic) + octave
        and max(pitches) + shift_of(tonic) + octave <= high - 2
        and 58 <= sum(pitches) / len(pitches) + shift_of(tonic) + octave <= 76
    ]
    if not fitting:
        return None
    tonic, octave = random.choice(fitting)
    starts = [round(start * v.UNITS) for start in song.bar_starts]
    sections = song.form(random)
    material = Material(starts, sections)
    put_chords(material, [(s, n, root, bass, tones) for s, n, root, bass, tones in song.chords])
    put_tune(material, [(s, n, pitch + octave) for s, n, pitch in song.notes])
    facts = {
        "manner": 1,
        "style": 1 + STYLES.index(song.style) if song.style else 0,
        "mood": 0,
        "second_mood": 0,
        "mode": MODES.index(song.mode),
        "tonic": tonic,
        "meter": meter_index(song.meter),
        "tempo": 0,
        "bars": v.bucket_of_bars(len(starts) - 1),
        "ending": 1,
        "lead": lead,
        "order": 0,
    }
    return _varied(random, PlanExample(material, facts))


def _varied(random: Random, example: PlanExample) -> PlanExample:
    """Facts left out at random, and the order of tune and chords drawn."""
    facts = example.facts
    for name, share in (("style", 0.1), ("mood", 0.15), ("second_mood", 0.15), ("tempo", 0.2)):
        if random.random() < share:
            facts[name] = 0
    if facts["mood"] == 0:
        facts["second_mood"] = 0
    facts["order"] = int(random.random() < 0.3)
    example.chords_known = random.random() < 0.5
    return example


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """One sheet: tokens (n,), their places (n, len(PLACE)), later notes (n, 12), facts."""

    tokens: NDArray[np.int16]
    places: NDArray[np.int16]
    later: NDArray[np.float16]
    facts: NDArray[np.int16]


def tokens_of(example: PlanExample) -> Tokens:
    """Walk through a sheet as the planner would, and write down what it should say."""
    tune_first = bool(example.facts["order"])
    given = Material(example.material.starts)
    for mine, bar in zip(given.bars, example.material.bars, strict=True):
        if tune_first:
            mine.notes = bar.notes
        elif example.chords_known:
            mine.chords = bar.chords
    writer = Writer(given, tune_first=tune_first, has_tune=example.has_tune)
    tokens, places, later = [], [], []
    while not writer.finished:
        place = writer.place()
        token = known_token(writer, example.material)
        assert token is not None
        tokens.append(token)
        places.append(place.values)
        later.append(place.later_notes or [0.0] * v.HISTOGRAM)
        writer.put(token)
    return Tokens(
        np.array(tokens, np.int16), np.array(places, np.int16), np.array(later, np.float16),
        np.array([example.facts[name] for name in v.GLOBALS], np.int16),
    )  # fmt: skip


def _composed(seed: int) -> Tokens:
    return tokens_of(composed_example(seed))


def people_tokens(songs: Sequence[Song], *, held_out: bool, times: int) -> list[Tokens]:
    """The tokens of people's songs, held out or not, each so many times."""
    found = [
        people_example(song, time_)
        for song in songs
        if held_out_title(song.title) == held_out
        for time_ in range(times)
    ]
    return [tokens_of(example) for example in found if example is not None]


def write(rows: Sequence[Tokens], out: Path) -> Path:
    """Write all sheets after one another and return the file's path."""
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.with_suffix(".npz")
    np.savez(
        path,
        tokens=np.concatenate([row.tokens for row in rows]),
        places=np.concatenate([row.places for row in rows]),
        later=np.concatenate([row.later for row in rows]),
        facts=np.array([row.facts for row in rows]),
        starts=np.cumsum([0] + [len(row.tokens) for row in rows]),
    )
    return path


def main() -> None:
    """Compose, read, write; prints how many tokens there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=6000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument(
        "--people", type=Path, help="lead sheets by people (training.people_sheets)"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("data/plans"))
    args = parser.parse_args()
    began = time.monotonic()
    seeds = [s for s in range(args.first_seed, args.first_seed + args.pieces) if s % 10]
    with multiprocessing.Pool(args.jobs) as pool:
        rows = pool.map(_composed, seeds, chunksize=32)
    composed = sum(len(row.tokens) for row in rows)
    people = people_tokens(read_songs(args.people), held_out=False, times=PEOPLE_TIMES) \
        if args.people else []  # fmt: skip
    path = write([*rows, *people], args.out)
    print(
        f"{path}: {len(rows)} composed sheets, {composed} tokens; {len(people)} by people, "
        f"{sum(len(row.tokens) for row in people)} tokens; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
