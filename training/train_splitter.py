"""Train the embedded splitter on songs of training.splitter_data.

    python -m training.train_splitter --data data/splitter --minutes 60 --seed 1 --out data/split1

Every example is six seconds of four stems, mostly of four different songs, each stem at its own
level and speed and with its own equaliser. Every batch is used twice, the second time with each
stem beside those of other examples, since transforming the stems costs more than adding them up.
The loss is the error's energy in dB, as in the SDR that is judged, plus the same of its magnitudes,
for the quiet parts. Prints a line every --log steps
and the SDR of held-out songs every --valid; saves OUT/last.pt (continued with --resume) and
OUT/embedded.safetensors, the running mean of the weights, as demucs loads them.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from audio.decibels import db_to_amplitude
from stems.splitting.mask_network import BANDS, FLOOR, MaskNetwork
from training.checkpoints import origin_of, write_origin
from training.sounds import SAMPLE_RATE
from training.splitter_data import SOURCES, held_out_song
from training.splitter_field import field_song
from training.splitter_sounds import FRAMES
from training.tiny import parsed, song_files

CLIP = 6 * SAMPLE_RATE
REMIXED = 0.2  # of the drawn examples have every stem from another song
DROPPED = 0.08  # of the stems are silent
ALONE = 0.3  # of the examples have one stem, where there are songs of the field
SWAPPED = 0.5
FAINT = 0.12  # of the stems are 8 to 20 dB quieter than the others
NATURAL = 0.5  # of the examples are as loud, stem by stem, as the engine plays
# Of the songs drawn, by how their names begin, where there are such; the others share the rest.
DRAWN = {"field": 0.55, "varied": 0.25}
BENT, SEMITONES = 0.5, 3.0  # of the stems are faster or slower, at most by so many
EQ_DB, EQ_POINTS = 6.0, 8
VALID_SEED, VALID_SONGS, FIELD_SONGS = 900, 4, 6
SURENESS = (
    0.8  # of the logits that ship: the network is too sure about sounds it was not trained on
)
QUIET = 1e-3  # of a mix's energy: errors below it (-30 dB) are not worth more


class Songs:
    """Random stems out of the folder; files that are added later are found as well."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = np.random.default_rng(seed)
        self.songs: dict[str, np.ndarray] = {}
        self.sounding: dict[str, np.ndarray] = {}
        self.levels: list[np.ndarray] = []
        self.look()

    def look(self) -> None:
        """Take in files that have come; which stems sound in them is measured once."""
        for path in sorted(self.folder.glob("*.npy")):
            if path.name not in self.songs:
                song = np.load(path, mmap_mode="r")
                loud = np.square(song[:, :, ::16].astype(np.float32)).mean((1, 2)) ** 0.5
                self.songs[path.name], self.sounding[path.name] = song, loud > 100
                if path.name.startswith("engine"):
                    self.levels.append(np.maximum(loud / np.sqrt(np.square(loud).mean()), 0.2))
        self.names = list(self.songs)
        self.kinds = {
            kind: [name for name in self.names if name.startswith(kind)] for kind in DRAWN
        }

    def batch(self, size: int) -> Tensor:
        """(size, stems, 2, CLIP) float32."""
        out = np.zeros((size, len(SOURCES), 2, CLIP), np.float32)
        for clip in out:
            remixed = self.random.random() < REMIXED
            natural = self.levels and self.random.random() < NATURAL
            levels = self.levels[int(self.random.integers(len(self.levels)))] if natural else None
            name, at = self._pick()
            bend = self._bend()
            alone = None
            if self.kinds["field"] and self.random.random() < ALONE:
                alone = int(self.random.integers(len(SOURCES)))
                name, at = self._pick(alone)
            for stem in range(len(SOURCES)):
                if alone not in (None, stem):
                    continue
                if remixed:
                    name, at = self._pick(stem)
                    bend = self._bend()
                if alone is None and self.random.random() < DROPPED:
                    continue
                sound = bent(self.songs[name][stem], at, bend)
                gain_db = self.random.uniform(-6, 6) if levels is None else self.random.normal(0, 3)
                if levels is None and self.random.random() < FAINT:
                    gain_db -= self.random.uniform(8, 20)
                gain = db_to_amplitude(gain_db)
                if remixed or natural:  # bring every song to one level: those stored are any
                    loudest = np.sqrt(np.square(sound[:, ::8]).mean()) + 1e-9
                    gain *= min(0.07 / loudest, 10.0) * (1 if levels is None else levels[stem])
                if self.random.random() < SWAPPED:
                    sound = sound[::-1]
                clip[stem] = sound * np.float32(gain)
        return torch.from_numpy(out)

    def _bend(self) -> float:
        if self.random.random() >= BENT:
            return 1.0
        return float(2 ** (self.random.uniform(-SEMITONES, SEMITONES) / 12))

    def _pick(self, stem: int | None = None) -> tuple[str, int]:
        while True:
            names, way = self.names, self.random.random()
            for kind, share in DRAWN.items():
                if 0 <= way < share and self.kinds[kind]:
                    names = self.kinds[kind]
                way -= share
            name = names[int(self.random.integers(len(names)))]
            if stem is None or self.sounding[name][stem]:
                return name, int(self.random.integers(0, FRAMES - CLIP))

    def equalisers(self, size: int, bins: int) -> Tensor:
        """Gains (stems, size, 1, 1, bins), smooth over the octaves from 40 Hz."""
        points = self.random.normal(0, EQ_DB / 2, (size * len(SOURCES), EQ_POINTS))
        hz = np.maximum(np.arange(bins) * SAMPLE_RATE / 2 / (bins - 1), 40)
        places = np.log(hz / 40) / np.log(hz[-1] / 40) * (EQ_POINTS - 1)
        curves = [db_to_amplitude(np.interp(places, np.arange(EQ_POINTS), row)) for row in points]
        return torch.from_numpy(np.array(curves, np.float32)).view(len(SOURCES), size, 1, 1, bins)


def bent(song: np.ndarray, at: int, factor: float) -> np.ndarray:
    """(2, CLIP) float32 of an int16 song from frame `at`, `factor` times as fast, thus higher."""
    if factor == 1.0:
        return np.asarray(song[:, at : at + CLIP], np.float32) / 32768
    needed = int(CLIP * factor) + 2
    at = min(at, song.shape[1] - needed)
    places = np.arange(CLIP) * factor
    sides = [np.interp(places, np.arange(needed), side) for side in song[:, at : at + needed]]
    return np.asarray(sides, np.float32) / 32768


@dataclass(frozen=True, slots=True)
class Example:
    """What the loss needs of a batch, by rows: the error's energy is a square in the shares.

    `magnitudes` and `mix` are (batch, 2, moments, ROWS), the others (batch, stems, 2, ...).
    """

    magnitudes: Tensor
    mix: Tensor
    shared: Tensor
    own: Tensor


def energies(
    stems: Sequence[Tensor], gains: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The fields of an Example of four spectra (batch, 2, moments, bins, 2), real and imaginary."""
    parts = [(s[..., 0] * gain, s[..., 1] * gain) for s, gain in zip(stems, gains, strict=True)]
    real, imaginary = sum(p[0] for p in parts), sum(p[1] for p in parts)
    power = real.square() + imaginary.square()
    loud = power.mean((1, 2, 3), keepdim=True).sqrt()
    magnitudes = (averaged(power.sqrt()) / (loud + 1e-12) + FLOOR).sqrt()
    shared = [averaged(first * real + second * imaginary) for first, second in parts]
    own = [averaged(first.square() + second.square()) for first, second in parts]
    return magnitudes, averaged(power), torch.stack(shared, 1), torch.stack(own, 1)


def averaged(bins: Tensor) -> Tensor:
    """As narrowed(), in the form that compiles to quick code."""
    rows = [bins[..., a:b].unflatten(-1, (-1, size)).mean(-1) for a, b, size in BANDS]
    return torch.cat(rows, -1)


def examples_of(
    songs: Songs, network: MaskNetwork, size: int, *, compiled: bool = True
) -> Iterator[Example]:
    """Yield batches without end, each twice: as drawn, and with each stem beside other examples."""
    quick = torch.compile(energies, disable=not compiled)
    while True:
        with torch.no_grad():
            spectra = torch.view_as_real(network.spectrum(songs.batch(size)))
        for turn in (0, 1):
            with torch.no_grad():
                stems = [spectra[:, stem].roll(turn * stem, 0) for stem in range(len(SOURCES))]
                example = Example(*quick(stems, list(songs.equalisers(size, spectra.shape[-2]))))
            yield example


def bins_of_rows() -> Tensor:
    """(ROWS,): how many bins each row stands for."""
    sizes = [float(size) for first, last, size in BANDS for _ in range(first, last, size)]
    return torch.tensor(sizes)


def loss_of(shares: Tensor, example: Example, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and the SDR in dB (batch, stems) as it is seen in the spectrogram."""
    error = shares.square() * example.mix[:, None] - 2 * shares * example.shared + example.own
    error = error.clamp(min=0) * weights
    loud = (example.mix * weights).sum((1, 2, 3))[:, None] + 1e-6  # all four may be silent
    energy = error.sum((2, 3, 4))
    in_db = 10 * torch.log10(energy / loud + QUIET)
    size = (error + 1e-9 * loud[..., None, None, None] / error[0, 0].numel()).sqrt().mean((2, 3, 4))
    level = (example.mix * weights).sqrt().mean((1, 2, 3))[:, None] + 1e-6
    in_size_db = 20 * torch.log10(size / level + math.sqrt(QUIET))
    own = (example.own * weights).sum((2, 3, 4))
    sdr = 10 * torch.log10((own + 1e-9) / (energy + 1e-9)).detach()
    return (in_db + 0.5 * in_size_db).mean(), torch.where(own > 1e-4 * loud, sdr, torch.nan)


def sdr(truth: Tensor, estimate: Tensor) -> Tensor:
    """Utterance SDR in dB of (..., 2, frames)."""
    error = (truth - estimate).square().sum((-1, -2))
    return 10 * torch.log10((truth.square().sum((-1, -2)) + 1e-9) / (error + 1e-9))


def save(network: MaskNetwork, state: dict[str, Tensor], path: Path) -> None:
    """Write what demucs.hf.load_safetensors_model reads; weights in float16."""
    klass = type(network)
    facts = {
        "klass": f"{klass.__module__}.{klass.__qualname__}",
        "args": "[]",
        "kwargs": json.dumps(network.settings),
        "format": "pt",
    }
    half = {
        # a variance may be larger than float16 can say
        name: (value.half() if value.is_floating_point() and "running" not in name else value)
        .contiguous()
        .clone()
        for name, value in state.items()
    }
    save_file(half, str(path), metadata=facts)


def main(argv: Sequence[str] | None = None) -> None:
    """Train for so many minutes, validating and saving as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of training.splitter_data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--final", type=float, default=0.01, help="of --rate, at the end")
    parser.add_argument("--resume", type=Path, help="a last.pt to go on from, at --rate again")
    parser.add_argument("--weights", type=Path, help="saved weights to go on from")
    parser.add_argument("--log", type=int, default=25)
    parser.add_argument("--valid", type=int, default=150)
    options = parsed(parser, argv, minutes=0.001, batch=1)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.tiny:
        song_files(options.out, len(SOURCES), FRAMES)
    songs = Songs(options.out if options.tiny else options.data, options.seed)
    network = MaskNetwork().to(memory_format=torch.channels_last).train()
    weights = bins_of_rows()
    step = 0
    spent = 0.0
    if options.resume:
        saved = torch.load(options.resume, weights_only=True)
        network.load_state_dict(saved["network"])
        step, spent = saved["step"], saved["cpu_seconds"]
    elif options.weights:
        network.load_state_dict(more_sure(load_file(options.weights)))
    else:
        measure_rows(network, songs)
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=0.01)
    if options.resume:
        optimiser.load_state_dict(saved["optimiser"])
    mean = {name: value.detach().clone() for name, value in network.state_dict().items()}
    if options.resume and "mean" in saved:
        mean = saved["mean"]
    if options.tiny:
        valid = list(songs.batch(3 * VALID_SONGS)[..., :SAMPLE_RATE])
    else:
        valid = [
            torch.from_numpy(held_out_song(number, VALID_SEED, unseen=unseen))
            for unseen in (False, True)
            for number in range(VALID_SONGS)
        ]
        valid += [torch.from_numpy(field_song(10 * (VALID_SEED + n))) for n in range(FIELD_SONGS)]
    examples = examples_of(songs, network, options.batch, compiled=not options.tiny)

    @torch.compile(disable=options.tiny)  # type: ignore[untyped-decorator]
    def trained_loss(example: Example) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            shares = network.shares(example.magnitudes)
        return loss_of(shares, example, weights)

    print(f"{len(songs.names)} songs, {sum(p.numel() for p in network.parameters())} parameters")
    began, cpu, first = time.monotonic(), time.process_time() - spent, step
    losses: list[float] = []
    sdrs: list[np.ndarray] = []
    while (done := (time.monotonic() - began) / 60 / options.minutes) < 1:
        warm = min(1.0, (step - first + 1) / 50)
        rate = (
            options.rate
            * warm
            * (options.final + (1 - options.final) * (0.5 + 0.5 * math.cos(math.pi * done)))
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss, seen = trained_loss(next(examples))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        decay = min(0.998, (step - first + 1) / (step - first + 10))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if value.is_floating_point():
                    mean[name].lerp_(value, 1 - decay)
                else:
                    mean[name].copy_(value)
        losses.append(loss.item())
        sdrs.append(seen.numpy())
        if step % options.log == 0:
            shown = np.nanmean(np.concatenate(sdrs), 0)
            figures = " ".join(f"{value:.2f}" for value in shown)
            print(
                f"step {step} cpu {time.process_time() - cpu:.0f} s wall "
                f"{time.monotonic() - began:.0f} s rate {rate:.2e} loss {np.mean(losses):.3f} "
                f"sdr {figures}",
                flush=True,
            )
            losses, sdrs = [], []
        if step % options.valid == 0:
            songs.look()
            keep(network, optimiser, mean, step, time.process_time() - cpu, options)
            validate(mean, network.settings, valid, step, time.process_time() - cpu)
    keep(network, optimiser, mean, step, time.process_time() - cpu, options)
    validate(mean, network.settings, valid, step, time.process_time() - cpu)


def measure_rows(network: MaskNetwork, songs: Songs) -> None:
    """Set the mean and deviation of each row, from some batches."""
    with torch.no_grad():
        seen = [
            network.magnitudes(network.spectrum(songs.batch(4).sum(1))).flatten(0, 2)
            for _ in range(6)
        ]
    rows = torch.cat(seen)
    network.mean.copy_(rows.mean(0))
    network.deviation.copy_(rows.std(0) + 1e-3)


def keep(
    network: MaskNetwork,
    optimiser: torch.optim.Optimizer,
    mean: dict[str, Tensor],
    step: int,
    cpu_seconds: float,
    options: argparse.Namespace,
) -> None:
    """Save what --resume continues from, and the weights as demucs loads them."""
    out: Path = options.out
    part = out / "last.part"
    torch.save(
        {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "mean": mean,
         "step": step, "cpu_seconds": cpu_seconds, "origin": origin_of(options)},
        part,
    )  # fmt: skip
    part.replace(out / "last.pt")
    save(network, less_sure(mean), out / "embedded.safetensors")
    write_origin(out / "embedded.safetensors", options)


def less_sure(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with the last layer's, which gives the logits, times SURENESS."""
    return {
        name: value * SURENESS if name.startswith("leave.") else value
        for name, value in state.items()
    }


def more_sure(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What less_sure() was made of."""
    return {
        name: value.float() / SURENESS if name.startswith("leave.") else value
        for name, value in state.items()
    }


def alone_shares(network: MaskNetwork, songs: Sequence[Tensor]) -> np.ndarray:
    """(stems,): of each stem of the songs (stems, 2, frames) split alone, the part kept in it.

    Of the four estimates' energy, in a mean over the songs in which the stem sounds.
    """
    kept = np.full((len(songs), len(SOURCES)), np.nan)
    for row, song in zip(kept, songs, strict=True):
        for stem, sound in enumerate(song):
            if sound.square().mean() > 1e-6:
                energy = network(sound[None])[0].float().square().sum((1, 2))
                row[stem] = energy[stem] / energy.sum()
    return np.asarray(np.nanmean(kept, 0))


def validate(
    state: dict[str, Tensor],
    settings: dict[str, object],
    songs: Sequence[Tensor],
    step: int,
    cpu_seconds: float,
) -> None:
    """Print the SDR of held-out songs, seen soundfont first, the field's last, and shares alone."""
    network = MaskNetwork(**settings)  # type: ignore[arg-type]
    network.load_state_dict(state)
    network.to(memory_format=torch.channels_last).eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = torch.stack([sdr(s, network(s.sum(0)[None])[0].float()) for s in songs])
        alone = alone_shares(network, songs[2 * VALID_SONGS :])
    print(f"valid step {step} alone: {' '.join(f'{share:.2f}' for share in alone)}", flush=True)
    for name, part in zip(
        ("seen", "unseen", "field"), found.tensor_split((VALID_SONGS, 2 * VALID_SONGS)), strict=True
    ):
        figures = " ".join(f"{value:.2f}" for value in part.mean(0))
        print(f"valid step {step} cpu {cpu_seconds:.0f} s {name}: {figures} "
              f"mean {part.mean():.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
