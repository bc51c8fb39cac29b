"""What a user types to describe the music, and the request it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from daemon.errors import UsageError

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
EngineName = Annotated[str, typer.Option("--engine", help="embedded or ace-step.")]
Stems = Annotated[str, typer.Option("--stems", help="Which stems, separated by commas.")]
SampleRate = Annotated[str, typer.Option("--sample-rate", help="44100 or 48000 Hz.")]

MAX_LYRICS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The options as typed, all text, so that each is judged in one place with one sentence."""

    bpm: str
    key: str
    bars: str
    meter: str
    melody: str
    lead: str
    tags: str
    lyrics: str
    seed: str
    takes: str
    engine: str
    stems: str
    sample_rate: str

    def fields(self) -> dict[str, object]:
        """Return them as GenerateRequest's fields; raises UsageError for text that is no number."""
        fields: dict[str, object] = {
            "bpm": _number("bpm", self.bpm),
            "key": self.key,
            "bars": _whole("bars", self.bars),
            "meter": self.meter,
            "melody_path": str(Path(self.melody).expanduser().resolve()) if self.melody else "",
            "lead": self.lead,
            "tags": self.tags,
            "lyrics": _text_or_file(self.lyrics),
            "takes": _whole("takes", self.takes),
            "engine": self.engine,
            "stems": tuple(name.strip() for name in self.stems.split(",")),
            "sample_rate": _whole("sample-rate", self.sample_rate),
        }
        if self.seed:
            fields["seed"] = _whole("seed", self.seed)
        return fields


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{name} must be a number, not {text!r}") from None


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name} must be a whole number, not {text!r}") from None


def _text_or_file(text: str) -> str:
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
