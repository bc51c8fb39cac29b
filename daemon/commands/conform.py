"""`backline conform`: a recording, and its stems, brought onto a grid to the frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.errors import UsageError
from daemon.screen import say

if TYPE_CHECKING:
    from audio.clip import Clip
    from audio.conform import Conformed

File = Annotated[Path, typer.Argument(help="The recording: any sound file.")]
Bpm = Annotated[str, typer.Option("--bpm", help="Quarter notes a minute, 20 to 400.")]
MeterName = Annotated[str, typer.Option("--meter", help="Time signature, such as 4/4 or 7/8.")]
Bars = Annotated[int, typer.Option("--bars", help="Bars to cut; as many as are there if 0.")]
FromBpm = Annotated[
    str, typer.Option("--from-bpm", help="The recording's own tempo, where it is another.")
]
StemFolder = Annotated[
    Path | None, typer.Option("--stems", help="Folder with drums.wav, bass.wav ...: done alike.")
]
Tail = Annotated[float, typer.Option("--tail", help="Seconds to ring on after the last bar.")]
Loop = Annotated[bool, typer.Option("--loop", help="Fold what rings on into the beginning.")]
MaxStretch = Annotated[float, typer.Option("--max-stretch", help="Refuse more, in percent.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="The file to write; a folder with --stems.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


def conform(
    file: File,
    bpm: Bpm,
    out: Out,
    meter: MeterName = "4/4",
    bars: Bars = 0,
    from_bpm: FromBpm = "",
    stems: StemFolder = None,
    tail: Tail = 0.0,
    loop: Loop = False,
    max_stretch: MaxStretch = 6.0,
    as_json: AsJson = False,
) -> None:
    """Bring a recording onto the grid: whole bars, to the frame, or not at all."""
    from audio.clip import read_clip, write_wav
    from audio.conform import conform as run
    from audio.errors import CannotConform
    from audio.loop import measure_wrap
    from midi.grid import Grid

    if loop and tail:
        raise UsageError("tail and loop exclude each other: a loop folds its tail in")
    mix = read_clip(file)
    parts = _read_stems(stems) if stems else {}
    count = bars or _whole_bars(mix.seconds, from_bpm or bpm, meter)

    def bring(count: int) -> Conformed:
        return run(
            mix, Grid.constant(bpm, meter, count), stems=parts, tail_seconds=tail, loop=loop,
            expected=Grid.constant(from_bpm, meter, count) if from_bpm else None,
            max_stretch_percent=max_stretch,
        )  # fmt: skip

    try:
        done = bring(count)
    except CannotConform as error:
        if bars or not error.bars_held:
            raise
        count = error.bars_held
        done = bring(count)
    facts = {"bars": count, "sample_rate": mix.sample_rate, **done.facts}
    if loop:
        wrap = measure_wrap(done.mix)
        facts |= {"wrap_jump": wrap.jump, "usual_jump": wrap.usual_jump, "clicks": wrap.clicks}
    if parts:
        facts["null_dbfs"] = _null_dbfs(done)
        out.mkdir(parents=True, exist_ok=True)
        for name, clip in done.stems.items():
            write_wav(out / f"{name}.wav", clip)
    write_wav(out / "mix.wav" if parts else out, done.mix)
    if as_json:
        say(json.dumps(facts, indent=2))
        return
    change = (
        "it was on the grid already and was only cut"
        if done.warp is None
        else f"stretched by {facts['most_stretch_percent']:+.2f} % at most"
    )
    say(
        f"{count} bars of {meter} at {bpm} bpm, {done.frames} frames"
        f"{f' and a tail of {done.tail_frames}' if done.tail_frames else ''}: {change}; "
        f"bar 1 was at {facts['first_downbeat_seconds']} s; written to {out}"
    )


def _whole_bars(seconds: float, bpm: str, meter: str) -> int:
    """How many bars a recording may hold: rounded, for it may be a little slow or fast."""
    from midi.grid import Grid

    one = float(Grid.constant(bpm, meter, 1).seconds)
    return max(1, int(seconds / one + 0.1))


def _read_stems(folder: Path) -> dict[str, Clip]:
    from audio.clip import read_clip
    from audio.stem_names import STEMS

    found = {name: folder / f"{name}.wav" for name in STEMS if (folder / f"{name}.wav").is_file()}
    if not found:
        raise UsageError(f"stems: {folder} holds none of {', '.join(f'{n}.wav' for n in STEMS)}")
    return {name: read_clip(path) for name, path in found.items()}


def _null_dbfs(done: Conformed) -> float:
    """Peak of the mix less its stems, in dBFS, no lower than -200."""
    import numpy as np

    rest = done.mix.samples.astype(np.float64)
    for clip in done.stems.values():
        rest -= clip.samples
    return round(20 * float(np.log10(max(np.abs(rest).max(), 1e-10))), 1)
