"""Judge planned lead sheets beside the composer's rules and songs by people held out of training.

    python -m training.judge_plans --count 60 --seed 1 --people data/people_sheets.json

Plans answer the composer's own requests (style, moods, key, meter, tempo, bars, ending; held-out
tunes written by rules) and are counted as the composer's lead sheets are, and as the held-out
songs. --weights judges others than the product's. Prints a table, or JSON with --json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np

from diffusion.embedded.vocabulary import ParsedPrompt
from diffusion.planner import vocabulary as v
from diffusion.planner.complete import complete, shipped_network
from diffusion.planner.material import Material, put_tune
from diffusion.planner.network import Network, load_network
from diffusion.planner.score import leaps, phrase_notes, repeats
from midi.grid import Grid
from midi.key import SCALES, Key
from midi.lead_sheet import LeadSheet
from training.compose import Piece, compose
from training.planner_data import people_tokens
from training.songs import Song, held_out_title, read_songs

MOST_CHORDS = 4  # chords a bar are counted up to this
Chord = tuple[float, float, int | None, frozenset[int]]  # start, length, root, pitch classes


@dataclass(frozen=True, slots=True)
class Plan:
    """What is counted: bars and beats, pitches and roots from the tonic, whether it ends."""

    bar_starts: tuple[float, ...]
    notes: tuple[tuple[float, float, int], ...]
    chords: tuple[Chord, ...]
    mode: str
    ends: bool


def plan_of_piece(piece: Piece) -> Plan:
    """The composer's lead sheet."""
    bar = piece.performance.beats / piece.bars
    return Plan(
        tuple(at * bar for at in range(piece.bars + 1)),
        tuple((n.start_beats, n.length_beats, n.pitch - piece.tonic) for n in piece.tune),
        tuple(
            (c.start_beats, c.length_beats, (c.root - piece.tonic) % 12,
             frozenset((p - piece.tonic) % 12 for p in c.pitch_classes))
            for c in piece.chords
        ),
        piece.mode, piece.ending == "full",
    )  # fmt: skip


def plan_of_sheet(sheet: LeadSheet, grid: Grid, key: Key, ending: str) -> Plan:
    """A planned lead sheet."""
    notes = sheet.tune.notes if sheet.tune else ()
    return Plan(
        tuple(float(start) for start in grid.bar_starts),
        tuple((float(n.start_beats), float(n.length_beats), n.pitch - key.tonic) for n in notes),
        tuple(
            (c.start_beats, c.length_beats, None if c.root is None else (c.root - key.tonic) % 12,
             frozenset((p - key.tonic) % 12 for p in c.pitch_classes))
            for c in sheet.chords
        ),
        key.mode, ending == "full",
    )  # fmt: skip


def plan_of_song(song: Song) -> Plan:
    """A song by people."""
    chords = tuple((s, n, root, frozenset(tones)) for s, n, root, _, tones in song.chords)
    return Plan(song.bar_starts, song.notes, chords, song.mode, ends=True)


def request_of(piece: Piece, seed: int, network: Network) -> tuple[LeadSheet, Grid, Key]:
    """Ask the planner for what the composer was asked for."""
    grid = Grid.constant(round(piece.bpm, 2), piece.meter, piece.bars)
    key = Key(piece.tonic, piece.mode)
    sheet = complete(
        LeadSheet(), grid=grid, key=key, prompt=ParsedPrompt(piece.style, piece.moods),
        seed=seed, lead=piece.lead, ending=piece.ending, network=network,
    )  # fmt: skip
    return sheet, grid, key


def figures_of(plans: Sequence[Plan], people: Counter[int] | None = None) -> dict[str, float]:
    """Means over the plans; the phrase is a median of medians."""
    rows = [_tune_figures(plan) for plan in plans if plan.notes]
    rhythm = chord_rhythm(plans)
    found = {
        "leaps over 7 semitones": mean(row["leaps"] for row in rows),
        "notes a phrase": median(row["phrase"] for row in rows),
        "bar repeats an earlier one (F1)": mean(row["repeats"] for row in rows),
        "notes a bar": mean(row["notes"] for row in rows),
        "notes in the scale": mean(row["scale"] for row in rows),
        "notes on a bar's first beat in the chord": mean(row["chord"] for row in rows),
        "full endings that come home from 5, 4, b7 or 7": mean(
            _cadence(plan) for plan in plans if plan.ends
        ),
        "chord starts a bar": sum(n * c for n, c in rhythm.items()) / rhythm.total(),
    }
    if people is not None:
        found["chord starts a bar: distance from people's"] = 0.5 * sum(
            abs(rhythm[n] / rhythm.total() - people[n] / people.total())
            for n in range(MOST_CHORDS + 1)
        )
    return found


def _tune_figures(plan: Plan) -> dict[str, float]:
    material = Material([round(start * v.UNITS) for start in plan.bar_starts])
    put_tune(material, plan.notes)
    notes = [
        (material.starts[at] + start, length, pitch)
        for at, bar in enumerate(material.bars)
        for start, length, pitch in bar.notes or ()
    ]
    scale = set(SCALES[plan.mode]) | ({11} if plan.mode == "minor" else set())
    first = [
        any(s <= start < s + n and pitch % 12 in tones for s, n, _, tones in plan.chords)
        for start, _, pitch in plan.notes
        if min(abs(start - bar) for bar in plan.bar_starts) < 1e-3
    ]
    return {
        "leaps": leaps(notes),
        "phrase": phrase_notes(notes),
        "repeats": repeats(material),
        "notes": len(notes) / len(material.bars),
        "scale": mean(pitch % 12 in scale for _, _, pitch in plan.notes),
        "chord": mean(first) if first else 1.0,
    }


def chord_rhythm(plans: Sequence[Plan]) -> Counter[int]:
    """How many bars have how many chords that start in them and differ from the one before."""
    found: Counter[int] = Counter()
    for plan in plans:
        starts, last = [], None
        for start, _, root, tones in plan.chords:
            if (root, tones) != last:
                starts.append(start)
            last = (root, tones)
        for begin, end in zip(plan.bar_starts, plan.bar_starts[1:], strict=False):
            count = sum(begin - 1e-6 <= start < end - 1e-6 for start in starts)
            found[min(MOST_CHORDS, count)] += 1
    return found


def _cadence(plan: Plan) -> bool:
    roots = [root for _, _, root, _ in plan.chords]
    if not roots or roots[-1] != 0:
        return False
    before = [root for root in roots if root != 0]
    return bool(before) and before[-1] in (7, 5, 10, 11)


def nats_a_token(network: Network, songs: Sequence[Song]) -> tuple[float, dict[str, float]]:
    """Mean negative log-likelihood of held-out songs' tokens, and by stage; forms are left out."""
    found: dict[str, list[float]] = {}
    for row in people_tokens(songs, held_out=True, times=1):
        session = network.start(row.facts.tolist(), 1)
        before = v.TOKENS
        for token, place, later in zip(row.tokens, row.places, row.later, strict=True):
            logits = session.step([before], [place.tolist()], [later.astype(float).tolist()])[0]
            stage = v.STAGES[place[0]]
            if stage not in ("section", "bars", "play", "level"):
                top = logits.max()
                loss = top + np.log(np.exp(logits - top).sum()) - logits[token]
                found.setdefault(stage, []).append(float(loss))
            before = int(token)
    every = [loss for losses in found.values() for loss in losses]
    return mean(every), {stage: mean(losses) for stage, losses in found.items()}


def main() -> None:
    """Plan, count, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=Path, required=True, help="training.people_sheets' file")
    parser.add_argument("--weights", type=Path, help="weights to judge; the product's if not given")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    network = load_network(args.weights) if args.weights else shipped_network()
    songs = read_songs(args.people)
    held = [plan_of_song(song) for song in songs if held_out_title(song.title)]
    first = 10 * (10_000 + args.seed * args.count)
    pieces = [
        compose(seed, tune="rules", held_out_tunes=True)
        for seed in range(first, first + 10 * args.count, 10)
    ]
    began = time.process_time()
    answers = [request_of(piece, args.seed + at, network) for at, piece in enumerate(pieces)]
    seconds = (time.process_time() - began) / len(pieces)
    planned = [
        plan_of_sheet(*answer, piece.ending) for answer, piece in zip(answers, pieces, strict=True)
    ]
    rhythm = chord_rhythm(held)
    columns = {
        "planner": figures_of(planned, rhythm),
        "composer": figures_of([plan_of_piece(piece) for piece in pieces], rhythm),
        "people": figures_of(held, rhythm),
    }
    nats, by_stage = nats_a_token(network, songs)
    if args.json:
        print(json.dumps({**columns, "nats": nats, "by_stage": by_stage, "seconds": seconds}))
        return
    print(f"{'':50}{'planner':>10}{'composer':>10}{'people':>10}")
    for name in columns["planner"]:
        values = "".join(f"{column[name]:10.3f}" for column in columns.values())
        print(f"{name:50}{values}")
    stages = ", ".join(f"{stage} {loss:.2f}" for stage, loss in by_stage.items())
    print(f"held-out songs: {nats:.3f} nats a token ({stages}); {seconds:.2f} s of CPU a plan")


if __name__ == "__main__":
    main()
