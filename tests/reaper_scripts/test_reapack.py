"""The scripts as a ReaPack package: its rules are kept, and every script is in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))
import reapack_index  # noqa: E402

ROOT = HERE.parents[1]
SCRIPTS = "reaper_scripts"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
URL = "https://example.org/$commit/$path"

HEADER = """\
-- @description Two words
-- @author somebody
-- @version 1.2.3beta
-- @provides
--   [main] .
--   [nomain] lib/*.lua
-- @about
--   # Title
--
--   Text.

-- not the header: @version 9
"""


@pytest.fixture(scope="module")
def package() -> reapack_index.Package:
    (found,) = reapack_index.packages(ROOT, reapack_index.repository_files(ROOT))
    return found


def scripts() -> set[str]:
    found = (*(ROOT / SCRIPTS).rglob("*.lua"), *(ROOT / SCRIPTS).rglob("*.png"))
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_the_repository_holds_one_package_with_every_script_in_it_once(
    package: reapack_index.Package,
) -> None:
    paths = [source.path for source in package.sources]
    assert sorted(paths) == sorted(scripts())


def test_its_version_is_that_of_the_scripts_and_of_the_program(
    package: reapack_index.Package,
) -> None:
    lua = (ROOT / SCRIPTS / "lib" / "version.lua").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = re.search(r'scripts = "([^"]+)"', lua)
    assert found is not None
    assert package.tags["version"] == found[1] == project["project"]["version"]


def test_it_says_what_a_reader_of_the_list_of_packages_wants_to_know(
    package: reapack_index.Package,
) -> None:
    for tag in ("description", "author", "about", "changelog"):
        assert package.tags[tag]


def test_actions_are_registered_and_their_parts_are_not(package: reapack_index.Package) -> None:
    for source in package.sources:
        in_lib = PurePosixPath(source.path).parent.name in ("lib", "icons")
        assert source.sections == (() if in_lib else ("main",)), source.path
        assert PurePosixPath(source.target).name.startswith("backline_") or in_lib, source.path


def test_all_that_a_script_requires_is_installed_where_it_looks(
    package: reapack_index.Package,
) -> None:
    targets = {source.target for source in package.sources}
    for path in (each for each in scripts() if each.endswith(".lua")):
        for name in re.findall(r'require\("([^"]+)"\)', (ROOT / path).read_text("utf-8")):
            assert f"lib/{name}.lua" in targets or name == "socket.core", f"{path}: {name}"


def test_the_index_is_what_reapack_reads(package: reapack_index.Package) -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    text = reapack_index.build([package], "backline", URL, COMMIT, time)
    index = ElementTree.fromstring(text)
    assert (index.tag, index.attrib) == (
        "index",
        {"version": "1", "name": "backline", "commit": COMMIT},
    )
    (category,) = index
    (item,) = category
    assert (category.get("name"), item.get("name"), item.get("type")) == (
        SCRIPTS, PurePosixPath(package.path).name, "script",
    )  # fmt: skip
    (version,) = item.findall("version")
    assert (version.get("name"), version.get("time")) == (
        package.tags["version"], "2026-01-02T03:04:05Z",
    )  # fmt: skip
    sources = version.findall("source")
    assert {source.text for source in sources} == {
        f"https://example.org/{COMMIT}/{path}" for path in scripts()
    }
    assert [source for source in sources if source.get("file") is None] == [
        source for source in sources if (source.text or "").endswith(package.path)
    ]
    assert {source.get("main") for source in sources} == {"main", None}


def test_the_command_writes_it(tmp_path: Path) -> None:
    out = tmp_path / "index.xml"
    words = [sys.executable, str(HERE / "reapack_index.py"), "--commit", COMMIT, "-o", str(out)]
    subprocess.run([*words, "--url", URL], check=True, capture_output=True, text=True)
    assert ElementTree.parse(out).getroot().tag == "index"
    wrong = subprocess.run(
        [*words, "--url", "ftp://x"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2 and "$path" in wrong.stderr


def test_the_hosted_workflow_writes_an_index_of_this_commit(tmp_path: Path) -> None:
    """The very line of the workflow, run by a shell in a copy that holds what it needs."""
    text = (ROOT / ".github" / "workflows" / "reapack.yml").read_text("utf-8")
    lines = text.partition("run: >\n")[2].partition("      - name:")[0].split("\n")
    command = " ".join(line.strip() for line in lines).replace("-o index.xml", "-o $OUT")
    hosted = {
        "GITHUB_SHA": COMMIT, "GITHUB_SERVER_URL": "https://example.org",
        "GITHUB_REPOSITORY": "somebody/backline", "OUT": str(tmp_path / "index.xml"),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }  # fmt: skip
    subprocess.run(["sh", "-c", command], cwd=ROOT, env=hosted, check=True, capture_output=True)
    index = ElementTree.parse(tmp_path / "index.xml").getroot()
    urls = {source.text for source in index.iter("source")}
    assert urls == {
        f"https://example.org/somebody/backline/raw/{COMMIT}/{path}" for path in scripts()
    }


def test_what_reapack_installs_is_set_up_by_its_first_action(
    package: reapack_index.Package, make_reaper: Callable[[Path], Any], tmp_path: Path
) -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    url = ROOT.as_uri() + "/$path"
    index = ElementTree.fromstring(reapack_index.build([package], "backline", url, COMMIT, time))
    resources = tmp_path / "reaper" / "1" / "resources"  # of the double's first case
    folder = resources / "Scripts" / index.attrib["name"] / SCRIPTS  # repository and category
    for source in index.iter("source"):
        target = folder / source.get("file", PurePosixPath(package.path).name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(unquote(urlparse(source.text or "").path)).read_bytes())
    # What `backline install-reaper` writes for these resources, from any Python that has it.
    launcher = {"python": "/bin/sh", "args": [], "home": str(tmp_path), "version": "0.1.0"}
    (resources / "Scripts" / "backline" / "backline_launcher.json").write_text(json.dumps(launcher))
    reaper = make_reaper(tmp_path)
    reaper.scripts = folder
    told = reaper.play('w:run("backline_setup.lua") w.console[1] = next(w.actions) .. w.console[1]')
    said = "".join(told["console"])
    assert str(folder) in said and "All is well" in said, said
    toolbar = (resources / "MenuSets" / "backline.ReaperMenu").read_text("utf-8")
    assert toolbar.count("\nitem_") == len(list(folder.glob("backline_*.lua")))


# The rules themselves, on a small repository.


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "Scripts" / "lib").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / ".reapack-index.conf").write_text("--name=x\n--ignore=other\n")
    (tmp_path / "Scripts" / "main.lua").write_text(HEADER)
    (tmp_path / "Scripts" / "lib" / "part.lua").write_text("-- @noindex\nreturn 1\n")
    (tmp_path / "other" / "any.py").write_text("")
    (tmp_path / "root.lua").write_text("")
    return tmp_path


def found_in(repository: Path) -> list[reapack_index.Package]:
    files = [p.relative_to(repository).as_posix() for p in repository.rglob("*") if p.is_file()]
    return reapack_index.packages(repository, sorted(files))


def test_a_header_ends_at_the_first_empty_line_and_keeps_indented_lines() -> None:
    tags = reapack_index.header(HEADER)
    assert tags["version"] == "1.2.3beta"
    assert tags["provides"].splitlines() == ["[main] .", "[nomain] lib/*.lua"]
    assert tags["about"] == "# Title\n\nText."


def test_a_good_package_is_found_with_its_files(repository: Path) -> None:
    (package,) = found_in(repository)
    assert [(source.path, source.target, source.sections) for source in package.sources] == [
        ("Scripts/main.lua", "main.lua", ("main",)),
        ("Scripts/lib/part.lua", "lib/part.lua", ()),
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("-- @version 1.2.3beta\n", "", "@version"),
        ("1.2.3beta", "v1", "begin with a digit"),
        ("1.2.3beta", "1.70000", "above 65535"),
        ("somebody\n", "somebody\n--   else\n", "@author must be one line"),
        ("[nomain] lib/*.lua", "[nomain] nowhere/*.lua", "no such file"),
        ("[nomain] lib/*.lua", "[unmain] lib/*.lua", "unknown option"),
        ("[nomain] lib/*.lua", "[main=kitchen] lib/*.lua", "unknown section"),
        ("[nomain] lib/*.lua", "lib/*.lua\n--   lib/part.lua", "installed twice"),
        ("[nomain] lib/*.lua", "lib/part.lua > a:b.lua", "every system"),
    ],
)
def test_what_breaks_a_rule_is_named(repository: Path, old: str, new: str, words: str) -> None:
    assert old in HEADER
    (repository / "Scripts" / "main.lua").write_text(HEADER.replace(old, new))
    with pytest.raises(reapack_index.PackageError, match=re.escape(words)):
        found_in(repository)


def test_a_part_without_noindex_is_taken_for_a_package(repository: Path) -> None:
    (repository / "Scripts" / "lib" / "part.lua").write_text("return 1\n")
    with pytest.raises(reapack_index.PackageError, match=r"part\.lua: @version"):
        found_in(repository)
