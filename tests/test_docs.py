"""What the pages name is there: links, files, commands, options, modules, make targets."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from daemon.cli import app_of
from daemon.commands import send

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"data", "out"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
FENCE = re.compile(r"^( *)```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (?! *[-*|])(\S.*)$", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
PROGRAM = re.compile(r"^(?:\.venv[/\\](?:bin|Scripts)[/\\])?(backline|python3?|py|make)\s+(.*)$")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def _lines(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Give the program and the words after it of each command line on a page."""
    text = page.read_text("utf-8")
    blocks = [block.replace("\\\n", " ") for _, block in FENCE.findall(text)]
    rest = FENCE.sub("", text).replace("\\\n    ", " ")
    shown = [line.strip() for block in blocks for line in block.splitlines()]
    for line in (*shown, *INDENTED.findall(rest), *SPAN.findall(rest)):
        if found := PROGRAM.match(line):
            try:
                yield found[1], shlex.split(found[2], comments=True)
            except ValueError:
                yield found[1], found[2].split()


def _why_not(words: list[str]) -> str:
    """Return why `backline` followed by the words is no command line, or ""."""
    command: Any = typer.main.get_command(app_of([]))
    if words[0] in ("--version", "--help"):
        return ""
    while hasattr(command, "commands"):
        if words and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        elif words and words[0].startswith("--") and getattr(command, "default", ""):
            command = command.commands[command.default]  # send --bpm is send generate --bpm
        else:
            return f"{command.name} has no command {words[0]}" if words else ""
    known = {"--help"}.union(*(parameter.opts for parameter in command.params))
    unknown = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)} - known
    return f"{command.name} has no option {', '.join(sorted(unknown))}" if unknown else ""


def _options(command: Any) -> set[str]:
    mine = {name for parameter in command.params for name in parameter.opts}
    return mine.union(*map(_options, getattr(command, "commands", {}).values()))


def _anchors(page: Path) -> set[str]:
    """Return the anchors a Markdown viewer makes from a page's headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    }


@every_page
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    pages = {page for page in PAGES if page.parent.name in ("guide", "lab")}
    assert pages <= linked


@every_page
def test_every_backline_command_line_parses(page: Path) -> None:
    faults = [_why_not(words) for program, words in _lines(page) if program == "backline" and words]
    assert [fault for fault in faults if fault] == []


def test_every_command_is_on_the_page_of_commands() -> None:
    page = (ROOT / "docs" / "guide" / "commands.md").read_text("utf-8")
    command: Any = typer.main.get_command(app_of([]))
    names = [
        f"backline {name} {inner}".strip()
        for name, below in command.commands.items()
        for inner in getattr(below, "commands", {"": None})
    ]
    names.remove("backline send generate")  # written without "generate"
    # Those that need no words of their own have one line for all of them.
    names = [name for name in names if name.removeprefix("backline send ") not in send.PLAIN]
    assert "any other command of [the protocol]" in page
    assert [name for name in names if f"`{name}" not in page] == []


@every_page
def test_every_python_module_that_is_run_exists(page: Path) -> None:
    modules = {
        words[words.index("-m") + 1]
        for program, words in _lines(page)
        if program.startswith("py") and "-m" in words[:-1]
    }
    assert {name for name in modules if importlib.util.find_spec(name) is None} == set()


@every_page
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = {words[0] for program, words in _lines(page) if program == "make" and words}
    rooms = {f"test-{path.name}" for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert named <= targets | rooms | {"test-%"}


@every_page
def test_every_file_of_the_tree_that_is_named_exists(page: Path) -> None:
    spans = SPAN.findall(FENCE.sub("", page.read_text("utf-8")))
    paths = {span for span in spans if re.fullmatch(r"[\w.*/-]+\.(py|md|lua|sh|yml|json)", span)}
    inside = {path for path in paths if path.partition("/")[0] in FOLDERS}
    assert {path for path in inside if not list(ROOT.glob(path))} == set()


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent != ROOT / "docs" / "lab"], ids=str)
def test_every_option_that_is_named_is_one_of_a_command(page: Path) -> None:
    text = page.read_text("utf-8")
    known = _options(typer.main.get_command(app_of([]))) | {"--help"}
    known |= set(re.findall(r"--[a-z-]+", " ".join(re.findall(r"python .*", text))))
    named = {span.split()[0].split("=")[0] for span in SPAN.findall(text) if span[:2] == "--"}
    assert named <= known


def test_the_hosted_workflow_runs_what_the_readme_says_for_windows() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```bat\n(.*?)```", readme, re.DOTALL)
    assert [line for line in block.splitlines() if f"run: {line}\n" not in workflow] == []
    assert "run: make test\n" in workflow
