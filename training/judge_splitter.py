"""Judge the embedded splitter on new songs: `python -m training.judge_splitter --json`.

Three sets, of `--songs` each: held-out tunes by a soundfont and the voice of training
("seen"), held-out tunes by a soundfont and voices not in training ("unseen"), and what the
embedded engine writes and plays for held-out requests ("generator"). Figures are utterance SDRs:
10 log10(|stem|^2 / |stem - estimate|^2) over all of a song, in dB, averaged over the songs in
which the stem sounds; and once more, as "clear", over those in which it lies at most 15 dB under
the mix, for a stem of two soft notes counts as much as any other in such a mean.

Beside the splitter stand the mix taken as every stem's estimate; a baseline without a network, of
librosa's median filters and nearest neighbours; and the ceiling of what shares of the rows that
the network sees could do, were they the true ones.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from audio.clip import Clip
from audio.decibels import db_to_power, power_to_db
from audio.stem_names import STEMS
from diffusion.embedded.engine import EmbeddedEngine
from stems.plain import as_plain
from stems.splitting.mask_network import MaskNetwork, narrowed, widened
from stems.splitting.splitter import Splitter
from stems.splitting.splitters import EMBEDDED
from training.held_out import held_out
from training.sounds import SAMPLE_RATE
from training.splitter_data import held_out_song

Sound = NDArray[np.float32]
SILENT_DB = -60.0  # of full scale: a stem under it in root mean square does not sound
CLEAR_DB = -15.0  # of the mix
BASS_HZ = 180.0  # of the baseline: what is lower and no drum is bass
# What is asked of the splitter, in dB: of the mean over the stems, by set, and of every stem over
# the mix taken as its estimate; and how many times faster than real time a core must be.
MEANS_DB = {"seen": 7.0, "unseen": 5.0, "generator": 8.0}
GAIN_DB = 4.0
REAL_TIME = 25.0


def sdr_db(truth: Sound, estimate: Sound) -> float:
    """Utterance SDR in dB of (2, frames)."""
    error = np.square(truth.astype(np.float64) - estimate).sum()
    return float(power_to_db(np.square(truth, dtype=np.float64).sum() / max(error, 1e-20)))


def sounds(stem: Sound) -> bool:
    return float(np.square(stem, dtype=np.float64).mean()) > db_to_power(SILENT_DB)


def as_the_mix(stems: Sound) -> Sound:
    """The mix as every stem's estimate."""
    return np.broadcast_to(stems.sum(0), stems.shape)


def by_true_shares(stems: Sound) -> Sound:
    """Each stem's magnitude over the sum of all stems', in the rows that the network sees."""
    network = MaskNetwork()
    with torch.inference_mode():
        spectra = network.spectrum(torch.from_numpy(stems))
        levels = narrowed(spectra.abs())
        shares = widened(levels / (levels.sum(0) + 1e-9))
        return np.asarray(network.sound(spectra.sum(0) * shares, stems.shape[-1]).numpy())


def by_filters(stems: Sound) -> Sound:
    """librosa's percussive part, what is low in the rest, what does not repeat, and what remains.

    Median filters: Fitzgerald 2010; the voice from the nearest neighbours in time: Rafii and
    Pardo 2012 (REPET-SIM), with the settings of librosa's own example of it.
    """
    import librosa
    from librosa.decompose import hpss, nn_filter

    mix = stems.sum(0)
    spectrum = librosa.stft(mix, n_fft=2048)
    level = np.abs(spectrum)
    _, percussive = hpss(level, mask=True)
    mono = level.mean(0)
    repeating = nn_filter(
        mono, aggregate=np.median, metric="cosine",
        width=int(librosa.time_to_frames(2, sr=SAMPLE_RATE)),
    )  # fmt: skip
    repeating = np.minimum(mono, repeating)
    voice = librosa.util.softmask(mono - repeating, 10 * repeating, power=2)
    low = (librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=2048) < BASS_HZ)[:, None]
    rest = 1 - percussive
    shares = (percussive, rest * low, rest * ~low * (1 - voice), rest * ~low * voice)
    return np.stack([librosa.istft(spectrum * share, length=mix.shape[1]) for share in shares])


class Timed:
    """The splitter as the product runs it, and how many CPU seconds it took."""

    def __init__(self, weights: Path, precision: str) -> None:
        self.splitter = Splitter(EMBEDDED.name, weights, precision=precision)
        self.cpu_seconds = self.audio_seconds = 0.0
        noise = np.random.default_rng(0).normal(0, 0.1, (2, SAMPLE_RATE)).astype(np.float32)
        self.splitter.split(Clip(noise, SAMPLE_RATE))  # loads the network, settles the precision
        self.precision = self.splitter.facts().precision

    def __call__(self, stems: Sound) -> Sound:
        mix = Clip(np.ascontiguousarray(stems.sum(0)), SAMPLE_RATE)
        began = time.process_time()
        found = self.splitter.split(mix)
        self.cpu_seconds += time.process_time() - began
        self.audio_seconds += mix.seconds
        return np.stack([found[name].samples for name in STEMS])


def generator_songs(count: int, seed: int) -> Iterator[Sound]:
    """What the embedded engine gives for held-out requests."""
    engine = EmbeddedEngine()
    engine.load(lambda stage, fraction: None)
    for number in range(count):
        given = engine.generate(
            held_out(number, seed).conditions, lambda stage, fraction: None, lambda: False
        )
        assert given.stems is not None
        yield np.stack([given.stems[name].samples for name in STEMS])


def is_clear(stem: Sound, mix: Sound) -> bool:
    return sdr_db(mix, mix - stem) <= -CLEAR_DB


def judge(
    songs: Iterator[Sound], ways: Mapping[str, Callable[[Sound], Sound]]
) -> dict[str, dict[str, float]]:
    """Mean SDR by way and stem, and over the four stems; and on how many songs each sounded.

    What concerns the clear ones alone has ", clear" at the end of its name.
    """
    rows = [f"{way}{which}" for which in ("", ", clear") for way in (*ways, "songs")]
    found: dict[str, dict[str, list[float]]] = {row: {n: [] for n in STEMS} for row in rows}
    for stems in songs:
        mix = stems.sum(0)
        estimates = {way: split(stems) for way, split in ways.items()}
        for index, name in enumerate(STEMS):
            if not sounds(stems[index]):
                continue
            for which in ("", ", clear") if is_clear(stems[index], mix) else ("",):
                for way in ways:
                    figure = sdr_db(stems[index], estimates[way][index])
                    found[f"{way}{which}"][name].append(figure)
                found[f"songs{which}"][name].append(1.0)
    out: dict[str, dict[str, float]] = {}
    for row, by_stem in found.items():
        if row.startswith("songs"):
            out[row] = {name: len(values) for name, values in by_stem.items()}
        else:
            means = {name: float(np.mean(v)) if v else float("nan") for name, v in by_stem.items()}
            means["mean"] = float(np.nanmean(list(means.values())))
            out[row] = {name: round(value, 2) for name, value in means.items()}
    return out


def verdicts(
    report: Mapping[str, Mapping[str, Mapping[str, float]]], speed: float
) -> dict[str, bool]:
    """Which of the marks are reached."""
    out: dict[str, bool] = {}
    for name, least in MEANS_DB.items():
        if name in report:
            figures = report[name]
            found, mix, baseline = (figures[way] for way in ("splitter", "mix", "baseline"))
            out[f"{name}_mean"] = found["mean"] >= least
            out[f"{name}_clear_mean"] = figures["splitter, clear"]["mean"] >= least
            out[f"{name}_each_over_mix"] = min(found[n] - mix[n] for n in STEMS) >= GAIN_DB
            out[f"{name}_over_baseline"] = found["mean"] > baseline["mean"]
    out["real_time"] = speed >= REAL_TIME
    return out


def table(name: str, figures: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Lines of a set's figures, as documents show them."""
    lines = [f"| {name} | {' | '.join(STEMS)} | mean |", "|---|" + "---|" * (len(STEMS) + 1)]
    for way, row in figures.items():
        shown = [str(row[n]) if way.startswith("songs") else f"{row[n]:.2f}" for n in STEMS]
        mean = f"{row['mean']:.2f}" if "mean" in row else ""
        lines.append(f"| {way} | {' | '.join(shown)} | {mean} |")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=EMBEDDED.shipped)
    parser.add_argument("--songs", type=int, default=20, help="of each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", nargs="*", default=list(MEANS_DB), choices=list(MEANS_DB))
    parser.add_argument("--precision", default="", choices=("float32", "bfloat16"),
                        help="else as the product chooses")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    torch.set_num_threads(1)
    splitter = Timed(options.weights, options.precision)
    ways: dict[str, Callable[[Sound], Sound]] = {
        "splitter": splitter, "mix": as_the_mix, "baseline": by_filters, "ceiling": by_true_shares
    }  # fmt: skip
    report = {}
    for name in options.sets:
        songs: Iterator[Sound] = (
            generator_songs(options.songs, options.seed)
            if name == "generator"
            else (
                held_out_song(number, options.seed, unseen=name == "unseen")
                for number in range(options.songs)
            )
        )
        report[name] = judge(songs, ways)
    speed = splitter.audio_seconds / splitter.cpu_seconds
    reached = verdicts(report, speed)
    if options.json:
        facts = {"weights": as_plain(splitter.splitter.facts()), "seed": options.seed, **report,
                 "times_real_time": round(speed, 1), "reached": reached}  # fmt: skip
        print(json.dumps(facts, indent=1))
        return
    for name, figures in report.items():
        print("\n".join(table(name, figures)))
    print(f"{speed:.1f} times real time ({splitter.precision}, CPU seconds of one thread)")
    print(", ".join(f"{mark}: {'reached' if ok else 'MISSED'}" for mark, ok in reached.items()))


if __name__ == "__main__":
    main()
