"""How well keys and melodies are heard, beside other tools on the same labelled sounds.

`python -m benchmarks.listening --pieces 24 --seed 7` composes pieces whose key and lead are known,
plays them by the decoder that ships, and asks each tool for the key of the mix and the pitches of
the lead. essentia and basic-pitch are no dependencies of backline: `pip install essentia
basic-pitch onnxruntime mir_eval` to have their rows, which are left out without them.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audio.clip import Clip, write_wav
from audio.features import pitch_over_time
from audio.melody_match import match_melody
from audio.tonality import find_key, key_relation
from midi.errors import KeyNameError
from midi.grid import Grid
from midi.key import Key
from midi.note import Note
from training.truth import RATE, make_labels, make_truth

KEY_MARKS = {"same": 1.0, "fifth": 0.5, "relative": 0.3, "parallel": 0.2, "other": 0.0}  # MIREX's
HIT_SEMITONES = 0.5
EDGE_SHARE = 0.2  # of a note at either end, where pitches glide
ESSENTIA_PROFILES = ("bgate", "braw", "shaath", "krumhansl", "temperley", "edma", "edmm")

Pitches = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A mix whose key is known, and its lead alone with the notes it plays."""

    name: str
    key: Key
    grid: Grid
    mix: Clip
    lead: Clip | None
    notes: tuple[Note, ...]


def labelled(pieces: int, seed: int) -> list[Labelled]:
    found = []
    for number in range(pieces):
        truth = make_truth(10_000 * seed + number)
        labels = make_labels(10_000 * seed + number, truth.grid)
        mix = np.asarray(np.sum(list(truth.stems.values()), axis=0, dtype=np.float32))
        lead = Clip(labels.lead[None], RATE) if labels.lead is not None else None
        found.append(
            Labelled(truth.name, labels.key, truth.grid, Clip(mix[None], RATE), lead, labels.notes)
        )
    return found


def key_tools() -> dict[str, Callable[[Clip], Key | None]]:
    tools: dict[str, Callable[[Clip], Key | None]] = {"backline": find_key}
    for name, profile in LIBROSA_PROFILES.items():
        tools[f"librosa chroma_cqt, {name}"] = lambda clip, p=profile: by_librosa(clip, p)  # type: ignore[misc]
    try:
        import essentia

        essentia.log.infoActive = essentia.log.warningActive = False
    except ImportError:
        return tools
    for named in ESSENTIA_PROFILES:
        tools[f"essentia KeyExtractor, {named}"] = lambda clip, p=named: by_essentia(clip, p)  # type: ignore[misc]
    return tools


# Krumhansl, "Cognitive Foundations of Musical Pitch", 1990; Temperley, "What's Key for Key?", 1999.
LIBROSA_PROFILES = {
    "Krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "Temperley": (
        (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
        (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
    ),
}


def by_librosa(clip: Clip, profiles: tuple[tuple[float, ...], tuple[float, ...]]) -> Key:
    from librosa.feature import chroma_cqt

    energy = chroma_cqt(y=clip.samples[0], sr=clip.sample_rate).mean(axis=1)
    fits = {
        (tonic, mode): float(np.corrcoef(np.roll(profile, tonic), energy)[0, 1])
        for mode, profile in zip(("major", "minor"), profiles, strict=True)
        for tonic in range(12)
    }
    return Key(*max(fits, key=lambda key: fits[key]))


def by_essentia(clip: Clip, profile: str) -> Key | None:
    from essentia.standard import KeyExtractor

    name, mode, _ = KeyExtractor(profileType=profile, sampleRate=clip.sample_rate)(clip.samples[0])
    try:
        return Key.parse(f"{name} {mode}")
    except KeyNameError:
        return None


def melody_tools() -> dict[str, Callable[[Clip], Pitches | None]]:
    tools: dict[str, Callable[[Clip], Pitches | None]] = {
        "backline (pYIN)": pitch_over_time, "librosa YIN": by_yin,
    }  # fmt: skip
    try:
        import essentia.standard  # noqa: F401

        tools["essentia Melodia"] = by_melodia
    except ImportError:
        pass
    try:
        logging.disable(logging.WARNING)
        import basic_pitch  # noqa: F401

        tools["basic-pitch"] = by_basic_pitch
    except ImportError:
        pass
    return tools


def by_yin(clip: Clip) -> Pitches:
    from librosa import yin

    hertz = yin(clip.samples[0], fmin=65.4, fmax=1396.9, sr=clip.sample_rate, frame_length=2048)
    return 69 + 12 * np.log2(hertz / 440), np.arange(len(hertz)) * 512 / clip.sample_rate


def by_melodia(clip: Clip) -> Pitches:
    from essentia.standard import PredominantPitchMelodia

    hertz, _ = PredominantPitchMelodia(sampleRate=clip.sample_rate)(clip.samples[0])
    with np.errstate(divide="ignore"):
        pitch = np.where(hertz > 0, 69 + 12 * np.log2(hertz / 440), np.nan)
    return pitch, np.arange(len(pitch)) * 128 / clip.sample_rate


def by_basic_pitch(clip: Clip) -> Pitches:
    """The strongest of the notes it finds at each hundredth of a second."""
    import basic_pitch
    from basic_pitch.inference import Model, predict

    model = Model(Path(basic_pitch.__file__).parent / "saved_models" / "icassp_2022" / "nmp.onnx")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lead.wav"
        write_wav(path, clip)
        _, _, events = predict(path, model)
    seconds = np.arange(0, clip.seconds, 0.01)
    pitch, loudest = np.full(len(seconds), np.nan), np.zeros(len(seconds))
    for start, end, number, strength, *_ in events:
        inside = (seconds >= start) & (seconds < end) & (strength > loudest)
        pitch[inside], loudest[inside] = number, strength
    return pitch, seconds


def hits(heard: Pitches | None, notes: tuple[Note, ...], grid: Grid) -> tuple[int, int]:
    """How many notes are heard at their pitch, and how many in any octave."""
    if heard is None:
        return 0, 0
    pitch, seconds = heard
    right = in_any_octave = 0
    for note in notes:
        start, end = (
            float(grid.seconds_at(note.start_beats)),
            float(grid.seconds_at(note.end_beats)),
        )
        edge = EDGE_SHARE * (end - start)
        inside = pitch[(seconds >= start + edge) & (seconds <= end - edge)]
        inside = inside[np.isfinite(inside)]
        if len(inside):
            off = float(np.median(inside)) - note.pitch
            right += abs(off) <= HIT_SEMITONES
            in_any_octave += abs((off + 6) % 12 - 6) <= HIT_SEMITONES
    return right, in_any_octave


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    pieces = labelled(asked.pieces, asked.seed)
    rows: list[dict[str, object]] = []
    print("| key by | exact, % | MIREX score |\n|---|---|---|")
    for name, tool in key_tools().items():
        relations = []
        for piece in pieces:
            heard = tool(piece.mix)
            relations.append("other" if heard is None else key_relation(heard, piece.key))
        exact = 100 * relations.count("same") / len(relations)
        score = float(np.mean([KEY_MARKS[each] for each in relations]))
        rows.append({"key by": name, "exact_percent": exact, "mirex": score})
        print(f"| {name} | {exact:.1f} | {score:.3f} |", flush=True)
    leads = [piece for piece in pieces if piece.lead is not None and piece.notes]
    print(
        "\n| lead's notes by | at their pitch, % | in any octave, % | of notes |\n|---|---|---|---|"
    )
    for name, listen in melody_tools().items():
        right = octaves = count = 0
        for piece in leads:
            assert piece.lead is not None
            one, any_octave = hits(listen(piece.lead), piece.notes, piece.grid)
            right, octaves, count = right + one, octaves + any_octave, count + len(piece.notes)
        share, in_octaves = 100 * right / max(count, 1), 100 * octaves / max(count, 1)
        rows.append({"melody by": name, "hit_percent": share, "octave_free_percent": in_octaves})
        print(f"| {name} | {share:.1f} | {in_octaves:.1f} | {count} |", flush=True)
    matches = [match_melody(p.lead, p.notes, p.grid) for p in leads if p.lead is not None]
    f1 = [match.note_f1 for match in matches if match]
    wrong = []
    for number, piece in enumerate(leads):
        other = leads[(number + 1) % len(leads)]
        notes = tuple(note for note in other.notes if note.end_beats <= piece.grid.beats)
        match = match_melody(piece.lead, notes, piece.grid) if piece.lead and notes else None
        wrong += [match.note_f1] if match and other is not piece else []
    usual, most = (float(np.median(wrong)), max(wrong)) if wrong else (math.nan, math.nan)
    print(
        f"\nbackline's note F1 against the melody played: median {np.median(f1):.3f}, least "
        f"{min(f1):.3f}; against another piece's: median {usual:.3f}"
        f", most {most:.3f}"
    )
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
