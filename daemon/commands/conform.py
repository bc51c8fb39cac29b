"""`backline conform`: a recording, and its stems, brought onto a grid to the frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from audio.encodings import ENCODINGS, WAV
from daemon.commands.batch import CancelFlag, Done, Name, Show, over_all, placed
from daemon.commands.counting_options import Double, Downbeat, Half, advising, counting_of
from daemon.commands.options import OUTPUT, AsJson, Force, Meter, Recordings
from daemon.commands.outputs import check_ending, check_free, in_place_of
from daemon.errors import UsageError
from daemon.sound_inputs import sound_inputs
from midi.grid import Grid
from midi.number import counted

if TYPE_CHECKING:
    from audio.conform import Conformed
    from audio.counting import Counting
    from audio.report import Conforming

T = TypeVar("T")

Bpm = Annotated[str, typer.Option("--bpm", help="Quarter notes a minute, 20 to 400.")]
Bars = Annotated[int, typer.Option("--bars", help="Bars to cut; as many as are there if 0.")]
FromBpm = Annotated[
    str, typer.Option("--from-bpm", help="The recording's own tempo, where it is another.")
]
StemFolder = Annotated[
    Path | None,
    typer.Option("--stems", help="Folder with drums.wav, bass.wav ...: done alike."),
]
Tail = Annotated[float, typer.Option("--tail", help="Seconds to ring on after the last bar.")]
Loop = Annotated[bool, typer.Option("--loop", help="Fold what rings on into the beginning.")]
MaxStretch = Annotated[float, typer.Option("--max-stretch", help="Refuse more, in percent.")]
Out = Annotated[
    Path,
    typer.Option(
        "-o",
        "--out",
        help="Sound file, its ending the format; a folder with --stems and of many.",
        **OUTPUT,
    ),
]


def conform(
    files: Recordings,
    bpm: Bpm,
    out: Out,
    name: Name = "",
    meter: Meter = "4/4",
    bars: Bars = 0,
    from_bpm: FromBpm = "",
    stems: StemFolder = None,
    tail: Tail = 0.0,
    loop: Loop = False,
    max_stretch: MaxStretch = 6.0,
    downbeat: Downbeat = None,
    half: Half = False,
    double: Double = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Bring recordings onto the grid: whole bars, to the frame, or not at all."""
    if loop and tail:
        raise UsageError("tail and loop exclude each other: a loop folds its tail in")
    inputs = sound_inputs(files)
    if stems and (inputs.many or name):
        raise UsageError("stems are those of one recording, and keep their names")
    if not (stems or inputs.many or name):
        check_ending(out, "out", (WAV, *ENCODINGS))
    parts = list(_stem_files(stems).values()) if stems else []
    read = [*inputs.files, *parts]
    if stems:
        names = ("mix.wav", *(f"{path.stem}.wav" for path in parts))
        outputs = {inputs.files[0]: [out / each for each in names]}
    else:
        targets = placed(out, inputs, name, ".wav")
        outputs = {file: [target] for file, target in targets.items()}
    for target in (each for made in outputs.values() for each in made):
        check_free(target, "out", read, force=force)
    options = Options(bpm, meter, from_bpm, tail, max_stretch, counting_of(downbeat, half, double))
    options.bars_in(0.0)  # whatever is wrong with tempo and meter is said at once
    bring = _loop if loop else _straight

    def work(file: Path, show: Show, cancelled: CancelFlag) -> Done:
        from audio.encoded_file import check_encoding
        from stems.plain import as_plain

        made = outputs[file]
        check_encoding(made[0], file)
        with in_place_of(made, "out", read, force=force), advising():
            outcome = _encoded(bring, [file, *parts], made, bars, options)
        line = f"{_line(outcome, options)}; written to {out if stems else made[0]}"
        lines = [f"{file}: {line}" if inputs.many else line]
        lines += [f"  {remark}" for remark in outcome.remarks]
        return Done(lines, as_plain(outcome), made)

    over_all(inputs, work, as_json=as_json)


def _encoded(
    bring: Bring, inputs: list[Path], outputs: list[Path], bars: int, options: Options
) -> Outcome:
    """Have it brought onto the grid as float WAV, and written in the format of its ending."""
    target = outputs[0]
    if target.suffix.lower() == WAV:
        return bring(inputs, outputs, bars, options)
    from audio.encoded_file import encode

    plain = target.with_name(f".{target.name}{WAV}")
    try:
        outcome = bring(inputs, [plain], bars, options)
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


def _line(outcome: Outcome, options: Options) -> str:
    facts = outcome.conforming
    change = (
        "it was on the grid already and was only cut"
        if facts.untouched
        else f"stretched by {facts.most_stretch_percent:+.2f} % at most"
    )
    missing = f", the last {facts.missing_seconds:.2f} s of it silent: it ended before"
    return (
        f"{counted(outcome.bars, 'bar')} of {options.meter} at {options.bpm} bpm, "
        f"{facts.frames} frames"
        f"{missing if facts.missing_seconds else ''}"
        f"{f' and a tail of {facts.tail_frames}' if facts.tail_frames else ''}: {change}; "
        f"bar 1 was at {facts.first_downbeat_seconds} s"
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written; the wrap of a loop is its jump from the last sample to the first."""

    bars: int
    sample_rate: int
    conforming: Conforming = field(metadata={"json": "open"})
    wrap_jump: float | None = None
    usual_jump: float | None = None
    clicks: bool | None = None
    null_dbfs: float | None = None
    gain_db: float = 0.0
    remarks: tuple[str, ...] = ()  # on the files


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for, as it was typed."""

    bpm: str
    meter: str
    from_bpm: str
    tail_seconds: float
    max_stretch_percent: float
    counting: Counting

    def grid(self, bars: int) -> Grid:
        """Return the grid to land on."""
        return Grid.constant(self.bpm, self.meter, bars)

    def expected(self, bars: int) -> Grid | None:
        """Return the grid of the recording, if that is another."""
        return Grid.constant(self.from_bpm, self.meter, bars) if self.from_bpm else None

    def bars_in(self, seconds: float) -> int:
        """How many bars a recording may hold: rounded, for it may be a little slow or fast."""
        one = float((self.expected(1) or self.grid(1)).seconds)
        return max(1, int(seconds / one + 0.1))


Bring = Callable[[list[Path], list[Path], int, Options], Outcome]


def _straight(inputs: list[Path], outputs: list[Path], bars: int, options: Options) -> Outcome:
    """From file to file, however long they are."""
    from audio.conform_files import conform_files, survey
    from audio.sound_files import SoundFiles

    with SoundFiles(inputs) as files:
        found = survey(files)

        def bring(count: int) -> Outcome:
            facts, null = conform_files(
                files, found, options.grid(count), outputs, expected=options.expected(count),
                tail_seconds=options.tail_seconds,
                max_stretch_percent=options.max_stretch_percent, counting=options.counting,
            )  # fmt: skip
            return Outcome(count, files.sample_rate, facts, null_dbfs=null, remarks=files.remarks())

        return _as_many_bars(bring, bars, options.bars_in(files.seconds))


def _loop(inputs: list[Path], outputs: list[Path], bars: int, options: Options) -> Outcome:
    """In memory, for the end of a loop sounds in its beginning."""
    from audio.clip import read_recorded, write_wav
    from audio.conform import conform
    from audio.loop import measure_wrap
    from audio.residue import null_dbfs

    recorded = [read_recorded(path) for path in inputs]
    if len({each.clip.channels for each in recorded}) > 1:
        recorded = [read_recorded(path, stereo=True) for path in inputs]
    mix, *parts = (each.clip for each in recorded)

    def bring(count: int) -> tuple[int, Conformed]:
        return count, conform(
            mix, options.grid(count), expected=options.expected(count), loop=True,
            stems={path.stem: part for path, part in zip(inputs[1:], parts, strict=True)},
            max_stretch_percent=options.max_stretch_percent, counting=options.counting,
        )  # fmt: skip

    count, done = _as_many_bars(bring, bars, options.bars_in(mix.seconds))
    stems = list(done.stems.values())
    outputs[0].parent.mkdir(parents=True, exist_ok=True)
    for path, clip in zip(outputs, [done.mix, *stems], strict=True):
        write_wav(path, clip)
    wrap = measure_wrap(done.mix.samples)
    null = round(null_dbfs(done.mix, stems), 1) if stems else None
    return Outcome(
        count,
        mix.sample_rate,
        done.facts,
        wrap.jump,
        wrap.usual_jump,
        wrap.clicks,
        null,
        remarks=tuple(remark for each in recorded for remark in each.remarks),
    )


def _as_many_bars(bring: Callable[[int], T], bars: int, guess: int) -> T:
    """Bring that many bars onto the grid; if 0, as many as are there, which may be fewer."""
    from audio.errors import CannotConform

    try:
        return bring(bars or guess)
    except CannotConform as error:
        if bars or not error.bars_held:
            raise
        return bring(error.bars_held)


def _stem_files(folder: Path) -> dict[str, Path]:
    from audio.stem_names import STEMS

    paths = [folder / f"{name}{suffix}" for name in STEMS for suffix in (".flac", ".wav")]
    found = {path.stem: path for path in paths if path.is_file()}
    if not found:
        raise UsageError(f"stems: {folder} holds none of {', '.join(f'{n}.wav' for n in STEMS)}")
    return found
