"""What was typed to describe the music, read into the request it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from daemon.errors import UsageError

if TYPE_CHECKING:
    from osc_protocol.generate_request import GenerateRequest

MAX_TEXT_BYTES = 64 * 1024


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
        values = {name: context.params[name] for name in READ}
        # By name: typer brings a click of its own in some versions and takes another in others.
        told = {name: context.get_parameter_source(name) for name in READ}
        given = {n for n, told_by in told.items() if told_by and told_by.name == "COMMANDLINE"}
        return cls(frozenset(given), values)

    def request(self) -> GenerateRequest:
        """Return the request they make; raises UsageError, ProtocolError or StemError."""
        from osc_protocol.generate_request import GenerateRequest

        source = self.values["source"]
        names = self.given - {"source"} if source else self.values.keys() - {"source"}
        read = {name: READ[name](name, self.values[name]) for name in sorted(names) if
                self.values[name] or name not in ("bpm", "key")}  # fmt: skip
        curve_file = read.pop("intensity_from", "")
        self._take_times(read)
        for name, example in (("bpm", "--bpm 92.5"), ("key", '--key "C minor"')):
            if not source and name not in read:
                raise UsageError(f"--{name} must be given, for instance {example}")
        fields = {FIELDS.get(name, name): value for name, value in read.items()}
        if source:
            from daemon.pipeline.revision import repeated

            request = repeated(Path(source).expanduser().resolve(), fields)
        else:
            request = GenerateRequest(**fields)  # type: ignore[arg-type]  # it checks each
        if not curve_file:
            return request
        if "intensity" in self.given:
            raise UsageError("--intensity and --intensity-from: give one of them, not both")
        from daemon.intensity_file import curve_of

        return replace(request, intensity=str(curve_of(Path(str(curve_file)), request.grid())))

    def _take_times(self, read: dict[str, Any]) -> None:
        """Put the prompts of a file to the tags; of their times take tempo and length if untold."""
        from osc_protocol.timed_tags import is_timed, length_in_bars, opening_bpm

        text = read.pop("timed_prompts", "")
        if text and not is_timed(text):
            raise UsageError(
                "--timed-prompts must hold times in brackets, such as [0:15] gentle guitar, 60 BPM"
            )
        if text:
            read["tags"] = "\n".join(filter(None, (read.get("tags", ""), text)))
        if self.values["source"] or not is_timed(read.get("tags", "")):
            return
        bpm = read.get("bpm") or opening_bpm(read["tags"])
        if bpm is not None and "bars" not in self.given:
            bars = length_in_bars(read["tags"], Fraction(str(float(bpm))), read["meter"])
            read |= {"bpm": float(bpm), "bars": bars or read["bars"]}


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        name = name.replace("_", "-")
        raise UsageError(f"--{name} must be a number, not {text!r}") from None


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        name = name.replace("_", "-")
        raise UsageError(f"--{name} must be a whole number, not {text!r}") from None


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


def _lines(name: str, given: list[str] | None) -> str:
    return "\n".join(given or ())


def _text_or_file(name: str, text: str) -> str:
    return _text_of_file(name, text[1:]) if text.startswith("@") else text


def _text_of_file(name: str, text: str) -> str:
    if not text:
        return ""
    name = f"--{name.replace('_', '-')}"
    path = Path(text).expanduser()
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise UsageError(f"{name} file {str(path)!r} has more than {MAX_TEXT_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name} file {str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} file {str(path)!r} is not UTF-8 text") from None


# How the text of each option is read, by its parameter's name; and fields with another name.
READ: Mapping[str, Callable[[str, Any], object]] = {
    "bpm": _number, "key": _text, "bars": _whole, "meter": _text, "melody": _path, "lead": _text,
    "tags": _text, "lyrics": _text_or_file, "seed": _seed, "takes": _whole, "engine": _text,
    "stems": _names, "sample_rate": _whole, "source": _path, "bar_range": _text, "midi": _path,
    "melody_mode": _text, "melody_strength": _number, "sound_format": _text,
    "best": _whole, "gate": _text, "retries": _whole, "conform": _text, "transpose": _flag,
    "loudness": _number_or_none, "sound": _path, "edit": _text, "parts": _text,
    "reference": _path, "lora": _loras, "language": _text, "timed_prompts": _text_of_file,
    "section": _lines, "intensity": _text, "intensity_from": _path,
}  # fmt: skip
FIELDS = {
    "melody": "melody_path", "midi": "midi_path", "sound_format": "format", "sound": "audio_path",
    "reference": "reference_path", "lora": "loras", "section": "sections",
}  # fmt: skip
