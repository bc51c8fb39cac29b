"""What a user types to describe the music, and the request it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.errors import UsageError

if TYPE_CHECKING:
    from osc_protocol.generate_request import GenerateRequest

Bpm = Annotated[str, typer.Option("--bpm", help="Quarter notes a minute, 20 to 400: 92.5.")]
KeyName = Annotated[str, typer.Option("--key", help='Key: "C minor", "F# dorian", "Bb".')]
Bars = Annotated[str, typer.Option("--bars", help="Length in bars, up to 10 minutes.")]
MeterName = Annotated[str, typer.Option("--meter", help="Time signature: 3/4, 6/8, 7/8.")]
MelodyFile = Annotated[str, typer.Option("--melody", help="MIDI file with the melody.")]
Lead = Annotated[str, typer.Option("--lead", help="Who plays the melody: melody or vocals.")]
Tags = Annotated[str, typer.Option("--tags", help='Style: "lofi, warm bass".')]
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
    str, typer.Option("--melody-mode", help="ace-step: cover, keep, raw or off (docs/engines.md).")
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

MAX_LYRICS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The options as typed, all text, so that each is judged in one place with one sentence.

    `given` names those that the user typed; the others are at their defaults.
    """

    given: frozenset[str]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, context: typer.Context) -> RequestOptions:
        """Take them from the command that was called."""
        values = {name: context.params[name] for name in _READ}
        # By name: typer brings a click of its own in some versions and takes another in others.
        told = {name: context.get_parameter_source(name) for name in _READ}
        given = {n for n, told_by in told.items() if told_by and told_by.name == "COMMANDLINE"}
        return cls(frozenset(given), values)

    def request(self) -> GenerateRequest:
        """Return the request they make; raises UsageError, ProtocolError or StemError."""
        from osc_protocol.generate_request import GenerateRequest

        source = self.values["source"]
        for name, example in (("bpm", "--bpm 92.5"), ("key", '--key "C minor"')):
            if not source and not self.values[name]:
                raise UsageError(f"{name} must be given, for instance {example}")
        names = self.given - {"source"} if source else self.values.keys() - {"source"}
        fields = {_FIELDS.get(name, name): _READ[name](name, self.values[name]) for name in names}
        if source:
            from daemon.changing import repeated

            return repeated(Path(source).expanduser().resolve(), fields)
        return GenerateRequest(**fields)  # type: ignore[arg-type]  # it checks each


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        name = name.replace("_", "-")
        raise UsageError(f"{name} must be a number, not {text!r}") from None


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        name = name.replace("_", "-")
        raise UsageError(f"{name} must be a whole number, not {text!r}") from None


def _seed(name: str, text: str) -> int | None:
    return _whole(name, text) if text else None


def _flag(name: str, given: object) -> bool:
    return bool(given)


def _number_or_none(name: str, text: str) -> float | None:
    return _number(name, text) if text else None


def _text(name: str, text: str) -> str:
    return text


def _loras(name: str, given: list[str] | None) -> str:
    from osc_protocol.sound_shaping import lora_of

    pairs = [lora_of(each) for each in given or ()]
    return "\n".join(f"{_path(name, path)}:{scale:g}" for path, scale in pairs)


def _path(name: str, text: str) -> str:
    return str(Path(text).expanduser().resolve()) if text else ""


def _names(name: str, text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(","))


def _text_or_file(name: str, text: str) -> str:
    if not text.startswith("@"):
        return text
    path = Path(text[1:]).expanduser()
    try:
        if path.stat().st_size > MAX_LYRICS_BYTES:
            raise UsageError(f"lyrics file {str(path)!r} has more than {MAX_LYRICS_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"lyrics file {str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"lyrics file {str(path)!r} is not UTF-8 text") from None


# How the text of each option is read, by its parameter's name; and fields with another name.
_READ: Mapping[str, Callable[[str, Any], object]] = {
    "bpm": _number, "key": _text, "bars": _whole, "meter": _text, "melody": _path, "lead": _text,
    "tags": _text, "lyrics": _text_or_file, "seed": _seed, "takes": _whole, "engine": _text,
    "stems": _names, "sample_rate": _whole, "source": _path, "bar_range": _text, "midi": _path,
    "melody_mode": _text, "melody_strength": _number, "sound_format": _text,
    "best": _whole, "gate": _text, "retries": _whole, "conform": _text, "transpose": _flag,
    "loudness": _number_or_none, "sound": _path, "edit": _text, "parts": _text,
    "reference": _path, "lora": _loras, "language": _text,
}  # fmt: skip
_FIELDS = {
    "melody": "melody_path", "midi": "midi_path", "sound_format": "format", "sound": "audio_path",
    "reference": "reference_path", "lora": "loras",
}  # fmt: skip
