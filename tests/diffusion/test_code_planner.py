"""The language model that plans a song as 5 Hz codes, tiny and random, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LogitsProcessor

from benchmarks.random_ace_step import build, build_code_planner
from diffusion.ace_step import code_planner
from diffusion.ace_step.checkpoint import read_kind
from diffusion.ace_step.code_planner import GUIDANCE, CodePlanner, drawn, facts_of
from diffusion.ace_step.engine import AceStepEngine
from diffusion.ace_step.pipeline import Pipeline
from diffusion.ace_step.prompt import Prompt
from diffusion.ace_step.task import Task
from diffusion.audio_conditions import AudioConditions
from diffusion.engine import Conditions, Generation
from diffusion.errors import Cancelled, EngineError, ModelError
from diffusion.facts import AceStepFacts
from diffusion.models.choice import find
from diffusion.models.scan import scan
from diffusion.models.shelf import add
from midi.grid import Grid
from midi.key import Key
from midi.melody import melody_from_text

SONG = Prompt("lofi", "[Verse]\nla la", "en", bpm=92, meter="4", key="A minor", seconds=6)
CODES = 64
GRID = Grid.constant(120, bars=2)
ASKED = Conditions(GRID, Key.parse("A minor"), tags="lofi", seed=3)
PLANNED = replace(ASKED, audio=AudioConditions(code_planner="planner-tiny"))


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return build_code_planner(CODES)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, parts: tuple[Any, Any]) -> Path:
    root = tmp_path_factory.mktemp("models")
    folder = root.parent / "acestep-5Hz-lm-tiny"
    for part in parts:
        part.save_pretrained(folder)
    add(root, "planner-tiny", read_kind(folder), folder)
    build().save_pretrained(root.parent / "turbo")
    add(root, "turbo", "turbo", root.parent / "turbo")
    return root


@pytest.fixture(scope="module")
def engine(shelf: Path) -> AceStepEngine:
    engine = AceStepEngine(device="cpu", precision="float32", models=shelf)
    engine.load(quiet)
    return engine


def quiet(stage: str, fraction: float) -> None:
    pass


def played(engine: AceStepEngine, conditions: Conditions) -> Generation:
    return engine.generate(conditions, quiet, lambda: False)


class Guided(LogitsProcessor):
    """Guidance and the codes alone, for transformers' own generate(): no cache, no shortcuts."""

    def __init__(self, model: Any, free: list[int], asked: int, tokens: list[int]) -> None:
        self.model, self.free, self.asked, self.tokens = model, free, asked, tokens

    def __call__(self, ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        written = ids[0, self.asked :].tolist()
        free = self.model(torch.tensor([self.free + written])).logits[:, -1]
        guided = torch.full_like(scores, -torch.inf)
        both = free + GUIDANCE * (scores - free)
        guided[:, self.tokens] = both[:, self.tokens]
        return guided


def test_the_likeliest_codes_are_those_of_transformers_own_loop(parts: tuple[Any, Any]) -> None:
    model, tokenizer = parts
    planner = CodePlanner(model, tokenizer)
    asked, free = planner._chat(SONG, facts_of(SONG)), planner._chat(SONG, "")
    tokens = tokenizer.convert_tokens_to_ids([f"<|audio_code_{code}|>" for code in range(CODES)])
    with torch.inference_mode():
        answer = model.generate(
            torch.tensor([asked]), max_new_tokens=30, do_sample=False,
            logits_processor=[Guided(model, free, len(asked), tokens)],
        )  # fmt: skip
    expected = [tokens.index(token) for token in answer[0, len(asked) :].tolist()]
    assert len(set(expected)) > 3, "else nothing is compared"
    assert planner.write(SONG, 1, top_p=0.0) == tuple(expected)


def test_a_song_is_five_codes_a_second_and_its_seed_decides_them(parts: tuple[Any, Any]) -> None:
    planner = CodePlanner(*parts)
    first, again, other = (planner.write(SONG, seed) for seed in (1, 1, 2))
    assert len(first) == 30 and first == again != other
    assert all(0 <= code < CODES for code in first)


def test_a_code_is_drawn_among_the_likeliest_only() -> None:
    """Shares .5, .3, .15, .05: those with less than .7 before them are the first two."""
    logits = torch.tensor([0.05, 0.5, 0.15, 0.3]).log()
    generator = torch.Generator().manual_seed(0)
    assert {drawn(logits, generator, 0.7) for _ in range(100)} == {1, 3}
    assert {drawn(logits, generator, 0.0) for _ in range(20)} == {1}


def test_the_facts_are_yaml_by_name_and_leave_out_what_is_not_known() -> None:
    assert facts_of(SONG) == (
        "bpm: 92\ncaption: lofi\nduration: 6\nkeyscale: A minor\nlanguage: en\ntimesignature: 4\n"
    )
    assert facts_of(Prompt("lofi", seconds=6)) == "caption: lofi\nduration: 6\nlanguage: en\n"


def test_planned_codes_lead_the_song_and_stand_in_its_facts(engine: AceStepEngine) -> None:
    plain, planned, again = (played(engine, each) for each in (ASKED, PLANNED, PLANNED))
    assert planned.mix is not None and plain.mix is not None and again.mix is not None
    assert np.array_equal(planned.mix.samples, again.mix.samples)
    assert np.abs(planned.mix.samples - plain.mix.samples).max() > 1e-3
    facts, before = planned.facts, plain.facts
    assert isinstance(facts, AceStepFacts) and isinstance(before, AceStepFacts)
    assert facts.task == "cover" and facts.code_planner and facts.code_planner.sha256
    assert before.task == "text2music" and before.code_planner is None


def test_planned_codes_are_the_stock_pipelines_audio_codes(parts: tuple[Any, Any]) -> None:
    """The context is what the stock pipeline makes of the same codes, to rounding."""
    stock = build()
    codes = CodePlanner(*parts).write(SONG, 1)
    text = "".join(f"<|audio_code_{code}|>" for code in codes)
    with torch.inference_mode():
        expected, frames = stock.prepare_src_latents(
            torch.device("cpu"), torch.float32, audio_codes=text, task_type="cover"
        )
    ours = Pipeline(**build().components)
    ours.settle()
    with torch.inference_mode():
        found = ours._planned(Task(SONG.for_task("cover"), 150, (1,), codes=(codes,)))
    assert frames == found.shape[1] == 150
    assert torch.allclose(found, expected, atol=1e-6)


def test_takes_in_a_batch_have_the_codes_they_have_alone(engine: AceStepEngine) -> None:
    other = replace(PLANNED, seed=4)
    assert engine.compatible(PLANNED, [other]) == [other]
    both = engine.generate_batch((PLANNED, other), quiet, lambda: False)
    for found, asked in zip(both, (PLANNED, other), strict=True):
        alone = played(engine, asked).mix
        assert found.mix is not None and alone is not None
        assert np.abs(found.mix.samples - alone.samples).max() < 1e-5


def test_a_melody_leads_the_song_itself_and_that_is_said(engine: AceStepEngine) -> None:
    melody = melody_from_text("69:0:1 71:1:1", GRID)
    generation = played(engine, replace(PLANNED, melody=melody))
    (said,) = [each for each in generation.facts.remarks if "code planner" in each]
    assert said.startswith("The code planner was not used: the song follows the melody")


def test_a_cancel_is_obeyed_within_one_code(engine: AceStepEngine) -> None:
    calls = 0

    def cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls > 10

    with pytest.raises(Cancelled):
        engine.generate(PLANNED, quiet, cancelled)
    assert calls == 11


def test_progress_never_goes_back_while_codes_are_written(engine: AceStepEngine) -> None:
    told: list[tuple[bool, float]] = []
    engine.generate(
        PLANNED, lambda stage, fraction: told.append((stage == "decode", fraction)), lambda: False
    )
    assert told == sorted(told) and len(told) > 30


def test_a_full_memory_while_planning_is_a_sentence_and_the_next_job_plays(
    engine: AceStepEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> tuple[int, ...]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(code_planner.CodePlanner, "write", full)
        with pytest.raises(EngineError, match="not enough memory on cpu for code planner planner-"):
            played(engine, PLANNED)
    assert played(engine, PLANNED).mix is not None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("planner-0.6b", "is not on this machine; run: backline models pull planner-0.6b"),
        ("turbo", "plans no codes; code-planner must name one of planner-0.6b"),
    ],
)
def test_another_name_is_refused_with_what_to_do(
    engine: AceStepEngine, name: str, sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        played(engine, replace(ASKED, audio=AudioConditions(code_planner=name)))


def test_a_planner_is_no_engines_weights_and_is_found_by_a_scan(shelf: Path) -> None:
    assert find(shelf, "planner-tiny").kind == "code-planner"
    assert [each.path.name for each in scan([shelf.parent]) if "5Hz" in each.path.name] == [
        "acestep-5Hz-lm-tiny"
    ]
    with pytest.raises(ModelError, match="plans codes, it makes no music"):
        AceStepEngine("planner-tiny", models=shelf).load(quiet)


def test_a_planner_without_codes_is_refused(parts: tuple[Any, Any]) -> None:
    model, _ = parts
    with pytest.raises(EngineError, match="holds no audio codes"):
        CodePlanner(model, build().tokenizer)
