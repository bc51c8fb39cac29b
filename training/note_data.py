"""Notes of every timbre, rendered and analysed: what the decoder's partials are learnt from.

`python -m training.note_data --data data/decoder --seed 1` writes one file a timbre.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.decoder.sounds import BELOW, PARTIALS, PITCHED, equal_hz, pitches_of
from training.analysis import NoteAnalyser, Tuning, find_onset, find_tuning, note_ages
from training.sounds import PROGRAMS, SAMPLE_RATE, Event, Soundfont

HELD_SECONDS = (4.5, 2.4, 1.2, 0.6, 0.3, 0.12)
TAIL_SECONDS = 1.6


@dataclass(frozen=True, slots=True)
class Take:
    """One rendered note from its onset: sound (frames,), pitch, velocity 0..1, seconds held."""

    sound: NDArray[np.float32]
    pitch: int
    velocity: float
    held: float


def render_takes(font: Soundfont, timbre: str, pitch: int, rng: np.random.Generator) -> list[Take]:
    """Notes of all lengths at velocities spread over 16..127."""
    strata = rng.permutation(len(HELD_SECONDS))
    takes = []
    for held, stratum in zip(HELD_SECONDS, strata, strict=True):
        velocity = int(16 + (stratum + rng.random()) / len(HELD_SECONDS) * 112)
        held = held * float(rng.uniform(0.85, 1.15))
        frames = int((held + TAIL_SECONDS) * SAMPLE_RATE)
        event = Event(0, int(held * SAMPLE_RATE), pitch, velocity)
        sound = font.play([event], frames, program=PROGRAMS[timbre])
        onset = find_onset(sound)
        takes.append(Take(sound[onset:], pitch, velocity / 127, held - onset / SAMPLE_RATE))
    return takes


def analyse(timbre: str, seed: int) -> dict[str, NDArray[np.float32]]:
    """All frames of a timbre: pitch, velocity, age, release, partials, noise; and its tunings."""
    font = Soundfont()
    rows: dict[str, list[NDArray[np.float64]]] = {}
    tunings = []
    for pitch in pitches_of(timbre):
        rng = np.random.default_rng([seed, PITCHED.index(timbre), pitch])
        takes = render_takes(font, timbre, pitch, rng)
        below = BELOW.get(timbre, 1)
        found = find_tuning(takes[0].sound, equal_hz(pitch))
        tuning = Tuning(found.hz / below, found.stretch / below**2)
        tunings.append([pitch, tuning.hz, tuning.stretch])
        analyser = NoteAnalyser(tuning)
        for take in takes:
            ages = note_ages(take.held, len(take.sound) / SAMPLE_RATE - 0.03, rng.random())
            partials, noise = analyser(take.sound, ages, take.held)
            padded = np.zeros((len(ages), PARTIALS))
            padded[:, : partials.shape[1]] = partials
            for name, values in {
                "pitch": np.full(len(ages), pitch),
                "velocity": np.full(len(ages), take.velocity),
                "age": ages,
                "release": ages - take.held,
                "partials": padded,
                "noise": noise,
            }.items():
                rows.setdefault(name, []).append(values)
    out = {name: np.concatenate(values).astype(np.float32) for name, values in rows.items()}
    return out | {"tunings": np.array(tunings, np.float32)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/decoder"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timbres", nargs="*", default=list(PITCHED))
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    for timbre in options.timbres:
        began = time.monotonic()
        rows = analyse(timbre, options.seed)
        np.savez(options.data / f"{timbre}.npz", allow_pickle=True, **rows)
        print(f"{timbre}: {len(rows['age'])} frames, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
