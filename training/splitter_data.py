"""Songs as four stems, for the splitter to learn from and to be judged on.

    python -m training.splitter_data --out data/splitter --first-seed 1 --songs 400

Twelve seconds of a composed piece a song, one file OUT/SEED.npy of int16 (stems, 2, frames) at
44.1 kHz in the order of SOURCES. A third is played by the product's own decoder; the others by
soundfonts, sampled drums (CC0) and oscillators, each part on its own, with a room and a place.
Voices are the product's own singer's, its throat made longer or shorter, or espeak-ng's speech
sung through WORLD. Seeds that end in 0 are held out: their tunes are never in training.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.decoder import Decoder
from diffusion.embedded.decoder.room import new_room, pan
from diffusion.embedded.engine import EmbeddedEngine, weights_folder
from diffusion.embedded.performance import PART_STEM, Performance
from diffusion.engine import Conditions
from midi.grid import Grid
from midi.key import Key
from training.compose import Piece, compose
from training.held_out import melody_of
from training.sounds import SAMPLE_RATE
from training.splitter_field import field_song
from training.splitter_sounds import (
    FONTS,
    FRAMES,
    SECONDS,
    UNSEEN_FONT,
    UNSEEN_VOICES,
    Sound,
    by_singer,
    by_soundfont,
    by_speech,
    played,
    varied,
)

SOURCES = ("drums", "bass", "melody", "vocals")

# Root mean square in dBFS of each part while it sounds.
LEVEL_DB = {"drums": -20.0, "bass": -20.0, "comp": -25.0, "lead": -23.0, "vocals": -21.0}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Twelve seconds of a piece: its parts, counted from the excerpt's start, and their grid."""

    performance: Performance
    grid: Grid


def excerpt_of(piece: Piece, draw: np.random.Generator) -> Excerpt:
    """The bars of `piece` in which most stems play; of several such, one by chance."""
    bpm = round(piece.bpm, 3)
    whole = Grid.constant(bpm, piece.meter, piece.bars)
    beats = SECONDS * bpm / 60
    starts = [float(b) for b in whole.bar_starts[:-1]]
    starts = [b for b in starts if b + beats <= piece.performance.beats] or starts[:1]
    cuts = [_cut(piece.performance, start, beats) for start in starts]
    counts = np.array([_stems_heard(cut) for cut in cuts])
    cut = cuts[int(draw.choice(np.flatnonzero(counts == counts.max())))]
    bars = int(np.ceil(beats / float(whole.bar_starts[1]))) + 1
    return Excerpt(cut, Grid.constant(bpm, piece.meter, bars))


def _cut(performance: Performance, start: float, beats: float) -> Performance:
    parts = {}
    for name, part in performance.parts.items():
        notes = tuple(
            replace(n, start_beats=n.start_beats - start)
            for n in part.notes
            if start - 1e-6 <= n.start_beats < start + beats - 0.1
        )
        if notes:
            parts[name] = replace(part, notes=notes)
    return Performance(beats, parts)


def _stems_heard(performance: Performance) -> int:
    return len({PART_STEM[name] for name, part in performance.parts.items() if len(part.notes) > 3})


@cache
def _decoder() -> Decoder:
    return Decoder(weights_folder() / "decoder-v1.safetensors")


@cache
def _engine() -> EmbeddedEngine:
    engine = EmbeddedEngine()
    engine.load(lambda stage, fraction: None)
    return engine


def placed(sound: Sound, level_db: float, place: float, room_db: float, decay: float) -> Sound:
    """(2, FRAMES) of a mono sound at a level, in its place, in a room that dies in `decay` s."""
    heard = np.abs(sound) > 1e-3 * max(float(np.abs(sound).max()), 1e-9)
    rms = float(np.sqrt(np.square(sound[heard]).mean())) if heard.any() else 1.0
    sides = pan(torch.from_numpy(sound * np.float32(db_to_amplitude(level_db) / rms)), place)
    if room_db > -40:
        response = new_room(SAMPLE_RATE)
        fade = 10 ** (-3 * torch.arange(response.shape[1]) / SAMPLE_RATE * (1 / decay - 1 / 0.45))
        wet = _convolved(sides, response * fade.clamp(max=30.0))
        sides = sides + wet * db_to_amplitude(room_db)
    return np.asarray(sides.numpy(), np.float32)


def _convolved(sides: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
    size = 1 << (sides.shape[1] + response.shape[1]).bit_length()
    spectrum = torch.fft.rfft(sides, size) * torch.fft.rfft(response, size)
    return torch.fft.irfft(spectrum, size)[:, : sides.shape[1]]


def training_song(seed: int, vary: bool = False) -> Sound:
    """(stems, 2, FRAMES) of the song of a seed that does not end in 0."""
    draw = np.random.default_rng([seed, 77])
    excerpt = excerpt_of(compose(seed), draw)
    if draw.random() < (0.1 if vary else 0.3):
        return by_decoder(excerpt, seed)
    play = varied if vary else played
    stems = np.zeros((len(SOURCES), 2, FRAMES), np.float32)
    decay, room_db = draw.uniform(0.2, 0.45), draw.uniform(-26, -8)
    for name, part in excerpt.performance.parts.items():
        sound = play(name, part, excerpt.grid, seed, draw)
        level = LEVEL_DB[name] + draw.normal(0, 3)
        place = 0.1 * draw.normal() if name in ("bass", "vocals") else 0.35 * draw.normal()
        wet = -99.0 if name == "bass" or draw.random() < 0.3 else room_db + draw.normal(0, 3)
        place = float(np.clip(place, -0.8, 0.8))
        stems[SOURCES.index(PART_STEM[name])] += placed(sound, level, place, wet, decay)
    return stems


def by_decoder(excerpt: Excerpt, seed: int) -> Sound:
    """All stems by the product's own decoder and voice: what the generator's mixes sound like."""
    clips = _decoder().render(
        excerpt.performance, excerpt.grid, SAMPLE_RATE, stems=SOURCES, seed=seed
    )
    return np.stack([clips[name].samples[:, :FRAMES] for name in SOURCES])


def by_engine(seed: int) -> Sound:
    """(stems, 2, FRAMES) of what the engine itself plays for the tune of a seed not ending in 0."""
    piece = compose(seed)
    grid = Grid.constant(round(min(max(piece.bpm, 60), 180), 2), piece.meter, min(piece.bars, 8))
    conditions = Conditions(
        grid=grid,
        key=Key(piece.tonic, piece.mode),
        melody=melody_of(piece, 0, grid) if seed % 2 else None,
        lead=piece.lead,
        tags=", ".join([piece.style.replace("_", " "), *piece.moods]),
        seed=seed,
        sample_rate=SAMPLE_RATE,
        sections=piece.sections[: grid.bars],
    )
    given = _engine().generate(conditions, lambda stage, fraction: None, lambda: False)
    assert given.stems is not None
    return np.stack([around(given.stems[name].samples) for name in SOURCES])


def around(samples: Sound) -> Sound:
    """(2, FRAMES): the sound, again from its start where it is too short."""
    return np.tile(samples, (1, -(-FRAMES // samples.shape[1])))[:, :FRAMES]


def held_out_song(number: int, seed: int, *, unseen: bool) -> Sound:
    """(stems, 2, FRAMES) of a held-out tune on which all four stems play.

    By FluidR3 and the product's voice; or, `unseen`, by the soundfont and voices that training
    never heard. Places and the room are the product's own, and each part is as loud as the
    product's decoder plays it.
    """
    draw = np.random.default_rng([seed, number, 78])
    while True:
        piece_seed = 10 * int(draw.integers(1, 2**30))
        excerpt = excerpt_of(compose(piece_seed, held_out_tunes=True), draw)
        if _stems_heard(excerpt.performance) == len(SOURCES):
            break
    stems = np.zeros((len(SOURCES), 2, FRAMES), np.float32)
    places = {"drums": 0.05, "bass": 0.0, "comp": -0.22, "lead": 0.1, "vocals": 0.0}
    rooms = {"drums": -19.0, "bass": -99.0, "comp": -15.0, "lead": -14.0, "vocals": -14.0}
    for name, part in excerpt.performance.parts.items():
        if name == "vocals" and unseen:
            voice = UNSEEN_VOICES[number % len(UNSEEN_VOICES)]
            sound = by_speech(part, excerpt.grid, piece_seed, voice)
        elif name == "vocals":
            sound = by_singer(part, excerpt.grid, piece_seed, 0)
        else:
            font = UNSEEN_FONT if unseen else FONTS[0]
            sound = by_soundfont(font, part, excerpt.grid, None, name == "drums")
        sides = placed(sound, LEVEL_DB[name], places[name], rooms[name], 0.45)
        alone = Excerpt(Performance(excerpt.performance.beats, {name: part}), excerpt.grid)
        ours = by_decoder(alone, piece_seed)
        gain = np.linalg.norm(ours.ravel()) / max(float(np.linalg.norm(sides.ravel())), 1e-9)
        stems[SOURCES.index(PART_STEM[name])] += sides * np.float32(gain)
    return stems


def as_stored(stems: Sound) -> NDArray[np.int16]:
    """int16, at one gain for which neither a stem nor the mix clips."""
    peak = max(float(np.abs(stems).max()), float(np.abs(stems.sum(0)).max()), 1e-6)
    return np.asarray(np.rint(stems * (32000 / peak)), np.int16)


WAYS: Mapping[str, Callable[[int], Sound]] = {
    "": training_song,
    "varied": lambda seed: training_song(seed, vary=True),
    "engine": by_engine,
    "field": field_song,
}


def write_songs(out: Path, seeds: Sequence[int], way: str = "") -> None:
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for count, seed in enumerate(seeds, 1):
        path = out / f"{way}{seed}.npy"
        if not path.exists():
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.save(file, as_stored(WAYS[way](seed)))
            part.replace(path)
        if count % 20 == 0:
            print(f"{count} of {len(seeds)} songs, {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/splitter"))
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--songs", type=int, default=400)
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--engine", dest="way", action="store_const", const="engine", default="",
                      help="what the engine plays, as OUT/engineSEED.npy")  # fmt: skip
    ways.add_argument("--varied", dest="way", action="store_const", const="varied",
                      help="sounds far from the soundfonts', as OUT/variedSEED.npy")  # fmt: skip
    ways.add_argument("--field", dest="way", action="store_const", const="field",
                      help="what recordings bring besides, as OUT/fieldSEED.npy")  # fmt: skip
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds: list[int] = []
    seed = options.first_seed
    while len(seeds) < options.songs:
        seeds += [seed] if seed % 10 else []
        seed += 1
    with torch.inference_mode():
        write_songs(options.out, seeds, options.way)


if __name__ == "__main__":
    main()
