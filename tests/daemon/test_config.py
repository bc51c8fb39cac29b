"""A setting is an option, a key and a variable of one name, and whoever says it is named."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from daemon import cli
from daemon.config import Config, settings
from daemon.errors import UsageError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration file would be; there is none yet, and no variable is set."""
    path = tmp_path / "settings" / "config.toml"
    path.parent.mkdir()
    monkeypatch.setenv("BACKLINE_CONFIG", str(path))
    for each in settings():
        monkeypatch.delenv("BACKLINE_" + each.key.upper().replace("-", "_"), raising=False)
    return path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, tuple[object, str]]:
    """Value and source of each setting as `backline config --json` prints them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["backline", "config", "--json", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code
    printed = json.loads(capsys.readouterr().out)["settings"]
    return {key: (row["value"], row["source"]) for key, row in printed.items()}


def test_each_place_goes_before_the_next(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("osc-port = 9801\nmax-queued-jobs = 3\ncluster-seconds = 1\n")
    monkeypatch.setenv("BACKLINE_OSC_PORT", "9802")
    monkeypatch.setenv("BACKLINE_MAX_QUEUED_JOBS", "4")
    found = shown(capsys, "--osc-port", "9803")
    assert found["osc-port"] == (9803, "command line")
    assert found["max-queued-jobs"] == (4, "environment")
    assert found["cluster-seconds"] == (1.0, "file")
    assert found["cancel-grace-seconds"] == (5.0, "default")


def test_a_path_in_the_file_is_taken_from_the_files_folder(file: Path) -> None:
    file.write_text('home = "music"\n')
    assert Config().home == file.parent / "music"
    assert Config().models == file.parent / "music" / "models"


def test_many_are_a_list_in_the_file_and_an_option_that_is_repeated(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('allow-root = ["music", "/srv"]\n')
    assert Config().allow_root == (file.parent / "music", Path("/srv"))
    monkeypatch.setenv("BACKLINE_ALLOW_ROOT", os.pathsep.join(("/a", "/b")))
    assert shown(capsys)["allow-root"] == (["/a", "/b"], "environment")
    found = shown(capsys, "--allow-root", "/c", "--allow-root", "/d")
    assert found["allow-root"] == (["/c", "/d"], "command line")


def test_what_is_printed_is_a_file_that_says_the_same(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--model", 'a "quoted" one', "--warm-engine", "none", "--allow-root", "/srv"]
    before = shown(capsys, *words)
    monkeypatch.setattr(sys, "argv", ["backline", "config", *words])
    with pytest.raises(SystemExit):
        cli.main()
    file.write_text(capsys.readouterr().out, "utf-8")
    after = shown(capsys)
    assert {key: value for key, (value, _) in after.items()} == {
        key: value for key, (value, _) in before.items()
    }
    assert after["model"][1] == "file" and after["log-file"] == (None, "default")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("osc-port = 65536", "osc-port in {file} must be from 0 to 65535, not 65536"),
        ("osc-port = 9787.5", "must be a whole number from 0 to 65535, not 9787.5"),
        ("osc-port = true", "osc-port in {file} must be from 0 to 65535, not True"),
        ("max-queued-jobs = 0", "max-queued-jobs in {file} must be from 1 to 10000, not 0"),
        ("cluster-seconds = nan", "must be from 0 to 60 seconds, not nan"),
        ("home = 7", "home in {file} must be text in quotes, not 7"),
        ('allow-root = ["/a", 7]', "allow-root in {file} must be text in quotes, not 7"),
        ('warm-engine = "ace"', "warm-engine in {file} must be embedded or ace-step or "),
        ("prune-older = 30", "prune-older in {file} must be text in quotes, not 30"),
        ('prune-older = "30"', "prune-older in {file} must be a number of h, d, w or y"),
        ('prune-over = "all"', "prune-over in {file} must be a size such as 20GB or 500MB"),
        ('prune-keep-rated = "maybe"', "prune-keep-rated in {file} must be yes or no, not 'maybe'"),
        ("osc_port = 9787", "osc_port in {file} is no setting; did you mean osc-port?"),
        ("[daemon]\nosc-port = 1", "daemon in {file} is no setting; the keys are home, osc-port"),
        ("osc-port 9787", "configuration file {file} is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_file_key_and_limit(
    file: Path, text: str, sentence: str
) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        Config()
    assert sentence.format(file=file) in str(refused.value)


def test_an_empty_file_and_none_at_all_say_nothing(file: Path) -> None:
    none = Config()
    file.touch()
    assert Config() == none


def test_a_folder_in_the_files_place_is_a_sentence(file: Path) -> None:
    file.mkdir()
    with pytest.raises(UsageError, match="cannot be read: it is not a regular file but a folder"):
        Config()


def test_a_variable_and_an_option_are_named_as_they_were_given(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKLINE_OSC_PORT", "high")
    with pytest.raises(UsageError, match=r"^BACKLINE_OSC_PORT must be a whole number from 0 to"):
        Config()
    with pytest.raises(UsageError, match=r"^osc-port must be from 0 to 65535, not 70000"):
        Config(osc_port=70_000)


def test_the_variables_of_a_configuration_are_that_configuration(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Config(
        tmp_path, osc_port=9804, warm_engine="none", cluster_seconds=0.5,
        allow_root=(tmp_path / "a", tmp_path / "b"),
    )  # fmt: skip
    for name, value in given.variables().items():
        monkeypatch.setenv(name, value)
    assert Config() == given


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"play_on": "studio"}, "play_on must be an address such as https://studio:9788"),
        ({"play_on": "https://studio"}, "must be an address such as"),
        ({"play_on": "ftp://studio:9788"}, "must be an address such as"),
        ({"play_on": "https://me:secret@studio:9788"}, "must be an address such as"),
        ({"play_on": "http://studio:9788"}, "must be https to another machine"),
        ({"play_on": "https://studio:9788", "when_away": "never"}, "must be wait or local"),
    ],
)
def test_another_machine_is_named_whole_and_asked_in_secret(
    settings: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=sentence.replace("play_on", "play-on")):
        Config(home=tmp_path, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [
        {"play_on": "http://127.0.0.1:9788"},
        {"play_on": "http://localhost:9788"},
        {"play_on": "https://studio:9788", "token_file": "token.txt"},
        {"play_on": "http://studio:9788", "insecure": "yes"},
    ],
)
def test_http_is_for_this_machine_or_typed_out(settings: dict[str, str], tmp_path: Path) -> None:
    config = Config(home=tmp_path, **settings)  # type: ignore[arg-type]
    assert config.play_on == settings["play_on"]
    assert not any(spec.reason_against() for spec in config.engines)  # that is the other's to say
