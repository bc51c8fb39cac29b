"""Adapters learnt from one's own recordings: cut on bars, learnt, stored, gone on with, heard."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audio.clip import Clip, write_wav
from audio.report import Examination, Loudness, Placement
from diffusion.ace_step import own_pieces, own_sound
from diffusion.ace_step.checkpoint import settings_for
from diffusion.ace_step.engine import AceStepEngine
from diffusion.ace_step.learning import Course, Example, Learner, Lessons
from diffusion.ace_step.lora import apply
from diffusion.ace_step.own_pieces import cuts, pieces_of
from diffusion.ace_step.own_sound import Wishes, train
from diffusion.ace_step.prompt import Prompt
from diffusion.ace_step.task import Task
from diffusion.ace_step.weights import read
from diffusion.audio_conditions import Lora
from diffusion.errors import EngineError
from diffusion.models.shelf import Snapshot, add

pytest.importorskip("peft")
LESSONS = Lessons(steps=30, rank=4, alpha=8, rate=3e-3, batch=2, every=10, seed=1)
PROMPT = Prompt("my band", language="unknown", bpm=120, seconds=6)


def heard(lines: tuple[float, ...], doubt: str = "") -> Examination:
    return Examination(
        bpm=120.0, bpm_asked=120.0, bpm_error_percent=0.0, octave_relation="1",
        beats_seconds=(), beat_offset_ms=None, key="A minor", key_asked=None, key_relation=None,
        peak_dbfs=-3.0, frames=1, frames_expected=1,
        placement=Placement(0.0, 0.0, 0.0, 0.0, lines, 1.0, doubt), key_score=None, melody=None,
        loudness=Loudness(-9.0, -1.0), faults=(),
    )  # fmt: skip


def hum(path: Path, pitch: float, seconds: float = 30.0) -> Path:
    time = np.arange(round(seconds * 48_000)) / 48_000
    wave = 0.3 * np.sin(2 * np.pi * pitch * time) * (1 - (2 * time) % 1)
    write_wav(path, Clip(np.tile(wave.astype(np.float32), (2, 1)), 48_000))
    return path


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured, without the seconds that it takes: bars of 2 s from 0.5 s on."""
    lines = tuple(0.5 + 2.0 * bar for bar in range(15))
    monkeypatch.setattr(own_pieces, "_examined", lambda clip: heard(lines))


@pytest.fixture
def snapshot(tmp_path: Path, checkpoint: Path) -> Snapshot:
    return add(tmp_path / "models", "turbo", "turbo", checkpoint)


def learner(checkpoint: Path, folder: Path, lessons: Lessons = LESSONS) -> Learner:
    folder.mkdir(exist_ok=True)
    return Learner(read(checkpoint, torch.float32), "turbo", lessons, folder, "mine", "digest")


def examples(checkpoint: Path, count: int) -> list[Example]:
    """Latents that are alike, as a band's are: one level for each channel, and a little noise."""
    pipeline = read(checkpoint, torch.float32)
    pipeline.settle()
    _, states = pipeline.example(PROMPT, Clip(np.zeros((2, 48_000), np.float32), 48_000))
    generator = torch.Generator().manual_seed(5)
    level = torch.randn(1, 1, pipeline.channels, generator=generator)
    return [
        Example(level + 0.1 * torch.randn(1, 150, pipeline.channels, generator=generator), states)
        for _ in range(count)
    ]


def test_pieces_begin_and_end_on_bars_and_say_what_is_heard(tmp_path: Path, ears: None) -> None:
    pieces = list(pieces_of(hum(tmp_path / "a.wav", 220), "my band"))
    assert [(p.first / 48_000, p.end / 48_000) for p in pieces] == [(0.5, 20.5), (20.5, 28.5)]
    assert pieces[0].prompt.caption == "my band, intense"
    assert (pieces[0].prompt.bpm, pieces[0].prompt.key) == (120, "A minor")
    assert pieces[0].prompt.seconds == 20 and pieces[0].sound().seconds == 20
    assert len({p.sha256 for p in pieces}) == 1 and not pieces[0].remark


def test_a_first_bar_line_before_the_recording_is_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (-0.01, 8.0, 16.0, 30.01)
    monkeypatch.setattr(own_pieces, "_examined", lambda clip: heard(lines))
    pieces = list(pieces_of(hum(tmp_path / "a.wav", 220), ""))
    assert (pieces[0].first, pieces[-1].end) == (0, 30 * 48_000)


@pytest.mark.parametrize(("found", "counted"), [(220, 110), (192, 96), (60, 120), (70, 70)])
def test_tempos_are_told_as_they_are_counted(found: float, counted: float) -> None:
    assert own_pieces.folded(found) == counted


def test_where_no_bars_are_found_the_clock_cuts_and_says_so() -> None:
    found, remark = cuts(heard((0.5, 2.5), "it is not clear which beat begins a bar"), 50.0)
    assert found == [(0.0, 20.0), (20.0, 40.0), (40.0, 50.0)]
    assert "cut by the clock" in remark


def test_a_short_or_broken_recording_is_one_sentence(tmp_path: Path, ears: None) -> None:
    with pytest.raises(EngineError, match=r"at least 6 s, not 3\.0 s"):
        list(pieces_of(hum(tmp_path / "a.wav", 220, 3.0), ""))
    (tmp_path / "b.wav").write_bytes(b"no sound")
    with pytest.raises(EngineError, match=r"b\.wav"):
        list(pieces_of(tmp_path / "b.wav", ""))


def test_what_is_learnt_makes_held_out_examples_likelier_and_is_heard(
    checkpoint: Path, tmp_path: Path
) -> None:
    """Also through the product's own path: loaded by apply(), played by our own sampler."""
    known = examples(checkpoint, 6)
    course = learner(checkpoint, tmp_path / "mine").learn(known[1:], known[:1])
    assert course.step == 30 and course.best < 0.8 * course.held_out[0]
    assert np.mean(course.losses[-10:]) < np.mean(course.losses[:10])
    pipeline = read(checkpoint, torch.float32)
    pipeline.settle()
    task = Task(PROMPT, 150, (3,))

    def off() -> float:
        latents = pipeline.latents_of(task, replace(settings_for("turbo"), dcw=(0.0, 0.0)))
        return float((latents - known[0].latents).square().mean())

    without = off()
    facts = apply(pipeline, (Lora(tmp_path / "mine" / "mine.safetensors"),))
    assert off() < 0.9 * without, "nearer to what was learnt"
    assert len(facts[0].sha256) == 64
    apply(pipeline, ())
    assert off() == without


def test_lessons_go_on_where_they_stopped_as_if_never_stopped(
    checkpoint: Path, tmp_path: Path
) -> None:
    known = examples(checkpoint, 3)
    whole = learner(checkpoint, tmp_path / "a").learn(known[1:], known[:1])
    stopping = learner(checkpoint, tmp_path / "b")
    stopping.learn(known[1:], known[:1], stopped=lambda: stopping.course.step >= 14)
    again = learner(checkpoint, tmp_path / "b")
    assert again.go_on() and again.course.step == 14
    assert again.learn(known[1:], known[:1]).held_out == pytest.approx(whole.held_out, abs=1e-6)
    other = learner(checkpoint, tmp_path / "b", replace(LESSONS, seed=2))
    other._digest = "of other recordings"
    assert not other.go_on()


def test_lessons_end_when_nothing_is_gained_and_the_best_is_kept(
    checkpoint: Path, tmp_path: Path
) -> None:
    known = examples(checkpoint, 3)
    wild = replace(LESSONS, rate=1e-1, every=2, patience=2, steps=100)
    course = learner(checkpoint, tmp_path / "mine", wild).learn(known[1:], known[:1])
    assert course.step < 100 and course.step - course.best_step == 4
    assert course.best == min(course.held_out.values())


def test_saving_memory_learns_the_same(checkpoint: Path, tmp_path: Path) -> None:
    known, few = examples(checkpoint, 3), replace(LESSONS, steps=3)
    plain = learner(checkpoint, tmp_path / "a", few).learn(known[1:], known[:1])
    lean = replace(few, saves_memory=True)
    saving = learner(checkpoint, tmp_path / "b", lean).learn(known[1:], known[:1])
    assert saving.losses == pytest.approx(plain.losses, abs=1e-6)


def test_a_folder_of_recordings_becomes_an_adapter_with_a_card(
    snapshot: Snapshot, tmp_path: Path, ears: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [hum(tmp_path / f"{pitch}.wav", pitch) for pitch in (220, 330)]
    folder = tmp_path / "sound"
    folder.mkdir()
    few = replace(LESSONS, steps=4, every=2)
    wishes = Wishes("sound", "my hum", few, samples_every=2)
    said: list[str] = []
    monkeypatch.setattr(own_sound.memory, "best_dtype", lambda *_: torch.float32)

    def run(wishes: Wishes) -> Course:
        return train(files, snapshot, folder, wishes, said.append, lambda: False)

    assert run(wishes).step == 4
    assert "220.wav: 2 pieces, 120 bpm, A minor" in said
    card: dict[str, Any] = json.loads((folder / "card.json").read_text("utf-8"))
    assert [each["file"] for each in card["recordings"]] == ["220.wav", "330.wav"]
    assert all(len(each["sha256"]) == 64 for each in card["recordings"])
    assert card["weights"]["sha256"] == snapshot.sha256 and card["words"] == "my hum"
    assert {path.name for path in (folder / "samples").iterdir()} == {
        "step_000002.wav", "step_000004.wav",
    }  # fmt: skip
    said.clear()
    run(replace(wishes, lessons=replace(few, steps=6)))
    assert "going on after step 4" in said
    assert not any("encoding" in each for each in said), "the latents were stored"
    engine = AceStepEngine(device="cpu", precision="float32", models=tmp_path / "models")
    engine.load(lambda stage, fraction: None)
    assert engine._player is not None
    engine._player.begin((Lora(folder / "sound.safetensors"),))
    assert (
        engine._player.lora_facts[0].sha256
        == json.loads((folder / "card.json").read_text("utf-8"))["sha256"]
    )
