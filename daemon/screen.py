"""What a person sees in the terminal: a progress bar, one-sentence errors, a clean Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STAGE_WORDS = {
    "": "Waiting",
    "load": "Loading the model",
    "diffuse": "Composing",
    "decode": "Playing",
    "split": "Splitting",
    "conform": "Fitting the grid",
    "measure": "Measuring",
    "write": "Writing files",
    "done": "Done",
}


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """Show stage, bar and time left on stderr; gives the function to call with each progress.

    Nothing is shown before its first call, so that what is refused at once is one sentence.
    """
    from rich import progress
    from rich.console import Console

    bars = progress.Progress(
        progress.TextColumn("{task.description:<18}"),
        progress.BarColumn(bar_width=36),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    task = bars.add_task(STAGE_WORDS[""], total=1.0)

    def show(stage: str, fraction: float) -> None:
        bars.start()
        bars.update(task, completed=fraction, description=STAGE_WORDS.get(stage, stage))

    try:
        yield show
    finally:
        if bars.live.is_started:
            bars.stop()


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a flag that the work asks for; the second one ends it at once."""
    asked = False

    def ask(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say_aside("stopping (Ctrl-C again stops at once)")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def say(line: str) -> None:
    """Print a line of what was asked for."""
    print(line, flush=True)


def say_json(values: object) -> None:
    """Print what was asked for as JSON, for programs."""
    say(json.dumps(values, indent=2, ensure_ascii=False))


def say_aside(line: str) -> None:
    """Print a line that is not the result, such as an error."""
    print(line, file=sys.stderr, flush=True)
