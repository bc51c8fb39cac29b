"""From a folder of the user's own recordings to an adapter: pieces, latents, lessons, a card."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from audio.clip import Clip, write_wav
from diffusion import memory
from diffusion.ace_step import block, codec, weights
from diffusion.ace_step.learning import Course, Example, Learner, Lessons
from diffusion.ace_step.own_pieces import Piece, pieces_of
from diffusion.ace_step.task import SAMPLE_RATE
from diffusion.errors import Cancelled, EngineError
from diffusion.models.shelf import Snapshot

HELD_OUT = 10  # one piece of so many, and at least one
CARD_NAME = "card.json"

Say = Callable[[str], None]
Stopped = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is learnt: the adapter's name, the user's words for the style, how and how often.

    With `samples_every` a piece is played after so many steps, 0 for never.
    """

    name: str
    words: str
    lessons: Lessons
    samples_every: int = 0


def train(
    files: Sequence[Path],
    snapshot: Snapshot,
    folder: Path,
    wishes: Wishes,
    say: Say,
    stopped: Stopped,
) -> Course:
    """Learn an adapter from recordings; what was begun in `folder` before is gone on with.

    Raises EngineError, and Cancelled where it is stopped before it learns.
    """
    if importlib.util.find_spec("peft") is None:
        raise EngineError("learning needs the package peft; run: pip install 'backline[lora]'")
    pieces = _cut(files, wishes.words, say, stopped)
    if len(pieces) < 2:
        raise EngineError(
            f"the recordings give {len(pieces)} piece: 2 are needed, to learn from and to judge by"
        )
    digest = _digest(pieces, snapshot, wishes)
    device = memory.best_device()
    pipeline = weights.read(snapshot.folder, memory.best_dtype(device))
    pipeline.settle()
    examples = [_example(pipeline, piece, folder, say, stopped) for piece in pieces]
    for layer in pipeline.transformer.layers:
        block.undo(layer)
    pipeline.transformer.to(device)  # the others have done their work, and stay where they are
    learner = Learner(pipeline, snapshot.kind, wishes.lessons, folder, wishes.name, digest)
    if learner.go_on():
        say(f"going on after step {learner.course.step}")
    held_out, known = (
        examples[::HELD_OUT],
        [each for number, each in enumerate(examples) if number % HELD_OUT],
    )
    say(f"{len(known)} pieces to learn from, {len(held_out)} to judge by")

    def told(course: Course) -> None:
        if course.step in course.held_out:
            say(
                f"step {course.step} of {wishes.lessons.steps}: loss {course.losses[-1]:.4f}, "
                f"held out {course.held_out[course.step]:.4f} (best {course.best:.4f})"
            )
        if wishes.samples_every and course.step % wishes.samples_every == 0:
            _play(pipeline, learner, held_out[0], folder, course.step)

    course = learner.learn(known, held_out, told, stopped)
    _write_card(pieces, snapshot, folder, wishes, course)
    return course


def _cut(files: Sequence[Path], words: str, say: Say, stopped: Stopped) -> list[Piece]:
    pieces: list[Piece] = []
    for file in files:
        if stopped():
            raise Cancelled("cancelled")
        found = list(pieces_of(file, words))
        prompt = found[0].prompt
        remark = f" ({found[0].remark})" if found[0].remark else ""
        heard = f"{prompt.bpm or '?'} bpm, {prompt.key or '?'}"
        say(f"{file.name}: {len(found)} pieces, {heard}{remark}")
        pieces += found
    return pieces


def _example(pipeline: Any, piece: Piece, folder: Path, say: Say, stopped: Stopped) -> Example:
    """Latents and states of a piece, stored under the hash of all that they depend on."""
    if stopped():
        raise Cancelled("cancelled")
    asked = f"{piece.sha256} {piece.first} {piece.end} {piece.prompt}"
    path = folder / "latents" / f"{hashlib.sha256(asked.encode()).hexdigest()[:24]}.safetensors"
    if not path.is_file():
        say(f"encoding {piece.file.name} from frame {piece.first}")
        path.parent.mkdir(parents=True, exist_ok=True)
        latents, states = pipeline.example(piece.prompt, piece.sound())
        partial = path.with_suffix(".partial")
        save_file({"latents": latents.contiguous(), "states": states.contiguous()}, partial)
        partial.replace(path)
    stored = load_file(path)
    return Example(stored["latents"], stored["states"])


def _play(pipeline: Any, learner: Learner, example: Example, folder: Path, step: int) -> None:
    latents = learner.sample(example, learner.lessons.seed).cpu()
    with torch.inference_mode():
        sound = codec.decode(pipeline.vae, latents)[0]
    (folder / "samples").mkdir(exist_ok=True)
    write_wav(folder / "samples" / f"step_{step:06d}.wav", Clip(sound.numpy(), SAMPLE_RATE))


def _digest(pieces: Sequence[Piece], snapshot: Snapshot, wishes: Wishes) -> str:
    lessons = {**asdict(wishes.lessons), "steps": 0, "saves_memory": 0}  # those may change
    told = [[p.sha256, p.first, p.end, p.prompt.text] for p in pieces]
    text = json.dumps([told, snapshot.sha256, lessons], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _write_card(
    pieces: Sequence[Piece], snapshot: Snapshot, folder: Path, wishes: Wishes, course: Course
) -> None:
    adapter = folder / f"{wishes.name}.safetensors"
    card = {
        "name": wishes.name, "words": wishes.words,
        "sha256": hashlib.sha256(adapter.read_bytes()).hexdigest(),
        "weights": asdict(snapshot.describe()), "kind": snapshot.kind,
        "lessons": asdict(wishes.lessons),
        "steps_done": course.step, "best_step": course.best_step,
        "held_out_loss": course.held_out, "training_loss": course.losses[-1:],
        "recordings": [
            {"file": file.name, "sha256": sha256, "pieces": [
                {"first_frame": p.first, "end_frame": p.end, "caption": p.prompt.caption,
                 "bpm": p.prompt.bpm, "key": p.prompt.key, "remark": p.remark}
                for p in pieces if p.file == file
            ]}
            for file, sha256 in dict.fromkeys((p.file, p.sha256) for p in pieces)
        ],
    }  # fmt: skip
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    (folder / CARD_NAME).write_text(text, "utf-8", newline="\n")
