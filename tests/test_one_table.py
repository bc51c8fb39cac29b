"""What is added in one place is there in all: each test edits a copy of the tree and asks it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from diffusion.engines import engine_names

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("midi", "osc_protocol", "audio", "diffusion", "stems", "daemon", "reaper_scripts")
BACKLINE = "from daemon.cli import main; main()"

HUM_ROW = """    EngineSpec(
        "hum", "diffusion.hum.engine:HumEngine", gives="stems", accepts=frozenset({"language"})
    ),
)
DEFAULT_ENGINE"""
HUM_ENGINE = '''
import numpy as np

from audio.clip import Clip
from diffusion.engine import Engine, Generation
from diffusion.facts import EngineDescription


class HumEngine(Engine):
    """Plays a quiet hum in every stem."""

    name = "hum"

    def load(self, progress):
        progress("load", 1.0)

    def describe(self):
        return EngineDescription(name=self.name)

    def generate(self, conditions, progress, cancelled):
        times = np.arange(conditions.grid.frames(conditions.sample_rate)) / conditions.sample_rate
        tone = np.tile(0.1 * np.sin(2 * np.pi * 220 * times), (2, 1)).astype(np.float32)
        progress("diffuse", 1.0)
        return Generation({stem: Clip(tone, conditions.sample_rate) for stem in conditions.stems})

    def close(self):
        pass
'''
READ_FROM_OSC = """
from osc_protocol.codec import decode, encode
from osc_protocol.grammar import read_command

words = ("r1", "bpm", 90.0, "key", "Am", "engine", "hum")
print(read_command(decode(encode("/backline/generate", "ssfssss", words))[0]).engine)
"""

NEW_FIELD = """\
    shuffle: Annotated[float, Key("how late the off-beats come", low=0, high=1, unit="eighths",
        stored_if_set=True, group=STYLE, example="0.3")] = 0.0
"""
NEW_COMMAND = '''

class Rest(Command, address="/backline/rest", answers=("RestDone",)):
    """Keeps the jobs that wait waiting."""

    rid: Rid
    on: Annotated[bool, Arg("1 rest, 0 go on")]


class RestDone(Reply, address="/backline/rest.done"):
    """Answers rest."""

    rid: Echo
    on: Annotated[bool, Arg("as asked")]
'''
NEW_METHOD = """
    @carry_out.register
    def _rest(self, rest: osc.Rest, source: Address) -> Answers:
        yield osc.RestDone(rest.rid, rest.on)
"""
REST_IS_CARRIED_OUT = """
from daemon.front_ends.osc_commands import Commands
from osc_protocol import messages as osc

print(vars(Commands)["carry_out"].dispatcher.dispatch(osc.Rest).__name__)
"""
SHUFFLE_OVER_OSC = """
from osc_protocol.codec import decode, encode
from osc_protocol.errors import ProtocolError
from osc_protocol.grammar import read_command, write

def read(shuffle):
    words = ("r1", "bpm", 90.0, "key", "Am", "shuffle", shuffle)
    return read_command(decode(encode("/backline/generate", "ssfsssf", words))[0])

request = read(0.25)
assert request.shuffle == 0.25 and read_command(decode(write(request))[0]).shuffle == 0.25
assert ("shuffle", "d", 0.25) in request.settings()
try:
    read(1.5)
except ProtocolError as error:
    print(error.field, "|", error)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product's rooms and the generated pages for a test to edit; weights are links."""
    tree = tmp_path / "tree"
    for room in (*ROOMS, "docs/guide", "docs/pages"):
        shutil.copytree(
            ROOT / room,
            tree / room,
            ignore=shutil.ignore_patterns("__pycache__"),
            copy_function=lambda source, target: (
                os.symlink(source, target)
                if source.endswith(".safetensors")
                else shutil.copy2(source, target)
            ),
        )
    return tree


def run(tree: Path, *words: object, code: str = BACKLINE, fails: bool = False) -> str:
    """Run Python code in the copy and return what it prints, on stderr where it `fails`."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=tree, env=os.environ | {"PYTHONPATH": str(tree), "BACKLINE_HOME": str(tree / "home")},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (ran.returncode != 0) == fails, ran.stderr
    return ran.stderr if fails else ran.stdout


@pytest.mark.slow
def test_an_engine_added_as_a_row_is_an_engine_everywhere(copy: Path) -> None:
    registry = copy / "diffusion" / "engines.py"
    text = registry.read_text("utf-8")
    assert text.count(")\nDEFAULT_ENGINE") == 1
    registry.write_text(text.replace(")\nDEFAULT_ENGINE", HUM_ROW), "utf-8")
    package = copy / "diffusion" / "hum"
    package.mkdir()
    (package / "__init__.py").write_text('"""An engine that hums."""\n', "utf-8")
    (package / "engine.py").write_text(HUM_ENGINE, "utf-8")

    asked = ("generate", "--bpm", 120, "--key", "Am", "--bars", 1, "-o", copy / "out")
    assert "stable-audio-3|hum" in run(copy, "generate", "--help")
    assert ", ".join((*engine_names(), "hum")) in run(copy, *asked, "--engine", "suno", fails=True)
    assert run(copy, code=READ_FROM_OSC) == "hum\n"

    refused = run(copy, *asked, "--engine", "hum", "--lora", "/style.safetensors", fails=True)
    assert "the hum engine cannot do this" in refused
    run(copy, *asked, "--engine", "hum", "--language", "de", "--stems", "drums,bass")
    manifest = json.loads((copy / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["engine"]["name"] == "hum"
    assert [file["stem"] for file in manifest["files"] if file["role"] == "stem"] == [
        "drums", "bass",
    ]  # fmt: skip

    run(copy, code="from docs.pages.__main__ import main; main()")
    lua = (copy / "reaper_scripts" / "lib" / "protocol.lua").read_text("utf-8")
    quoted = ", ".join(f'"{name}"' for name in (*engine_names(), "hum"))
    assert f"engines = {{ {quoted} }}" in lua
    page = (copy / "docs" / "guide" / "protocol.md").read_text("utf-8")
    assert f"| {', '.join((*engine_names(), 'hum'))} |" in page
    program = "from daemon.config import Config; print([e.name for e in Config().engines])"
    assert run(copy, code=program) == f"{[*engine_names(), 'hum']}\n"


@pytest.mark.slow
def test_an_option_added_to_the_class_is_an_option_everywhere(copy: Path) -> None:
    request = copy / "osc_protocol" / "generate.py"
    text, before = request.read_text("utf-8"), "    dry_run: DryRun = False\n"
    assert text.count(before) == 1
    request.write_text(text.replace(before, NEW_FIELD + before), "utf-8")

    assert "--shuffle 0..1" in run(copy, "generate", "--help")
    assert "--shuffle 0..1" in run(copy, "send", "generate", "--help")
    refusal = run(copy, code=SHUFFLE_OVER_OSC)
    assert refusal == "shuffle | shuffle must be a number from 0 to 1 eighths, not 1.5\n"

    run(copy, code="from docs.pages.__main__ import main; main()")
    page = (copy / "docs" / "guide" / "protocol.md").read_text("utf-8")
    assert "| `shuffle` | `f` | 0.0 | 0 to 1 eighths | how late the off-beats come |" in page
    lua = (copy / "reaper_scripts" / "lib" / "protocol.lua").read_text("utf-8")
    assert 'shuffle = { kind = "float", tag = "f", default = 0.0, low = 0, high = 1' in lua
    schema = json.loads((copy / "docs" / "guide" / "requests.schema.json").read_text("utf-8"))
    shuffle = schema["$defs"]["generate"]["properties"]["shuffle"]
    assert (shuffle["type"], shuffle["minimum"], shuffle["maximum"]) == ("number", 0, 1)

    words = ("--bpm", "90", "--key", "C", "--shuffle", "0.25", "-o", copy / "out", "--dry-run")
    assert json.loads(run(copy, "generate", *words))["shuffle"] == 0.25


@pytest.mark.slow
def test_a_command_added_with_its_reply_and_a_method_is_a_command_everywhere(copy: Path) -> None:
    jobs = copy / "osc_protocol" / "jobs.py"
    jobs.write_text(jobs.read_text("utf-8") + NEW_COMMAND, "utf-8")
    methods = copy / "daemon" / "front_ends" / "osc_commands.py"
    text, before = methods.read_text("utf-8"), "\n    @carry_out.register\n    def _jobs("
    assert text.count(before) == 1
    methods.write_text(text.replace(before, NEW_METHOD + before), "utf-8")

    assert "rest Keeps the jobs that wait waiting." in " ".join(run(copy, "send", "--help").split())
    assert "send rest [OPTIONS] {ON}" in run(copy, "send", "rest", "--help")
    assert run(copy, code=REST_IS_CARRIED_OUT) == "_rest\n"
    run(copy, code="from docs.pages.__main__ import main; main()")
    page = (copy / "docs" / "guide" / "protocol.md").read_text("utf-8")
    assert "| `/backline/rest` | `si` | rid, on | `/backline/rest.done` | Keeps the jobs" in page
    lua = (copy / "reaper_scripts" / "lib" / "protocol.lua").read_text("utf-8")
    assert 'rest = { address = "/backline/rest", args = { "rid", "on" }, tags = "si" }' in lua
