"""Portable REAPERs are found where their program is, and where scripts were once put."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from daemon import cli, doctor, reaper_install
from daemon.config import Config
from daemon.reaper_folders import known_folders, portable_folders
from stems.version import backline_version


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any REAPER; returns the folder of what is theirs."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "user")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(reaper_install, "_check_starter", lambda: None)
    (tmp_path / "bin").mkdir()
    return tmp_path / "user"


def portable(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "reaper.ini").touch()
    (folder / "reaper").touch(mode=0o755)
    return folder


def test_one_beside_the_program_on_path_is_found(user: Path, tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("links need a right there")
    there = portable(tmp_path / "a place")
    (tmp_path / "bin" / "reaper").symlink_to(there / "reaper")
    assert portable_folders(user) == [there]


def test_one_in_a_usual_place_is_found_by_the_doctor(user: Path) -> None:
    there = portable(user / "REAPER")
    found = doctor._reaper(Config(user, 0))
    assert found.status == doctor.OK
    assert f"--resource-path {there}` puts them there" in found.text


def test_a_folder_that_is_named_so_but_is_not_portable_is_not_taken_for_one(user: Path) -> None:
    (user / "REAPER").mkdir(parents=True)
    assert portable_folders(user) == []
    assert "no portable REAPER found" in doctor._reaper(Config(user, 0)).text


def test_where_scripts_were_installed_the_doctor_looks_until_they_are_removed(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, home = portable(tmp_path / "stick" / "Réaper"), tmp_path / "home"
    words = ["backline", "install-reaper", "--resource-path", str(there), "--home", str(home)]

    def run(*more: str) -> None:
        monkeypatch.setattr(sys, "argv", [*words, *more])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code

    run()
    assert known_folders(home) == [there]
    assert doctor._reaper(Config(home, 0)).text == f"scripts {backline_version()} in {there}"
    run("--uninstall")
    assert known_folders(home) == [] and portable_folders(home) == []
