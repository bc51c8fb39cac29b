"""The arrows between the rooms, held by walking the syntax trees of all their modules."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Which rooms a room may import besides itself. Everybody's are the four stems' names, names and
# limits of edits, the shelf of downloaded weights, the registries of engines and of splitters, what
# engines say of themselves and the error for a cancelled job, none of which imports anything heavy.
ARROWS = {
    "midi": set(),
    "osc_protocol": {"midi"},
    "audio": {"midi"},
    "diffusion": {"audio", "midi"},
    "stems": {"audio", "midi"},
    "daemon": {"audio", "diffusion", "midi", "osc_protocol", "stems"},
}
EVERYBODYS = (
    "audio.stem_names",
    "diffusion.edits",
    "diffusion.models",
    "diffusion.engines",
    "diffusion.errors",
    "diffusion.facts",
    "stems.splitting.splitters",
)

# Libraries that take long to import: which modules may import them, and only inside a function
# unless the module itself is one that is imported late.
DOORS = {
    "librosa": {"audio.features"},
    "python_stretch": {"audio.stretch"},
    "pyloudnorm": set(),  # what tests hold our loudness to
    "matplotlib": {"stems.sheet"},
    "torchaudio": {"audio.clip"},
    "scipy.signal": {"audio.clip"},
    "diffusers": {"diffusion.ace_step", "diffusion.stable_audio"},
    "huggingface_hub": {"diffusion.models.hub"},
    "demucs": {
        "stems.splitting.model_files",
        "stems.splitting.lean",
        "stems.splitting.lean_transformer",
    },
    "yaml": {
        "stems.splitting.model_files",
        "stems.splitting.roformer_layout",
        "diffusion.ace_step.code_planner",
    },
    "soxr": {"audio.constant_q", "stems.splitting.segments"},
    "peft": {"diffusion.ace_step.lora", "diffusion.ace_step.learning"},
    "mido": {"midi.smf"},
    "soundfile": {
        "audio.encoded_file",
        "audio.errors",
        "audio.flac_file",
        "audio.sound_reader",
    },
    "pythonosc": {"osc_protocol.codec"},
    "typer": {"daemon.cli", "daemon.commands", "daemon.agents"},  # a whole room may be a door
    "rich": {"daemon.screen"},
    "sounddevice": {"daemon.playback"},
    "mcp": {"daemon.agents"},
    "fastapi": {"daemon.front_ends.http"},
    "starlette": {"daemon.front_ends.http"},
    "uvicorn": {"daemon.front_ends.http"},
}
# Torch is the language of networks; nobody else speaks it.
SPEAK_TORCH = ("diffusion.", "stems.splitting.")
NOT_AT_THE_TOP = {"librosa", "matplotlib", "torchaudio", "scipy.signal", "demucs", "yaml"}


def modules(room: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / room).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported anywhere, also where only a type checker looks."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_of(name: str, library: str) -> bool:
    """Whether an imported name is a library's or in it."""
    return f"{name}.".startswith(f"{library}.")


def imported_at_the_top(tree: ast.Module) -> Iterator[str]:
    """What importing the module imports: not inside functions, not for type checkers only."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(ast.Module([node], []))


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, tree in modules(room)
        for name in imported(tree)
        if name.partition(".")[0] in ARROWS.keys() | {"training", "tests", "benchmarks"}
        and name.partition(".")[0] not in ARROWS[room] | {room}
        and not name.startswith(EVERYBODYS)
    ]
    assert wrong == []


def test_the_walk_sees_imports_wherever_they_stand() -> None:
    tree = ast.parse("import a.b\ndef f():\n    from c import d\nif True:\n    import e")
    assert set(imported(tree)) == {"a.b", "c", "c.d", "e"}
    assert set(imported_at_the_top(tree)) == {"a.b"}


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which leads to all others: strongly connected (Tarjan, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        path.append(module)
        for other in sorted(imports[module]):
            if other not in order:
                visit(other)
            if other in path:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == order[module]:
            at = path.index(module)
            if len(path) - at > 1:
                found.append(sorted(path[at:]))
            del path[at:]

    for module in imports:
        if module not in order:
            visit(module)
    return found


def test_no_module_imports_itself_through_others() -> None:
    trees = dict(pair for room in (*ARROWS, "training", "benchmarks") for pair in modules(room))
    imports = {
        module: {name for name in imported(tree) if name in trees} - {module}
        for module, tree in trees.items()
    }
    assert circles(imports) == []


def test_circles_are_found_wherever_they_begin() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b", "e"}, "e": set(), "f": {"g", "a"},
               "g": {"f"}}  # fmt: skip
    assert circles(imports) == [["b", "c", "d"], ["f", "g"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("library", DOORS)
def test_a_library_comes_in_through_its_door_only(library: str) -> None:
    strangers = [
        module
        for room in ARROWS
        for module, tree in modules(room)
        if any(is_of(name, library) for name in imported(tree))
        and not DOORS[library] & {module, module.rpartition(".")[0]}
    ]
    assert strangers == []


@pytest.mark.parametrize("library", sorted(NOT_AT_THE_TOP))
def test_a_slow_library_is_imported_when_it_is_used(library: str) -> None:
    early = [
        module
        for room in ARROWS
        for module, tree in modules(room)
        if any(is_of(name, library) for name in imported_at_the_top(tree))
    ]
    assert early == []


def test_torch_is_spoken_by_engines_and_splitters_only() -> None:
    wrong = [
        module
        for room in ARROWS
        for module, tree in modules(room)
        if not module.startswith(SPEAK_TORCH)
        and any(name.partition(".")[0] == "torch" for name in imported(tree))
    ]
    assert wrong == ["audio.clip"] or wrong == []  # resampling takes torch's tensors


@pytest.mark.parametrize(
    ("imports", "forbidden"),
    [
        ("midi.grid, midi.key, midi.melody, osc_protocol.client", {"torch", "numpy", "librosa"}),
        ("daemon.server", {"torch", "numpy", "librosa", "matplotlib", "diffusers"}),
        ("daemon.cli", {"torch", "numpy", "librosa", "matplotlib", "diffusers", "mido", "sqlite3"}),
        ("daemon.pipeline, diffusion.engine, stems.delivery", {"torch", "librosa", "matplotlib"}),
        (
            "diffusion.embedded.composition, diffusion.embedded.decoder.decoder",
            {"diffusers", "scipy"},
        ),
        ("stems.splitting.splitter", {"torch", "demucs", "librosa", "matplotlib", "yaml"}),
    ],
)
def test_importing_stays_light(imports: str, forbidden: set[str]) -> None:
    program = f"import sys, {imports}\nprint(*sorted(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert forbidden & set(ran.stdout.split()) == set()


def test_every_module_lies_in_a_package() -> None:
    stray = [
        str(path.relative_to(ROOT))
        for room in ARROWS
        for path in (ROOT / room).rglob("*.py")
        if not (path.parent / "__init__.py").is_file()
    ]
    assert stray == []


def test_the_installed_distribution_holds_every_module_and_data_file(tmp_path: Path) -> None:
    """Builds what pip would install, without a network: setuptools' own build step."""
    program = "from setuptools import setup; setup()"
    subprocess.run(
        [sys.executable, "-c", program, "-q", "build", "--build-base", str(tmp_path / "build"),
         "--build-lib", str(tmp_path / "lib"), "egg_info", "--egg-base", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    wanted = {
        path.relative_to(ROOT)
        for room in (*ARROWS, "reaper_scripts")
        for pattern in (
            "*.py",
            "*.safetensors",
            "*.json",
            "*.mid",
            "*.lua",
            "*.html",
            "*.css",
            "*.js",
        )
        for path in (ROOT / room).rglob(pattern)
    }
    built = {path.relative_to(tmp_path / "lib") for path in (tmp_path / "lib").rglob("*.*")}
    assert wanted - built == set()
    assert [path for path in built if "__pycache__" in path.parts] == []
