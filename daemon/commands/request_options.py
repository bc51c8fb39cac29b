"""The options of a request, made of the table: every command that takes one has them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.errors import UsageError
from midi.timed_prompts import is_timed
from midi.user_file import open_file, read_text
from osc_protocol.argument import Arg
from osc_protocol.checks import check
from osc_protocol.chord_fields import bars_of_chord_file
from osc_protocol.errors import Code, ProtocolError, wire_name
from osc_protocol.generate import STYLE, Generate
from osc_protocol.message import sent
from osc_protocol.messages import AnyRequest, Command
from osc_protocol.request_paths import PATH_TEXT, absolute, paths_of
from osc_protocol.song_maps import opening_bpm

MAX_TEXT_BYTES = 64 * 1024
# Files that hold what a field of generate is to say, for the command line only.
TIMED_PROMPTS = Annotated[
    str | None,
    typer.Option("--timed-prompts", metavar="FILE", rich_help_panel=STYLE,
                 help="Prompts at times: [0:15] gentle guitar, 60 BPM."),
]  # fmt: skip
INTENSITY_FROM = Annotated[
    str | None,
    typer.Option("--intensity-from", metavar="FILE", rich_help_panel=STYLE,
                 help="An intensity curve from a sound file, or JSON of `backline energy`."),
]  # fmt: skip
Decorator = Callable[[Callable[..., None]], Callable[..., None]]
FILES: Mapping[str, Any] = {"timed_prompts": TIMED_PROMPTS, "intensity_from": INTENSITY_FROM}


def takes_request(kind: type[AnyRequest]) -> Decorator:
    """Have a command's parameter `request` made of the options of a request of that kind."""
    if issubclass(kind, Generate):
        own: type[Generate] = kind
        return takes(kind, lambda given: _as(own, _generate(given)))
    return takes(kind, lambda given: kind(**given))


def takes(
    kind: type[Command], made: Callable[[dict[str, Any]], object], without: Collection[str] = ()
) -> Decorator:
    """Have a command's parameter `request` `made` of what is typed for the fields of a message.

    The command has no option for the fields `without`. Whatever is wrong is said with the names of
    the options.
    """
    arguments = [a for a in kind.row.fields if a.kind != "rid" and (a.options or not a.keyed)]
    names = {a.field: _shown_name(a) for a in arguments}
    arguments = [a for a in arguments if a.field not in without]
    shared = [
        inspect.Parameter(
            a.field, _KEYWORD, annotation=_typed(a),
            default=None if a.keyed or not a.is_required else inspect.Parameter.empty,
        )
        for a in arguments
    ]  # fmt: skip
    if issubclass(kind, Generate):
        shared += [inspect.Parameter(name, _KEYWORD, default=None, annotation=each)
                   for name, each in FILES.items()]  # fmt: skip

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        mine = [each.replace(kind=_KEYWORD) for name, each in own.items() if name != "request"]

        def call(**typed: Any) -> None:
            given = {each.name: typed[each.name] for each in shared if _is_given(typed[each.name])}
            try:
                own_values = {each.name: typed[each.name] for each in mine}
                command(request=made(given), **own_values)
            except ProtocolError as error:
                sentence = error.in_words_of(names)
                raise ProtocolError(error.code, sentence, error.field) from error

        call.__name__, call.__doc__ = command.__name__, command.__doc__
        call.__annotations__ = {each.name: each.annotation for each in (*shared, *mine)}
        call.__signature__ = inspect.Signature([*shared, *mine])  # type: ignore[attr-defined]
        return call

    return with_options


def check_inputs(request: AnyRequest) -> None:
    """Raise ProtocolError at once where a file of the request is none, before a daemon is asked."""
    for field, name in paths_of(request):
        if Path(name).is_dir():  # which some take; whoever reads it knows
            continue
        try:
            open_file(Path(name)).close()
        except OSError as error:
            sentence = f"{wire_name(field)} {name!r} cannot be read: {error.strerror}"
            raise ProtocolError(Code.OUT_OF_RANGE, sentence, field) from None


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != []


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _shown_name(argument: Arg) -> str:
    return argument.options[0] if argument.keyed else argument.name.upper()


def _typed(argument: Arg) -> Any:
    """What typer is to know of an option: its names, how its text is read, its help."""
    if not argument.keyed:
        named, about = _shown_name(argument), _sentence(argument.about)
        place = typer.Argument(parser=_reader(argument), metavar=named, help=about)
        return Annotated[str, place] if argument.is_required else Annotated[str | None, place]
    more: dict[str, Any] = {"help": _help(argument), "rich_help_panel": argument.group or None}
    if argument.kind == "flag":
        return Annotated[bool | None, typer.Option(argument.options[0], **more)]
    text = list[str] | None if argument.lines else str | None
    more |= {"metavar": _metavar(argument), "show_default": False}
    if argument.lines:
        return Annotated[text, typer.Option(*argument.options, **more)]
    return Annotated[text, typer.Option(*argument.options, parser=_reader(argument), **more)]


def _reader(argument: Arg) -> Callable[[str], object]:
    """How the text of an option is read; what is wrong with it is said with the option's name."""

    def read(text: str) -> object:
        if argument.from_file and text.startswith("@") and not _is_chord_file(argument, text[1:]):
            text = _text_of(_shown_name(argument), text[1:])
        if argument.kind in PATH_TEXT:
            text = PATH_TEXT[argument.kind](text)
        try:
            return check(argument, text)
        except ProtocolError as error:
            raise UsageError(error.in_words_of({argument.field: _shown_name(argument)})) from None

    return read


def _metavar(argument: Arg) -> str:
    if argument.kind == "names":
        return "NAMES"
    if argument.choices:
        return "|".join(filter(None, argument.choices))
    if argument.low is not None and argument.high is not None and argument.high < 10**6:
        return f"{argument.low}..{argument.high}"
    kinds = {"int": "N", "float": "N", "path": "PATH", "adapters": "PATH[:SCALE]"}
    return kinds.get(argument.kind, "TEXT")


def _help(argument: Arg) -> str:
    """What the option means, an example, and what holds without it."""
    default = ""
    if not argument.is_required and argument.kind != "flag":
        unset = argument.default in (None, "")
        default = argument.unset if unset else str(sent(argument, argument.default))
    about = _sentence(argument.about.removeprefix("1: "))
    example = f" Such as {argument.example}." if argument.example else ""
    repeated = " May be repeated." if argument.lines else ""
    file = " @FILE reads it from a file." if argument.from_file else ""
    without = f" [{default}]" if default not in ("", "none") else ""
    return about + example + repeated + file + without


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(" .") + "."


def _generate(given: dict[str, Any]) -> Generate:
    """The request that the options make; raises UsageError, ProtocolError or StemError."""
    curve_file = given.pop("intensity_from", "")
    _take_times(given)
    _take_chord_file(given)
    for argument in Generate.row.keys:
        if argument.lines and argument.field in given:
            text = "\n".join(given[argument.field])
            given[argument.field] = PATH_TEXT.get(argument.kind, str)(text)
    if curve_file and "intensity" in given:
        raise UsageError("--intensity and --intensity-from: give one of them, not both")
    if "plan_path" in given:
        from daemon.plan_folder import with_request_of

        given = with_request_of(Path(given["plan_path"]), given)
    if "from_" in given:
        from daemon.pipeline.revision import repeated

        request = repeated(Path(given.pop("from_")), given)
    else:
        for argument in Generate.row.keys:
            if argument.is_required and argument.field not in given:
                option = argument.options[0]
                raise UsageError(
                    f"{option} must be given, for instance {option} {argument.example}"
                )
        request = Generate(**given)
    if not curve_file:
        return request
    from dataclasses import replace

    from daemon.intensity_file import curve_of

    return replace(request, intensity=str(curve_of(Path(absolute(curve_file)), request.grid)))


def _as(kind: type[Generate], request: Generate) -> Generate:
    """Return a request of that kind with the same fields."""
    if kind is Generate:
        return request
    return kind(**{each.field: getattr(request, each.field) for each in kind.row.fields})


def _take_times(given: dict[str, Any]) -> None:
    """Put the prompts of a file to the tags; their first tempo is the request's where none is."""
    file = given.pop("timed_prompts", "")
    if file:
        text = _text_of("--timed-prompts", file)
        if not is_timed(text):
            raise UsageError(
                "--timed-prompts must hold times in brackets, such as [0:15] gentle guitar, 60 BPM"
            )
        given["tags"] = "\n".join(filter(None, (given.get("tags", ""), text)))
    if "from_" not in given and "bpm" not in given and is_timed(given.get("tags", "")):
        bpm = opening_bpm(given["tags"])
        given |= {} if bpm is None else {"bpm": float(bpm)}


def _is_chord_file(argument: Arg, name: str) -> bool:
    """Whether a value of `chords` names a MIDI file, which is another field of the request."""
    return argument.field == "chords" and name.lower().endswith((".mid", ".midi", ".smf"))


def _take_chord_file(given: dict[str, Any]) -> None:
    """Take MIDI that `--chords` names as the file of chords; its length is the music's, if none."""
    name = given.get("chords", "").removeprefix("@")
    if _is_chord_file(Generate.row.key_names["chords"], name) and "chords_path" not in given:
        given["chords_path"] = absolute(name)
        del given["chords"]
    path, timed = given.get("chords_path"), is_timed(given.get("tags", ""))
    if path and not timed and not {"bars", "seconds", "from_", "plan_path"} & given.keys():
        meters = given.get("meter", "4/4"), given.get("meter_map", "")
        given["bars"] = bars_of_chord_file(Path(path), *meters)


def _text_of(option: str, name: str) -> str:
    path = Path(name).expanduser()
    try:
        return read_text(path, MAX_TEXT_BYTES)
    except OSError as error:
        raise UsageError(f"{option} file {str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{option} file {str(path)!r} is not UTF-8 text") from None
