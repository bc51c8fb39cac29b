"""The singing voice: notes with syllables in, a sung line out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from audio.clip import Samples
from diffusion.embedded.performance import TIMBRES, Played
from diffusion.embedded.voice.contour import Floats, loudness, pitch_hz, shape_db
from diffusion.embedded.voice.network import ENVELOPE_POINTS, FRAME_SECONDS, Spectra, VoiceNet
from diffusion.embedded.voice.phonemes import Syllable
from diffusion.embedded.voice.sound import add_at, add_noise, add_pulses, pulse_times
from diffusion.embedded.voice.timing import (
    Durations,
    Segment,
    SungNote,
    frame_context,
    place_sounds,
)
from diffusion.errors import check_choice
from midi.grid import Grid

VOICES = TIMBRES["vocals"]
CARRIED = "-"
# Frames rendered at once, and the frames around them that the network's view reaches.
CHUNK_FRAMES = 4000
MARGIN_FRAMES = 40
# How long a chunk's last pulses and noise ring on.
RING_SECONDS = 0.06
# The network was trained on these notes; others get the spectrum of the nearest.
TRAINED_PITCH = (43.0, 86.0)
# Notes beyond these are moved by octaves.
LOWEST, HIGHEST = 36, 96
# Before the first sound of a note there may be this much of consonants.
LEAD_SECONDS = 0.6


class Singer:
    """The trained voice: holds the weights."""

    def __init__(self, weights: Path) -> None:
        """Read a .safetensors file."""
        tensors = {name: tensor.float() for name, tensor in load_file(weights).items()}
        self.durations = Durations(
            tensors.pop("durations.onset").numpy(), tensors.pop("durations.coda").numpy()
        )
        layers = sum(name.endswith(".up.weight") for name in tensors)
        self._network = VoiceNet(len(VOICES), tensors["enter.weight"].shape[0], layers).eval()
        self._network.load_state_dict(tensors)

    def sing(
        self, notes: Sequence[Played], voice: str, grid: Grid, sample_rate: int, seed: int
    ) -> Samples:
        """Sing `notes` (one at a time; a note ends where the next begins); see LOWEST and HIGHEST.

        Returns mono samples (grid.frames(sample_rate),), about 0.25 at most for velocity 0.8.
        Each syllable's vowel starts on its note, its consonants before. The same arguments give
        the same samples. Raises EngineError for an unknown voice or a syllable it cannot read.
        """
        check_choice("voice", voice, VOICES)
        out = np.zeros(grid.frames(sample_rate), dtype=np.float32)
        line = sung_notes(notes, grid)
        for number, phrase in enumerate(_phrases(line)):
            self._sing_phrase(out, phrase, VOICES.index(voice), sample_rate, (seed, number))
        return out

    def _sing_phrase(
        self, out: Samples, phrase: Sequence[SungNote], voice: int, rate: int, seed: tuple[int, int]
    ) -> None:
        segments = place_sounds(phrase, self.durations)
        origin = int(np.floor((segments[0].start_seconds - 0.05) / FRAME_SECONDS))
        count = int(np.ceil((segments[-1].end_seconds + 0.15) / FRAME_SECONDS)) - origin
        times: Floats = FRAME_SECONDS * np.arange(origin, origin + count, dtype=np.float64)
        generator = np.random.Generator(np.random.Philox([abs(seed[0]), seed[1]]))
        pitch = pitch_hz(phrase, times, generator)
        velocity = loudness(phrase, times)
        pulses = pulse_times(pitch)
        for first in range(0, count, CHUNK_FRAMES):
            last = min(first + CHUNK_FRAMES, count)
            a, b = max(first - MARGIN_FRAMES, 0), min(last + MARGIN_FRAMES, count)
            spectra = self.spectra(segments, times[a:b], pitch[a:b], velocity[a:b], voice)
            spectra[:, :ENVELOPE_POINTS] += (
                shape_db(phrase, segments, times[a:b])[:, None] * np.log(10.0) / 20.0
            )
            # one frame more than the chunk, so that its end can be interpolated
            spectra = spectra[first - a : last - a + 1]
            samples = np.zeros(
                int(((last - first) * FRAME_SECONDS + RING_SECONDS) * rate), np.float32
            )
            begin, end = first * FRAME_SECONDS, last * FRAME_SECONDS
            mine = pulses[(pulses >= begin) & (pulses < end)] - begin
            add_pulses(samples, spectra, mine, pitch[first : last + 1], rate)
            length = round((last - first) * FRAME_SECONDS * rate)
            add_noise(samples[:length], spectra, rate, generator)
            add_at(out, samples, round(times[first] * rate))

    def spectra(
        self, line: Sequence[Segment], times: Floats, pitch: Floats, velocity: Floats, voice: int
    ) -> Spectra:
        """The network's spectra (frames, ENVELOPE_POINTS + NOISE_POINTS) at `times` (seconds)."""
        context, nearness = frame_context(line, times)
        midi = np.clip(69.0 + 12.0 * np.log2(pitch / 440.0), *TRAINED_PITCH)
        with torch.inference_mode():
            spectra = self._network(
                torch.from_numpy(context)[None],
                torch.from_numpy(nearness)[None],
                torch.from_numpy(midi.astype(np.float32))[None],
                torch.from_numpy(velocity.astype(np.float32))[None],
                torch.tensor([voice]),
            )
            return np.array(spectra[0].numpy())


def sung_notes(notes: Sequence[Played], grid: Grid) -> list[SungNote]:
    """The notes in seconds, in order and without overlaps; "" is an open vowel."""
    ordered = sorted(notes, key=lambda note: note.start_beats)
    starts = [float(grid.seconds_at(note.start_beats)) for note in ordered]
    ends = [float(grid.seconds_at(note.start_beats + note.length_beats)) for note in ordered]
    line: list[SungNote] = []
    for here, note in enumerate(ordered):
        end = min(ends[here], starts[here + 1]) if here + 1 < len(ordered) else ends[here]
        if end - starts[here] < FRAME_SECONDS:
            continue
        text = note.syllable.strip()
        sung = "AA" if text in ("", CARRIED) else text
        syllable = None if text == CARRIED and line else Syllable.parse(sung)
        velocity = min(max(note.velocity, 0.0), 1.0)
        line.append(SungNote(starts[here], end, _within(note.pitch), velocity, syllable))
    return line


def _within(pitch: int) -> int:
    low, high = max(0, -(-(LOWEST - pitch) // 12)), max(0, -(-(pitch - HIGHEST) // 12))
    return pitch + 12 * (low - high)


def _phrases(line: Sequence[SungNote]) -> list[list[SungNote]]:
    """The line cut at rests long enough that nothing sounds across them."""
    phrases: list[list[SungNote]] = []
    for note in line:
        if phrases and note.start_seconds - phrases[-1][-1].end_seconds < LEAD_SECONDS + 0.4:
            phrases[-1].append(note)
        else:
            phrases.append([note])
    return phrases
