"""`backline conform`: a recording, and its stems, brought onto a grid to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audio.encodings import ENCODINGS, WAV
from daemon.commands.batch import CancelFlag, Done, Name, Show, over_all, placed
from daemon.commands.counting_options import advising
from daemon.commands.options import OUTPUT, AsJson, Force, Recordings
from daemon.commands.outputs import check_ending, check_free, in_place_of
from daemon.commands.request_options import takes
from daemon.errors import UsageError
from daemon.sound_inputs import sound_inputs
from diffusion.errors import Cancelled
from midi.number import counted
from osc_protocol.conform import Conform
from osc_protocol.request_paths import absolute

if TYPE_CHECKING:
    from daemon.pipeline.conforming import Outcome, Watch

Out = Annotated[
    Path,
    typer.Option(
        "-o",
        "--out",
        help="Sound file, its ending the format; a folder with --stems and of many.",
        **OUTPUT,
    ),
]


@takes(Conform, dict, without=["path", "priority"])
def conform(
    files: Recordings,
    request: dict[str, Any],
    out: Out,
    name: Name = "",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Bring recordings onto the grid: whole bars, to the frame, or not at all."""
    from daemon.pipeline.conforming import stem_files

    inputs = sound_inputs(files)
    requests = {file: Conform(path=absolute(str(file)), **request) for file in inputs.files}
    first = requests[inputs.files[0]]
    if first.stems_path and (inputs.many or name):
        raise UsageError("stems are those of one recording, and keep their names")
    if not (first.stems_path or inputs.many or name):
        check_ending(out, "out", (WAV, *ENCODINGS))
    parts = list(stem_files(Path(first.stems_path)).values()) if first.stems_path else []
    read = [*inputs.files, *parts]
    if parts:
        names = ("mix.wav", *(f"{path.stem}.wav" for path in parts))
        outputs = {inputs.files[0]: [out / each for each in names]}
    else:
        targets = placed(out, inputs, name, ".wav")
        outputs = {file: [target] for file, target in targets.items()}
    for target in (each for made in outputs.values() for each in made):
        check_free(target, "out", read, force=force)

    def work(file: Path, show: Show, cancelled: CancelFlag) -> Done:
        from audio.encoded_file import check_encoding
        from stems.plain import as_plain

        asked, made = requests[file], outputs[file]
        if asked.dry_run:
            return Done((), asked.as_dict())

        def watch(fraction: float) -> None:
            if cancelled():
                raise Cancelled("cancelled")
            show("conform", fraction)

        check_encoding(made[0], file)
        with in_place_of(made, "out", read, force=force), advising():
            outcome = _encoded(asked, [file, *parts], made, watch)
        line = f"{_line(outcome, asked)}; written to {out if parts else made[0]}"
        lines = [f"{file}: {line}" if inputs.many else line]
        lines += [f"  {remark}" for remark in outcome.remarks]
        return Done(lines, as_plain(outcome), made)

    over_all(inputs, work, as_json=as_json or first.dry_run)


def _encoded(
    request: Conform, inputs: Sequence[Path], outputs: Sequence[Path], watch: Watch
) -> Outcome:
    """Have it brought onto the grid as float WAV, and written in the format of its ending."""
    from daemon.pipeline.conforming import brought

    target = outputs[0]
    if target.suffix.lower() == WAV:
        return brought(request, inputs, outputs, watch)
    from audio.encoded_file import encode

    plain = target.with_name(f".{target.name}{WAV}")
    try:
        outcome = brought(request, inputs, [plain], watch)
        gain_db = encode(plain, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        plain.unlink(missing_ok=True)
    if not gain_db:
        return outcome
    down = f"it was brought down by {-gain_db:.2f} dB, for {target.suffix} holds nothing louder"
    return replace(outcome, gain_db=round(gain_db, 2), remarks=(*outcome.remarks, down))


def _line(outcome: Outcome, request: Conform) -> str:
    facts = outcome.conforming
    change = (
        "it was on the grid already and was only cut"
        if facts.untouched
        else f"stretched by {facts.most_stretch_percent:+.2f} % at most"
    )
    missing = f", the last {facts.missing_seconds:.2f} s of it silent: it ended before"
    return (
        f"{counted(outcome.bars, 'bar')} of {request.meter} at {request.bpm:g} bpm, "
        f"{facts.frames} frames"
        f"{missing if facts.missing_seconds else ''}"
        f"{f' and a tail of {facts.tail_frames}' if facts.tail_frames else ''}: {change}; "
        f"bar 1 was at {facts.first_downbeat_seconds} s"
    )
