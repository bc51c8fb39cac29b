"""`backline train-lora`: an adapter for ACE-Step, learnt from the user's own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.options import OUTPUT, Recordings
from daemon.errors import UsageError
from daemon.screen import interruptible, say, say_aside
from daemon.sound_inputs import sound_inputs
from diffusion.models.choice import chosen_for, whole_for_music
from diffusion.models.folder import models_folder

ENGINE = "ace-step"
MEMORIES = ("12", "24")
GB = 1_000_000_000


def train_lora(
    recordings: Recordings,
    output: Annotated[
        Path, typer.Option("-o", "--out", help="Folder for the adapter, named as it.", **OUTPUT)
    ],
    words: Annotated[str, typer.Option(help="Your words for the style: 'my band, fuzz'.")] = "",
    model: Annotated[str, typer.Option(help="Name or hash of the weights it is for.")] = "",
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many steps.")] = 1000,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Rank of the adapter.")] = 16,
    alpha: Annotated[int, typer.Option(min=1, max=512, help="Its alpha.")] = 32,
    rate: Annotated[float, typer.Option(min=1e-7, max=1e-1, help="How fast it learns.")] = 1e-4,
    every: Annotated[
        int, typer.Option(min=1, max=10_000, help="Judge and store after so many steps.")
    ] = 50,
    patience: Annotated[
        int, typer.Option(min=1, max=1000, help="End after so many judgements without progress.")
    ] = 6,
    samples: Annotated[
        int, typer.Option(min=0, max=100_000, help="Play a piece after so many steps; 0: never.")
    ] = 0,
    memory: Annotated[
        str, typer.Option(help="GPU memory in GB to manage with: 12 or 24; else as there is.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="The same seed learns the same.")] = 0,
) -> None:
    """Learn an adapter (LoRA) from your recordings; the same command goes on where it stopped."""
    if memory and memory not in MEMORIES:
        raise UsageError(f"memory must be one of {', '.join(MEMORIES)}, not {memory!r}")
    inputs = sound_inputs(recordings)
    snapshot = whole_for_music(models_folder(), model or chosen_for(ENGINE), ENGINE)
    name = output.resolve().name
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output} cannot be written to: {error.strerror}") from None
    from diffusion.ace_step.learning import Lessons
    from diffusion.ace_step.own_sound import Wishes, train
    from diffusion.memory import best_device, free_bytes

    saves = (memory or ("24" if free_bytes(best_device()) > 20 * GB else "12")) == "12"
    lessons = Lessons(
        steps, rank, alpha, rate, every=every, patience=patience, seed=seed, saves_memory=saves
    )
    wishes = Wishes(name, words, lessons, samples)
    with interruptible() as stopped:
        course = train(list(inputs.files), snapshot, output, wishes, say_aside, stopped)
    first = course.held_out[min(course.held_out)]
    say(f"{output / name}.safetensors: step {course.best_step} of {course.step}, held out "
        f"{course.best:.4f}, before {first:.4f}")  # fmt: skip
    if stopped():
        say_aside("stopped; the same command goes on from here")
    say(f"to play with it: --engine {ENGINE} --lora {output / name}.safetensors")
