"""Every option that reads a file, found by walking the commands, against what no file should be."""

from __future__ import annotations

import inspect
import os
import pkgutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import pytest
import soundfile
import typer

from daemon import cli
from daemon.commands.options import output_path
from daemon.config import settings

DEADLINE_SECONDS = 300  # for all of them; nothing waits that long unless something hangs
ASKED = ("--bpm", "240", "--key", "A minor", "--bars", "1", "-o", "out")
# The rest of a command line for each command with files, all of it right.
RIGHT: dict[str, tuple[str, ...]] = {
    "generate": ASKED, "send generate": ASKED, "plan": ASKED, "send plan": ASKED,
    "reproduce": ("-o", "out"), "split": ("-o", "out"), "send split": ("-o", "out"),
    "conform": ("--bpm", "120", "-o", "x.wav"), "measure": ("--bpm", "120"), "energy": (),
    "send conform": ("--bpm", "120", "-o", "x"),
    "to-midi": ("--stem", "bass", "-o", "x.mid"), "slice": ("--stem", "bass", "-o", "x"),
    "export": ("--files", "x"), "models add": (), "train-lora": ("-o", "x"),
}  # fmt: skip
# What an option needs beside it, and the argument where the option is not the file itself.
BESIDE: dict[str, tuple[str, ...]] = {
    "--audio": ("--edit", "cover"), "--midi": ("--from", "job", "--stems", "bass"),
}  # fmt: skip
# Folders of the daemon and of REAPER, and a log that is written: no input of a user's.
LEFT_OUT = {*(f"--{setting.key}" for setting in settings()), "--resource-path"}


@dataclass(frozen=True)
class FileOption:
    """One option or argument that names a file; `text` makes a word of a name."""

    command: str
    option: str
    text: str = "{}"

    def __str__(self) -> str:
        return f"{self.command} {self.option or 'FILE'}"


def commands() -> Iterator[tuple[str, Callable[..., object]]]:
    for name, where in cli.COMMANDS.items():
        found = pkgutil.resolve_name(where)
        if not isinstance(found, typer.Typer):
            yield name, found
            continue
        for each in found.registered_commands:
            if each.callback is not None:
                own = each.name or each.callback.__name__.replace("_", "-")
                yield f"{name} {own}".strip(), each.callback


def options_of(command: Callable[..., object]) -> Iterator[tuple[str, Any, Any]]:
    """Its options: the name ("" of an argument), the type, and what typer knows of it."""
    for name, each in inspect.signature(command, eval_str=True).parameters.items():
        if get_origin(each.annotation) is None or not hasattr(each.annotation, "__metadata__"):
            continue
        kind, info = get_args(each.annotation)[:2]
        is_option = isinstance(info, typer.models.OptionInfo)
        names = [str(n) for n in (info.default, *(info.param_decls or ())) if str(n)[:2] == "--"]
        option = (names or [f"--{name.replace('_', '-')}"])[0] if is_option else ""
        yield option, kind, info


def file_options() -> Iterator[FileOption]:
    for name, command in commands():
        for option, kind, info in options_of(command):
            is_path = kind is Path or Path in get_args(kind)
            names_file = is_path or info.metavar in ("PATH", "FILE", "PATH[:SCALE]")
            if info.parser is output_path or option in LEFT_OUT:
                continue
            if names_file:
                yield FileOption(name, option)
            elif "@FILE" in (info.help or ""):
                yield FileOption(name, option, "@{}")


def no_files(folder: Path) -> Iterator[Path]:
    """A pipe, a device without an end, a folder, a socket, an empty, an unreadable file, none."""
    os.mkfifo(folder / "bass.pipe")
    yield folder / "bass.pipe"
    yield Path("/dev/zero")
    (folder / "bass folder").mkdir()
    yield folder / "bass folder"
    (folder / "bass empty").touch()
    yield folder / "bass empty"
    yield folder / "bass gone.wav"
    (folder / "bass unreadable").write_bytes(b"\0" * 999)
    (folder / "bass unreadable").chmod(0)
    if not os.access(folder / "bass unreadable", os.R_OK):  # root reads all
        yield folder / "bass unreadable"
    (folder / "bass junk.wav").write_bytes(bytes(range(256)) * 64)
    yield folder / "bass junk.wav"


def test_every_command_with_files_has_a_line_here() -> None:
    assert {each.command for each in file_options()} == set(RIGHT)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    "option", [each for each in file_options() if each.command in RIGHT], ids=str
)
def test_what_is_no_regular_file_is_one_sentence_at_once(
    option: FileOption,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKLINE_HOME", str(tmp_path / "home"))
    soundfile.write("tone.wav", np.full(4_800, 0.1), 48_000)
    signal.alarm(DEADLINE_SECONDS)
    for path in no_files(tmp_path):
        if option.command.startswith("send") and (path.is_dir() or path.name.endswith("junk.wav")):
            continue  # the daemon itself looks into it
        word = option.text.format(path)
        words = [*option.command.split(), *([option.option, word] if option.option else [word])]
        needs_file = option.option and "--key" not in RIGHT[option.command]
        words += ["tone.wav"] if needs_file else []
        words += [*RIGHT[option.command], *BESIDE.get(option.option, ())]
        monkeypatch.setattr(sys, "argv", ["backline", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        assert end.value.code in (1, 2), (words, told)
        lines = told.err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), (words, told)
        assert "unexpected" not in lines[0], (words, told)
    signal.alarm(0)
    assert not {"out", "x", "x.mid", "x.wav"} & {path.name for path in tmp_path.iterdir()}


def test_a_file_that_grows_while_it_is_read_is_read_as_far_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    time = np.arange(48_000) / 48_000
    soundfile.write("bass.wav", 0.3 * np.sin(2 * np.pi * 110 * time), 48_000)
    done = threading.Event()

    def grow() -> None:
        with Path("bass.wav").open("ab") as file:
            while not done.is_set():
                file.write(bytes(4_096))
                file.flush()
                done.wait(0.002)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for words in (("measure", "bass.wav"), ("energy", "bass.wav")):
            monkeypatch.setattr(sys, "argv", ["backline", *words])
            with pytest.raises(SystemExit) as end:
                cli.main()
            assert end.value.code in (0, None), capsys.readouterr().err
    finally:
        done.set()
        writer.join()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no such sockets")
def test_a_socket_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("bass.socket")
        monkeypatch.setattr(sys, "argv", ["backline", "measure", "bass.socket"])
        with pytest.raises(SystemExit):
            cli.main()
    assert "not a regular file but a socket" in capsys.readouterr().err
