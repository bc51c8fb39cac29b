"""Made-up data and small sizes for --tiny runs, which try every line of a trainer in seconds.

They need no soundfont, no speech and no data file; their weights are worth nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.decoder.sounds import (
    BANDS,
    LOWEST_PITCH,
    PARTIALS,
    PITCHED,
    equal_hz,
)
from diffusion.embedded.voice.network import ENVELOPE_POINTS, FRAME_SECONDS, NOISE_POINTS
from diffusion.embedded.voice.timing import Segment
from training.compose import compose
from training.dataset import example_of, write
from training.sounds import DRUM_BANK, SAMPLE_RATE, Event, Soundfont
from training.speaking import nonsense
from training.speech import Utterance

SOUND_SECONDS = 0.1  # of each spoken sound


def parsed(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None, **smaller: object
) -> argparse.Namespace:
    """Parse the arguments; with --tiny, those in `smaller` replace what was given."""
    parser.add_argument("--tiny", action="store_true", help="try all of it in seconds")
    args = parser.parse_args(argv)
    if args.tiny:
        vars(args).update(smaller)
    return args


class ToneFont(Soundfont):
    """Plays a decaying sine for every note, and decaying noise for every drum."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)

    def play(
        self, events: Iterable[Event], frames: int, *, program: int, bank: int = 0
    ) -> NDArray[np.float32]:
        """Mono float32 (frames,) of the events."""
        out = np.zeros(frames)
        for event in events:
            seconds = np.arange(max(frames - event.start, 0)) / SAMPLE_RATE
            wave = np.sin(2 * np.pi * equal_hz(event.pitch) * seconds)
            if bank == DRUM_BANK:
                wave += self._random.normal(0, 0.5, len(wave))
            out[event.start :] += event.velocity / 127 * wave * np.exp(-8 * seconds)
        return out.astype(np.float32)


def band_file(folder: Path) -> Path:
    """Write training.train's data file of three composed pieces and return its path."""
    return write([example_of(compose(seed)) for seed in (1, 2, 3)], folder / "tiny")


def note_files(folder: Path) -> None:
    """Write training.fit_notes' files: two seconds of the lowest note of every timbre."""
    random = np.random.default_rng(2)
    ages = np.linspace(0.0, 2.0, 240, dtype=np.float32)
    for timbre in PITCHED:
        falling = np.exp(-2 * ages)[:, None].astype(np.float32)
        np.savez(
            folder / f"{timbre}.npz",
            pitch=np.full(len(ages), LOWEST_PITCH, np.float32),
            velocity=random.uniform(0.2, 1.0, len(ages)).astype(np.float32),
            age=ages,
            release=ages - np.float32(1.8),
            partials=falling * random.uniform(0.5, 1.0, (len(ages), PARTIALS)).astype(np.float32),
            noise=falling * np.full((1, BANDS), 0.01, np.float32),
            tunings=np.array([[LOWEST_PITCH, equal_hz(LOWEST_PITCH), 0.0]], np.float32),
        )


def utterances(count: int) -> list[Utterance | None]:
    """Nonsense syllables with sounds of equal length and random spectra."""
    made: list[Utterance | None] = []
    for seed in range(count):
        syllables = nonsense(seed)
        sounds = [s for one in syllables for s in (*one.onset, one.vowel, *one.coda)]
        segments = tuple(
            Segment(sound, index * SOUND_SECONDS, (index + 1) * SOUND_SECONDS)
            for index, sound in enumerate(sounds)
        )
        frames = round(len(sounds) * SOUND_SECONDS / FRAME_SECONDS)
        random = np.random.default_rng([seed, 6])
        envelope = random.normal(-5.0, 1.0, (frames, ENVELOPE_POINTS))
        noise = random.uniform(0.0, 1.0, (frames, NOISE_POINTS))
        spectra = np.concatenate([envelope, noise], axis=1).astype(np.float32)
        made.append(Utterance(syllables, segments, spectra))
    return made


def song_files(folder: Path, stems: int, frames: int) -> None:
    """Write two of training.train_splitter's songs (stems, 2, frames) of int16 noise."""
    for number in range(2):
        noise = np.random.default_rng([number, 7]).normal(0, 2000, (stems, 2, frames))
        np.save(folder / f"tiny-{number}.npy", noise.astype(np.int16))
