"""Read drum performances of people as examples of which only the drums are learnt.

    python -m training.grooves --source groove-v1.0.0-midionly.zip --out data/grooves

The Groove MIDI Dataset: Gillick, Roberts, Engel, Eck and Bamman, "Learning to Groove with Inverse
Sequence Transformations" (ICML 2019), Google LLC, Creative Commons Attribution 4.0. SOURCE is the
published zip (MIDI files and info.csv), or a folder with index.json and grooves.npz in which the
same hits lie as arrays. Writes OUT.npz as training.dataset does. Of the beats (not the single
fills) those of the published training split are read.

Hits lie on the grid that the drummer felt, sixteenths or triplets, beat by beat, with what is left
as the offset; the softest ghost notes stay louder than what nobody would hear.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from diffusion.embedded.intent import Intent
from diffusion.embedded.latents import FRAMES_PER_BEAT, PARTS
from diffusion.embedded.performance import DRUMS, TIMBRES, Part, Performance, Played
from diffusion.embedded.vocabulary import ParsedPrompt
from midi.grid import Grid
from midi.key import Key
from training.dataset import Example, example, write

LONGEST_BARS = 64
SOFTEST = 0.2  # velocity of the softest stroke
STRAIGHT = np.array([0, 3, 6, 9, 12])
TRIPLET = np.array([0, 2, 4, 6, 8, 10, 12])
TRIPLETS_COST = 1.5  # how much nearer triplets must be, since there are more of them

# The kit's notes (Roland TD-11) by the drum they are here.
PIECES: Mapping[str, tuple[int, ...]] = {
    "kick": (36, 35), "snare": (38, 40), "side_stick": (37,), "closed_hat": (42, 22, 44),
    "open_hat": (46, 26), "ride": (51, 53, 59), "crash": (49, 55, 57, 52),
    "high_tom": (48, 50), "mid_tom": (45, 47), "low_tom": (43, 58, 41), "clap": (39,),
}  # fmt: skip
DRUM_OF = {note: DRUMS[piece] for piece, notes in PIECES.items() for note in notes}
STYLES = {
    "rock": "rock", "punk": "rock", "funk": "funk", "jazz": "jazz_swing", "latin": "bossa",
    "afrocuban": "bossa", "afrobeat": "funk", "hiphop": "hiphop", "soul": "soul", "pop": "pop",
    "reggae": "reggae", "country": "country", "dance": "disco", "gospel": "soul",
    "blues": "blues", "neworleans": "funk",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Groove:
    """One performance: beats (n,), notes (n,) of the kit, velocities (n,) in 0..1."""

    style: str
    bpm: float
    meter: str
    beats: np.ndarray
    notes: np.ndarray
    velocities: np.ndarray


def read(source: Path) -> Iterator[Groove]:
    """Yield the grooves of a zip as published, or of a folder of arrays."""
    return _of_folder(source) if source.is_dir() else _of_zip(source)


def _of_folder(folder: Path) -> Iterator[Groove]:
    arrays = np.load(folder / "grooves.npz")
    for number, entry in enumerate(json.loads((folder / "index.json").read_text("utf-8"))):
        here = slice(arrays["start"][number], arrays["start"][number + 1])
        if entry["beat_type"] == "beat" and entry["split"] == "train":
            yield Groove(
                str(entry["style"]).split("/")[0],
                float(entry["bpm"]),
                str(entry["meter"]).replace("-", "/"),
                arrays["onset_ticks"][here] / 480.0,
                arrays["pitch"][here],
                arrays["velocity"][here] / 127.0,
            )


def _of_zip(path: Path) -> Iterator[Groove]:
    with zipfile.ZipFile(path) as archive:
        table = next(name for name in archive.namelist() if name.endswith("info.csv"))
        for entry in csv.DictReader(io.StringIO(archive.read(table).decode("utf-8"))):
            if entry["beat_type"] != "beat" or entry["split"] != "train":
                continue
            name = table.removesuffix("info.csv") + entry["midi_filename"]
            file = mido.MidiFile(file=io.BytesIO(archive.read(name)))
            now, hits = 0, []
            for message in mido.merge_tracks(file.tracks):
                now += message.time
                if message.type == "note_on" and message.velocity:
                    hits.append((now / file.ticks_per_beat, message.note, message.velocity / 127))
            beats, notes, velocities = np.array(hits).T
            yield Groove(
                entry["style"].split("/")[0],
                float(entry["bpm"]),
                entry["time_signature"].replace("-", "/"),
                beats,
                notes.astype(int),
                velocities,
            )


def felt(beats: np.ndarray) -> np.ndarray:
    """Return frames (n,): for every hit its place among sixteenths or triplets of its beat."""
    exact = beats * FRAMES_PER_BEAT
    whole = np.floor(beats + 0.125 / 2).astype(int)  # a stroke may come before its beat
    out = np.zeros(len(beats), int)
    for beat in np.unique(whole):
        here = whole == beat
        inside = exact[here] - beat * FRAMES_PER_BEAT
        nearest = [
            grid[np.abs(inside[:, None] - grid).argmin(axis=1)] for grid in (STRAIGHT, TRIPLET)
        ]
        straight, triplet = (float(np.square(inside - place).sum()) for place in nearest)
        out[here] = beat * FRAMES_PER_BEAT + nearest[int(straight > TRIPLETS_COST * triplet + 0.5)]
    return out


def example_of(groove: Groove) -> Example | None:
    """Return the groove's whole bars as an example, None if there are fewer than four."""
    try:
        bar_beats = float(Grid.constant(120.0, groove.meter, 1).beats)
    except ValueError:
        return None
    bars = min(LONGEST_BARS, int((groove.beats.max(initial=0.0) + 1.0) / bar_beats))
    if bars < 4:
        return None
    grid = Grid.constant(groove.bpm, groove.meter, bars)
    frames = felt(groove.beats)
    hits = [
        Played(
            max(0.0, float(frame + np.clip(beat * FRAMES_PER_BEAT - frame, -0.5, 0.49)))
            / FRAMES_PER_BEAT,
            0.25,
            DRUM_OF[int(note)],
            SOFTEST + (1 - SOFTEST) * float(velocity),
        )
        for beat, note, frame, velocity in zip(
            groove.beats, groove.notes, frames, groove.velocities, strict=True
        )
        if int(note) in DRUM_OF and frame < bars * bar_beats * FRAMES_PER_BEAT
    ]
    timbres = TIMBRES["drums"]
    performance = Performance(bars * bar_beats, {"drums": Part(tuple(hits), timbres[0])})
    asked = Intent(
        grid=grid,
        key=Key(0, "major"),
        lead="melody",
        tokens=ParsedPrompt(STYLES.get(groove.style, "")).tokens(),
        presence={part: (part == "drums",) * bars for part in PARTS},
    )
    return example(asked, performance, PARTS.index("drums"))


def main() -> None:
    """Read the grooves and write the file; prints how many bars there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("data/grooves"))
    args = parser.parse_args()
    examples = [each for groove in read(args.source) if (each := example_of(groove))]
    write(examples, args.out)
    beats = sum(len(e.latents) for e in examples) / FRAMES_PER_BEAT
    print(f"{len(examples)} performances, {beats:.0f} beats")


if __name__ == "__main__":
    main()
