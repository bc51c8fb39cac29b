"""A light install: what works without torch, and the sentence of what does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daemon import doctor, installation
from daemon.config import Config
from daemon.failure import failure_of
from daemon.worker_process import explain

ROOT = Path(__file__).resolve().parent.parent.parent
# What pyproject.toml names and a light install leaves out.
LEFT_OUT = {
    "torch", "torchaudio", "diffusers", "transformers", "huggingface-hub", "librosa", "demucs",
    "pyyaml",
}  # fmt: skip
# Runs commands one after the other in a Python that finds none of these.
WITHOUT = """
import json, sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in left_out:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

left_out, commands = json.loads(sys.argv[1])
sys.meta_path.insert(0, Nothing())
from daemon import cli, installation
installation.is_light = lambda: True
for words in commands:
    sys.argv = ["backline", *words]
    try:
        cli.main()
        status = 0
    except SystemExit as end:
        status = end.code or 0
    print("status", status, flush=True)
"""


def name_of(requirement: str) -> str:
    return requirement.split(">")[0].split("<")[0].strip()


def test_the_light_packages_are_the_others_of_the_whole_install() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    lines = (ROOT / "requirements-light.txt").read_text("utf-8").splitlines()
    light = [line for line in lines if line and not line.startswith("#")]
    assert sorted(light) == sorted(each for each in whole if name_of(each) not in LEFT_OUT)
    assert LEFT_OUT >= set(installation.LEFT_OUT)


@pytest.mark.slow
def test_measuring_conforming_slicing_and_planning_need_no_torch(tmp_path: Path) -> None:
    time = np.arange(8 * 24_000) / 48_000  # two bars at 120 bpm, to be repeated
    hits = np.exp(-60 * (time % 0.5)) * np.random.default_rng(1).normal(0, 0.3, len(time))
    soundfile.write(tmp_path / "drums.wav", hits, 48_000)
    asked = ["--bpm", "120", "--key", "C minor", "--bars", "1", "--seed", "1"]
    works = [
        ["measure", "drums.wav", "--picture", "picture.png"],
        ["conform", "drums.wav", "--bpm", "122", "--downbeat", "0", "-o", "out.wav"],
        ["to-midi", "drums.wav", "--bpm", "120", "-o", "drums.mid"],
        ["slice", "drums.wav", "-o", "slices"],
        ["plan", *asked, "-o", "plan"],
        ["styles", "lofi"],
    ]  # fmt: skip
    lacks = [["generate", *asked, "-o", "song"], ["split", "drums.wav", "-o", "parts"]]
    ran = _without(tmp_path, [*works, *lacks])
    told = [line for line in ran.stdout.splitlines() if line.startswith("status ")]
    assert told == ["status 0"] * len(works) + ["status 1"] * len(lacks), ran.stderr
    errors = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(lacks)
    assert all("this light install is without it: run `make install`" in each for each in errors)
    assert not {"song", "parts"} & {path.name for path in tmp_path.iterdir()}


def _without(folder: Path, commands: list[list[str]]) -> subprocess.CompletedProcess[str]:
    names = [each.replace("-", "_") for each in sorted(LEFT_OUT)] + ["yaml", "numba"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "BACKLINE_HOME": str(folder / "home")}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, json.dumps([names, commands])],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_missing_package_is_one_sentence_from_commands_and_jobs() -> None:
    error = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    sentence = failure_of(error).sentence
    assert sentence.startswith("this needs torch, and it is not installed: run `make install`")
    assert explain(error, Path("log"))[1] == sentence
    ours = ModuleNotFoundError("No module named 'daemon.gone'", name="daemon.gone")
    assert installation.lack_of(ours) == "" == installation.lack_of(KeyError("torch"))


def test_the_doctor_tells_a_light_install_from_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(package: str) -> str:
        raise doctor.PackageNotFoundError(package)

    monkeypatch.setattr(doctor, "version", gone)
    assert doctor._torch(Config(tmp_path)).status == doctor.PROBLEM
    monkeypatch.setattr(doctor, "is_light", lambda: True)
    for found in (doctor._torch(Config(tmp_path)), doctor._engine(Config(tmp_path))):
        assert found.status == doctor.WARNING and "make install" in found.advice
