"""The engine at its seam, on a tiny checkpoint with random weights: real loading, real steps."""

from __future__ import annotations

import gc
import json
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from audio.clip import Clip
from benchmarks.random_ace_step import build
from diffusion import memory
from diffusion.ace_step import codec, weights
from diffusion.ace_step.engine import AceStepEngine
from diffusion.ace_step.lora import apply
from diffusion.ace_step.pipeline import Pipeline
from diffusion.ace_step.task import Task
from diffusion.audio_conditions import AudioConditions, Edit, Lora, Sampling
from diffusion.engine import Conditions
from diffusion.engines import engine_spec
from diffusion.errors import Cancelled, EngineError
from diffusion.facts import AceStepFacts, Repainted
from diffusion.memory import (
    GIB,
    MODES,
    Placement,
    best_dtype,
    choose_mode,
    next_lower,
)
from diffusion.models.shelf import Snapshot, add
from diffusion.splice import splice
from midi.grid import Grid
from midi.key import Key
from midi.melody import melody_from_text

GRID = Grid.constant(120, bars=2)  # 4 s; told and played are 6 s
ASKED = Conditions(GRID, Key.parse("A minor"), tags="lofi", seed=3)
TUNE = melody_from_text("69:0:2 72:2:2 76:4:4", GRID)


def quiet(stage: str, fraction: float) -> None:
    pass


def takes_of(*seeds: int) -> list[Conditions]:
    return [replace(ASKED, seed=seed) for seed in seeds]


def never() -> bool:
    return False


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    root = tmp_path_factory.mktemp("models")
    add(root, "turbo", "turbo", checkpoint)
    return root


@pytest.fixture
def snapshot(shelf: Path) -> Snapshot:
    from diffusion.models.choice import find

    return find(shelf)


@pytest.fixture(scope="session")
def engine(shelf: Path) -> AceStepEngine:
    engine = AceStepEngine(device="cpu", precision="float32", models=shelf)
    engine.load(quiet)
    return engine


def played(engine: AceStepEngine, asked: Conditions) -> Clip:
    mix = engine.generate(asked, quiet, never).mix
    assert mix is not None
    return mix


def test_a_mix_is_stereo_at_the_rate_asked_and_longer_than_the_grid(engine: AceStepEngine) -> None:
    generation = engine.generate(ASKED, quiet, never)
    assert generation.stems is None and generation.mix is not None
    assert (generation.mix.channels, generation.mix.sample_rate) == (2, 48_000)
    assert generation.mix.frames == 6 * 48_000 >= GRID.frames(48_000)
    assert generation.facts.task == "text2music"
    assert (generation.facts.steps, generation.facts.shift) == (8, 3.0)
    assert (generation.facts.chunk_mask, generation.facts.dcw) == (2.0, (0.05, 0.02))
    assert played(engine, replace(ASKED, sample_rate=44_100)).frames == 6 * 44_100


def test_what_the_user_wants_of_the_sampler_is_done_and_written_down(
    engine: AceStepEngine,
) -> None:
    wishes = Sampling(3, 2.0, 1.5, "heun", (0.0, 0.0), 1.0)
    asked = replace(ASKED, audio=AudioConditions(sampling=wishes))
    steps: list[float] = []
    generation = engine.generate(
        asked, lambda stage, done: steps.append(done) if stage == "diffuse" else None, never
    )
    facts = generation.facts
    assert steps == [0.0, 1 / 3, 2 / 3, 1.0]
    assert isinstance(facts, AceStepFacts)
    assert (facts.steps, facts.guidance_scale, facts.shift) == (3, 2.0, 1.5)
    assert (facts.sampler, facts.dcw, facts.chunk_mask) == ("heun", (0.0, 0.0), 1.0)
    assert any("turbo has its guidance in the weights" in each for each in facts.remarks)


@pytest.mark.parametrize(
    "wish",
    [{"steps": 7}, {"guidance": 3.0}, {"shift": 1.0}, {"sampler": "sde"}, {"dcw": (0.0, 0.0)},
     {"chunk_mask": 1.0}],
    ids=str,
)  # fmt: skip
def test_each_wish_for_the_sampler_is_heard_and_none_shares_a_batch(
    engine: AceStepEngine, wish: dict[str, Any]
) -> None:
    asked = replace(ASKED, audio=AudioConditions(sampling=Sampling(**wish)))
    assert not np.array_equal(played(engine, asked).samples, played(engine, ASKED).samples)
    assert engine.compatible(ASKED, [asked]) == []


def test_the_seed_decides_everything(engine: AceStepEngine) -> None:
    once = played(engine, ASKED).samples
    assert np.array_equal(once, played(engine, ASKED).samples)
    assert not np.array_equal(once, played(engine, replace(ASKED, seed=4)).samples)


def test_takes_of_one_request_are_played_in_one_batch(
    engine: AceStepEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [0]
    layer = engine._player.pipeline.transformer.layers[0]  # type: ignore[union-attr]
    forward = layer.forward

    def count(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        return forward(*args, **kwargs)

    monkeypatch.setattr(layer, "forward", count)
    takes = engine.generate_batch(takes_of(3, 4), quiet, never)
    assert calls == [8]
    for take, seed in zip(takes, (3, 4), strict=True):
        alone = played(engine, replace(ASKED, seed=seed)).samples
        assert take.mix is not None and np.abs(take.mix.samples - alone).max() < 1e-5


def test_requests_of_equal_shape_are_played_in_one_batch_each_as_if_alone(
    engine: AceStepEngine,
) -> None:
    # As many letters, so as many of the tokenizer's tokens; a tempo of three digits as well.
    twin = replace(ASKED, tags="jazz", seed=9, key=Key.parse("E minor"))
    longer, guided = replace(ASKED, tags="lofi, warm"), replace(ASKED, melody=TUNE)
    assert engine.compatible(ASKED, [longer, twin, guided]) == [twin]
    both = engine.generate_batch([ASKED, twin], quiet, never)
    for generation, asked in zip(both, (ASKED, twin), strict=True):
        alone = engine.generate(asked, quiet, never)
        assert generation.facts == alone.facts
        assert generation.mix is not None and alone.mix is not None
        assert np.abs(generation.mix.samples - alone.mix.samples).max() < 1e-5


def test_the_progress_of_many_batches_is_steady(shelf: Path) -> None:
    engine = AceStepEngine(device="cpu", precision="float32", memory="low", models=shelf)
    engine.load(quiet)
    heard: list[tuple[str, float]] = []
    engine.generate_batch(takes_of(1, 2), lambda *told: heard.append(told), never)
    engine.close()
    diffusing = [fraction for stage, fraction in heard if stage == "diffuse"]
    assert diffusing == sorted(diffusing) and diffusing[-1] == 1.0
    steps = [after - before for before, after in pairwise(diffusing)]
    assert max(steps) <= 1 / 8  # a sixteenth is a step; the first item's decoding, 0.125, is one
    stages = [stage for stage, _ in heard]
    assert stages == sorted(stages, key=["diffuse", "decode"].index)


@pytest.mark.parametrize("mode", ["cover", "keep", "raw"])
def test_each_melody_mode_hears_the_melody(engine: AceStepEngine, mode: str) -> None:
    audio = AudioConditions(melody_mode=mode)
    asked = replace(ASKED, melody=TUNE, audio=audio)
    other = melody_from_text("60:0:4 64:4:4", GRID)
    heard = played(engine, asked).samples
    assert not np.array_equal(heard, played(engine, replace(asked, melody=other)).samples)
    without = replace(asked, audio=AudioConditions(melody_mode="off"))
    assert np.array_equal(played(engine, without).samples, played(engine, ASKED).samples)


def test_progress_names_the_stages_and_never_falls(engine: AceStepEngine) -> None:
    heard: list[tuple[str, float]] = []
    engine.generate(ASKED, lambda stage, fraction: heard.append((stage, fraction)), never)
    assert [f for stage, f in heard if stage == "diffuse"] == [i / 8 for i in range(9)]
    stages = [stage for stage, _ in heard]
    assert stages == sorted(stages, key=["diffuse", "decode"].index)


@pytest.mark.parametrize("after", [1, 2, 5, 8])
def test_a_cancel_is_obeyed_within_one_step(engine: AceStepEngine, after: int) -> None:
    asked = threading.Event()
    steps = []

    def progress(stage: str, fraction: float) -> None:
        steps.append((stage, fraction))
        if stage == "diffuse" and fraction >= after / 8:
            asked.set()

    with pytest.raises(Cancelled):
        engine.generate(ASKED, progress, asked.is_set)
    assert steps[-1] == ("diffuse", after / 8)


def test_a_cancelled_run_lets_go_of_its_latents(
    engine: AceStepEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusion.ace_step import pipeline

    drawn: list[weakref.ref[torch.Tensor]] = []
    noise = pipeline.noise

    def remember(*args: Any) -> torch.Tensor:
        tensor = noise(*args)
        drawn.append(weakref.ref(tensor))
        return tensor

    monkeypatch.setattr(pipeline, "noise", remember)
    stop = threading.Event()

    def progress(stage: str, fraction: float) -> None:
        if fraction > 0:
            stop.set()

    try:
        engine.generate(ASKED, progress, stop.is_set)
    except Cancelled:
        pass
    gc.collect()
    assert len(drawn) == 1 and drawn[0]() is None


PLAY = Pipeline.play
FULL = torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def roomy(shelf: Path) -> AceStepEngine:
    """An engine of its own, in memory mode full."""
    engine = AceStepEngine(device="cpu", precision="float32", memory="full", models=shelf)
    engine.load(quiet)
    return engine


def tries(
    monkeypatch: pytest.MonkeyPatch, fails: Callable[[str, int], bool]
) -> list[tuple[str, int]]:
    """Memory mode and takes of each try from now on; those that `fails` is true of are too much."""
    tried: list[tuple[str, int]] = []

    def watched(self: Any, task: Task, *others: Any) -> Any:
        tried.append((self._placement.mode.name, len(task.seeds)))
        if fails(*tried[-1]):
            raise FULL
        return PLAY(self, task, *others)

    monkeypatch.setattr(Pipeline, "play", watched)
    return tried


def test_a_full_memory_gets_half_the_batch_then_a_lower_mode(
    roomy: AceStepEngine, engine: AceStepEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [replace(ASKED, seed=seed) for seed in range(5)]
    alone = [played(engine, each).samples for each in batch]
    tried = tries(monkeypatch, lambda mode, takes: mode == "full" and takes > 1)
    heard: list[tuple[str, float]] = []
    takes = roomy.generate_batch(batch, lambda *told: heard.append(told), never)
    assert tried == [("full", 5), ("full", 2), *[("full", 1)] * 5]
    for take, wanted in zip(takes, alone, strict=True):
        assert take.mix is not None and np.abs(take.mix.samples - wanted).max() < 1e-5
    assert heard == sorted(heard, key=lambda told: (told[0] == "decode", told[1]))
    tried = tries(monkeypatch, lambda mode, takes: mode == "full" or takes > 2)
    roomy.generate_batch(batch[:4], quiet, never)
    assert tried == [("full", 4), ("full", 2), ("full", 1), ("offload", 4), *[("offload", 2)] * 2]
    assert roomy.describe().memory == "offload"
    tried = tries(monkeypatch, lambda mode, takes: False)
    roomy.generate(ASKED, quiet, never)
    assert tried == [("full", 1)], "the next job begins again with the best mode"
    assert roomy.describe().memory == "full"


@pytest.mark.parametrize("stage", ["text", "timbre", "codes", "source", "diffuse", "decode"])
def test_a_memory_that_is_full_at_any_stage_is_survived(
    roomy: AceStepEngine, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    pipeline = roomy._player.pipeline
    assert pipeline is not None
    owner, name = {
        "text": (pipeline.text_encoder, "forward"),
        "timbre": (pipeline.condition_encoder.timbre_encoder, "forward"),
        "codes": (pipeline.audio_tokenizer, "forward"),
        "source": (pipeline.vae.encoder, "forward"),
        "diffuse": (pipeline.transformer.layers[1], "forward"),
        "decode": (codec, "decoded"),
    }[stage]
    asked = replace(ASKED, melody=TUNE)
    wanted = played(roomy, asked).samples
    pipeline.settle(roomy._player.placement)
    work, left = getattr(owner, name), [2]

    def full_twice(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise FULL
        return work(*args, **kwargs)

    monkeypatch.setattr(owner, name, full_twice)
    assert np.abs(played(roomy, asked).samples - wanted).max() < 1e-5
    assert roomy.describe().memory == "low"


def test_weights_that_do_not_fit_are_placed_in_a_lower_mode(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, left = Placement.move, [1]

    def full_once(self: Placement, part: Any, place: torch.device) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")
        move(self, part, place)

    monkeypatch.setattr(Placement, "move", full_once)
    engine = AceStepEngine(device="cpu", precision="float32", memory="full", models=shelf)
    engine.load(quiet)
    assert engine.describe().memory == "offload"


def test_a_memory_that_stays_full_is_told_in_a_sentence(
    roomy: AceStepEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = tries(monkeypatch, lambda mode, takes: True)
    with pytest.raises(EngineError, match="not enough memory on cpu for 6 s, not even in"):
        roomy.generate(ASKED, quiet, never)
    assert tried == [("full", 1), ("offload", 1), ("low", 1)]


def test_an_error_that_is_no_full_memory_comes_through(
    engine: AceStepEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(type(engine._player.pipeline), "play", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        engine.generate(ASKED, quiet, never)


@pytest.mark.parametrize("memory", ["offload", "low"])
def test_lower_memory_modes_play_the_same(shelf: Path, engine: AceStepEngine, memory: str) -> None:
    careful = AceStepEngine(device="cpu", precision="float32", memory=memory, models=shelf)
    careful.load(quiet)
    difference = played(careful, ASKED).samples - played(engine, ASKED).samples
    assert np.abs(difference).max() < 1e-6


def test_the_memory_mode_follows_the_memory_that_is_free() -> None:
    weights = {"transformer": 8 * GIB, "text_encoder": GIB, "vae": GIB}
    assert choose_mode(weights, 13 * GIB).name == "full"
    assert choose_mode(weights, 11 * GIB).name == "offload"
    assert choose_mode(weights, 6 * GIB).name == "low"
    assert [next_lower(mode) for mode in MODES] == [MODES[1], MODES[2], None]


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), "float32"), ((8, 0), "bfloat16")])
def test_a_gpu_gets_bfloat16_if_it_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], dtype: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert best_dtype(torch.device("cuda")) == getattr(torch, dtype)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_one_memory_for_all_gets_float32_if_it_fits(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    """Of 2.4 billion parameters and 2 GiB of room: 12 GB in float32, 7 in bfloat16."""
    monkeypatch.setattr(memory, "_cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(memory, "machine_bytes", lambda: 12 * GIB)
    assert best_dtype(torch.device(device), 2_400_000_000) == torch.float32
    monkeypatch.setattr(memory, "machine_bytes", lambda: 8 * GIB)
    assert best_dtype(torch.device(device), 2_400_000_000) == torch.bfloat16


def test_weights_that_the_machine_cannot_hold_are_refused_before_they_are_read(
    shelf: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = [each for each in build().components.values() if isinstance(each, torch.nn.Module)]
    count = sum(each.numel() for network in networks for each in network.state_dict().values())
    assert memory.parameters(snapshot) == count
    monkeypatch.setattr(memory, "machine_bytes", lambda: 2 * GIB)
    monkeypatch.setattr(weights, "read", lambda *given: pytest.fail("must not be read"))
    with pytest.raises(EngineError, match=r"model turbo needs 0\.0 GB .* machine has 2\.1 GB"):
        AceStepEngine(device="cpu", models=shelf).load(quiet)


def test_a_repaint_keeps_the_outside_to_the_sample(engine: AceStepEngine) -> None:
    """Bar 2 of 2: frames 96 000 to 192 000 of the 192 000 that the grid has."""
    source = Clip(played(engine, ASKED).samples[:, : GRID.frames(48_000)].copy(), 48_000)
    edit = Edit("repaint", source, first_bar=1, end_bar=2)
    new = played(engine, replace(ASKED, seed=9, audio=AudioConditions(edit=edit))).samples
    assert np.array_equal(new[:, :96_000], source.samples[:, :96_000])
    inside = new[:, 110_000:180_000] - source.samples[:, 110_000:180_000]
    assert np.abs(inside).max() > 1e-3
    steps = np.abs(np.diff(new))
    assert steps[:, 95_990:96_010].max() <= steps[:, :95_990].max(), "nothing clicks at the joint"


def test_an_extension_keeps_what_there_is_and_goes_on(engine: AceStepEngine) -> None:
    source = Clip(played(engine, ASKED).samples[:, :96_000].copy(), 48_000)
    new = played(engine, replace(ASKED, audio=AudioConditions(edit=Edit("extend", source)))).samples
    assert np.array_equal(new[:, :96_000], source.samples)
    assert new.shape[1] == 6 * 48_000 and np.abs(new[:, 100_000:]).max() > 0


def test_a_cover_of_a_sound_hears_it(engine: AceStepEngine) -> None:
    source = Clip(np.random.default_rng(1).normal(0, 0.2, (1, 44_100)).astype(np.float32), 44_100)
    covered = played(engine, replace(ASKED, audio=AudioConditions(edit=Edit("cover", source))))
    assert not np.array_equal(covered.samples, played(engine, ASKED).samples)


@pytest.fixture(scope="session")
def base_engine(tmp_path_factory: pytest.TempPathFactory, base_checkpoint: Path) -> AceStepEngine:
    root = tmp_path_factory.mktemp("base-models")
    add(root, "base", "base", base_checkpoint)
    engine = AceStepEngine(device="cpu", precision="float32", models=root)
    engine.load(quiet)
    return engine


def test_a_part_is_added_by_base_checkpoints_only(
    engine: AceStepEngine, base_engine: AceStepEngine
) -> None:
    """50 steps with guidance, as the base was trained; and the user is warned."""
    source = Clip(np.random.default_rng(1).normal(0, 0.2, (2, 96_000)).astype(np.float32), 48_000)
    asked = replace(ASKED, audio=AudioConditions(edit=Edit("lego", source, parts=("bass",))))
    generation = base_engine.generate(asked, quiet, never)
    assert (generation.facts.steps, generation.facts.guidance_scale) == (50, 7.0)
    assert "Generate the BASS track" in generation.facts.prompt
    assert "lego is unreliable: listen before you use it." in generation.facts.remarks
    with pytest.raises(EngineError, match="lego needs a base checkpoint"):
        engine.generate(asked, quiet, never)


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.5, 1.0])
def test_a_guided_checkpoint_hears_a_melody_at_every_strength(
    base_engine: AceStepEngine, strength: float
) -> None:
    audio = AudioConditions(melody_strength=strength)
    sound = played(base_engine, replace(ASKED, melody=TUNE, audio=audio)).samples
    assert np.isfinite(sound).all() and np.abs(sound).max() > 0


def test_a_section_with_words_of_its_own_is_repainted(engine: AceStepEngine) -> None:
    """Bar 2 lasts from 2 to 4 s; before and after it the mix is that without words."""
    plain = replace(ASKED, sections=("verse", "chorus"))
    worded = replace(ASKED, sections=("verse", "chorus,loud"))
    before, after = played(engine, plain).samples, played(engine, worded).samples
    assert np.array_equal(after[:, :96_000], before[:, :96_000])
    assert np.array_equal(after[:, 192_000:], before[:, 192_000:])
    assert not np.array_equal(after[:, 96_000:192_000], before[:, 96_000:192_000])


def test_sections_are_made_anew_one_by_one_and_the_first_stays(engine: AceStepEngine) -> None:
    """At 240 bpm a bar has 48 000 frames. Bar 1 is the whole's; each later bar is its own."""
    grid = Grid.constant(240, bars=4)
    three = ("intro, soft", "verse, warm", "verse, warm", "chorus, loud")
    asked = replace(ASKED, grid=grid, sections=three)
    generation = engine.generate(asked, quiet, never)
    assert generation.mix is not None
    new = generation.mix.samples
    # The whole, in the first section's words; the same tags go into the lyrics of both.
    whole = replace(asked, sections=("intro, soft", "verse, soft", "verse, soft", "chorus, soft"))
    old = played(engine, whole).samples
    changed = [float(np.abs(new - old)[:, i * 48_000 : (i + 1) * 48_000].max()) for i in range(4)]
    assert changed[0] == 0 and min(changed[1:]) > 1e-3
    assert np.array_equal(new[:, 192_000:], old[:, 192_000:])
    for joint in (48_000, 144_000):
        steps = np.abs(np.diff(new))
        assert steps[:, joint - 10 : joint + 10].max() <= steps[:, : joint - 10].max(), "no click"
    assert generation.facts.repainted == (
        Repainted("2-3", "lofi, warm"), Repainted("4-4", "lofi, loud"),
    )  # fmt: skip
    assert "lofi, soft" in generation.facts.prompt


def test_the_manifest_learns_which_weights_played(
    engine: AceStepEngine, snapshot: Snapshot
) -> None:
    facts = engine.describe()
    assert facts.weights == snapshot.describe()
    assert (facts.device, facts.precision, facts.kind) == ("cpu", "float32", "turbo")


def test_weights_can_be_chosen_by_their_hash(shelf: Path, snapshot: Snapshot) -> None:
    chosen = AceStepEngine(f"sha256:{snapshot.sha256}", device="cpu", models=shelf)
    chosen.load(quiet)
    assert chosen.describe().weights == snapshot.describe()


def test_missing_weights_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLINE_MODELS", str(tmp_path))
    with pytest.raises(EngineError, match="run: backline models pull turbo"):
        engine_spec("ace-step").open().load(quiet)


def test_weights_with_a_missing_file_are_not_loaded(tmp_path: Path, checkpoint: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    add(tmp_path / "models", "turbo", "turbo", copy)
    (copy / "vae" / "config.json").unlink()
    with pytest.raises(EngineError, match=r"vae/config\.json is missing"):
        AceStepEngine(models=tmp_path / "models").load(quiet)


def test_a_tokenizer_from_another_repository_is_found_beside_the_networks(
    tmp_path: Path, checkpoint: Path, engine: AceStepEngine
) -> None:
    """Its folders are there, but the index of the repository it was lent to names none."""
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    index = json.loads((copy / "model_index.json").read_text("utf-8"))
    for part in ("audio_tokenizer", "audio_token_detokenizer"):
        del index[part]
    (copy / "model_index.json").write_text(json.dumps(index))
    add(tmp_path / "models", "turbo", "turbo", copy)
    lent = AceStepEngine(device="cpu", precision="float32", models=tmp_path / "models")
    lent.load(quiet)
    asked = replace(ASKED, melody=TUNE)
    assert np.array_equal(played(lent, asked).samples, played(engine, asked).samples)


def test_weights_of_something_else_are_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "AceStepPipeline", "vae": [1]}')
    add(tmp_path / "models", "turbo", "turbo", folder)
    with pytest.raises(EngineError, match="cannot be loaded"):
        AceStepEngine(models=tmp_path / "models").load(quiet)


def test_a_closed_engine_holds_no_weights(shelf: Path) -> None:
    engine = AceStepEngine(device="cpu", models=shelf)
    engine.load(quiet)
    engine.close()
    with pytest.raises(EngineError, match="not loaded"):
        engine.generate(ASKED, quiet, never)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A LoRA of rank 2 for one layer's feed-forward network, named as the model's trainer does."""
    torch.manual_seed(5)
    name = "base_model.model.layers.0.mlp.down_proj"
    path = tmp_path / "style.safetensors"
    save_file(
        {f"{name}.lora_A.weight": torch.randn(2, 64), f"{name}.lora_B.weight": torch.randn(32, 2)},
        path,
    )
    return path


def test_a_lora_bends_the_model_and_comes_off_again(engine: AceStepEngine, adapter: Path) -> None:
    plain = played(engine, ASKED).samples
    bent = engine.generate(
        replace(ASKED, audio=AudioConditions(loras=(Lora(adapter, 0.8),))), quiet, never
    )
    assert bent.mix is not None and not np.array_equal(bent.mix.samples, plain)
    (fact,) = bent.facts.loras
    assert fact.scale == 0.8 and len(fact.sha256) == 64
    none = replace(ASKED, audio=AudioConditions(loras=(Lora(adapter, 0.0),)))
    assert np.abs(played(engine, none).samples - plain).max() < 1e-6
    assert np.array_equal(played(engine, ASKED).samples, plain)


@pytest.fixture
def layer(engine: AceStepEngine) -> Iterator[Callable[[], np.ndarray]]:
    """What adapters add to the output of the layer they are for."""
    assert engine._player is not None
    pipeline = engine._player.pipeline
    torch.manual_seed(7)
    inside = torch.randn(1, 64)

    def output() -> np.ndarray:
        with torch.inference_mode():
            return pipeline.transformer.layers[0].mlp.down_proj(inside).numpy()

    plain = output()
    yield lambda: output() - plain
    apply(pipeline, ())
    assert np.array_equal(output(), plain)


@pytest.mark.parametrize(
    ("config", "effect"),
    [
        ({}, 1.0),
        ({"lora_alpha": 8}, 1.0),
        ({"lora_alpha": 16}, 2.0),
        ({"lora_alpha": 16, "use_rslora": True}, 16 / 8**0.5),
        ({"lora_alpha": 8, "alpha_pattern": {"down_proj": 4, "up_proj": 9}}, 0.5),
    ],
)
@pytest.mark.parametrize("place", ["beside", "inside"])
def test_an_adapter_has_the_strength_that_its_alpha_says(
    engine: AceStepEngine,
    layer: Callable[[], np.ndarray],
    tmp_path: Path,
    config: dict[str, object],
    effect: float,
    place: str,
) -> None:
    """A LoRA of rank 8, whose configuration peft writes beside it and diffusers into it."""
    torch.manual_seed(5)
    first, second = torch.randn(8, 64), torch.randn(32, 8)
    name, ours = "base_model.model.layers.0.mlp.down_proj", "transformer.layers.0.mlp.down_proj"
    module = name if place == "beside" else ours
    inside = json.dumps({f"transformer.{key}": value for key, value in config.items()})
    save_file(
        {f"{module}.lora_A.weight": first, f"{module}.lora_B.weight": second},
        tmp_path / "adapter_model.safetensors",
        {"lora_adapter_metadata": inside} if place == "inside" else None,
    )
    if place == "beside":
        (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, **config}))
    apply(engine._player.pipeline, [Lora(tmp_path / "adapter_model.safetensors")])
    torch.manual_seed(7)
    wanted = effect * (torch.randn(1, 64) @ first.T @ second.T).numpy()
    assert np.abs(layer() - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("whole", [True, False])
def test_a_lokr_adds_its_kronecker_product(
    engine: AceStepEngine, layer: Callable[[], np.ndarray], tmp_path: Path, whole: bool
) -> None:
    """Of 32 x 64: 4 x 8 times 8 x 8, the second one whole or of rank 2 with alpha 6."""
    torch.manual_seed(5)
    one, left, right = torch.randn(4, 8), torch.randn(8, 2), torch.randn(2, 8)
    module = "lycoris_layers_0_mlp_down_proj"
    second = (
        {f"{module}.lokr_w2": left @ right}
        if whole
        else {f"{module}.lokr_w2_a": left, f"{module}.lokr_w2_b": right}
    )
    path = tmp_path / "lokr_weights.safetensors"
    save_file({f"{module}.lokr_w1": one, f"{module}.alpha": torch.tensor(6.0), **second}, path)
    apply(engine._player.pipeline, [Lora(path, 0.5)])
    torch.manual_seed(7)
    change = torch.kron(one, left @ right) * (0.5 if whole else 1.5)
    wanted = (torch.randn(1, 64) @ change.T).numpy()
    assert np.abs(layer() - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_after_a_failed_adapter_none_is_on(
    engine: AceStepEngine, adapter: Path, tmp_path: Path
) -> None:
    plain = played(engine, ASKED).samples
    broken = tmp_path / "broken.safetensors"
    name = "base_model.model.layers.0.mlp.down_proj"
    save_file(
        {f"{name}.lora_A.weight": torch.zeros(2, 3), f"{name}.lora_B.weight": torch.zeros(9, 2)},
        broken,
    )
    with pytest.raises(EngineError, match="does not fit these weights"):
        both = AudioConditions(loras=(Lora(adapter), Lora(broken)))
        engine.generate(replace(ASKED, audio=both), quiet, never)
    after = engine.generate(ASKED, quiet, never)
    assert after.mix is not None and np.array_equal(after.mix.samples, plain)
    assert after.facts.loras == ()


def test_a_file_that_is_no_adapter_is_refused(engine: AceStepEngine, tmp_path: Path) -> None:
    path = tmp_path / "loha.safetensors"
    save_file({"layers.0.hada_w1_a": torch.zeros(1)}, path)
    with pytest.raises(EngineError, match="no LoRA or LoKr"):
        engine.generate(replace(ASKED, audio=AudioConditions(loras=(Lora(path),))), quiet, never)
    with pytest.raises(EngineError, match="cannot be read as safetensors"):
        gone = AudioConditions(loras=(Lora(tmp_path / "none.safetensors"),))
        engine.generate(replace(ASKED, audio=gone), quiet, never)


def test_wrong_audio_conditions_are_refused_by_name() -> None:
    clip = Clip(np.zeros((2, 10), np.float32), 48_000)
    with pytest.raises(EngineError, match="melody-mode must be one of cover, keep, raw, off"):
        AudioConditions(melody_mode="hum")
    with pytest.raises(EngineError, match="melody-strength must be from 0 to 1, not 2"):
        AudioConditions(melody_strength=2)
    with pytest.raises(EngineError, match="edit must be one of"):
        Edit("remix", clip)
    with pytest.raises(EngineError, match="must ascend"):
        Edit("repaint", clip, 3, 3)
    with pytest.raises(EngineError, match="lego takes 1 parts, not 0"):
        Edit("lego", clip)
    with pytest.raises(EngineError, match="part must be one of"):
        Edit("lego", clip, parts=("kazoo",))
    with pytest.raises(EngineError, match="cover takes no parts"):
        Edit("cover", clip, parts=("bass",))
    with pytest.raises(EngineError, match="lora scale must be from 0 to 2"):
        Lora(Path("a"), 3)


def test_an_extension_is_whole_from_its_first_frame_on() -> None:
    """Noise after a tone of 2000 frames: no hole at the join, and no step either."""
    noise = 0.2 * np.random.default_rng(1).normal(size=(2, 8000)).astype(np.float32)
    noise[:, 1999:2001] = 0.0
    old = Clip(np.full((2, 2000), 0.3, np.float32), 48_000)
    joined = splice(old, Clip(noise, 48_000), 2000, 8000).samples
    assert np.array_equal(joined[:, :2000], old.samples)
    assert np.abs(joined[:, 2000] - 0.3).max() < 1e-3
    added = joined[:, 2000:2960] - noise[:, 2000:2960]
    assert np.abs(np.diff(added)).max() < 1e-3 and np.abs(added[:, -1]).max() < 1e-3
    assert np.array_equal(joined[:, 2960:], noise[:, 2960:])


def test_a_splice_fades_inside_the_window_only() -> None:
    """Ones into zeros at frames 2000 to 6000 of 48 kHz: the fade lasts 960 frames each."""
    old, new = (Clip(np.full((2, 8000), v, np.float32), 48_000) for v in (0, 1))
    joined = splice(old, new, 2000, 6000).samples[0]
    assert not joined[:2000].any() and not joined[6000:].any()
    assert (joined[2960:5040] == 1).all() and 0 < joined[2000] < 1e-4
    assert joined[2000 + 479] == pytest.approx(0.5, abs=2e-3)
    with pytest.raises(EngineError, match="do not lie within"):
        splice(old, new, 5, 9000)
