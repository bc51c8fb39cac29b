"""`backline install-reaper` as a Python of its own runs it, on a resource folder like REAPER's."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from daemon import doctor, reaper_install
from daemon.config import Config
from daemon.errors import DaemonError, UsageError
from stems.version import backline_version

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "reaper_scripts"
DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken


def scripts_in_the_repository() -> dict[str, bytes]:
    return {
        path.relative_to(SCRIPTS).as_posix(): path.read_bytes()
        for path in (*SCRIPTS.rglob("*.lua"), *SCRIPTS.rglob("*.png"))
    }


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, so that two looks can be compared."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    """A resource folder as REAPER leaves it, in a place whose name wants care."""
    folder = tmp_path / 'Über REAPER\'s "own"'
    (folder / "Scripts").mkdir(parents=True)
    (folder / "reaper.ini").write_text("[REAPER]\n")
    (folder / "reaper-kb.ini").write_text('SCR 4 0 RS1 "Custom: mine.lua" mine.lua\n')
    (folder / "Scripts" / "mine.lua").write_text("-- mine\n")
    return folder


@pytest.fixture(autouse=True)
def a_python_that_has_backline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this Python does is asked for real by the tests at the end."""
    monkeypatch.setattr(reaper_install, "_check_starter", lambda: None)


def test_all_scripts_the_launcher_and_a_receipt_are_installed_and_nothing_else_is_touched(
    resources: Path, tmp_path: Path
) -> None:
    before = tree(resources)
    done = reaper_install.install(resources, tmp_path / "home")
    after = tree(resources)
    assert {name: after[name] for name in before} == before
    new = {name: data for name, data in after.items() if name not in before}
    scripts = {f"Scripts/backline/{k}": v for k, v in scripts_in_the_repository().items()}
    assert {name: new.pop(name) for name in scripts} == scripts
    assert set(new) == {
        "Scripts/backline/backline_launcher.json",
        "Scripts/backline/backline_receipt.json",
    }
    assert (done.folder, done.files, done.kept) == (
        resources / "Scripts" / "backline",
        len(scripts) + 1,
        (),
    )


def test_the_launcher_names_python_arguments_home_and_version(
    resources: Path, tmp_path: Path
) -> None:
    reaper_install.install(resources, tmp_path / "home")
    launcher = json.loads((resources / "Scripts/backline/backline_launcher.json").read_bytes())
    assert launcher == {
        "python": sys.executable,
        "args": ["-P", "-m", "daemon"],
        "home": str(tmp_path / "home"),
        "version": backline_version(),
    }


def test_the_receipt_has_the_hash_of_every_installed_file(resources: Path, tmp_path: Path) -> None:
    reaper_install.install(resources, tmp_path)
    folder = resources / "Scripts" / "backline"
    receipt = json.loads((folder / "backline_receipt.json").read_bytes())
    assert receipt["version"] == backline_version()
    on_disk = tree(folder)
    del on_disk["backline_receipt.json"]
    assert receipt["files"] == {k: hashlib.sha256(v).hexdigest() for k, v in on_disk.items()}


def test_uninstalling_leaves_the_folder_as_it_was(resources: Path, tmp_path: Path) -> None:
    before = tree(resources)
    installed = reaper_install.install(resources, tmp_path).files
    gone = reaper_install.uninstall(resources)
    assert (gone.files, gone.kept) == (installed, ())
    assert tree(resources) == before
    assert not (resources / "Scripts" / "backline").exists()


def test_uninstalling_leaves_and_names_what_was_changed_or_added(
    resources: Path, tmp_path: Path
) -> None:
    reaper_install.install(resources, tmp_path)
    folder = resources / "Scripts" / "backline"
    changed, added = folder / "lib" / "osc.lua", folder / "my_own.lua"
    changed.write_text("-- changed\n")
    added.write_text("-- added\n")
    gone = reaper_install.uninstall(resources)
    assert gone.kept == (changed,)
    assert tree(folder) == {"lib/osc.lua": b"-- changed\n", "my_own.lua": b"-- added\n"}


def test_installing_twice_changes_nothing(resources: Path, tmp_path: Path) -> None:
    reaper_install.install(resources, tmp_path)
    once = tree(resources)
    assert reaper_install.install(resources, tmp_path).kept == ()
    assert tree(resources) == once


def test_an_update_replaces_its_own_files_and_keeps_changed_ones_beside(
    resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    (old / "lib").mkdir(parents=True)
    for name in ("same.lua", "changed.lua", "lib/outdated.lua", "lib/outdated_and_changed.lua"):
        (old / name).write_text("-- old\n")
    monkeypatch.setattr(reaper_install, "SCRIPTS", old)
    reaper_install.install(resources, tmp_path)
    folder = resources / "Scripts" / "backline"
    (folder / "changed.lua").write_text("-- by hand\n")
    (folder / "lib" / "outdated_and_changed.lua").write_text("-- by hand\n")

    new = tmp_path / "new"
    new.mkdir()
    for name in ("same.lua", "changed.lua"):
        (new / name).write_text("-- new\n")
    monkeypatch.setattr(reaper_install, "SCRIPTS", new)
    done = reaper_install.install(resources, tmp_path)
    backup, left = folder / "changed.lua-bak", folder / "lib" / "outdated_and_changed.lua"
    assert done.kept == (backup, left)
    scripts = {k: v for k, v in tree(folder).items() if not k.endswith(".json")}
    assert scripts == {
        "same.lua": b"-- new\n",
        "changed.lua": b"-- new\n",
        "changed.lua-bak": b"-- by hand\n",
        "lib/outdated_and_changed.lua": b"-- by hand\n",
    }


def test_a_folder_that_is_not_reapers_is_refused_and_left_empty(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no reaper\.ini"):
        reaper_install.install(tmp_path, tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        reaper_install.install(tmp_path / "nowhere", tmp_path)
    assert tree(tmp_path) == {}


def test_before_reapers_first_start_the_sentence_says_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper_install, "resource_folder", lambda: tmp_path / "REAPER")
    with pytest.raises(UsageError, match="start REAPER once, then run this again"):
        reaper_install.install(reaper_install.resource_folder(), tmp_path)


def test_uninstalling_where_nothing_is_installed_is_one_sentence(resources: Path) -> None:
    with pytest.raises(UsageError, match="nothing is installed"):
        reaper_install.uninstall(resources)


@pytest.mark.parametrize(
    "receipt",
    ["", "[]", '{"files": 3}', '{"files": {"../../reaper.ini": "0"}}',
     '{"files": {"/etc/hosts": "0"}}', '{"files": {"C:\\\\x.lua": "0"}}', '{"files": {"a": 1}}'],
)  # fmt: skip
def test_a_receipt_that_is_not_ours_removes_nothing(resources: Path, receipt: str) -> None:
    folder = resources / "Scripts" / "backline"
    folder.mkdir()
    (folder / "backline_receipt.json").write_text(receipt)
    before = tree(resources)
    with pytest.raises(DaemonError, match="is damaged"):
        reaper_install.uninstall(resources)
    assert tree(resources) == before


def test_a_place_that_cannot_be_written_is_one_sentence(resources: Path, tmp_path: Path) -> None:
    (resources / "Scripts" / "backline").write_text("a file in the way")
    with pytest.raises(DaemonError, match=r"Scripts.backline.* cannot be changed: "):
        reaper_install.install(resources, tmp_path)


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [
        ("linux", "XDG_CONFIG_HOME", "chosen/REAPER"),
        ("linux", "", ".config/REAPER"),
        ("darwin", "", "Library/Application Support/REAPER"),
        ("win32", "APPDATA", "chosen/REAPER"),
        ("win32", "", "AppData/Roaming/REAPER"),
    ],
)
def test_reapers_folder_is_found_where_each_system_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, end: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "chosen"))
    assert reaper_install.resource_folder() == tmp_path / end


def test_the_doctor_tells_old_scripts_from_new_ones(
    resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "resource_folder", lambda: resources)
    config = Config(tmp_path, 0)
    assert "install-reaper" in doctor._reaper(config).text
    reaper_install.install(resources, tmp_path)
    assert doctor._reaper(config).status == doctor.OK
    receipt = resources / "Scripts" / "backline" / "backline_receipt.json"
    receipt.write_text(receipt.read_text().replace(backline_version(), "0.0.9"))
    old = doctor._reaper(config)
    assert (old.status, old.advice) == (doctor.WARNING, "run `backline install-reaper`")


@pytest.fixture(scope="module")
def another_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with backline installed the way `pip install -e` does, by path."""
    folder = tmp_path_factory.mktemp("a place") / "vénv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    found = subprocess.run([str(python), "-c", script], capture_output=True, text=True, check=True)
    lines = f"{ROOT}\n{sysconfig.get_path('purelib')}\n"
    (Path(found.stdout.strip()) / "backline.pth").write_text(lines, encoding="utf-8")
    return python


def backline(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(python), "-P", "-m", "daemon", *words], cwd=python.parent, env=environment,
        capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip


def test_uninstalling_takes_back_what_the_setup_action_has_added(resources: Path) -> None:
    home = resources / "home"
    reaper_install.install(resources, home)
    startup, toolbar = (
        resources / "Scripts/__startup.lua",
        resources / "MenuSets/backline.ReaperMenu",
    )
    toolbar.parent.mkdir()
    for before, after in ((b"print(1)\r\n", b"print(1)\r\n"), (b"", None)):
        startup.write_bytes(before + b'dofile("/x/backline_offer_finished_jobs.lua") -- backline\n')
        toolbar.write_text("[Floating toolbar 16]\n")
        reaper_install.uninstall(resources)
        assert (startup.read_bytes() if startup.exists() else None) == after
        assert not toolbar.exists()
        reaper_install.install(resources, home)


@pytest.mark.skipif(os.name != "posix", reason="stopped by a signal between processes")
def test_the_installed_launcher_starts_the_daemon_from_any_folder(
    another_python: Path, resources: Path, tmp_path: Path
) -> None:
    home = tmp_path / "a home"
    words = ("--resource-path", str(resources), "--home", str(home))
    ran = backline(another_python, "install-reaper", *words)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Load ReaScript" in ran.stdout
    launcher = json.loads((resources / "Scripts/backline/backline_launcher.json").read_bytes())
    assert Path(launcher["python"]) == another_python

    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "daemon").mkdir(parents=True)  # would be found first without -P
    (elsewhere / "daemon" / "__init__.py").write_text("raise SystemExit('the wrong daemon')\n")
    process = subprocess.Popen(
        [launcher["python"], *launcher["args"], "serve", "--home", launcher["home"],
         "--osc-port", "0"],
        cwd=elsewhere, stdout=subprocess.PIPE, text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "listens for OSC" in process.stdout.readline()
        state = json.loads((home / "spool" / "daemon.json").read_bytes())
        assert state["version"] == launcher["version"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
    finally:
        process.kill()
        process.communicate()

    gone = backline(another_python, "install-reaper", "--uninstall", *words[:2])
    assert (gone.returncode, gone.stderr) == (0, "")
    assert not (resources / "Scripts" / "backline").exists()


def test_a_python_without_backline_installs_nothing(another_python: Path, resources: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    program = (
        "import sys; from pathlib import Path; from daemon import errors, reaper_install\n"
        "reaper_install.sys.executable = sys.argv[2]\n"
        "try: reaper_install.install(Path(sys.argv[1]), Path(sys.argv[1]))\n"
        "except errors.DaemonError as error: print(error)\n"
    )
    bare = another_python.parent / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = bare / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ran = subprocess.run(
        [sys.executable, "-c", program, str(resources), str(python)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "does not find backline from another folder" in ran.stdout
    assert not (resources / "Scripts" / "backline").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--resource-path", "nowhere"), "is no folder"),
        (("--uninstall", "--resource-path", "nowhere"), "nothing is installed"),
    ],
)
def test_a_wrong_path_is_one_sentence_and_bad_usage(
    another_python: Path, words: tuple[str, ...], sentence: str
) -> None:
    ran = backline(another_python, "install-reaper", *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert sentence in line
