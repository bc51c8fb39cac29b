"""What a newcomer runs first, with the embedded engine itself."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import soundfile
from tone_engine import TONES, rows

from daemon import doctor
from daemon.config import Config
from daemon.demo import port_in
from daemon.errors import DaemonError
from stems.manifest import read_manifest

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 900.0


def backline(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments],
        cwd=ROOT,
        env=os.environ | {"BACKLINE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.slow
def test_the_demo_makes_eight_bars_on_the_grid_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    ran = backline("demo", "-o", str(out), home=tmp_path / "home")
    assert ran.returncode == 0, ran.stderr
    manifest = read_manifest(out, check_hashes=True)
    assert manifest.engine.name == "embedded"
    # 8 bars of 4 quarters at 96 bpm: 32 x 60 / 96 = 20 s, 960000 frames at 48 kHz.
    sounds = [out / f"{name}.wav" for name in ("drums", "bass", "melody", "vocals", "mix")]
    assert [soundfile.info(sound).frames for sound in sounds] == [960_000] * 5
    assert {"project.rpp", "overview.png"} <= {path.name for path in out.iterdir()}
    files, length, heard, chords = ran.stdout.splitlines()
    assert str(out) in files
    assert "960000 frames at 48000 Hz, exactly the grid's 960000" in length
    assert "bpm, as asked" in heard and "A minor" in heard
    assert chords.startswith("chords ")  # those of the plan
    take = manifest.takes[0]
    assert take.null_dbfs <= -100.0
    assert not (tmp_path / "home").exists()  # it has used a home of its own


@pytest.mark.slow
def test_the_doctor_finds_all_that_the_engine_needs(tmp_path: Path) -> None:
    zipped = tmp_path / "bundle.zip"
    ran = backline(
        "doctor", "--osc-port", "0", "--bundle", "-o", str(zipped), home=tmp_path / "home"
    )
    *lines, last = ran.stdout.splitlines()
    assert last.startswith(f"{zipped}: ") and zipfile.is_zipfile(zipped)
    subjects = [line.split(":")[0].split(maxsplit=1) for line in lines]
    assert [subject for _, subject in subjects] == [
        "Python", "Packages", "torch", "Weights", "Engine", "Disk", "Results", "OSC port 0",
        "REAPER",
    ]  # fmt: skip
    found = {subject: status for status, subject in subjects}
    assert found["Weights"] == "ok" and found["Engine"] == "ok"
    assert all("->" in line for line in lines if not line.startswith("ok"))
    assert ran.returncode == (1 if "problem" in found.values() else 0)


def finding(subject: str, config: Config, monkeypatch: pytest.MonkeyPatch) -> doctor.Finding:
    """One finding without those that load the engine."""
    for slow in ("_torch", "_weights", "_engine"):
        monkeypatch.setattr(doctor, slow, lambda config: doctor.Finding("left out", doctor.OK, ""))
    return next(each for each in doctor.examine(config) if each.subject == subject)


def test_the_doctor_finds_an_engine_that_loads_but_cannot_play(tmp_path: Path) -> None:
    mute = Config(tmp_path, engines=rows("tone_engine:MuteEngine"), warm_engine="")
    found = {each.subject: each for each in doctor.examine(mute)}["Engine"]
    assert found.status == doctor.PROBLEM and "the driver is too old" in found.text

    tones = Config(tmp_path, engines=TONES, warm_engine="")
    found = {each.subject: each for each in doctor.examine(tones)}["Engine"]
    assert (found.status, found.text[:25]) == (doctor.OK, "embedded loads and plays ")


def test_the_doctor_tells_a_daemon_from_another_program_on_the_port(
    daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    ours = finding(f"OSC port {daemon.port}", Config(tmp_path, daemon.port), monkeypatch)
    assert (ours.status, ours.text) == (doctor.OK, "a backline daemon answers there")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        theirs = finding(f"OSC port {port}", Config(tmp_path, port), monkeypatch)
    assert (theirs.status, theirs.advice) == (
        doctor.WARNING,
        "end that program or use another --osc-port",
    )


def test_the_doctor_looks_for_reaper_where_it_keeps_its_resources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config = Config(tmp_path, 0)
    missing = finding("REAPER", config, monkeypatch)
    assert missing.status == doctor.WARNING and "start REAPER once" in missing.advice
    (tmp_path / "REAPER").mkdir()
    assert finding("REAPER", config, monkeypatch).status == doctor.OK


def test_a_daemon_that_did_not_start_is_told_as_that() -> None:
    assert port_in("backline 0.1.0 listens for OSC on udp://127.0.0.1:50123 (home /x)") == 50_123
    with pytest.raises(DaemonError, match="did not start"):
        port_in("")
