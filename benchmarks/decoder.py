"""How fast the decoder is, what it holds, and where the energy of its basses lies.

`python -m benchmarks.decoder` plays drums, bass, chords of strings and a violin without a break at
120 bpm, 48 kHz, and each bass over its range; it reads the weights that ship.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from importlib import resources
from pathlib import Path

import numpy as np

from audio.clip import Clip
from diffusion.embedded.decoder.decoder import Decoder
from diffusion.embedded.performance import DRUMS, RANGES, TIMBRES, Part, Performance, Played
from midi.grid import Grid


def dense(bars: int) -> Performance:
    """Eighths of hats, a kick or snare on every beat, chords of two beats, bass and lead."""
    beats = bars * 4
    drums = [Played(i / 2, 0.2, DRUMS["closed_hat"], 0.6) for i in range(2 * beats)]
    drums += [Played(i, 0.2, DRUMS["snare" if i % 2 else "kick"], 0.9) for i in range(beats)]
    drums += [Played(i, 0.2, DRUMS["crash"], 0.8) for i in range(0, beats, 16)]
    chords = [Played(i, 1.9, p + i % 5, 0.7) for i in range(0, beats, 2) for p in (52, 59, 64, 67)]
    return Performance(
        float(beats),
        {
            "drums": Part(tuple(sorted(drums, key=lambda n: n.start_beats)), "standard"),
            "bass": Part(tuple(Played(i, 0.9, 33 + i % 7, 0.8) for i in range(beats)), "finger"),
            "comp": Part(tuple(chords), "strings"),
            "lead": Part(tuple(Played(i, 0.9, 69 + i % 9, 0.8) for i in range(beats)), "violin"),
        },
    )


def share_below(clip: Clip, hz: float) -> float:
    """Share of a clip's energy below a frequency."""
    power = np.abs(np.fft.rfft(clip.samples.mean(0))) ** 2
    below = np.fft.rfftfreq(clip.frames, 1 / clip.sample_rate) < hz
    return float(power[below].sum() / power.sum())


def peak_megabytes() -> float:
    """Most memory this process has held; Linux counts in kilobytes, macOS in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    folder = Path(str(resources.files("diffusion.embedded.weights")))
    decoder = Decoder(folder / "decoder-v1.safetensors")
    print(f"loaded: {peak_megabytes():.0f} MB")
    for bars in (8, 8, 32, 128):
        grid = Grid.constant(120, bars=bars)
        wall, processor = time.perf_counter(), time.process_time()
        decoder.render(dense(bars), grid, 48000, stems=["drums", "bass", "melody"], seed=seed)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        print(
            f"{float(grid.seconds):.0f} s in {wall:.2f} s, {processor:.2f} s of processor time, "
            f"at most {peak_megabytes():.0f} MB so far"
        )
    low, high = RANGES["bass"]
    for timbre in TIMBRES["bass"]:
        notes = tuple(
            Played(i, 0.9, low + i * 5 % (high - low + 1), 0.75) for i in range(high - low + 1)
        )
        performance = Performance(28.0, {"bass": Part(notes, timbre)})
        grid = Grid.constant(110, bars=7)
        clip = decoder.render(performance, grid, 44100, stems=["bass"], seed=seed)["bass"]
        print(f"bass {timbre}: {share_below(clip, 400.0):.3f} of its energy below 400 Hz")


if __name__ == "__main__":
    main()
