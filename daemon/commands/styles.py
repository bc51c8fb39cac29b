"""`backline styles`: the words of style, mood and instrument that `--tags` understands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from daemon.commands.options import AsJson
from daemon.screen import say, say_json

FEW = 8  # words of each that are shown
HEADINGS = {
    "style": "Styles", "mood": "Moods", "drums": "Drums", "bass": "Bass",
    "comp": "Chords (comp)", "lead": "Lead", "vocals": "Vocals",
}  # fmt: skip

Tags = Annotated[
    list[str] | None, typer.Argument(help="Words as for --tags: say what is understood of them.")
]
All = Annotated[bool, typer.Option("--all", help="All words, in every language.")]

# What words mean, by kind and name: those that say it, and those it is only the nearest to.
Words = Mapping[str, Mapping[str, tuple[list[str], list[str]]]]


def styles(tags: Tags = None, all_words: All = False, as_json: AsJson = False) -> None:
    """List the styles, moods and instruments of the embedded engine, and the words for them."""
    if tags:
        _explain(" ".join(tags), as_json)
        return
    words = _words()
    if as_json:
        say_json({
            kind: {name: {"words": own, "nearest_for": near} for name, (own, near) in named.items()}
            for kind, named in words.items()
        })  # fmt: skip
        return
    for kind, named in words.items():
        say(HEADINGS[kind])
        for name, (own, near) in named.items():
            for line in _lines(name, own, near, all_words):
                say(line)


def _words() -> Words:
    from diffusion.embedded.phrases import read_table
    from diffusion.embedded.vocabulary import NEAR, TOKENS, WEAK

    found: dict[str, dict[str, tuple[list[str], list[str]]]] = {}
    for kind, _, name in (token.partition(":") for token in TOKENS if token):
        found.setdefault(kind, {})[name] = ([], [])
    for meaning, phrases in read_table().items():
        kind, _, name = meaning.lstrip(NEAR + WEAK).partition(":")
        if name in found.get(kind, {}):
            own, near = found[kind][name]
            (near if meaning.startswith(NEAR) else own).extend(phrases)
    return {kind: found[kind] for kind in HEADINGS if kind in found}


def _lines(name: str, own: list[str], near: list[str], all_words: bool) -> Iterator[str]:
    """A name with its words, wrapped under each other."""
    most = None if all_words else FEW
    plain = name.replace("_", " ")
    text = ", ".join([word for word in own if word != plain][:most])
    if near:
        text += f"; the nearest for {', '.join(near[:most])}"
    yield from textwrap.wrap(
        f"  {plain:<18}{text}", 100, subsequent_indent=" " * 20, break_long_words=False
    )


def _explain(tags: str, as_json: bool) -> None:
    """Say what the embedded engine makes of a prompt."""
    from diffusion.embedded.vocabulary import parse_prompt

    found = parse_prompt(tags)
    facts = {
        "style": " and ".join(filter(None, (found.style, found.blended))),
        "moods": ", ".join(found.moods),
        **(found.timbres or {}),
        "not to play": ", ".join(found.without),
    }
    if as_json:
        say_json({**{k: v for k, v in facts.items() if v}, "remarks": list(found.remarks)})
        return
    for name, value in facts.items():
        if value:
            say(f"{name}: {value.replace('_', ' ')}")
    for remark in found.remarks:
        say(f"remark: {remark}")
    if not any((*facts.values(), found.remarks)):
        say("nothing is asked for")
