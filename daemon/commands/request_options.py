"""What a user can type to describe the music: the options of all commands that take a request."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from daemon.commands.typed_request import FIELDS, READ

Bpm = Annotated[str, typer.Option("--bpm", help="Quarter notes a minute, 20 to 400: 92.5.")]
KeyName = Annotated[str, typer.Option("--key", help='Key: "C minor", "F# dorian", "Bb".')]
Bars = Annotated[str, typer.Option("--bars", help="Length in bars, up to 10 minutes.")]
MeterName = Annotated[str, typer.Option("--meter", help="Time signature: 3/4, 6/8, 7/8.")]
MelodyFile = Annotated[str, typer.Option("--melody", help="MIDI file with the melody.")]
Lead = Annotated[str, typer.Option("--lead", help="Who plays the melody: melody or vocals.")]
Tags = Annotated[
    str, typer.Option("--tags", help='Style: "lofi, warm bass"; "[0:15] loud" from a time on.')
]
TimedPrompts = Annotated[
    str, typer.Option("--timed-prompts", help="File of such: [0:15] gentle guitar, 60 BPM.")
]
Sections = Annotated[
    list[str] | None,
    typer.Option("--section", help='"1-8: intro, soft pads", bars from 1; may be repeated.'),
]
Intensity = Annotated[
    str, typer.Option("--intensity", help='How much goes on, 0 to 1, at beats: "0:0.2 16:0.8".')
]
IntensityFrom = Annotated[
    str,
    typer.Option(
        "--intensity-from", help="The same from a sound file, or JSON of `backline energy`."
    ),
]
Lyrics = Annotated[str, typer.Option("--lyrics", help="Words to sing, or @file to read them.")]
Seed = Annotated[str, typer.Option("--seed", help="Same seed, same music; random if left out.")]
Takes = Annotated[str, typer.Option("--takes", help="How many versions, 1 to 8.")]
Best = Annotated[str, typer.Option("--best", help="Keep the best so many of the takes; 0: all.")]
Gate = Annotated[
    str,
    typer.Option(
        "--gate", help="Limits a take must keep: on, or 'tempo=1 placement=30 key=same melody=0.8'."
    ),
]
Retries = Annotated[str, typer.Option("--retries", help="With --gate: more seeds to try, 0 to 8.")]
Conform = Annotated[
    str, typer.Option("--conform", help="auto, on or off: stretch takes onto the grid.")
]
Transpose = Annotated[
    bool, typer.Option("--transpose", help="Transpose a take that is in another key.")
]
Loudness = Annotated[
    str, typer.Option("--loudness", help="Integrated loudness of the mix in LUFS, -40 to -6.")
]
EngineName = Annotated[str, typer.Option("--engine", help="embedded or ace-step.")]
Stems = Annotated[str, typer.Option("--stems", help="Which stems, separated by commas.")]
SampleRate = Annotated[str, typer.Option("--sample-rate", help="44100, 48000 or 96000 Hz.")]
SoundFormat = Annotated[
    str, typer.Option("--format", help="Of the sound files: wav16, wav24, wav32f or flac.")
]

From = Annotated[str, typer.Option("--from", help="Folder of a result, to change it.")]
Range = Annotated[
    str, typer.Option("--range", help="With --from or --source: only these bars, 5-8.")
]
Midi = Annotated[
    str, typer.Option("--midi", help="With --from: MIDI file with new notes of the one stem.")
]
MelodyMode = Annotated[
    str,
    typer.Option(
        "--melody-mode", help="ace-step: cover, keep, raw or off (docs/guide/engines.md)."
    ),
]
MelodyStrength = Annotated[
    str, typer.Option("--melody-strength", help="ace-step: how strongly it hears it, 0 to 1.")
]

Sound = Annotated[
    str, typer.Option("--source", help="ace-step: sound file to edit; it begins at bar 1.")
]
EditName = Annotated[
    str,
    typer.Option(
        "--edit",
        help="With --source: cover, repaint, extend; unreliable: lego, extract, complete.",
    ),
]
Parts = Annotated[
    str, typer.Option("--parts", help="For --edit lego, extract, complete: bass,drums ...")
]
Reference = Annotated[
    str, typer.Option("--reference", help="ace-step: sound file whose timbre is borrowed.")
]
Loras = Annotated[
    list[str] | None,
    typer.Option("--lora", help="ace-step: adapter PATH[:SCALE]; may be repeated."),
]
Language = Annotated[
    str, typer.Option("--language", help="ace-step: of the lyrics: en, ja; else guessed.")
]


def _options(
    bpm: Bpm = "",
    key: KeyName = "",
    bars: Bars = "8",
    meter: MeterName = "4/4",
    melody: MelodyFile = "",
    lead: Lead = "melody",
    tags: Tags = "",
    timed_prompts: TimedPrompts = "",
    section: Sections = None,
    intensity: Intensity = "",
    intensity_from: IntensityFrom = "",
    lyrics: Lyrics = "",
    seed: Seed = "",
    takes: Takes = "1",
    best: Best = "0",
    gate: Gate = "",
    retries: Retries = "2",
    conform: Conform = "auto",
    transpose: Transpose = False,
    loudness: Loudness = "",
    engine: EngineName = "embedded",
    stems: Stems = "drums,bass,melody,vocals",
    sample_rate: SampleRate = "48000",
    source: From = "",
    bar_range: Range = "",
    midi: Midi = "",
    melody_mode: MelodyMode = "cover",
    melody_strength: MelodyStrength = "0.5",
    sound: Sound = "",
    edit: EditName = "auto",
    parts: Parts = "",
    reference: Reference = "",
    lora: Loras = None,
    language: Language = "",
    sound_format: SoundFormat = "wav32f",
) -> None:
    """Its parameters are the options of a request, once for all commands that take one."""


def with_request_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the options of a request besides its own; its context holds what was typed.

    Errors that name a field as the protocol does name the option instead.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())
    shared = list(inspect.signature(_options, eval_str=True).parameters.values())
    needed = [each for each in own if each.default is each.empty]
    parameters = [*needed, *shared, *(each for each in own if each not in needed)]

    def call(**typed: Any) -> None:
        from osc_protocol.errors import ProtocolError

        context: typer.Context = typed["context"]
        try:
            command(**{each.name: typed[each.name] for each in own})
        except ProtocolError as error:
            message = _in_own_names(error.message, context)
            raise ProtocolError(error.code, message, error.field) from error

    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call


def _in_own_names(message: str, context: typer.Context) -> str:
    """The message with the protocol's names of fields as the options that were typed.

    Names of several words, which mean nothing else, are told apart anywhere, and so is source;
    others only where the message begins with them.
    """
    options = {}
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in READ:
            wire = FIELDS.get(name, name).replace("_", "-")
            options[wire] = max(parameter.opts, key=len)
    telling = [name for name in options if "-" in name or name == "source"]
    anywhere = "|".join(map(re.escape, sorted(telling, key=len, reverse=True)))
    first = "|".join(map(re.escape, sorted(options, key=len, reverse=True)))
    pattern = rf"^(?:{first})\b(?![-/])|(?<![-'\w/.])(?:{anywhere})\b(?![-/'])"
    return re.sub(pattern, lambda found: options[found[0]], message)
