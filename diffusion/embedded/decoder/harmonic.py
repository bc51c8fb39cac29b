"""Pitched notes: a bank of exact oscillators, and noise, both driven by the networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from diffusion.embedded.decoder import sounds
from diffusion.embedded.decoder.network import Weights, features, one_of_bank, run_bank
from diffusion.embedded.decoder.noise import shaped_noise

HOP = 256  # frames between two moments at which the networks are evaluated
TAIL_SECONDS = 1.5
FADE_SECONDS = 0.0005
SWAY_SECONDS = 0.09
COARSE = 12  # moments between two of the first pass, which finds where a tone ends
BATCH = 32  # tones in one evaluation of the networks


@dataclass(frozen=True, slots=True)
class Tone:
    """A note by time: start in (fractional) frames, seconds held, MIDI pitch, velocity 0..1."""

    start: float
    held_seconds: float
    pitch: int
    velocity: float


Levels = tuple[Tone, Tensor, Tensor]  # a tone, its partials' amplitudes and noise levels by moment


class Instrument:
    """One timbre of the bank, ready to play at one sample rate."""

    def __init__(self, weights: Weights, timbre: str, sample_rate: int) -> None:
        sound = sounds.PITCHED.index(timbre)
        self._weights = one_of_bank(weights, "note", sound)
        self._stretch = weights["note_stretch"][sound]
        self._gain = float(weights["note_gain"][sound])
        self._phase = weights["note_phase"][sound] * (2 * math.pi)
        self._sway = weights["note_sway"][sound]
        self._sways = float(self._sway.max()) > 0.05
        self._below = sounds.BELOW.get(timbre, 1)
        self._pitches = sounds.pitches_of(timbre)
        self._rate = sample_rate
        self._basis = lru_cache(maxsize=sounds.KEYS)(self._new_basis)

    def play(self, tones: Sequence[Tone], frames: int, generator: torch.Generator) -> Tensor:
        """Mono float32 (frames,) of all tones."""
        out = torch.zeros(frames)
        levels = torch.zeros(frames // HOP + 2, sounds.BANDS)  # of noise, as power
        for tone, amplitudes, noise in self._all_levels(tones):
            first = math.floor(tone.start)
            sound = self._oscillate(tone, amplitudes, generator)[: frames - first]
            out[first : first + len(sound)] += sound
            _add_power(levels, noise, first)
        out += shaped_noise(levels.sqrt(), HOP, frames, self._rate, generator)
        return out.mul_(self._gain)

    def _all_levels(self, tones: Sequence[Tone]) -> Iterator[Levels]:
        """Each tone with its partials' amplitudes and noise levels at its moments, in batches."""
        for first in range(0, len(tones), BATCH):
            batch = []
            coarse = [(tone, self._ages(tone)[::COARSE]) for tone in tones[first:][:BATCH]]
            for tone, partials, _ in self._levels(coarse):  # how long each is audible
                batch.append((tone, self._ages(tone)[: len(partials) * COARSE + 1]))
            yield from self._levels(batch)

    def _ages(self, tone: Tone) -> Tensor:
        """A tone's age in seconds at all its moments."""
        count = math.ceil((tone.held_seconds + TAIL_SECONDS) * self._rate / HOP) + 2
        late = math.floor(tone.start) - tone.start
        return (torch.arange(count, dtype=torch.float64) * HOP + late) / self._rate

    def _levels(self, batch: Sequence[tuple[Tone, Tensor]]) -> Iterator[Levels]:
        age = torch.cat([ages for _, ages in batch]).float()
        release = torch.cat([ages - tone.held_seconds for tone, ages in batch]).float()
        counts = torch.tensor([len(ages) for _, ages in batch])
        velocity = torch.tensor([tone.velocity for tone, _ in batch]).repeat_interleave(counts)
        key = torch.tensor(
            [self._nearest(tone.pitch) - sounds.LOWEST_PITCH for tone, _ in batch]
        ).repeat_interleave(counts)
        given = features(age, release, velocity)[None]
        log_levels = run_bank(self._weights, "note", given, key[None])[0]
        level = audible(log_levels) * ((TAIL_SECONDS - release) / 0.1).clamp(0, 1)[:, None]
        for (tone, _), mine in zip(batch, level.split(counts.tolist()), strict=True):
            loud = (mine > 0).any(1).nonzero()
            mine = mine[: int(loud[-1]) + 2] if len(loud) else mine[:1]
            yield tone, mine[:, : sounds.PARTIALS], mine[:, sounds.PARTIALS :]

    def _nearest(self, pitch: int) -> int:
        return min(max(pitch, self._pitches[0]), self._pitches[-1])

    def _new_basis(self, pitch: int) -> tuple[Tensor, Tensor]:
        """Turns a frame (partials,), and one hop of sine and cosine, fading out and in.

        The second is (4 * partials, HOP): rows for cosine and sine of the amplitudes at the
        moment before, then at the moment after.
        """
        stretch = float(self._stretch[self._nearest(pitch) - sounds.LOWEST_PITCH])
        # The second partial is put in tune: the first is slightly flat, the third equally sharp.
        in_tune = sounds.equal_hz(pitch) / math.sqrt(1 + 4 * stretch)
        hz = sounds.partials_hz(in_tune / self._below, stretch)
        hz = hz[hz < 0.45 * self._rate]
        omega = hz * (2 * math.pi / self._rate)
        place = torch.arange(HOP, dtype=torch.float64)
        turns = omega[:, None] * place
        fade = place / HOP
        sine, cosine = turns.sin(), turns.cos()
        rows = [cosine * (1 - fade), -sine * (1 - fade), cosine * fade, -sine * fade]
        return omega, torch.cat(rows).float()

    def _oscillate(self, tone: Tone, amplitudes: Tensor, generator: torch.Generator) -> Tensor:
        """Mono sound from the frame the start falls in; amplitudes (moments, PARTIALS)."""
        omega, basis = self._basis(tone.pitch)
        count = len(omega)
        moments = torch.arange(len(amplitudes) - 1, dtype=torch.float64)
        late = math.floor(tone.start) - tone.start  # of the first frame, in (-1, 0]
        turns = (omega * (moments[:, None] * HOP + late)).remainder(2 * math.pi).float()
        turns += self._phase[:count]
        amplitudes = amplitudes[:, :count]
        if self._sways:
            swell, drift = self._sway_of(len(amplitudes), count, generator)
            amplitudes = amplitudes * swell.exp()
            start, end = turns + drift[:-1], turns + drift[1:]
        else:
            start = end = turns
        before, after = amplitudes[:-1], amplitudes[1:]
        rows = [start.cos() * before, start.sin() * before, end.cos() * after, end.sin() * after]
        sound = (torch.cat(rows, 1) @ basis).flatten()
        fade = max(1, int(FADE_SECONDS * self._rate))
        rise = ((torch.arange(fade) + late) / fade).clamp(0, 1)
        sound[:fade] *= rise * rise * (3 - 2 * rise)
        return sound

    def _sway_of(
        self, moments: int, partials: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """How partials waver, (moments, partials): in nepers, and in radians as much.

        Random at every SWAY_SECONDS and linear between.
        """
        step = SWAY_SECONDS * self._rate / HOP
        draw = torch.randn((2, partials, int(moments / step) + 2), generator=generator)
        draw[:, :, 0] = 0
        place = torch.arange(moments) / step
        whole = place.long()
        part = place - whole
        walk = draw[:, :, whole] * (1 - part) + draw[:, :, whole + 1] * part
        return tuple((walk * self._sway[:partials, None]).transpose(1, 2))


def audible(log_levels: Tensor) -> Tensor:
    """Linear levels of a network's output (natural log above FLOOR); silence at the floor."""
    return (torch.exp(log_levels + sounds.FLOOR) - 1.5 * math.exp(sounds.FLOOR)).clamp(min=0)


def _add_power(levels: Tensor, noise: Tensor, first: int) -> None:
    """Adds a tone's noise (moments, BANDS), given from frame `first` on, to the whole piece's."""
    whole, rest = divmod(first, HOP)
    part = rest / HOP  # this far behind moment `whole`, so the next moment is 1 - part away
    padded = torch.nn.functional.pad(noise, (0, 0, 0, 1))
    moved = padded[:-1] * part + padded[1:] * (1 - part) if rest else noise
    at = whole + (1 if rest else 0)
    moved = moved[: max(0, len(levels) - at)]
    levels[at : at + len(moved)] += moved.square()
