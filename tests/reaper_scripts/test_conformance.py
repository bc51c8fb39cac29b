"""Every call of the shipped scripts exists in REAPER, then and now, and luacheck finds nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SCRIPTS = HERE.parent.parent / "reaper_scripts"
SHIPPED = sorted(SCRIPTS.rglob("*.lua"))
CALL = re.compile(r"(?<![\w-])reaper\.(\w+)(\(?)")
LUA_COMMENT = re.compile(r"--[^\n]*")


def code_of(path: Path) -> str:
    return LUA_COMMENT.sub("", path.read_text("utf-8"))


def argument_count(code: str, start: int) -> int:
    """How many arguments stand between the bracket before `start` and the one that closes it."""
    depth, commas, quote, position = 1, 0, "", start
    while depth:
        sign = code[position]
        if quote:
            if sign == "\\":
                position += 1
            elif sign == quote:
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif sign == "," and depth == 1:
            commas += 1
        position += 1
    return commas + 1 if code[start : position - 1].strip() else 0


def calls() -> Iterator[tuple[str, str, int | None]]:
    """File, function and number of arguments (None where it is not called on the spot)."""
    for path in SHIPPED:
        code = code_of(path)
        for found in CALL.finditer(code):
            count = argument_count(code, found.end()) if found[2] else None
            yield path.name, found[1], count


def test_arguments_are_counted_over_brackets_and_quotes() -> None:
    code = 'f(a, g(b, c), "x, (", { d, e }, function(h, i) return j end)'
    assert argument_count(code, 2) == 5
    assert argument_count("f()", 2) == 0


def test_every_function_exists_and_takes_as_many_arguments(reaper_api: Any) -> None:
    known = reaper_api.functions()
    wrong = []
    for file, name, count in calls():
        if name not in known:
            wrong.append(f"{file}: reaper.{name} does not exist")
        elif count is not None:
            params = known[name].params
            least = sum(not optional for _, optional in params)
            # f(a, g()) may give several values in its last place; none of ours is written so.
            if not least <= count <= len(params):
                wrong.append(f"{file}: reaper.{name} with {count} arguments takes {len(params)}")
    assert wrong == []
    assert len(list(calls())) > 100


def test_the_list_of_newer_functions_is_all_that_the_oldest_version_lacks(reaper_api: Any) -> None:
    known = reaper_api.functions().keys() - reaper_api.BUILT_IN.keys()
    assert known > reaper_api.NEWER_THAN_6_47
    assert len(known - reaper_api.NEWER_THAN_6_47) == reaper_api.FUNCTIONS_OF_6_47


def test_what_is_newer_than_the_oldest_version_is_asked_for_first(reaper_api: Any) -> None:
    newer = {name for _, name, _ in calls()} & reaper_api.NEWER_THAN_6_47
    places = {
        "InsertTrackInProject": "lib/tracks.lua", "UpdateItemLanes": "lib/tracks.lua",
        "Main_SaveProjectEx": "selftest.lua",
    }  # fmt: skip
    assert newer == places.keys()
    for name, file in places.items():
        code = code_of(SCRIPTS / file)
        assert code.index(f'APIExists("{name}")') < code.index(f"reaper.{name}")


def test_no_script_needs_an_extension() -> None:
    code = "".join(map(code_of, SHIPPED))
    assert re.findall(r"reaper\.(?:BR_|CF_|JS_|ImGui_|NF_|SNM_|ReaPack_)\w+", code) == []


@pytest.mark.skipif(shutil.which("luacheck") is None, reason="not installed: lua-check")
def test_luacheck_finds_nothing(reaper_api: Any, tmp_path: Path) -> None:
    fields = ",".join(f'["{name}"]={{}}' for name in reaper_api.functions())
    config = tmp_path / "luacheckrc"
    config.write_text(
        'std = "lua54"\nmax_line_length = 140\n'
        f"read_globals = {{ reaper = {{ fields = {{ {fields} }} }} }}\n"
        "globals = { gfx = { other_fields = true } }\n"
        'files["**/protocol.lua"] = { max_line_length = false }\n'  # generated
        f'files["{HERE}"] = {{ globals = {{ "reaper", "gfx", "case", "equal", "near", "contains", '
        '"io", "os", "package" }, ignore = { "212", "581" }, max_line_length = 160 }\n',
        encoding="utf-8",
    )
    command = ["luacheck", "--no-color", "--config", str(config), str(SCRIPTS), str(HERE)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_luacheck_would_find_a_misspelt_call(tmp_path: Path) -> None:
    if shutil.which("luacheck") is None:
        pytest.skip("not installed: lua-check")
    script = tmp_path / "wrong.lua"
    script.write_text("reaper.CountTrcks(0)\n", encoding="utf-8")
    config = tmp_path / "luacheckrc"
    config.write_text(
        'std = "lua54"\nread_globals = { reaper = { fields = { CountTracks = {} } } }\n'
    )
    command = ["luacheck", "--no-color", "--config", str(config), str(script)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "CountTrcks" in ran.stdout and ran.returncode != 0
