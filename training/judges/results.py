"""What the judges read of a result's folder: the notes, the plan, and figures of the sound."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.clip import Clip, read_clip
from audio.decibels import amplitude_to_db, power_to_db
from audio.loudness import measure_loudness
from diffusion.embedded.performance import from_plain
from midi.grid import Grid
from osc_protocol.generate import Generate
from training.judges.note_figures import Figures, Music, Planned, music_of

BLOCK_BARS = 8
PLAYERS = {"chords": "comp", "melody": "lead"}  # a lead sheet's parts by the band's names


@dataclass(frozen=True, slots=True)
class Plan:
    """The lead sheet of a result: chords, and the bars (from 0) in which each part is silent."""

    grid: Grid
    chords: tuple[Planned, ...] = ()
    off: Mapping[str, frozenset[int]] | None = None

    def full_band_spread_db(self, folder: Path) -> float | None:
        """Return loudest less quietest block of eight bars in which drums and bass always play."""
        mix, silent = read_clip(folder / "mix.wav"), self.off or {}
        power = np.square(mix.samples.astype(np.float64)).mean(axis=0)
        edges = [round(float(self.grid.seconds_at(b)) * mix.sample_rate) for b in self._starts]
        levels = []
        for first in range(0, self.grid.bars - BLOCK_BARS + 1, BLOCK_BARS):
            bars = set(range(first, first + BLOCK_BARS))
            if not any(bars & silent.get(part, frozenset()) for part in ("drums", "bass")):
                block = power[edges[first] : edges[first + BLOCK_BARS]]
                levels.append(float(power_to_db(float(block.mean()) + 1e-20)))
        return max(levels) - min(levels) if levels else None

    @property
    def _starts(self) -> tuple[float, ...]:
        return tuple(float(beat) for beat in self.grid.bar_starts)


def plan_of(folder: Path) -> Plan:
    """Read the lead sheet in a result's folder; an older result has none, and plans nothing."""
    request = _manifest(folder)["request"]
    return plan_from(_json(folder / "lead_sheet.json"), Generate.restored(request).grid)


def plan_from(sheet: Mapping[str, object], grid: Grid) -> Plan:
    """Return the plan in the JSON of a lead sheet, {} for none."""
    chords = tuple(
        Planned(
            chord["start_beats"],
            chord["length_beats"],
            chord["root"],
            chord["root"] if chord["bass"] is None else chord["bass"],
        )
        for chord in sheet.get("chords", ())  # type: ignore[attr-defined]
        if chord["root"] is not None
    )
    off = {}
    for part, spans in sheet.get("parts", {}).items():  # type: ignore[attr-defined]
        plays = {bar for first, last in spans for bar in range(first - 1, last)}
        off[PLAYERS.get(part, part)] = frozenset(set(range(grid.bars)) - plays)
    return Plan(grid, chords, off)


def music_of_result(folder: Path) -> Music:
    """Return the notes of a result of the embedded engine, with its plan."""
    request, plan = _manifest(folder)["request"], plan_of(folder)
    tune = "vocals" if request.get("lead") == "vocals" else "lead"
    performance = from_plain(_json(folder / "score.json"))
    bars = [float(beat) for beat in plan.grid.bar_starts]
    music = music_of(performance, bars, tune, plan.chords)
    return Music(music.parts, music.bars, tune, plan.chords, plan.off or {})


def sound_figures(folder: Path) -> Figures:
    """Return loudness, width and what the stems leave of the mix, of the files themselves."""
    mix = read_clip(folder / "mix.wav")
    return _stereo(mix) | {
        "lufs": measure_loudness(mix).lufs,
        "null_dbfs": _null_dbfs(folder, mix),
    }


def _stereo(mix: Clip) -> Figures:
    left, right = mix.samples.astype(np.float64)
    middle, side = np.square(left + right).mean(), np.square(left - right).mean()
    energy = np.sqrt(np.square(left).mean() * np.square(right).mean())
    return {
        "side_mid_db": float(power_to_db((side + 1e-20) / (middle + 1e-20))),
        "correlation": float((left * right).mean() / (energy + 1e-20)),
    }


def _null_dbfs(folder: Path, mix: Clip) -> float:
    """Peak of what is left of the mix without its stems, added in float32 in the manifest's order.

    Another order or precision rounds otherwise, by up to 1.5 * 2^-24 (-141 dBFS) in four stems.
    """
    total = np.zeros_like(mix.samples)
    for stem in _manifest(folder)["stems"]:
        total += read_clip(folder / f"{stem}.wav").samples
    return float(amplitude_to_db(float(np.abs(total - mix.samples).max())))


def _manifest(folder: Path) -> dict[str, dict[str, object]]:
    return _json(folder / "manifest.json")


def _json(path: Path) -> dict[str, dict[str, object]]:
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
