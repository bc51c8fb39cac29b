"""Judge whether what the embedded engine plays is worth keeping, by notes and by sound.

    python -m training.judge_music --requests 40 --seed 1 --json

Every request goes the product's own way to files, which are judged: a style and one mood in
words, a tempo, a key and a meter out of a held-out piece of the composer, without a melody. Beside
them stands the composer's own answer. A quarter of the requests are asked again with the
composer's chords given, some with parts forbidden, and three styles for 128 bars. With --people
(a folder of MIDI files) it is also measured how well our bars are told from bars by people.
Needs scikit-learn (pip install 'backline[training]').
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from daemon.pipeline.generation import generate
from diffusion.embedded.engine import EmbeddedEngine
from midi.grid import Grid
from midi.key import Key
from midi.note import Note
from midi.smf import write_smf
from osc_protocol.generate import Generate
from training.compose import MOODS, Piece, compose
from training.judges import recognition
from training.judges.cost import cost_in_a_process
from training.judges.marks import MARKS, Mark
from training.judges.note_figures import Figures, Music, Planned, figures_of, music_of
from training.judges.people import excerpts
from training.judges.prompts import share_understood
from training.judges.results import music_of_result, plan_of, sound_figures

MOST_BARS = 32
LONG_BARS, LONG_STYLES = 128, ("rock", "house", "lofi")
FORBIDDEN = (("no drums", "drums"), ("without vocals", "vocals"), ("no bass", "bass"))
MOOD_PIECES = 1200  # the composer's pieces of one mood that the mood judge learns from
FIRST_MOOD_SEED = 7_000_001  # far from the seeds that the band learnt from


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and the composer's own piece, of which it says style, mood, key and measure."""

    number: int
    piece: Piece
    request: Generate

    @property
    def grid(self) -> Grid:
        return self.request.grid


def asked(number: int, seed: int) -> Asked:
    """Return request `number` of the set that `seed` names; its mood is the number's."""
    draw = np.random.default_rng([seed, number])
    while True:
        piece = compose(10 * int(draw.integers(1, 2**30)), held_out_tunes=True)
        fits = piece.moods == (MOODS[number % len(MOODS)],) and 8 <= piece.bars <= MOST_BARS
        if fits and 50 <= piece.bpm <= 190:
            break
    request = Generate(
        rid=f"judge-{number}",
        bpm=round(piece.bpm, 2),
        key=Key(piece.tonic, piece.mode).name,
        bars=piece.bars,
        meter=piece.meter,
        tags=", ".join([piece.style.replace("_", " "), *piece.moods]),
        lead=piece.lead,
        seed=int(draw.integers(1, 2**31)),
    )
    return Asked(number, piece, request)


def composed(piece: Piece) -> Music:
    """Return the composer's own answer."""
    grid = Grid.constant(round(piece.bpm, 2), piece.meter, piece.bars)
    chords = [Planned(c.start_beats, c.length_beats, c.root, c.root) for c in piece.chords]
    tune = "lead" if piece.lead == "melody" else "vocals"
    return music_of(piece.performance, [float(b) for b in grid.bar_starts], tune, chords)


class Order:
    """Lets the product answer requests, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self.engine = EmbeddedEngine()

    def __call__(self, request: Generate) -> Path:
        """Return the folder with the files of `request`."""
        self._count += 1
        out = self._folder / str(self._count)
        generate(request, self.engine, out, lambda stage, fraction: None, lambda: False)
        return out


def judge(
    requests: Sequence[Asked], order: Order, people: Path | None = None
) -> dict[str, float | None]:
    """Return the figure of every mark: medians or means over the requests, as the mark says."""
    rows: list[Figures] = []
    truths: list[Figures] = []
    played: list[Music] = []
    for each in requests:
        folder = order(each.request)
        music = music_of_result(folder)
        played.append(music)
        rows.append(figures_of(music) | sound_figures(folder))
        truths.append(figures_of(composed(each.piece)))
        print(f"{len(rows)} of {len(requests)} requests", end="\r", flush=True)
    found = summary(rows)
    found |= {f"composer_{name}": value for name, value in summary(truths).items()}
    found |= _given_chords(requests, order) | _forbidden(requests, order, rows)
    found |= _long(order) | cost_in_a_process(torch.get_num_threads())
    mood_judge = _mood_judge()
    ours = [
        recognition.piece_statistics(music, each.piece.bpm, each.piece.tonic)
        for music, each in zip(played, requests, strict=True)
    ]
    moods = [each.piece.moods[0] for each in requests]
    theirs = [
        recognition.piece_statistics(composed(e.piece), e.piece.bpm, e.piece.tonic)
        for e in requests
    ]
    found["mood_recognised"] = mood_judge.recognised(ours, moods)
    found["words_understood"] = share_understood()
    found["composer_mood_recognised"] = mood_judge.recognised(theirs, moods)
    if people is not None:
        bars = [recognition.bar_statistics(music) for _, music in excerpts(people)]
        found["told_from_people"] = recognition.told_apart(
            [recognition.bar_statistics(music) for music in played], bars
        )
        found["composer_told_from_people"] = recognition.told_apart(
            [recognition.bar_statistics(composed(each.piece)) for each in requests], bars
        )
    return found


def summary(rows: Sequence[Figures]) -> dict[str, float | None]:
    """Return the mean of each figure over the rows that have it; of phrases the median."""
    names = dict.fromkeys(name for row in rows for name in row)
    out: dict[str, float | None] = {}
    for name in names:
        values = [value for row in rows if (value := row.get(name)) is not None]
        middle = np.median if name in ("notes_a_phrase", "lufs", "side_mid_db") else np.mean
        out[name] = float(middle(values)) if values else None
    return out


def chord_file(path: Path, piece: Piece) -> Path:
    """Write the chords of `piece` as MIDI, the bass note under the others, and return the path."""
    grid = Grid.constant(round(piece.bpm, 2), piece.meter, piece.bars)
    notes = []
    for chord in piece.chords:
        low = 36 + chord.root
        pitches = [low] + [low + 12 + (p - chord.root) % 12 for p in chord.pitch_classes]
        start, length = (
            Fraction(round(beats * 960), 960) for beats in (chord.start_beats, chord.length_beats)
        )
        notes += [Note(start, length, pitch, 80) for pitch in pitches]
    write_smf(path, notes, grid)
    return path


def _given_chords(requests: Sequence[Asked], order: Order) -> dict[str, float | None]:
    """Ask every fourth request again with the composer's chords, as a MIDI file."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for each in requests[::4]:
            path = chord_file(Path(folder) / f"{each.number}.mid", each.piece)
            out = order(replace(each.request, chords_path=str(path)))
            chords = composed(each.piece).chords
            rows.append(figures_of(replace(music_of_result(out), chords=chords)))
    found = summary(rows)
    return {
        "chord_as_given": found["chord_as_planned"],
        "bass_on_given_chord": found["bass_on_chord"],
    }


def _forbidden(
    requests: Sequence[Asked], order: Order, rows: Iterable[Figures]
) -> dict[str, float | None]:
    """Return the share of pieces in which a part sounds that was off, or not wanted."""
    found = [row["stray"] for row in rows if row.get("stray") is not None]
    for each, (words, part) in zip(requests[:6], FORBIDDEN * 2, strict=False):
        if part == {"melody": "lead"}.get(each.piece.lead, each.piece.lead):
            continue  # the tune is asked for
        folder = order(replace(each.request, tags=f"{each.request.tags}, {words}"))
        found.append(float(bool(music_of_result(folder).parts.get(part))))
    return {"stray": float(np.mean([float(x) for x in found if x is not None])) if found else None}


def _long(order: Order) -> dict[str, float | None]:
    """Ask three styles for 128 bars: does the music hold its level?"""
    spread, halves, seconds = [], [], []
    for number, style in enumerate(LONG_STYLES):
        request = Generate(
            rid=f"long-{number}", bpm=120, key="A minor", bars=LONG_BARS, tags=style, seed=number
        )
        began = time.process_time()
        folder = order(request)
        seconds.append(time.process_time() - began)
        spread.append(plan_of(folder).full_band_spread_db(folder))
        music = music_of_result(folder)
        halves.append(figures_of(music)["drums_second_half_db"])
    return {
        "long_spread_db": max((s for s in spread if s is not None), default=None),
        "long_drums_second_half_db": min((h for h in halves if h is not None), default=None),
        "long_cpu_seconds": float(np.mean(seconds)),
    }


def _mood_judge() -> recognition.MoodJudge:
    pieces: list[NDArray[np.float64]] = []
    moods: list[str] = []
    seed = FIRST_MOOD_SEED
    while len(pieces) < MOOD_PIECES:
        piece = compose(seed)
        seed += 1
        if len(piece.moods) == 1:
            pieces.append(
                recognition.piece_statistics(composed(piece), round(piece.bpm, 2), piece.tonic)
            )
            moods.append(piece.moods[0])
    return recognition.MoodJudge(pieces, moods)


def table(found: dict[str, float | None], marks: Sequence[Mark] = MARKS) -> str:
    """Return the figures as lines: what, ours, the composer's, asked, and whether it is kept."""
    lines = [f"{'':44}{'ours':>9}{'composer':>10}  asked"]
    for mark in marks:
        value, composer = found.get(mark.name), found.get(f"composer_{mark.name}")
        lines.append(
            f"{mark.about:44}{_shown(value):>9}{_shown(composer):>10}  {mark.asked}"
            + ("" if value is None or mark.kept(value) else "  MISSED")
        )
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def main() -> None:
    """Answer and judge all requests; print a table, or with --json every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--people", type=Path, help="folder of MIDI files made by people")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="keep the results in this folder")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        order = Order(args.keep or Path(folder))
        requests = [asked(number, args.seed) for number in range(args.requests)]
        found = judge(requests, order, args.people)
    found = {"requests": args.requests, "seed": args.seed, **found}
    print(json.dumps(found, indent=1) if args.json else table(found))


if __name__ == "__main__":
    main()
