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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from diffusion.embedded.decoder.decoder import Decoder, hits_of, tones_of
from diffusion.embedded.decoder.room import new_room, pan
from diffusion.embedded.engine import EmbeddedEngine, weights_folder
from diffusion.embedded.performance import PART_STEM, Part, Performance
from diffusion.embedded.voice.singer import Singer, sung_notes
from diffusion.embedded.voice.timing import SungNote
from diffusion.engine import Conditions
from midi.grid import Grid
from midi.key import Key
from training.compose import Piece, compose
from training.held_out import melody_of
from training.judge_voice import world_render
from training.oscillators import play_patch
from training.sampled_drums import play_samples
from training.sounds import DRUM_BANK, KITS, PROGRAMS, SAMPLE_RATE, Event, Soundfont
from training.speaking import Speaker
from training.speech import speak_as

SOURCES = ("drums", "bass", "melody", "vocals")
SECONDS = 12.0
FRAMES = int(SECONDS * SAMPLE_RATE)

SF2, SF3 = Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3")
# What is learnt from: both MIT (the second with parts in the public domain and CC0).
FONTS = (SF2 / "FluidR3_GM.sf2", SF3 / "MuseScore_General_Lite.sf3")
# Judged with only: GPL-2, nothing is learnt from it.
UNSEEN_FONT = SF2 / "TimGM6mb.sf2"
# General MIDI programs that a part may be played with, beside the piece's own.
CHOICES: Mapping[str, tuple[int, ...]] = {
    "drums": (0, 8, 16, 24, 25, 32, 40),
    "bass": (32, 33, 34, 35, 36, 37, 38, 39, 43, 58),
    "comp": (*range(0, 8), *range(16, 32), *range(44, 55), *range(88, 96)),
    "lead": (*range(0, 15), *range(22, 32), *range(40, 47), *range(56, 58), *range(59, 88)),
}
# espeak-ng's voices, and how much shorter than the speaker's the throat is made.
VOICES = (
    ("en-us+klatt", 1.0), ("en-us+klatt2", 1.13), ("en-us+klatt4", 1.05), ("en-us+f1", 1.0),
    ("en-us+f2", 1.05), ("en-us+m1", 1.0), ("en-us+m3", 0.95), ("en-us+m5", 1.0),
)  # fmt: skip
UNSEEN_VOICES = (("en-us+f4", 1.0), ("en-us+m7", 1.0))
# Root mean square in dBFS of each part while it sounds.
LEVEL_DB = {"drums": -20.0, "bass": -20.0, "comp": -25.0, "lead": -23.0, "vocals": -21.0}
Sound = NDArray[np.float32]


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
def _font(path: Path) -> Soundfont:
    return Soundfont(path)


@cache
def _decoder() -> Decoder:
    return Decoder.load(weights_folder() / "decoder-v1.safetensors")


@cache
def _singer() -> Singer:
    return Singer.load(weights_folder() / "voice-v1.safetensors")


@cache
def _engine() -> EmbeddedEngine:
    engine = EmbeddedEngine()
    engine.load(lambda stage, fraction: None)
    return engine


@cache
def _speaker() -> Speaker:
    return Speaker()


def by_soundfont(path: Path, part: Part, grid: Grid, program: int | None, drums: bool) -> Sound:
    """A part played by a soundfont, mono; `program` None is the part's own timbre."""
    if drums:
        program = KITS[part.timbre] if program is None else program
        events = [
            Event(round(n.start_beats * 60 / grid.bpm * SAMPLE_RATE), FRAMES, n.pitch,
                  max(1, round(n.velocity * 127)))
            for n in part.notes
        ]  # fmt: skip
        return _font(path).play(events, FRAMES, program=program, bank=DRUM_BANK)
    program = PROGRAMS[part.timbre] if program is None else program
    events = [
        Event(round(t.start), int(t.held_seconds * SAMPLE_RATE), t.pitch,
              max(1, round(t.velocity * 127)))
        for t in tones_of(part, grid, SAMPLE_RATE)
    ]  # fmt: skip
    return _font(path).play(events, FRAMES, program=program)


def by_singer(part: Part, grid: Grid, seed: int, throat: int) -> Sound:
    """A part sung by the product's voice, its formants moved down by `throat` semitones.

    It is sung higher and faster at a higher rate by the same factor, then heard at ours.
    """
    factor = 2 ** (throat / 12)
    faster = Grid.constant(round(grid.bpm * factor, 3), grid.meter, grid.bars)
    notes = [replace(n, pitch=n.pitch + throat) for n in part.notes]
    sung = _singer().sing(notes, part.timbre, faster, round(SAMPLE_RATE * factor), seed)
    return np.asarray(sung[:FRAMES], np.float32)


def by_speech(part: Part, grid: Grid, seed: int, voice: tuple[str, float]) -> Sound:
    """A part sung by speech of espeak-ng's, stretched and tuned through WORLD."""
    draw = np.random.default_rng([seed, 5])
    out = np.zeros(FRAMES + SAMPLE_RATE * 30, np.float32)
    for phrase in _legato(sung_notes(list(part.notes), grid)):
        while len(phrase) > 1:  # an utterance has two syllables at least
            utterance = speak_as(_speaker(), int(draw.integers(1, 1 << 30)), *voice)
            if utterance is None or len(utterance.syllables) > len(phrase):
                continue
            group, phrase = phrase[: len(utterance.syllables)], phrase[len(utterance.syllables) :]
            first = group[0].start_seconds - 0.6
            moved = [
                replace(n, start_seconds=n.start_seconds - first, end_seconds=n.end_seconds - first,
                        syllable=s)
                for n, s in zip(group, utterance.syllables, strict=True)
            ]  # fmt: skip
            frames = int((moved[-1].end_seconds + 0.4) * SAMPLE_RATE)
            sound = world_render(utterance, moved, _singer().durations, frames, seed)
            at = round(first * SAMPLE_RATE)
            sound, at = sound[max(0, -at) :], max(0, at)
            room = out[at : at + len(sound)]
            room += sound[: len(room)]
    return out[:FRAMES]


def _legato(line: Sequence[SungNote]) -> list[list[SungNote]]:
    """The line cut at rests of a second; shorter ones are sung through."""
    phrases: list[list[SungNote]] = []
    for note in line:
        if phrases and note.start_seconds - phrases[-1][-1].end_seconds < 1.0:
            phrases[-1][-1] = replace(phrases[-1][-1], end_seconds=note.start_seconds)
            phrases[-1].append(note)
        else:
            phrases.append([note])
    return phrases


def played(name: str, part: Part, grid: Grid, seed: int, draw: np.random.Generator) -> Sound:
    """A part in one of the ways that training hears it, mono (FRAMES,)."""
    way = draw.random()
    font = FONTS[int(draw.integers(len(FONTS)))]
    if name == "vocals":
        if way < 0.6:
            return by_singer(part, grid, seed, int(draw.integers(-3, 4)))
        return by_speech(part, grid, seed, VOICES[int(draw.integers(len(VOICES)))])
    if way < 0.25:
        if name == "drums":
            return play_samples(hits_of(part, grid, SAMPLE_RATE), FRAMES, draw)
        return play_patch(tones_of(part, grid, SAMPLE_RATE), FRAMES, name, draw)
    own = way < 0.55
    program = None if own else int(draw.choice(CHOICES[name]))
    return by_soundfont(font, part, grid, program, name == "drums")


def placed(sound: Sound, level_db: float, place: float, room_db: float, decay: float) -> Sound:
    """(2, FRAMES) of a mono sound at a level, in its place, in a room that dies in `decay` s."""
    heard = np.abs(sound) > 1e-3 * max(float(np.abs(sound).max()), 1e-9)
    rms = float(np.sqrt(np.square(sound[heard]).mean())) if heard.any() else 1.0
    sides = pan(torch.from_numpy(sound * np.float32(10 ** (level_db / 20) / rms)), place)
    if room_db > -40:
        response = new_room(SAMPLE_RATE)
        fade = 10 ** (-3 * torch.arange(response.shape[1]) / SAMPLE_RATE * (1 / decay - 1 / 0.45))
        wet = _convolved(sides, response * fade.clamp(max=30.0))
        sides = sides + wet * 10 ** (room_db / 20)
    return np.asarray(sides.numpy(), np.float32)


def _convolved(sides: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
    size = 1 << (sides.shape[1] + response.shape[1]).bit_length()
    spectrum = torch.fft.rfft(sides, size) * torch.fft.rfft(response, size)
    return torch.fft.irfft(spectrum, size)[:, : sides.shape[1]]


def training_song(seed: int) -> Sound:
    """(stems, 2, FRAMES) of the song of a seed that does not end in 0."""
    draw = np.random.default_rng([seed, 77])
    excerpt = excerpt_of(compose(seed), draw)
    if draw.random() < 0.3:
        return by_decoder(excerpt, seed)
    stems = np.zeros((len(SOURCES), 2, FRAMES), np.float32)
    decay, room_db = draw.uniform(0.2, 0.45), draw.uniform(-26, -8)
    for name, part in excerpt.performance.parts.items():
        sound = played(name, part, excerpt.grid, seed, draw)
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
    return np.rint(stems * (32000 / peak)).astype(np.int16)


def write_songs(out: Path, seeds: Sequence[int], engine: bool = False) -> None:
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for count, seed in enumerate(seeds, 1):
        path = out / f"engine{seed}.npy" if engine else out / f"{seed}.npy"
        if not path.exists():
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.save(file, as_stored(by_engine(seed) if engine else training_song(seed)))
            part.replace(path)
        if count % 20 == 0:
            print(f"{count} of {len(seeds)} songs, {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/splitter"))
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--songs", type=int, default=400)
    parser.add_argument("--engine", action="store_true",
                        help="what the engine plays, as OUT/engineSEED.npy")  # fmt: skip
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds: list[int] = []
    seed = options.first_seed
    while len(seeds) < options.songs:
        seeds += [seed] if seed % 10 else []
        seed += 1
    with torch.inference_mode():
        write_songs(options.out, seeds, options.engine)


if __name__ == "__main__":
    main()
