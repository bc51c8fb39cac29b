"""The decoder: a Performance and a grid in, one stereo clip a stem out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from audio.clip import Clip
from audio.decibels import db_to_amplitude
from audio.stem_names import STEMS
from diffusion.embedded.decoder.drum_hits import LONGEST_SECONDS, Hit, Kit
from diffusion.embedded.decoder.harmonic import Instrument, Tone
from diffusion.embedded.decoder.room import add_room, new_room, pan
from diffusion.embedded.performance import DRUMS, PART_STEM, Part, Performance
from diffusion.embedded.voice.singer import Singer
from diffusion.errors import Cancelled, check_choice
from midi.grid import Grid

VOICE_FILE = "voice-v1.safetensors"
END_FADE_SECONDS = 0.005
RING_SECONDS = LONGEST_SECONDS + 0.5  # the longest sound that a note leaves, and the room's
# Parts are played in parallel, each on one thread: torch's operations are too small here to be
# divided, and on a busy machine threads that wait for each other spin for minutes.
WORKERS = 2

# Pan of each part and piece, -1 left .. 1 right, and the level of the room's response to it.
PLACES: Mapping[str, float] = {"bass": 0.0, "comp": -0.22, "lead": 0.1, "vocals": 0.0}
PIECE_PLACES: Mapping[str, float] = {
    "closed_hat": 0.25,
    "open_hat": 0.25,
    "high_tom": 0.3,
    "mid_tom": 0.05,
    "low_tom": -0.3,
    "crash": -0.35,
    "ride": -0.3,
    "shaker": -0.2,
    "side_stick": 0.08,
    "clap": 0.05,
}
ROOM_DB: Mapping[str, float] = {"drums": -19.0, "comp": -15.0, "lead": -14.0, "vocals": -14.0}
DRY_PIECES = ("kick",)


class Decoder:
    """The trained decoder: holds the weights, and the voice once one was asked for."""

    def __init__(self, weights: Path) -> None:
        """Read a .safetensors file; the voice beside it, VOICE_FILE, is read when first needed."""
        self._weights = read_weights(weights)
        self._voice = weights.with_name(VOICE_FILE)
        self._singer: Singer | None = None

    def render(
        self,
        performance: Performance,
        grid: Grid,
        sample_rate: int,
        *,
        stems: Sequence[str],
        seed: int,
        tail_frames: int = 0,
        wraps: bool = False,
        progress: Callable[[float], None] = lambda done: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Clip]:
        """One stereo clip (2, grid.frames(sample_rate) + tail_frames) for each asked stem.

        Notes start at grid.seconds_at of their start, to a fraction of a frame. A stem's sound
        depends on its own parts and the seed alone; equal arguments give equal samples. With
        `wraps`, of a loop, what rings on over the end sounds at the beginning; else the end is cut
        off with a fade. Raises
        EngineError for an unknown stem, Cancelled when `cancelled` says so between two parts.
        """
        for stem in stems:
            check_choice("stem", stem, STEMS)
        parts = [
            (name, performance.parts[name])
            for name in PART_STEM
            if PART_STEM[name] in stems and name in performance.parts
        ]
        frames = grid.frames(sample_rate) + tail_frames
        played = frames + (math.ceil(RING_SECONDS * sample_rate) if wraps else 0)
        sounds = {stem: torch.zeros(2, frames) for stem in stems}
        response = new_room(sample_rate)

        def play(job: tuple[str, Part]) -> tuple[str, Tensor]:
            if cancelled():
                raise Cancelled("the decoding was cancelled")
            with torch.inference_mode():
                sound = self._part(*job, grid, played, sample_rate, seed, response)
                return job[0], _wrapped(sound, frames)

        with ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for done, (name, sound) in enumerate(pool.map(play, parts)):
                sounds[PART_STEM[name]] += sound
                progress((done + 1) / len(parts))
        fade = min(frames, max(1, round(END_FADE_SECONDS * sample_rate)))
        for sound in sounds.values() if not wraps else ():
            sound[:, frames - fade :] *= torch.linspace(1, 0, fade)
        return {stem: Clip(sounds[stem].numpy(), sample_rate) for stem in stems}

    def _part(
        self,
        name: str,
        part: Part,
        grid: Grid,
        frames: int,
        sample_rate: int,
        seed: int,
        response: Tensor,
    ) -> Tensor:
        """Stereo sound (2, frames) of one part in its place in the room."""
        generator = torch.Generator().manual_seed(seed * 8 + list(PART_STEM).index(name))
        if name == "drums":
            sound = torch.zeros(2, frames)
            kit = Kit(self._weights, part.timbre, sample_rate)
            hits = hits_of(part, grid, sample_rate)
            wet = [hit for hit in hits if hit.piece not in DRY_PIECES]
            kit.play(wet, sound, generator, PIECE_PLACES)
        elif name == "vocals":
            self._singer = self._singer or Singer(self._voice)
            line = self._singer.sing(part.notes, part.timbre, grid, sample_rate, seed)
            line = np.pad(line, (0, frames - len(line)))
            sound = pan(torch.from_numpy(line), PLACES[name])
        else:
            instrument = Instrument(self._weights, part.timbre, sample_rate)
            mono = instrument.play(tones_of(part, grid, sample_rate), frames, generator)
            sound = pan(mono, PLACES[name])
        if name in ROOM_DB:
            add_room(sound, response, ROOM_DB[name])
        if name == "drums":
            dry = [hit for hit in hits if hit.piece in DRY_PIECES]
            kit.play(dry, sound, generator, PIECE_PLACES)
        return sound.mul_(db_to_amplitude(part.gain_db))


def _wrapped(sound: Tensor, frames: int) -> Tensor:
    """The first `frames` of `sound`, and what comes after them on top of them."""
    whole = sound[:, :frames]
    for first in range(frames, sound.shape[1], frames):
        rest = sound[:, first : first + frames]
        whole[:, : rest.shape[1]] += rest
    return whole


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a decoder's file in float32."""
    return {name: tensor.float() for name, tensor in load_file(path).items()}


def tones_of(part: Part, grid: Grid, sample_rate: int) -> list[Tone]:
    """The part's notes by time; those that start outside the grid are left out."""
    end = float(grid.seconds)
    tones = []
    for note in part.notes:
        start = float(grid.seconds_at(note.start_beats))
        held = float(grid.seconds_at(note.start_beats + note.length_beats)) - start
        if 0 <= start < end:
            tones.append(Tone(start * sample_rate, held, note.pitch, note.velocity))
    return tones


def hits_of(part: Part, grid: Grid, sample_rate: int) -> list[Hit]:
    """The part's strokes by time; a closed hat chokes the open hats that ring on into it."""
    pieces = {pitch: piece for piece, pitch in DRUMS.items()}
    end = float(grid.seconds)
    strokes = sorted(
        (float(grid.seconds_at(note.start_beats)), pieces[note.pitch], note.velocity)
        for note in part.notes
        if note.pitch in pieces
    )
    closings = [start for start, piece, _ in strokes if piece == "closed_hat"]
    hits = []
    for start, piece, velocity in strokes:
        if 0 <= start < end:
            later = (c - start for c in closings if c > start)
            choke = next(later, math.inf) if piece == "open_hat" else math.inf
            hits.append(Hit(start * sample_rate, piece, velocity, choke))
    return hits
