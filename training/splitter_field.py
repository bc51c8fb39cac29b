"""Songs of what recordings bring and the composer does not: the splitter meets it in the field.

Low and bowed tunes, distorted guitars, pads, choirs, speech, hand drums, held synthesizer basses;
mixed, compressed and coded as releases are. Notes are drawn here by simple rules, so that a song
costs a second and not ten. Sounds are mono, (FRAMES,) at 44.1 kHz; songs (stems, 2, FRAMES).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.decoder.drum_hits import Hit
from diffusion.embedded.decoder.harmonic import Tone
from diffusion.embedded.performance import DRUMS
from training.drum_synthesis import play_kit
from training.oscillators import play_patch
from training.sampled_drums import play_samples
from training.sounds import DRUM_BANK, SAMPLE_RATE, Event, Soundfont
from training.splitter_choirs import sung_chords
from training.splitter_sounds import FONTS, FRAMES, SECONDS, TUNED, font_of
from training.splitter_speech import spoken
from training.splitter_studio import coded, compression, driven, filtered, in_a_hall, swept

Sound = NDArray[np.float32]
Draw = np.random.Generator
# General MIDI programs, and the pitches between which their tunes lie.
LOW_TUNES = (
    *((program, 36, 58) for program in (42, 42, 42, 41, 48, 49, 44, 70, 57, 60, 67, 71, 45)),
    *((program, 31, 60) for program in (0, 1, 2, 3, 4, 5, 16, 18, 19, 21, 24, 25, 26, 27, 11, 12)),
)
PADS = (48, 49, 50, 51, 88, 89, 90, 92, 93, 94, 95, 16, 19, 20)
HIGH_TUNES = (
    *range(0, 16), *range(21, 29), 40, 41, 44, 45, 46, 56, 59, *range(64, 85), *range(104, 112),
)  # fmt: skip
BASSES = (32, 33, 34, 35, 36, 37, 38, 39)
HAND_DRUMS = (41, 43, 45, 47, 48, 50, 54, 56, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 75, 76)
CODED, COMPRESSED = 0.2, 0.4  # of the songs
LEVELS_DB = (-20.0, -20.0, -22.0, -20.0)  # root mean square while it sounds, by stem


@dataclass(frozen=True, slots=True)
class Harmony:
    """A tempo, and a chord of three or four pitch classes for each half bar."""

    bpm: float
    chords: tuple[tuple[int, ...], ...]

    def chord_at(self, seconds: float) -> tuple[int, ...]:
        return self.chords[int(seconds * self.bpm / 120) % len(self.chords)]


def harmony_of(draw: Draw) -> Harmony:
    tonic, scale = int(draw.integers(12)), (0, 2, 4, 5, 7, 9, 11)
    if draw.random() < 0.5:
        scale = (0, 2, 3, 5, 7, 8, 10)
    chords = []
    for _ in range(8):
        root, size = int(draw.integers(7)), 3 + int(draw.random() < 0.3)
        chords.append(tuple((tonic + scale[(root + 2 * k) % 7]) % 12 for k in range(size)))
    return Harmony(float(draw.uniform(65, 175)), tuple(chords))


def field_song(seed: int) -> Sound:
    """(stems, 2, FRAMES) of the song of a seed."""
    draw = np.random.default_rng([seed, 79])
    harmony = harmony_of(draw)
    stems = np.zeros((4, 2, FRAMES), np.float32)
    for index, play in enumerate((drums, bass, melody, vocals)):
        sound = play(harmony, draw)
        level = LEVELS_DB[index] + draw.normal(0, 3)
        dry = index == 1 or draw.random() < 0.25
        stems[index] = in_a_hall(sound, level, 0.0 if dry else float(draw.uniform(0.05, 0.6)), draw)
    if draw.random() < COMPRESSED:
        stems *= compression(stems.sum(0), draw)
    if draw.random() < CODED:
        quality = float(draw.uniform(0.4, 0.9))
        stems = np.stack([coded(stem, quality) for stem in stems])
    return stems


def drums(harmony: Harmony, draw: Draw) -> Sound:
    """A groove of a bar with changes, on a kit of any kind, or hand drums."""
    step = 60 / harmony.bpm / 4
    count = int(SECONDS / step)
    by_hand = draw.random() < 0.2
    names = list(DRUMS)
    densities = {
        "kick": 0.28, "snare": 0.2, "closed_hat": 0.6, "open_hat": 0.08, "ride": 0.3, "shaker": 0.4
    }  # fmt: skip
    pieces = [name for name in names if draw.random() < 0.55] or ["kick"]
    hits: list[tuple[int, str, float]] = []
    for piece in pieces:
        density = densities.get(piece, 0.07) * draw.uniform(0.5, 1.5)
        bar = (draw.random(16) < density) * draw.uniform(0.35, 1.0, 16)
        for at in range(count):
            velocity = bar[at % 16] if draw.random() > 0.06 else draw.uniform(0, 0.6)
            if velocity > 0.25:
                hits.append((at, piece, float(velocity)))
    late = draw.normal(0, 0.004, max(len(hits), 1))
    starts = [max(0.0, (at * step + float(d))) for (at, _, _), d in zip(hits, late, strict=False)]
    way = draw.random()
    if way < 0.45 and not by_hand:
        strokes = [
            Hit(s * SAMPLE_RATE, piece, v) for s, (_, piece, v) in zip(starts, hits, strict=True)
        ]
        play = play_kit if way < 0.28 else play_samples
        return play([hit for hit in strokes if hit.start < FRAMES], FRAMES, draw)
    skins = {piece: int(draw.choice(HAND_DRUMS)) if by_hand else DRUMS[piece] for piece in names}
    events = [
        Event(round(s * SAMPLE_RATE), SAMPLE_RATE, skins[piece], max(1, round(v * 127)))
        for s, (_, piece, v) in zip(starts, hits, strict=True)
    ]  # fmt: skip
    program = int(draw.choice((0, 8, 16, 24, 25, 32, 40)))
    return _font(draw).play(events, FRAMES, program=program, bank=DRUM_BANK)


def bass(harmony: Harmony, draw: Draw) -> Sound:
    """A line on the chords' roots, by any bass; a third are held synthesizers."""
    notes = line(harmony, draw, 26, 50, draw.choice([0.25, 0.5, 1.0, 2.0]), roots=0.75)
    way = draw.random()
    if way < 0.4:
        sound = play_patch(notes, FRAMES, "bass", draw)
    else:
        sound = by_font(notes, int(draw.choice(BASSES)), draw)
    if draw.random() < 0.3:
        sound = driven(sound, draw.uniform(1.5, 6))
    return swept(sound, draw) if way < 0.4 and draw.random() < 0.4 else sound


def melody(harmony: Harmony, draw: Draw) -> Sound:
    """A low tune, a pad, a distorted guitar, a high tune or arpeggios; two of them in a third."""
    sound = _one_melody(harmony, draw)
    if draw.random() < 0.33:
        loud = np.sqrt(np.square(sound).mean()) + 1e-9
        other = _one_melody(harmony, draw)
        sound = sound / loud + other / (np.sqrt(np.square(other).mean()) + 1e-9)
    return np.asarray(sound, np.float32)


def _one_melody(harmony: Harmony, draw: Draw) -> Sound:
    way = draw.random()
    beats = float(draw.choice([0.25, 0.5, 0.5, 1.0, 2.0]))
    if way < 0.32:
        program, low, high = LOW_TUNES[int(draw.integers(len(LOW_TUNES)))]
        notes = line(harmony, draw, low, high, beats * 2, roots=0.3)
        if draw.random() < 0.4:
            notes = [*notes, *chords(harmony, draw, low, high + 5, 2.0)]
        return by_font(notes, program, draw)
    if way < 0.5:
        low = int(draw.integers(33, 60))
        notes = chords(harmony, draw, low, low + 24, 2.0)
        if draw.random() < 0.35:
            return swept(play_patch(notes, FRAMES, "comp", draw), draw)
        return by_font(notes, int(draw.choice(PADS)), draw)
    if way < 0.72:
        return guitar(harmony, draw)
    if way < 0.9:
        program, low = int(draw.choice(HIGH_TUNES)), int(draw.integers(52, 72))
        return by_font(line(harmony, draw, low, low + 20, beats, roots=0.2), program, draw)
    low = int(draw.integers(38, 74))
    return play_patch(line(harmony, draw, low, low + 24, 0.25, roots=0.3), FRAMES, "lead", draw)


def guitar(harmony: Harmony, draw: Draw) -> Sound:
    """Riffs of fifths and single strings through a distortion and a cabinet."""
    beats = float(draw.choice([0.25, 0.5, 0.5, 1.0, 4.0]))
    notes = line(harmony, draw, 36, 56, beats, roots=0.8)
    if draw.random() < 0.75:
        notes = [
            Tone(n.start, n.held_seconds, n.pitch + up, n.velocity)
            for n in notes
            for up in (0, 7, 12)
        ]
    program = int(draw.choice((25, 26, 27, 28, 29, 30, 29, 30)))
    sound = driven(by_font(notes, program, draw), float(10 ** draw.uniform(0.3, 1.8)))
    return filtered(
        sound, [float(draw.uniform(60, 140)), float(draw.uniform(3500, 7000))], "bandpass"
    )


def vocals(harmony: Harmony, draw: Draw) -> Sound:
    """Speech, a choir of sung vowels, or a soundfont's choir."""
    way = draw.random()
    if way < 0.5:
        return spoken(draw, FRAMES)
    low = int(draw.integers(38, 64))
    notes = chords(harmony, draw, low, low + 22, float(draw.choice([2.0, 4.0])))
    if draw.random() < 0.3:
        notes = line(harmony, draw, low, low + 16, float(draw.choice([1.0, 2.0])), roots=0.2)
    if way < 0.8:
        return sung_chords(notes, FRAMES, draw)
    return by_font(notes, int(draw.choice((52, 53, 52, 91))), draw)


def line(
    harmony: Harmony, draw: Draw, low: int, high: int, beats: float, *, roots: float
) -> list[Tone]:
    """A tune of notes about `beats` long between two pitches, with rests."""
    notes, at, pitch = [], 0.0, int(draw.integers(low, high + 1))
    tied = draw.uniform(0.5, 1.05)
    rest = draw.uniform(0, 0.35)
    while at < SECONDS - 0.1:
        length = beats * float(draw.choice([1.0, 1.0, 1.0, 2.0, 0.5])) * 60 / harmony.bpm
        if draw.random() >= rest:
            chord = harmony.chord_at(at)
            tone = chord[0] if draw.random() < roots else int(draw.choice(chord))
            near = [p for p in range(low, high + 1) if p % 12 == tone] or [low]
            pitch = min(near, key=lambda p: abs(p - pitch + 2 * draw.normal()))
            velocity = float(draw.uniform(0.5, 1.0))
            notes.append(Tone(at * SAMPLE_RATE, length * tied, pitch, velocity))
        at += length
    return notes


def chords(harmony: Harmony, draw: Draw, low: int, high: int, beats: float) -> list[Tone]:
    """Held chords of every note between two pitches that belongs, thinned by chance."""
    notes, at, length = [], 0.0, beats * 60 / harmony.bpm
    kept = draw.uniform(0.4, 0.9)
    while at < SECONDS - 0.1:
        chord = harmony.chord_at(at)
        notes += [
            Tone(at * SAMPLE_RATE, length, pitch, float(draw.uniform(0.5, 0.9)))
            for pitch in range(low, high + 1)
            if pitch % 12 in chord and draw.random() < kept
        ]
        at += length
    return notes


def by_font(notes: Sequence[Tone], program: int, draw: Draw) -> Sound:
    """The notes by a soundfont, its sounds made larger or smaller."""
    tuned = int(draw.choice(TUNED))
    events = [
        Event(round(n.start), int(n.held_seconds * SAMPLE_RATE), min(max(n.pitch + tuned, 0), 127),
              max(1, round(n.velocity * 127)))
        for n in notes
    ]  # fmt: skip
    return _font(draw, tuned).play(events, FRAMES, program=program)


def _font(draw: Draw, tuned: int = 0) -> Soundfont:
    return font_of(FONTS[int(draw.integers(len(FONTS)))], tuned)
