"""`backline measure` and `energy`: a recording against what you expect, and over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audio.tempo_words import tempo_words
from daemon.commands.batch import CancelFlag, Done, Name, Show, over_all, placed
from daemon.commands.counting_options import Double, Downbeat, Half, advice_on, counting_of, pace_of
from daemon.commands.options import OUTPUT, AsJson, Force, Meter, Recordings
from daemon.commands.outputs import check_ending, check_free, in_place_of
from daemon.errors import UsageError
from daemon.screen import say, say_json
from daemon.sound_inputs import sound_inputs
from midi.grid import Grid

if TYPE_CHECKING:
    from audio.clip import Clip, Recorded
    from audio.report import Examination
    from midi.key import Key
    from midi.melody import Melody

FREE_BPM = "120"  # where none is asked for and no pulse is heard

Bpm = Annotated[str, typer.Option("--bpm", help="Quarter notes a minute it should have.")]
KeyName = Annotated[str, typer.Option("--key", help="Key it should be in, such as 'F# minor'.")]
MelodyFile = Annotated[
    str, typer.Option("--melody", metavar="FILE", help="MIDI file it should play.")
]
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
    downbeat: Downbeat = None,
    half: Half = False,
    double: Double = False,
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
    if picture and not (inputs.many or name):
        check_ending(picture, "picture", (".png",))
    pictures = placed(picture, inputs, name, ".png") if picture else {}
    for target in pictures.values():
        check_free(target, "picture", read, force=force)
    asked_key = Key.parse(key) if key else None
    counting = counting_of(downbeat, False, False)
    pace = pace_of(half, double)
    Grid.constant(bpm or FREE_BPM, meter, 1)  # whatever is wrong with them is said at once

    def work(file: Path, show: Show, cancelled: CancelFlag) -> Done:
        from audio.clip import read_recorded
        from audio.counting import Counting
        from audio.examination import examine, usual_bpm
        from midi.melody import read_melody

        recorded = read_recorded(file)
        clip = recorded.clip
        counted = Grid.constant(bpm or usual_bpm(clip, meter) or FREE_BPM, meter, 1).tempo[0].bpm
        one = Counting(pace=pace).grid(Grid.constant(counted, meter, 1))
        bars = max(1, round(clip.seconds / float(one.seconds)))
        grid = Grid.constant(one.tempo[0].bpm, meter, bars)
        tune = read_melody(Path(melody), grid) if melody else None
        found = examine(clip, grid, asked_key, melody=tune, counting=counting)
        found = found if bpm else _unasked(found)
        drawn = pictures.get(file)
        if drawn:
            drawn.parent.mkdir(parents=True, exist_ok=True)
            with in_place_of([drawn], "picture", read, force=force):
                _draw(drawn, file.name, clip, grid, asked_key, tune, found)
        remarks = [
            *recorded.remarks,
            *_channels(clip),
            *(f"melody: {each}" for each in (tune.changes if tune else ())),
        ]
        lines = [str(file), *(f"  {line}" for line in _lines(found, meter if bpm else ""))]
        plain = _plain(recorded, found, remarks)
        return Done(
            lines + [f"  {remark}" for remark in remarks],
            plain if inputs.many else {str(file): plain},
            [drawn] if drawn else [],
        )

    over_all(inputs, work, as_json=as_json)


def _channels(clip: Clip) -> Iterator[str]:
    """Say what was measured of more channels than a loudness meter takes."""
    from audio.loudness import MAX_METER_CHANNELS

    if clip.channels > MAX_METER_CHANNELS:
        yield f"the loudness is that of its {clip.channels} channels mixed down to stereo"


def _unasked(found: Examination) -> Examination:
    """Leave out what stands against a tempo where none was asked for."""
    nothing = {
        "bpm_asked": None, "bpm_error_percent": None, "octave_relation": None,
        "beat_offset_ms": None, "placement": None, "frames_expected": None,
    }  # fmt: skip
    return replace(found, **nothing)  # type: ignore[arg-type]


def _plain(recorded: Recorded, found: Examination, remarks: list[str]) -> dict[str, object]:
    from stems.plain import as_plain

    facts: dict[str, object] = {
        "seconds": round(recorded.clip.seconds, 4),
        "missing_seconds": recorded.missing_seconds,
        "remarks": remarks,
    }
    return facts | dict(as_plain(found))


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


def _lines(found: Examination, meter: str) -> list[str]:
    """What a person wants to know, one line each; with the meter where a tempo was asked for."""
    if meter:
        lines = [f"tempo: {tempo_words(found, meter)}", _placed(found)]
    else:
        lines = [f"tempo: {'no steady pulse' if found.bpm is None else f'{found.bpm:.2f} bpm'}"]
    if found.key:
        lines.append(f"key: {found.key}{_against_key(found)}")
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


def _against_key(found: Examination) -> str:
    if not found.key_asked:
        return ""
    same = found.key_relation == "same"
    return ", as asked" if same else f", {found.key_relation} to the {found.key_asked} asked"


def _placed(found: Examination) -> str:
    place = found.placement
    if place is None:
        return "beats: none found"
    if place.doubt:
        advice = advice_on(place.remedy)
        return f"beats: not sure; {place.doubt}{f'; {advice}' if advice else ''}"
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
