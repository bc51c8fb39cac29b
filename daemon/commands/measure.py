"""`backline measure` and `energy`: a recording against what you expect, and over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.commands.batch import CancelFlag, Done, Name, Show, over_all, placed
from daemon.commands.options import OUTPUT, AsJson, Force, Meter, Recordings
from daemon.commands.outputs import check_free, in_place_of
from daemon.errors import UsageError
from daemon.screen import say, say_json
from daemon.sound_inputs import sound_inputs
from midi.grid import Grid

if TYPE_CHECKING:
    from audio.clip import Clip
    from audio.report import Examination
    from midi.key import Key
    from midi.melody import Melody

Bpm = Annotated[str, typer.Option("--bpm", help="Quarter notes a minute it should have.")]
KeyName = Annotated[str, typer.Option("--key", help="Key it should be in, such as 'F# minor'.")]
MelodyFile = Annotated[str, typer.Option("--melody", help="MIDI file it should play.")]
Picture = Annotated[
    Path | None,
    typer.Option("--picture", help="Draw it as a PNG; of many, the folder for them.", **OUTPUT),
]
File = Annotated[Path, typer.Argument(help="Dialogue, or the sound of a picture edit.")]
Every = Annotated[float, typer.Option("--every", help="Seconds from point to point.")]
Smooth = Annotated[float, typer.Option("--smooth", help="Seconds it is smoothed over.")]
PlacesBpm = Annotated[
    str, typer.Option("--bpm", help="Give places in quarter notes at this tempo, too.")
]
AsPoints = Annotated[
    bool, typer.Option("--points", help="With --bpm: print them as --intensity takes them.")
]


def measure(
    files: Recordings,
    bpm: Bpm = "",
    key: KeyName = "",
    meter: Meter = "4/4",
    melody: MelodyFile = "",
    picture: Picture = None,
    name: Name = "",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Measure recordings: tempo, beats, key, melody, loudness and faults."""
    from midi.key import Key

    if name and not picture:
        raise UsageError("name is that of pictures: give --picture FOLDER with it")
    if melody and not bpm:
        raise UsageError("melody needs bpm: without it the times of its notes are not known")
    inputs = sound_inputs(files)
    read = [*inputs.files, *([Path(melody)] if melody else [])]
    pictures = placed(picture, inputs, name, ".png") if picture else {}
    for target in pictures.values():
        check_free(target, "picture", read, force=force)
    asked_key = Key.parse(key) if key else None
    Grid.constant(bpm or "120", meter, 1)  # whatever is wrong with them is said at once

    def work(file: Path, show: Show, cancelled: CancelFlag) -> Done:
        from audio.clip import read_clip
        from audio.examination import examine
        from midi.melody import read_melody
        from stems.plain import as_plain

        clip = read_clip(file)
        one = float(Grid.constant(bpm or "120", meter, 1).seconds)
        grid = Grid.constant(bpm or "120", meter, max(1, round(clip.seconds / one)))
        tune = read_melody(Path(melody), grid) if melody else None
        found = examine(clip, grid, asked_key, melody=tune)
        drawn = pictures.get(file)
        if drawn:
            drawn.parent.mkdir(parents=True, exist_ok=True)
            with in_place_of([drawn], "picture", read, force=force):
                _draw(drawn, file.name, clip, grid, asked_key, tune, found)
        lines = [str(file), *(f"  {line}" for line in _lines(found, bool(bpm)))]
        plain = as_plain(found) if inputs.many else {str(file): as_plain(found)}
        return Done(lines, plain, [drawn] if drawn else [])

    over_all(inputs, work, as_json=as_json)


def _draw(
    path: Path,
    title: str,
    clip: Clip,
    grid: Grid,
    key: Key | None,
    melody: Melody | None,
    found: Examination,
) -> None:
    """Draw what was found over the grid; raises UsageError where the file cannot be written."""
    import numpy as np

    from audio.clip import Clip
    from midi.key import Key
    from stems.overview import Overview, draw_overview
    from stems.stem_set import StemSet, Take

    stereo = np.ascontiguousarray(np.resize(clip.samples, (2, clip.frames)))
    row = StemSet({"melody": Clip(stereo, clip.sample_rate)}, gained_db=0.0)
    heard = Key.parse(found.key) if found.key else Key(0, "major")
    take = Take(row, report=found)
    shown = Overview(title, grid, key or heard, melody, take, row_names={"melody": "recording"})
    try:
        draw_overview(path, shown)
    except OSError as error:
        raise UsageError(f"picture {path} cannot be written: {error.strerror}") from None


def _lines(found: Examination, against_grid: bool) -> list[str]:
    """What a person wants to know, one line each."""
    lines = []
    if found.bpm is None:
        lines.append("tempo: no steady pulse")
    elif against_grid:
        lines.append(
            f"tempo: {found.bpm:.2f} bpm, {found.octave_relation} times the asked "
            f"{found.bpm_asked:g}, {found.bpm_error_percent:+.3f} % off"
        )
    else:
        lines.append(f"tempo: {found.bpm:.2f} bpm")
    if against_grid:
        lines.append(_placed(found))
    if found.key:
        asked = f", asked {found.key_asked}: {found.key_relation}" if found.key_asked else ""
        lines.append(f"key: {found.key}{asked}")
    if found.melody:
        match = found.melody
        lines.append(
            f"melody: {100 * match.recall:.0f} % of the notes, "
            f"{100 * match.chroma_agreement:.0f} % in any octave, F1 {match.note_f1:.2f}"
        )
        for departure in match.departures[:5]:
            heard = "nothing" if departure.heard is None else f"{departure.heard:.1f}"
            lines.append(f"  beat {departure.beat:g}: {departure.asked} asked, {heard} heard")
    loudness = found.loudness
    lufs = "too short for LUFS" if loudness.lufs is None else f"{loudness.lufs:.1f} LUFS"
    lines.append(f"loudness: {lufs}, true peak {loudness.true_peak_dbtp:+.1f} dBTP")
    lines += [f"fault: {fault.sentence}" for fault in found.faults] or ["no faults"]
    return lines


def _placed(found: Examination) -> str:
    place = found.placement
    if place is None:
        return "beats: none found"
    if place.doubt:
        return f"beats: not sure; {place.doubt}"
    return (
        f"beats: {place.median_ms:+.1f} ms median, 95 % within {place.p95_ms:.1f} ms, worst "
        f"{place.worst_ms:+.1f} ms; bar 1 at {place.downbeats_seconds[0]:.3f} s; "
        f"drift {place.drift_percent:.2f} %"
    )


def energy(
    file: File,
    every: Every = 1.0,
    smooth: Smooth = 1.0,
    bpm: PlacesBpm = "",
    as_points: AsPoints = False,
    as_json: AsJson = False,
) -> None:
    """Extract the energy of a recording over time, from 0 to 1."""
    from audio.clip import read_clip
    from audio.energy import energy_curve
    from midi.curve import Curve

    if as_points and not bpm:
        raise UsageError("--points needs --bpm, for instance --bpm 92.5")
    grid = Grid.constant(bpm, bars=1) if bpm else None
    points = energy_curve(read_clip(file), every_seconds=every, smooth_seconds=smooth)
    rows = [{"seconds": seconds, "value": value} for seconds, value in points.items()]
    if grid:
        rows = [{**row, "beat": round(float(grid.beat_at(row["seconds"])), 4)} for row in rows]
    if as_points and grid:
        beats = [grid.beat_at(seconds) for seconds in points]
        say(str(Curve.through(beats, points.values(), beats[-1])))
        return
    if as_json:
        say_json(rows)
        return
    for row in rows:
        beat = f"  beat {row['beat']:8.2f}" if "beat" in row else ""
        say(f"{row['seconds']:8.2f} s{beat}  {row['value']:.2f} {'#' * round(40 * row['value'])}")
