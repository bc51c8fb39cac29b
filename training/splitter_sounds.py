"""The ways a part of the splitter's songs is played: soundfonts, samples, synthesis, voices.

`played` is what the first songs were made with; `varied` goes further from the sounds there are: a
kit's pieces from several kits and tuned apart, instruments made larger or smaller, drums and
voices by the dozen. Sounds are mono, (FRAMES,) at 44.1 kHz.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.decibels import db_to_amplitude
from diffusion.embedded.decoder.decoder import hits_of, tones_of
from diffusion.embedded.engine import weights_folder
from diffusion.embedded.performance import DRUMS, Part
from diffusion.embedded.voice.singer import Singer, sung_notes
from diffusion.embedded.voice.timing import SungNote
from midi.grid import Grid
from training.drum_synthesis import play_kit
from training.judge_voice import world_render
from training.oscillators import play_patch
from training.sampled_drums import play_samples
from training.sounds import DRUM_BANK, KITS, PROGRAMS, SAMPLE_RATE, Event, Soundfont
from training.speaking import speaker
from training.speech import speak_as

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
    "bass": (32, 33, 34, 35, 36, 37, 38, 39),
    # without the choirs (52 to 54, 85, 91), which are vocals (training.splitter_field)
    "comp": (*range(0, 8), *range(16, 32), *range(44, 52), *range(88, 91), *range(92, 96)),
    "lead": (*range(0, 15), *range(22, 32), *range(40, 47), *range(56, 85), 86, 87),
}
# espeak-ng's voices, and how much shorter than the speaker's the throat is made.
VOICES = (
    ("en-us+klatt", 1.0), ("en-us+klatt2", 1.13), ("en-us+klatt4", 1.05), ("en-us+f1", 1.0),
    ("en-us+f2", 1.05), ("en-us+m1", 1.0), ("en-us+m3", 0.95), ("en-us+m5", 1.0),
)  # fmt: skip
UNSEEN_VOICES = (("en-us+f4", 1.0), ("en-us+m7", 1.0))
# What `varied` sings with, at throats of THROATS.
VARIED_VOICES = (
    *"klatt klatt2 klatt3 klatt4 klatt5 klatt6 f1 f2 f3 f5 m1 m2 m3 m4 m5 m6 m8 Andy Annie Alicia "
    "Denis Gene Jacky Lee Mario Michael aunty belinda benjamin boris david ed edward iven iven3 "
    "john kaukovalta linda marcelo max michel miguel norbert pablo paul pedro quincy rob robert "
    "sandro shelby steph steph2 travis victor zac anika grandma grandpa croak".split(),
)
THROATS = (0.92, 1.2)
TUNED = (-4, -2, 0, 2, 4)  # semitones by which an instrument is larger, or a drum lower
DRIVEN = 0.2  # of the varied sounds are overdriven
SHORTENED = 0.35  # of the pieces of a varied kit are damped
THUMPING = 0.5  # of the varied basses have strings that thump when struck
Sound = NDArray[np.float32]


@cache
def font_of(path: Path, tuned: int = 0) -> Soundfont:
    """A soundfont rendered at a higher rate, so that its sounds are `tuned` semitones lower."""
    return Soundfont(path, round(SAMPLE_RATE * 2 ** (tuned / 12)))


@cache
def _singer() -> Singer:
    return Singer(weights_folder() / "voice-v1.safetensors")


def by_soundfont(
    path: Path, part: Part, grid: Grid, program: int | None, drums: bool, tuned: int = 0
) -> Sound:
    """A part played by a soundfont; `program` None is the part's own timbre.

    Sounds are `tuned` semitones lower: drums are heard so, notes are played as much higher.
    """
    if drums:
        program = KITS[part.timbre] if program is None else program
        events = [
            Event(round(n.start_beats * 60 / grid.bpm * SAMPLE_RATE), FRAMES, n.pitch,
                  max(1, round(n.velocity * 127)))
            for n in part.notes
        ]  # fmt: skip
        return font_of(path, tuned).play(events, FRAMES, program=program, bank=DRUM_BANK)
    program = PROGRAMS[part.timbre] if program is None else program
    events = [
        Event(round(t.start), int(t.held_seconds * SAMPLE_RATE),
              min(t.pitch + tuned, 127),
              max(1, round(t.velocity * 127)))
        for t in tones_of(part, grid, SAMPLE_RATE)
    ]  # fmt: skip
    return font_of(path, tuned).play(events, FRAMES, program=program)


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
            utterance = speak_as(speaker(), int(draw.integers(1, 1 << 30)), *voice)
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
    """A part in one of the ways that training uses, mono (FRAMES,)."""
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


def varied(name: str, part: Part, grid: Grid, seed: int, draw: np.random.Generator) -> Sound:
    """As `played`, by sounds further from those of the soundfonts and of the product's voice."""
    way = draw.random()
    if name == "vocals":
        if way < 0.35:
            return by_singer(part, grid, seed, int(draw.integers(-4, 5)))
        voice = f"en-us+{VARIED_VOICES[int(draw.integers(len(VARIED_VOICES)))]}"
        return by_speech(part, grid, seed, (voice, draw.uniform(*THROATS)))
    if name == "drums":
        sound = _varied_kit(part, grid, draw)
    elif way < 0.2:
        sound = play_patch(tones_of(part, grid, SAMPLE_RATE), FRAMES, name, draw)
    else:
        program = None if way < 0.5 else int(draw.choice(CHOICES[name]))
        font, tuned = FONTS[int(draw.integers(len(FONTS)))], int(draw.choice(TUNED))
        sound = by_soundfont(font, part, grid, program, False, tuned)
    if name == "bass" and draw.random() < THUMPING:
        starts = [t.start for t in tones_of(part, grid, SAMPLE_RATE)]
        sound = sound + _thumps(starts, draw) * np.float32(np.abs(sound).max())
    if draw.random() < DRIVEN:
        loud = float(np.sqrt(np.square(sound).mean())) + 1e-9
        sound = np.tanh(sound * np.float32(draw.uniform(0.15, 0.6) / loud))
    return sound


def _varied_kit(part: Part, grid: Grid, draw: np.random.Generator) -> Sound:
    """The drums, every piece from a kit of its own, tuned, damped and as loud as it happens."""
    way = draw.random()
    hits = hits_of(part, grid, SAMPLE_RATE)
    if way < 0.3:
        return play_kit(hits, FRAMES, draw)
    if way < 0.45:
        return play_samples(hits, FRAMES, draw)
    out = np.zeros(FRAMES, np.float32)
    hats = {DRUMS["closed_hat"], DRUMS["open_hat"]}  # one chokes the other: they stay together
    for group in (hats, *({pitch} for pitch in DRUMS.values() if pitch not in hats)):
        notes = tuple(n for n in part.notes if n.pitch in group)
        if not notes:
            continue
        font, tuned = FONTS[int(draw.integers(len(FONTS)))], int(draw.choice(TUNED))
        program = None if draw.random() < 0.4 else int(draw.choice(CHOICES["drums"]))
        piece = by_soundfont(font, replace(part, notes=notes), grid, program, True, tuned)
        if draw.random() < SHORTENED:
            piece *= _damping([n.start_beats * 60 / grid.bpm for n in notes], draw)
        out += piece * np.float32(db_to_amplitude(draw.normal(0, 3)))
    return out


def _thumps(starts: Sequence[float], draw: np.random.Generator) -> Sound:
    """A low stroke at every start (frames), as of a finger on a string: peak of 1 at most."""
    hz, fall = draw.uniform(25, 90), 10 ** draw.uniform(-1.9, -0.8)
    t = np.arange(int(6 * fall * SAMPLE_RATE)) / SAMPLE_RATE
    swept = hz * (t + draw.uniform(0, 0.02) * (1 - np.exp(-t / 0.02)))
    stroke = np.sin(2 * np.pi * swept) * np.exp(-t / fall) * 10 ** draw.uniform(-0.7, 0.0)
    out = np.zeros(FRAMES + len(t), np.float32)
    for start in starts:
        at = min(max(round(start), 0), FRAMES)
        out[at : at + len(t)] += stroke * draw.uniform(0.5, 1)
    return out[:FRAMES]


def _damping(starts_seconds: Sequence[float], draw: np.random.Generator) -> Sound:
    """Gains (FRAMES,) that fall from 1 after every start, to a third within 30 to 400 ms."""
    starts = np.unique(np.clip(np.rint(np.array(starts_seconds) * SAMPLE_RATE), 0, FRAMES - 1))
    frames = np.arange(FRAMES)
    last = starts[np.maximum(np.searchsorted(starts, frames, "right") - 1, 0)]
    tau = SAMPLE_RATE * 10 ** draw.uniform(-1.5, -0.4)
    return np.asarray(np.exp(-np.maximum(frames - last, 0) / tau), np.float32)
