"""The support bundle: what helps is in it, what is private is not."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from daemon import support_bundle
from daemon.cli import main
from daemon.config import Config
from daemon.doctor import OK, PROBLEM, Finding
from daemon.redaction import Redaction
from daemon.support_bundle import LOG_BYTES, bundle_name, write_bundle

FINDINGS = (
    Finding("Disk", OK, "2.0 GiB free"),
    Finding("Engine", PROBLEM, "does not play", "reinstall"),
)
SECRETS = ("Jörg", "J\\u00f6rg", "Müller", "studio-box", "Herz", "geheim", "Liebste", "Documents")


@pytest.fixture
def members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A bundle of a home in which names and paths are everywhere, read back."""
    home = tmp_path / "Jörg Müller (x64) & 漢" / "home"
    job = home / "jobs" / "7"
    job.mkdir(parents=True)
    sound = "/home/Jörg Müller/Documents/Herz aus Glas, 2. Fassung.wav"
    manifest = {
        "schema": "backline.manifest/1",
        "project": "geheim",
        "request": {"lyrics": "Liebste mein", "tags": "dub techno", "path": sound, "bpm": 92.5},
        "files": [{"path": "drums.wav", "bytes": 3}],
    }
    (job / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    logs = home / "log"
    logs.mkdir()
    (logs / "daemon.log").write_text(
        f"12:00 started in {home}\n12:01 {sound}: cannot be read\nHerz aus Glas, 2. Fassung: 3 s\n"
        "12:02 /backline/generate of studio-box refused: bpm must be 20 to 400\n"
        f'Traceback\n  File "{Path(support_bundle.__file__)}", line 12, in write\n'
        'asked {"audio": "C:\\\\Users\\\\J\\u00f6rg\\\\Documents\\\\x.flac", "of": "geheim"}\n'
        f"12:03 {home} (as asked), 漢\n".replace(", 漢", ""),
        "utf-8",
    )
    (logs / "worker.log").write_bytes(b"x" * 80 + b"\n" + b"line of a log\n" * (LOG_BYTES // 14))
    (logs / "link.log").symlink_to("/etc/hostname")
    resources = tmp_path / "REAPER"
    resources.mkdir()
    seen = {"reaper": "7.80", "checks": [{"seen": "/home/Jörg Müller/Documents/Media"}]}
    (resources / "backline_selftest.json").write_text(json.dumps(seen), "utf-8")
    monkeypatch.setattr(support_bundle, "names_here", lambda: ["Jörg", "Müller", "studio-box"])
    monkeypatch.setattr(support_bundle, "resource_folder", lambda: resources)
    target = tmp_path / "bundle.zip"
    names = write_bundle(target, Config(home=home), FINDINGS)
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == names
        return {name: archive.read(name).decode("utf-8") for name in names}


def test_nothing_private_is_in_it(members: dict[str, str]) -> None:
    for name, text in members.items():
        for secret in SECRETS:
            assert secret.lower() not in (name + text).lower(), f"{secret} is in {name}"
        assert "漢" not in text


def test_what_helps_is_in_it(members: dict[str, str]) -> None:
    assert "problem  Engine: does not play -> reinstall\n" in members["doctor.txt"]
    assert json.loads(members["versions.json"])["python"]
    assert json.loads(members["settings.json"])["osc-port"]["value"] == 9787
    job = json.loads(members["last_job.json"])
    assert job["request"]["tags"] == "dub techno" and job["request"]["bpm"] == 92.5
    assert job["request"]["path"] == "<path>.wav" and job["request"]["lyrics"] == "<12 letters>"
    assert job["files"] == [{"path": "drums.wav", "bytes": 3}]
    assert json.loads(members["reaper_selftest.json"])["reaper"] == "7.80"
    log = members["log/daemon.log"]
    assert "/backline/generate of <name> refused: bpm must be 20 to 400" in log
    assert 'File "<backline>/daemon/support_bundle.py", line 12' in log
    assert "cannot be read" in log and '"audio": "<path>.flac"' in log


def test_a_long_log_is_its_end_from_a_whole_line_on(members: dict[str, str]) -> None:
    log = members["log/worker.log"]
    assert len(log) <= LOG_BYTES and set(log.splitlines()) == {"line of a log"}
    assert "log/link.log" not in members


def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tmp_path / "jobs" / "1"
    job.mkdir(parents=True)
    (job / "manifest.json").write_text("{", "utf-8")
    monkeypatch.setattr(support_bundle, "resource_folder", lambda: tmp_path / "none")
    write_bundle(tmp_path / "b.zip", Config(home=tmp_path), FINDINGS)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert "unread" in json.loads(archive.read("last_job.json"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/home/a b/c d.wav: gone", "<path>.wav: gone"),
        (r"C:\Users\a b\c.mid", "<path>.mid"),
        (r"from \\server\share\c d.wav, then", "from <path>.wav, then"),
        ("file:///home/x/y.flac", "<path>.flac"),
        ("~/Musik/x y.wav -> z", "<path>.wav -> z"),
        ("/srv/Herz, 2. Fassung (neu)/x y", "<path>"),
        ("bar 3/4, 1/2 and/or http://127.0.0.1:80/x", "bar 3/4, 1/2 and/or http://127.0.0.1:80/x"),
        ("/backline/job/cancel: done", "/backline/job/cancel: done"),
        ("/backline/jobs/My Song.wav", "<path>.wav"),
    ],
)
def test_paths_are_found_in_any_text(text: str, wanted: str) -> None:
    assert Redaction().of_text(text) == wanted


def test_common_words_are_no_names() -> None:
    text = "the root note of user 1, al dente"
    assert Redaction(["root", "user", "al"]).of_text(text) == text
    assert Redaction(["ann"]).of_text("Ann's channel") == "<name>'s channel"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["doctor", "-o", "x.zip"], "give --bundle"),
        (["doctor", "--bundle", "-o", "x.txt"], "must end in .zip"),
        (["doctor", "--bundle", "-o", "there.zip"], "there already"),
    ],
)
def test_a_bundle_that_cannot_go_there_is_refused_before_anything_is_checked(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.zip").write_bytes(b"mine")
    monkeypatch.setattr("sys.argv", ["backline", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert told in shown.err and shown.out == ""
    assert (tmp_path / "there.zip").read_bytes() == b"mine"


def test_its_name_says_when_it_was_made() -> None:
    assert bundle_name(datetime(2026, 2, 3, 4, 5, 6)) == "backline-support-20260203-040506.zip"
