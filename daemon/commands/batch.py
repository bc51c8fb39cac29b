"""One command over many recordings: one progress bar, and a file that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from daemon.errors import Interrupted
from daemon.failure import FAILED, INTERRUPTED, failure_of
from daemon.output_names import output_names
from daemon.screen import interruptible, progress_bar, say, say_aside, say_json
from daemon.sound_inputs import SoundInputs
from diffusion.errors import Cancelled
from osc_protocol.errors import Code, ProtocolError

Show = Callable[[str, float], None]
CancelFlag = Callable[[], bool]
Name = Annotated[
    str,
    typer.Option(
        "--name", metavar="PATTERN",
        help="Names of what is written into the folder -o, such as {file}_{stem} or {number}.",
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one recording: lines for a person, JSON for a program, the files made."""

    lines: Sequence[str]
    plain: Mapping[str, object]
    written: Sequence[Path] = ()


Work = Callable[[Path, Show, CancelFlag], Done]


def over_all(inputs: SoundInputs, work: Work, *, as_json: bool = False, bar: bool = False) -> None:
    """Have `work` done with each recording and say what came of it.

    Of many, each error is a line, and JSON is a list with an entry for each: its file, and what
    was found or the error. Raises typer.Exit with status 1 where one failed, and with 130 after
    Ctrl-C, which leaves what is finished. Of one, errors are raised; it has a progress bar where
    `bar` is set.
    """
    if inputs.many:
        outcomes = _Outcomes(as_json)
        with _watched() as (show, cancelled):
            _do_all(inputs.files, work, show, cancelled, outcomes)
        outcomes.tell(inputs)
        return
    (file,) = inputs.files
    if bar:
        with _watched() as (show, cancelled):
            done = work(file, show, cancelled)
    else:
        done = work(file, lambda stage, fraction: None, lambda: False)
    if as_json:
        say_json(done.plain)
    else:
        for line in done.lines:
            say(line)


@dataclass(slots=True)
class _Outcomes:
    """What came of the recordings so far, as JSON or as lines."""

    as_json: bool
    entries: list[dict[str, object]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    done: int = 0
    was_stopped: bool = False

    def add(self, file: Path, done: Done) -> None:
        """Take in what came of one; what nobody will read is not kept."""
        self.done += 1
        if self.as_json:
            written = {"written": [str(path) for path in done.written]} if done.written else {}
            self.entries.append({"file": str(file), **written, **done.plain})
        else:
            self.lines += done.lines

    def fail(self, file: Path, error: Exception) -> None:
        """Take in why one failed."""
        sentence = failure_of(error).sentence
        self.sentences.append(sentence if file.name in sentence else f"{file}: {sentence}")
        self.entries.append({"file": str(file), "error": sentence})

    def tell(self, inputs: SoundInputs) -> None:
        """Print it all; raises typer.Exit unless each recording is done."""
        if self.as_json:
            say_json(self.entries)
        else:
            for line in self.lines:
                say(line)
        for sentence in self.sentences:
            say_aside(f"error: {sentence}")
        passed_over = f"; other files passed over: {inputs.passed_over}"
        summary = (
            f"{self.done} of {len(inputs.files)} recordings done"
            f"{f', {len(self.sentences)} failed' if self.sentences else ''}"
            f"{', stopped' if self.was_stopped else ''}{passed_over if inputs.passed_over else ''}"
        )
        (say_aside if self.as_json else say)(summary)
        if self.was_stopped:
            raise typer.Exit(INTERRUPTED)
        if self.sentences:
            raise typer.Exit(FAILED)


def _do_all(
    files: Sequence[Path], work: Work, show: Show, cancelled: CancelFlag, outcomes: _Outcomes
) -> None:
    for place, file in enumerate(files):
        which = f"{place + 1}/{len(files)} {file.name}"

        def share(stage: str, fraction: float, place: int = place, which: str = which) -> None:
            show(which, (place + fraction) / len(files))

        share("", 0.0)
        try:
            if cancelled():
                raise Cancelled("cancelled")
            done = work(file, share, cancelled)
        except (Cancelled, Interrupted):
            outcomes.was_stopped = True
            return
        except Exception as error:
            if isinstance(error, ProtocolError) and error.code == Code.MODEL_UNAVAILABLE:
                raise  # what one lacks, all lack
            outcomes.fail(file, error)
        else:
            outcomes.add(file, done)
        share("", 1.0)


def placed(out: Path, inputs: SoundInputs, pattern: str, suffix: str) -> Mapping[Path, Path]:
    """Return the one file that is made of each recording: `out` itself, or in it where many are.

    A pattern puts it into the folder `out` as well; raises UsageError for one that names no files.
    """
    if not inputs.many and not pattern:
        return {inputs.files[0]: out}
    names = output_names(pattern or "{file}", inputs.files, (), suffix)
    return {file: names.path(out, file) for file in inputs.files}


@contextmanager
def _watched() -> Iterator[tuple[Show, CancelFlag]]:
    with interruptible() as cancelled, progress_bar() as show:
        yield show, cancelled
