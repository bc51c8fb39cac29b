"""What the embedded model is worth, by judges that the product does not contain.

    python -m training.evaluate --requests 60 --seed 1 --json data/evaluate.json

Each held-out request is played by the engine that ships, and beside it the composer's own answer,
through the same decoder ("truth") and through the soundfont the decoder learnt from
("soundfont"; it has no voice). training.judges lists the judges and how to install them;
FluidSynth and FluidR3 GM (Debian: fluid-soundfont-gm) are needed too. The decoder's own figures
are those of training.judge_decoder and training.judge_voice.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from audio.clip import Clip, write_wav
from audio.tonality import key_relation
from daemon.pipeline.plan import planned
from diffusion.embedded.backbone import Backbone
from diffusion.embedded.decoder.decoder import Decoder, read_weights
from diffusion.embedded.engine import EmbeddedEngine, verify_weights
from diffusion.embedded.performance import PART_STEM, Performance, from_plain
from diffusion.engine import Conditions
from diffusion.facts import EmbeddedFacts
from stems.stem_set import StemSet
from training import figures
from training.held_out import RATE, HeldOut, held_out, seconds_of, soundfont_stems
from training.judges import embedding, onsets, tracker, transcriber
from training.pictures import draw_beside
from training.sounds import Soundfont

UNTRAINED = 8  # so many requests for the untrained network, which plays every note at once
PICTURED = (0, 2, 5, 9, 14, 21)
BAND = ("drums", "bass", "melody")  # what the soundfont can play too
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Played:
    """One answer to a request: its stems as they would be delivered, and its notes."""

    stems: StemSet
    performance: Performance
    facts: EmbeddedFacts

    def without(self, stem: str) -> np.ndarray:
        """The mono mix of all stems but one."""
        clips = self.stems.clips
        return np.asarray(
            np.sum([c.samples.mean(0) for n, c in clips.items() if n != stem], axis=0)
        )

    def band(self) -> np.ndarray:
        """The mono mix of what the soundfont can play too."""
        return np.asarray(np.sum([self.stems.clips[n].samples.mean(0) for n in BAND], axis=0))


def answer(engine: EmbeddedEngine, conditions: Conditions) -> Played:
    """Let the engine play what the product would give it: the plan, then the music."""
    made = engine.generate(planned(conditions, engine), lambda stage, fraction: None, lambda: False)
    assert made.stems is not None and made.score is not None
    assert isinstance(made.facts, EmbeddedFacts)
    return Played(StemSet(made.stems), from_plain(made.score), made.facts)


def true_answer(decoder: Decoder, asked: HeldOut) -> Played:
    """Let the decoder play the composer's own notes."""
    conditions = asked.conditions
    stems = decoder.render(
        asked.truth, conditions.grid, RATE, stems=conditions.stems, seed=asked.number
    )
    return Played(StemSet(stems), asked.truth, EmbeddedFacts())


def figures_of(played: Played, asked: HeldOut, folder: Path) -> Row:
    """Return what the judges hear in one answer."""
    conditions = asked.conditions
    grid, clips, parts = conditions.grid, played.stems.clips, played.performance.parts
    tempo = figures.tempo_heard(tracker.bpm_of(played.stems.mix.samples.mean(0)), grid)
    key = tracker.key_of(played.without("drums").astype(np.float32))
    found = onsets.onsets_of(clips["drums"].samples.mean(0), RATE)
    row: Row = {
        "tempo_relation": tempo.relation,
        "tempo_error_percent": tempo.error_percent,
        "key_relation": key_relation(key, conditions.key) if key else "none",
        "first_downbeat_ms": figures.first_downbeat_ms(found, parts["drums"].notes, grid),
        "grid_errors_ms": [round(float(e), 2) for e in figures.grid_errors_ms(found, grid)],
        "bass_below_400_hz": figures.share_below(clips["bass"], 400.0)
        if parts["bass"].notes
        else None,
        "drums_pitch_class_share": figures.pitch_class_bias(clips["drums"]),
    }
    for stem in conditions.stems:
        notes = [n for part, p in parts.items() if PART_STEM[part] == stem for n in p.notes]
        if stem != "drums":
            row[f"rest_db_{stem}"] = figures.rest_db(clips[stem], seconds_of(notes, grid))
    if conditions.melody is not None:
        row["melody_f1"] = _melody_f1(played, conditions, folder)
        row["melody_lead"] = conditions.lead
        row["own_reading_f1"] = played.facts.melody_agreement_before_keeping
    return row


def _melody_f1(played: Played, conditions: Conditions, folder: Path) -> float:
    """F1 of the lead's notes in what the transcriber hears in the lead's stem."""
    parts, grid = played.performance.parts, conditions.grid
    lead = "lead" if conditions.lead == "melody" else "vocals"
    others = parts["comp"].notes if lead == "lead" else ()
    path = folder / "lead.wav"
    write_wav(path, played.stems.clips[conditions.lead])
    heard = transcriber.notes_of(path)
    return transcriber.f1(heard, seconds_of(parts[lead].notes, grid), seconds_of(others, grid))


def untrained(engine: EmbeddedEngine) -> EmbeddedEngine:
    """Return an engine whose network has never been trained, with the same decoder."""
    torch.manual_seed(0)
    other = EmbeddedEngine()
    other._network = Backbone().eval().requires_grad_(False)
    other._decoder = engine._decoder
    return other


def summary(rows: list[Row]) -> dict[str, object]:
    """Return the figures of the issue over all rows of one kind."""
    relations = [str(row["tempo_relation"]) for row in rows]
    tempo_ok = [float(str(row["tempo_error_percent"])) <= 1.0 for row in rows]
    keys = [str(row["key_relation"]) for row in rows]
    downbeats = _values(rows, "first_downbeat_ms")
    errors = np.concatenate([np.array(row["grid_errors_ms"], float) for row in rows])
    rests = [v for row in rows for k, v in row.items() if k.startswith("rest_db") and v is not None]
    melody = {
        lead: [float(str(r["melody_f1"])) for r in rows if r.get("melody_lead") == lead]
        for lead in ("melody", "vocals")
    }
    both = melody["melody"] + melody["vocals"]
    return {
        "tempo_within_1_percent": _mean(tempo_ok),
        "tempo_relations": {name: relations.count(name) for name in dict.fromkeys(relations)},
        "first_downbeats_heard": len(downbeats),
        "first_downbeat_within_10_ms": _mean([abs(v) <= 10 for v in downbeats]),
        "first_downbeat_median_ms": float(np.median(downbeats)),
        "onset_to_grid_p95_ms": float(np.percentile(errors, 95)),
        "onset_to_grid_median_ms": float(np.median(errors)),
        "key_same": keys.count("same") / len(keys),
        "key_same_relative_or_fifth": _mean([k in ("same", "relative", "fifth") for k in keys]),
        "key_relations": {name: keys.count(name) for name in dict.fromkeys(keys)},
        "melody_f1": _mean(both),
        "melody_f1_lead_instrument": _mean(melody["melody"]),
        "melody_f1_voice": _mean(melody["vocals"]),
        "own_reading_f1": _mean(_values(rows, "own_reading_f1")),
        "rest_db_min": min(map(float, rests)),  # type: ignore[arg-type]
        "rest_db_median": float(np.median(np.array(rests, float))),
        "rests_judged": len(rests),
        "bass_below_400_hz": _mean(_values(rows, "bass_below_400_hz")),
        "drums_pitch_class_share": _mean(_values(rows, "drums_pitch_class_share")),
    }


def variety(engine: EmbeddedEngine, asked: HeldOut) -> dict[str, object]:
    """Play one request with 8 seeds, and the first seed again."""
    made = [answer(engine, replace(asked.conditions, seed=seed, melody=None)) for seed in range(8)]
    again = answer(engine, replace(asked.conditions, seed=0, melody=None))
    pairs = [(a, b) for a in range(8) for b in range(a)]
    names = made[0].performance.parts
    return {
        "note_distance_mean": {
            name: _mean(
                [
                    figures.note_distance(
                        made[a].performance.parts[name].notes, made[b].performance.parts[name].notes
                    )
                    for a, b in pairs
                ]
            )
            for name in names
        },
        "repeated_seed_is_identical": all(
            np.array_equal(made[0].stems.clips[s].samples, again.stems.clips[s].samples)
            for s in made[0].stems.clips
        ),
        "equal_pairs": sum(
            made[a].performance.parts == made[b].performance.parts for a, b in pairs
        ),
    }


def _values(rows: list[Row], name: str) -> list[float]:
    return [float(str(row[name])) for row in rows if row.get(name) is not None]


def _mean(values: list[float] | list[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


def main() -> None:
    """Play and judge all requests, print the figures, keep every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("data/evaluate.json"))
    parser.add_argument("--pictures", type=Path, help="folder for six spectrograms")
    parser.add_argument(
        "--without-distances", action="store_true", help="leave out Frechet distances and variety"
    )
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    engine = EmbeddedEngine()
    engine.load(lambda stage, fraction: None)
    assert engine._decoder is not None
    weights = read_weights(verify_weights()["decoder"])
    font = None if args.without_distances else Soundfont()
    raw = untrained(engine)
    rows: dict[str, list[Row]] = {"model": [], "truth": []}
    heard: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.requests):
            asked = held_out(number, args.seed)
            ours = answer(engine, asked.conditions)
            true = true_answer(engine._decoder, asked)
            for name, played in (("model", ours), ("truth", true)):
                row = figures_of(played, asked, Path(folder))
                rows[name].append(row | _label(asked))
            print(f"{number + 1} of {args.requests}", end="\r", flush=True)
            if font is None:
                continue
            grid = asked.conditions.grid
            rendered = soundfont_stems(font, weights, asked.truth, grid)
            fresh = held_out(number, args.seed + 1000)
            sounds = {
                "model": ours.band(),
                "truth": true.band(),
                "soundfont": _band(rendered),
                "other soundfont": _band(
                    soundfont_stems(font, weights, fresh.truth, fresh.conditions.grid)
                ),
            }
            if number < UNTRAINED:
                sounds["untrained"] = answer(raw, asked.conditions).band()
            if args.pictures and number in PICTURED:
                args.pictures.mkdir(parents=True, exist_ok=True)
                truth = {**rendered, "vocals": true.stems.clips["vocals"]}
                path = args.pictures / f"embedded-{number:02d}.png"
                draw_beside(ours.stems.clips, truth, grid, _title(asked), path)
            for name, sound in sounds.items():
                heard.setdefault(name, []).append(embedding.embed(_level(sound), RATE))
    result: dict[str, object] = {
        "requests": args.requests,
        "seed": args.seed,
        **{name: summary(of_kind) for name, of_kind in rows.items()},
    }
    if heard:
        reference = np.concatenate(heard.pop("soundfont"))
        result["frechet_to_soundfont_truth"] = {
            name: embedding.frechet(np.concatenate(found), reference)
            for name, found in heard.items()
        }
        result["variety"] = variety(engine, held_out(0, args.seed))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(result | {"rows": rows}, indent=1), encoding="utf-8")
    print(json.dumps(result, indent=1))


def _label(asked: HeldOut) -> Row:
    grid, key = asked.conditions.grid, asked.conditions.key
    return {
        "number": asked.number, "style": asked.style, "meter": str(grid.meter), "bpm": grid.bpm,
        "key": key.name,
    }  # fmt: skip


def _title(asked: HeldOut) -> str:
    conditions = asked.conditions
    tune = f"melody told, lead {conditions.lead}" if conditions.melody else "no melody told"
    return (
        f"request {asked.number}: {conditions.tags}; {conditions.grid.bpm:g} bpm "
        f"{conditions.grid.meter}, {conditions.key.name}; {tune}"
    )


def _band(stems: Mapping[str, Clip]) -> np.ndarray:
    return np.asarray(np.sum([clip.samples.mean(0) for clip in stems.values()], axis=0))


def _level(sound: np.ndarray) -> np.ndarray:
    """At a root mean square of 0.1, so that loudness does not count."""
    rms = float(np.sqrt(np.square(sound, dtype=np.float64).mean()))
    return (sound * (0.1 / max(rms, 1e-6))).astype(np.float32)


if __name__ == "__main__":
    main()
