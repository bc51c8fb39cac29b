"""Judge the voice on held-out syllables: `python -m training.judge_voice --seed N`.

Log-mel distance to WORLD's rendering of the same syllables on the same notes and pitch, pitch
by pYIN, and where vowels begin. librosa and WORLD are the judges; the voice uses neither.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import diffusion.embedded.weights
from diffusion.embedded.performance import Played
from diffusion.embedded.voice.contour import loudness, pitch_hz, shape_db
from diffusion.embedded.voice.network import (
    ENVELOPE_POINTS,
    FRAME_SECONDS,
    NOISE_POINTS,
    mel_points,
)
from diffusion.embedded.voice.phonemes import VOWELS
from diffusion.embedded.voice.singer import Singer, sung_notes
from diffusion.embedded.voice.timing import Durations, SungNote, place_sounds
from midi.grid import Grid
from training.speech import Utterance, collect, held_out, world
from training.voice import COMPASS, VOICES, truth

RATE = 44100
WEIGHTS = Path(diffusion.embedded.weights.__file__).parent / "voice-v1.safetensors"
BPM = 100
Samples = npt.NDArray[np.float32]


def log_mel(samples: Samples) -> npt.NDArray[np.float64]:
    """Log mel magnitude (64, frames): STFT 2048/512, floor 1e-2."""
    import librosa

    mel = librosa.feature.melspectrogram(
        y=samples, sr=RATE, n_fft=2048, hop_length=512, n_mels=64, power=1.0
    )
    return np.asarray(np.log(np.maximum(mel, 1e-2)))


def phrase(utterance: Utterance, voice: str, draw: np.random.Generator) -> list[Played]:
    """Notes of a quarter to three beats for the syllables of one utterance, from beat 2 on."""
    low, high = COMPASS[voice]
    pitch, start, notes = int(draw.integers(low, high - 6)), 2.0, []
    for syllable in utterance.syllables:
        length = float(draw.choice([0.5, 1.0, 1.0, 1.5, 2.0, 3.0]))
        notes.append(Played(start, length, pitch, float(draw.uniform(0.4, 0.95)), str(syllable)))
        start += length
        pitch = int(np.clip(pitch + draw.integers(-5, 6), low, high))
    return notes


def world_render(
    utterance: Utterance, notes: list[SungNote], durations: Durations, frames: int, seed: int
) -> Samples:
    """WORLD's sound of the utterance stretched onto the notes, (frames,) at RATE."""
    segments = place_sounds(notes, durations)
    times = np.arange(int(frames / RATE / FRAME_SECONDS), dtype=np.float64) * FRAME_SECONDS
    pitch, velocity = singer_contour(notes, segments[0].start_seconds, times, seed)
    spectra = truth(utterance, segments, times, pitch, velocity).astype(np.float64)
    spectra[:, :ENVELOPE_POINTS] += shape_db(notes, segments, times)[:, None] * np.log(10.0) / 20.0
    hz = np.linspace(0.0, RATE / 2, 1025)
    points, noise_points = mel_points(ENVELOPE_POINTS), mel_points(NOISE_POINTS)
    power = np.array([np.exp(2 * np.interp(hz, points, row[:ENVELOPE_POINTS])) for row in spectra])
    rough = np.array([np.interp(hz, noise_points, row[ENVELOPE_POINTS:]) for row in spectra])
    rough = np.clip(rough, 1e-3, 1.0 - 1e-9)
    voiced = np.where(rough[:, 20] > 0.9, 0.0, pitch)
    sound = world().synthesize(voiced, power, rough, RATE, 1000 * FRAME_SECONDS)
    out = np.zeros(frames, np.float32)
    out[: min(frames, len(sound))] = sound[:frames]
    return out


def singer_contour(
    notes: list[SungNote], first_seconds: float, times: npt.NDArray[np.float64], seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The pitch and velocity that Singer.sing draws for a first phrase, at `times`."""
    origin = int(np.floor((first_seconds - 0.05) / FRAME_SECONDS))
    generator = np.random.Generator(np.random.Philox([seed, 0]))
    own = (origin + np.arange(len(times), dtype=np.float64)) * FRAME_SECONDS
    pitch = pitch_hz(notes, own, generator)
    return np.interp(times, own, pitch), loudness(notes, times)


def cents_off(samples: Samples, notes: list[SungNote]) -> list[float]:
    """Median deviation in cents, by pYIN within 5 semitones, of each note over 0.5 s.

    The first 0.1 s (a glide may end there) and the last 0.15 s (a coda) are left out.
    """
    import librosa

    found: list[float] = []
    for note in notes:
        begin, end = note.start_seconds + 0.1, note.end_seconds - 0.15
        if end - begin < 0.25:
            continue
        true = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
        pitch, voiced, _ = librosa.pyin(
            samples[int(begin * RATE) : int(min(end, begin + 0.8) * RATE)],
            fmin=true * 0.75,
            fmax=true * 1.34,
            sr=RATE,
            frame_length=4096,
            hop_length=1024,
            resolution=0.02,
        )
        if voiced.sum() > 5:
            found.append(float(np.median(1200 * np.log2(pitch[voiced] / true))))
    return found


OBSTRUENTS = ("", "B", "CH", "D", "F", "G", "HH", "K", "P", "S", "SH", "T", "TH", "V", "Z")


def onsets_off_ms(singer: Singer, voice: str, seed: int) -> list[float]:
    """How late vowels reach half of their amplitude under 2 kHz, in ms, after each of OBSTRUENTS.

    After a sonorant (L, M, W ...) a vowel has no edge to be measured.
    """
    import librosa

    grid, late = Grid.constant(BPM, bars=2), []
    for number, onset in enumerate(OBSTRUENTS):
        vowel = VOWELS[(number * 7) % len(VOWELS)]
        played = [Played(2.0, 2.0, COMPASS[voice][0] + 9, 0.8, f"{onset} {vowel}".strip())]
        ours = singer.sing(played, voice, grid, RATE, seed)
        start = float(grid.seconds_at(2))
        power = np.abs(librosa.stft(ours, n_fft=512, hop_length=32)[:24]) ** 2
        low, times = power.sum(axis=0), np.arange(power.shape[1]) * 32 / RATE
        steady = float(np.median(low[(times > start + 0.1) & (times < start + 0.3)]))
        near = (times > start - 0.03) & (low > 0.25 * steady)
        late.append(1000.0 * float(times[np.argmax(near)] - start))
    return late


def judge(
    singer: Singer, data: Path, count: int, each: int, seed: int, pictures: Path | None
) -> None:
    draw = np.random.default_rng([seed, 6])
    for voice in VOICES:
        kept = [
            utterance
            for number, utterance in enumerate(collect(data, voice, count))
            if utterance is not None and held_out(number)
        ]
        distances, below, cents = [], [], []
        for index in range(each):
            utterance = kept[int(draw.integers(len(kept)))]
            played = phrase(utterance, voice, draw)
            end = played[-1].start_beats + played[-1].length_beats
            grid = Grid.constant(BPM, bars=int(np.ceil(end / 4)) + 1)
            ours = singer.sing(played, voice, grid, RATE, seed)
            notes = sung_notes(played, grid)
            theirs = world_render(utterance, notes, singer.durations, len(ours), seed)
            begin = int((notes[0].start_seconds - 0.3) * RATE)
            stop = int((notes[-1].end_seconds + 0.3) * RATE)
            mine, his = log_mel(ours[begin:stop]), log_mel(theirs[begin:stop])
            distances.append(np.abs(mine - his).mean())
            below.append(np.abs(mine - his)[:50].mean())
            cents += cents_off(ours, notes)
            if pictures and index < 3:
                draw_pair(pictures / f"{voice}-{index}.png", his, mine, played)
        worst = max(abs(value) for value in cents)
        late = onsets_off_ms(singer, voice, seed)
        print(
            f"{voice}: log-mel {np.mean(distances):.3f} (under 11 kHz {np.mean(below):.3f}), pitch "
            f"median |error| {np.median(np.abs(cents)):.1f} cents, worst {worst:.1f} of "
            f"{len(cents)} notes; vowel onsets median {np.median(late):.1f} ms, from "
            f"{min(late):.1f} to {max(late):.1f} of {len(late)}",
            flush=True,
        )


def draw_pair(
    path: Path,
    truth_mel: npt.NDArray[np.float64],
    ours: npt.NDArray[np.float64],
    played: list[Played],
) -> None:
    """WORLD above, the voice below."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, figsize=(12, 8))
    for axes, mel, name in ((above, truth_mel, "WORLD"), (below, ours, "ours")):
        axes.imshow(mel, origin="lower", aspect="auto", vmin=-4.6, vmax=2.0)
        axes.set_title(f"{name}: " + " . ".join(note.syllable for note in played))
    figure.savefig(path, dpi=60)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/voice"), help="cache of speech")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--count", type=int, default=600, help="utterances a voice, as trained")
    parser.add_argument("--each", type=int, default=12, help="phrases judged a voice")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    judge(Singer(given.weights), given.data, given.count, given.each, given.seed, given.pictures)


if __name__ == "__main__":
    main()
