"""Judges the decoder: FluidSynth's stems of held-out music against ours of the same notes.

`python -m training.judge_decoder --weights WEIGHTS --seed N [--pictures DIR]` prints, for every
stem, the mean |difference| of natural log mel magnitudes (64 bands, STFT 2048/512 with a Hann
window, floor 1e-2, 44.1 kHz, mono, no room). The truth is scaled to a peak of one half and ours
to its root mean square; moments in which neither rises over the floor do not count. Below that
stand the pitch errors of held notes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from diffusion.embedded.decoder.decoder import hits_of, tones_of
from diffusion.embedded.decoder.drum_hits import Kit
from diffusion.embedded.decoder.harmonic import Instrument, Tone
from diffusion.embedded.decoder.network import Weights
from diffusion.embedded.decoder.sounds import KITS, PITCHED, equal_hz, pitches_of
from diffusion.embedded.performance import DRUMS, Part
from midi.grid import Grid
from training.compose import compose
from training.sounds import DRUM_BANK, PROGRAMS, SAMPLE_RATE, Event, Soundfont
from training.sounds import KITS as KIT_PROGRAMS

SECONDS = 12.0
Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pair:
    """A stem of truth and of ours, both mono (frames,), and what plays in it."""

    stem: str
    timbres: str
    truth: Sound
    ours: Sound


def log_mel(sound: Sound) -> NDArray[np.float64]:
    """(64, moments) natural log mel magnitudes with the floor of the measure."""
    from librosa.filters import mel

    bank = torch.from_numpy(mel(sr=SAMPLE_RATE, n_fft=2048, n_mels=64))
    spectrum = torch.stft(
        torch.from_numpy(sound), 2048, 512, window=torch.hann_window(2048), return_complex=True
    )
    return np.asarray((bank.float() @ spectrum.abs()).clamp(min=1e-2).log().double().numpy())


def difference(pair: Pair) -> NDArray[np.float64]:
    """|difference| (64, moments) of a pair of equal level, where either is audible."""
    truth = pair.truth * (0.5 / max(float(np.abs(pair.truth).max()), 1e-6))
    ours = pair.ours * np.sqrt((truth**2).sum() / max(float((pair.ours**2).sum()), 1e-12))
    first, second = log_mel(truth), log_mel(ours.astype(np.float32))
    audible = np.maximum(first, second).max(0) > np.log(1e-2) + 1e-3
    return np.abs(first - second)[:, audible]


def play_pitched(
    font: Soundfont, weights: Weights, part: Part, grid: Grid, frames: int, seed: int
) -> tuple[Sound, Sound]:
    """Truth and ours of a pitched part, both with the timbre's gain."""
    tones = tones_of(part, grid, SAMPLE_RATE)
    events = [
        Event(
            round(t.start), int(t.held_seconds * SAMPLE_RATE), t.pitch, _midi_velocity(t.velocity)
        )
        for t in tones
    ]
    gain = float(weights["note_gain"][PITCHED.index(part.timbre)])
    truth = font.play(events, frames, program=PROGRAMS[part.timbre]) * gain
    instrument = Instrument(weights, part.timbre, SAMPLE_RATE)
    inside = [t for t in tones if t.start < frames]
    ours = instrument.play(inside, frames, torch.Generator().manual_seed(seed)).numpy()
    return truth.astype(np.float32), ours


def play_drums(
    font: Soundfont, weights: Weights, part: Part, grid: Grid, frames: int, seed: int
) -> tuple[Sound, Sound]:
    hits = [h for h in hits_of(part, grid, SAMPLE_RATE) if h.start < frames]
    events = [
        Event(round(h.start), frames, DRUMS[h.piece], _midi_velocity(h.velocity)) for h in hits
    ]
    truth = font.play(events, frames, program=KIT_PROGRAMS[part.timbre], bank=DRUM_BANK)
    kit = Kit(weights, part.timbre, SAMPLE_RATE)
    ours = torch.zeros(2, frames)
    kit.play(hits, ours, torch.Generator().manual_seed(seed), {})
    return truth, ours.mean(0).numpy()


def _midi_velocity(velocity: float) -> int:
    return min(127, max(1, round(velocity * 127)))


def pairs(font: Soundfont, weights: Weights, seeds: Sequence[int]) -> Iterator[Pair]:
    """The bass, melody and drums stems of composed pieces; timbres are dealt evenly."""
    for turn, seed in enumerate(seeds):
        piece = compose(seed, held_out_tunes=True)
        grid = Grid.constant(piece.bpm, piece.meter, piece.bars)
        parts = piece.performance.parts
        start = min(part.notes[0].start_beats for part in parts.values() if part.notes)
        frames = int(
            min(float(grid.seconds_at(start)) + SECONDS, float(grid.seconds)) * SAMPLE_RATE
        )
        if "bass" in parts and parts["bass"].notes:
            part = parts["bass"]
            yield Pair("bass", part.timbre, *play_pitched(font, weights, part, grid, frames, seed))
        melody = [parts[n] for n in ("comp", "lead") if n in parts and parts[n].notes]
        if melody:
            sounds = [play_pitched(font, weights, p, grid, frames, seed) for p in melody]
            names = "+".join(p.timbre for p in melody)
            truth, ours = (np.sum(side, 0) for side in zip(*sounds, strict=True))
            yield Pair("melody", names, truth, ours)
        if "drums" in parts and parts["drums"].notes:
            part = Part(parts["drums"].notes, KITS[turn % len(KITS)])
            yield Pair("drums", part.timbre, *play_drums(font, weights, part, grid, frames, seed))


def pitch_errors(weights: Weights) -> dict[str, tuple[float, float]]:
    """Median and worst |cents| of held notes by timbre, octaves folded, by librosa's pyin.

    pyin looks for them within an octave and a tone, in steps of 5 cents.
    """
    import librosa

    out = {}
    for timbre in PITCHED:
        span = pitches_of(timbre)
        errors = []
        for place in (0.15, 0.5, 0.85):
            pitch = span[int(place * (len(span) - 1))]
            instrument = Instrument(weights, timbre, SAMPLE_RATE)
            generator = torch.Generator().manual_seed(0)
            sound = instrument.play([Tone(0.0, 1.2, pitch, 0.8)], SAMPLE_RATE, generator)
            hz, voiced, _ = librosa.pyin(
                sound.numpy(),
                fmin=equal_hz(pitch - 14),
                fmax=equal_hz(pitch + 14),
                sr=SAMPLE_RATE,
                frame_length=4096,
                hop_length=1024,
                resolution=0.05,
            )
            found = hz[voiced & ~np.isnan(hz)]
            if len(found):
                cents = 1200 * np.log2(np.median(found) / equal_hz(pitch))
                errors.append(abs((cents + 600) % 1200 - 600))
            else:
                errors.append(float("nan"))
        out[timbre] = (float(np.nanmedian(errors)), float(np.nanmax(errors)))
    return out


def draw(pair: Pair, path: Path) -> None:
    """Spectrograms of truth and ours, one over the other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1, figsize=(13, 9), sharex=True, layout="constrained")
    peak = np.abs(pair.truth).max() + 1e-9
    gain = np.sqrt((pair.truth**2).sum() / ((pair.ours**2).sum() + 1e-12))
    for axis, name, sound in zip(
        axes, ("FluidSynth", "decoder"), (pair.truth, pair.ours * gain), strict=True
    ):
        axis.specgram(
            sound / peak + 1e-9, NFFT=2048, Fs=SAMPLE_RATE, noverlap=1536, vmin=-130, vmax=-30
        )
        axis.set(
            ylim=(0, 10000), xlim=(4, 10), title=f"{name}: {pair.stem}, {pair.timbres}", ylabel="Hz"
        )
    axes[1].set(xlabel="seconds")
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def white_noise_floor() -> float:
    """What two independent white noises score, to check the measure itself."""
    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal(SAMPLE_RATE * 8).astype(np.float32) for _ in range(2))
    return float(difference(Pair("", "", first, second)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--no-pitch", action="store_true")
    options = parser.parse_args()
    from diffusion.embedded.decoder.decoder import read_weights

    torch.set_num_threads(1)
    weights = read_weights(options.weights)
    font = Soundfont()
    seeds = [(options.seed * 1000 + i) * 10 for i in range(options.pieces)]  # held-out seeds
    scores: dict[str, list[float]] = {}
    print(f"two white noises score {white_noise_floor():.3f}")
    began = time.monotonic()
    with torch.inference_mode():
        for index, pair in enumerate(pairs(font, weights, seeds)):
            if not np.any(np.abs(pair.truth) > 1e-4):
                print(f"{pair.stem:7s} rests  {pair.timbres}")
                continue
            apart = difference(pair)
            scores.setdefault(pair.stem, []).append(float(apart.mean()))
            thirds = " ".join(f"{band.mean():.2f}" for band in np.array_split(apart, 4))
            print(f"{pair.stem:7s} {apart.mean():.3f}  by quarter {thirds}  {pair.timbres}")
            if options.pictures is not None and index < 18:
                options.pictures.mkdir(parents=True, exist_ok=True)
                draw(pair, options.pictures / f"{index:02d}-{pair.stem}.png")
        for stem, values in scores.items():
            print(
                f"{stem}: mean {np.mean(values):.3f}, median {np.median(values):.3f}, "
                f"worst {max(values):.3f} of {len(values)}"
            )
        print(f"{time.monotonic() - began:.0f} s")
        if not options.no_pitch:
            for timbre, (median, worst) in pitch_errors(weights).items():
                print(f"pitch {timbre}: median {median:.1f} cents, worst {worst:.1f}")


if __name__ == "__main__":
    main()
