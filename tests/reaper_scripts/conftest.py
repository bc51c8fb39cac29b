"""REAPER's double: the shipped scripts, run by lua5.4, in a strict REAPER."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SCRIPTS = ROOT / "reaper_scripts"
DEADLINE_SECONDS = 900.0  # nothing waits that long unless something is broken
SERVE = """
import sys, tempfile
from pathlib import Path
import tone_engine
from daemon.config import Config
from daemon.server import Daemon

rows = tone_engine.rows(sys.argv[2])
daemon = Daemon(Config(
    home=Path(sys.argv[1]), osc_port=0, engines=rows, warm_engine="",
    splitter_factory="tone_engine:open_splitter", allow_root=(Path(tempfile.gettempdir()),),
))
daemon.start()
with daemon.stopped_by_signals():
    print(daemon.osc_port, flush=True)
    daemon.serve()
    daemon.stop()
"""


def load(name: str) -> ModuleType:
    """A module that lies beside this file: the tests' folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is missing on this machine is said once a test, as its reason to be skipped."""
    missing = [name for name in ("lua5.4",) if shutil.which(name) is None]
    if not load("reaper_api").is_there():
        missing.append("the Python package reacli")
    if missing:
        mark = pytest.mark.skip(reason=f"not installed: {', '.join(missing)}")
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(mark)


@pytest.fixture(scope="session")
def reaper_api() -> ModuleType:
    return load("reaper_api")


@pytest.fixture(scope="session")
def api_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "api.lua"
    load("reaper_api").write_table(path)
    return path


@dataclass
class Reaper:
    """A REAPER double over a copy of the shipped scripts."""

    api_table: Path
    scripts: Path
    folder: Path

    def run(
        self, cases: Path, name: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the cases of a file, or the one named."""
        command = ["lua5.4", "double/play.lua", self.api_table, self.scripts, self.folder, cases]
        return subprocess.run(
            [str(each) for each in command] + ([name] if name else []),
            cwd=HERE, env=os.environ | environment, capture_output=True, text=True,
            timeout=DEADLINE_SECONDS, check=False,
        )  # fmt: skip

    def play(self, lua: str, **environment: str) -> dict:
        """Run a scenario given as Lua text with `w`, the world; returns what it then holds."""
        told = self.folder / "told.json"
        cases = self.folder / "scenario.lua"
        self.folder.mkdir(parents=True, exist_ok=True)
        cases.write_text(
            f'case("scenario", function(w, Daemon)\n{lua}\n'
            "local held = { boxes = w.boxes, console = w.console, projects = {} }\n"
            "for index in ipairs(w.projects) do held.projects[index] = w:plain(index) end\n"
            f'local file = assert(w.real.io_open([[{told}]], "wb"))\n'
            "file:write(Daemon.json.encode(held))\nfile:close()\nend)\n",
            encoding="utf-8",
        )
        ran = self.run(cases, **environment)
        assert ran.returncode == 0, ran.stderr
        return json.loads(told.read_text("utf-8"))


@pytest.fixture(scope="session")
def make_reaper(api_table: Path) -> Callable[[Path], Reaper]:
    """Makes a double in a folder, with a copy of the shipped scripts."""

    def make(folder: Path) -> Reaper:
        shutil.copytree(SCRIPTS, folder / "scripts")
        return Reaper(api_table, folder / "scripts", folder / "reaper")

    return make


@pytest.fixture
def reaper(make_reaper: Callable[[Path], Reaper], tmp_path: Path) -> Reaper:
    return make_reaper(tmp_path)


Serve = Callable[[Path, str], subprocess.Popen[str]]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Starts real daemons: their home, and the engine as module:class."""
    started: list[subprocess.Popen[str]] = []

    def start(home: Path, engine: str) -> subprocess.Popen[str]:
        home.mkdir(parents=True, exist_ok=True)
        inherited = os.environ.get("PYTHONPATH")
        paths = [str(ROOT), str(ROOT / "tests" / "daemon"), *([inherited] if inherited else [])]
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(home), engine],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None and process.stdout.readline(), "the daemon did not start"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(DEADLINE_SECONDS)
        assert process.stdout is not None
        process.stdout.close()
