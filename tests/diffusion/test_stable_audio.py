"""Stable Audio 3 on random weights: the stock pipelines but for their traps; its engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audio.clip import Clip
from benchmarks.random_stable_audio import TINY, build
from diffusion import memory
from diffusion.ace_step.checkpoint import read_kind
from diffusion.audio_conditions import AudioConditions, Edit, Sampling
from diffusion.engine import Conditions
from diffusion.engines import engine_spec
from diffusion.errors import Cancelled, EngineError, ModelError
from diffusion.facts import StableAudioFacts
from diffusion.models.choice import find, find_for_music
from diffusion.models.shelf import add
from diffusion.stable_audio import pipeline
from diffusion.stable_audio.engine import StableAudioEngine
from diffusion.stable_audio.pipeline import (
    DISTILLED,
    Settings,
    decode,
    encode,
    fitted,
    latents_of,
    schedule,
)
from diffusion.stable_audio.task import Task, task_for
from midi.grid import Grid
from midi.key import Key
from midi.melody import melody_from_text
from osc_protocol.errors import ProtocolError
from osc_protocol.generate import Generate

WORDS = "lofi, rhodes, 92 BPM, A minor"
SONG = Task(WORDS, 5.0, (3,))
GRID = Grid.constant(120, bars=2)  # 4 s, and a beat more is played
ASKED = Conditions(GRID, Key.parse("A minor"), tags="lofi", seed=3)
TOLERANCE = 1e-6  # of latents that go up to about 2


@pytest.fixture(scope="module")
def stock() -> Any:
    made = build(TINY)
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, stock: Any) -> Path:
    root = tmp_path_factory.mktemp("models")
    folder = root.parent / "sa3-tiny"
    stock.save_pretrained(folder)
    add(root, "sa3-small-music", read_kind(folder), folder)
    return root


@pytest.fixture(scope="module")
def engine(shelf: Path) -> Iterator[StableAudioEngine]:
    engine = StableAudioEngine(device="cpu", precision="float32", models=shelf)
    engine.load(quiet)
    yield engine
    engine.close()


def quiet(stage: str, fraction: float) -> None:
    pass


def never() -> bool:
    return False


def played(engine: StableAudioEngine, asked: Conditions) -> Clip:
    mix = engine.generate(asked, quiet, never).mix
    assert mix is not None
    return mix


def tune(seconds: float = 5.0, rate: int = 44_100) -> Clip:
    time = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * (220 + 20 * time) * time)
    return Clip(np.tile(wave.astype(np.float32), (2, 1)), rate)


def told(seed: int = 3, **others: Any) -> dict[str, Any]:
    """SONG in the stock pipeline's arguments."""
    generator = [torch.Generator().manual_seed(seed)]
    return {"duration": 5.0, "generator": generator, "output_type": "latent", **others}


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max())


def test_a_song_is_the_stock_pipelines(stock: Any) -> None:
    assert apart(stock(WORDS, **told()).audios, latents_of(stock, SONG, DISTILLED)) < TOLERANCE


def test_guidance_is_the_stock_pipelines(stock: Any) -> None:
    theirs = stock(WORDS, guidance_scale=4.0, num_inference_steps=5, **told()).audios
    ours = latents_of(stock, SONG, Settings(5, 4.0, "pingpong"))
    assert apart(theirs, ours) < TOLERANCE
    assert apart(ours, latents_of(stock, SONG, Settings(5, 1.0, "pingpong"))) > 1e-3


def test_inpainting_is_the_stock_pipelines(stock: Any) -> None:
    from diffusers import StableAudio3InpaintPipeline

    inpaint = StableAudio3InpaintPipeline(**stock.components)
    inpaint.set_progress_bar_config(disable=True)
    hop = 4096 / 44_100
    window = (20 * hop, 30 * hop)  # whole latents, where both mean the same
    sound = torch.nn.functional.pad(torch.from_numpy(tune().samples.copy())[None], (0, 684))
    theirs = inpaint(
        WORDS, audio=sound, mask_start_seconds=window[0] + 1e-6,
        mask_end_seconds=window[1] + 1e-6, **told(),
    ).audios  # fmt: skip
    task = replace(SONG, source=tune(), window=window)
    assert apart(theirs, latents_of(stock, task, DISTILLED)) < TOLERANCE
    assert apart(theirs, latents_of(stock, SONG, DISTILLED)) > 1e-3


def test_a_sound_under_noise_is_the_stock_pipelines_under_its_own_schedule(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import StableAudio3AudioToAudioPipeline
    from diffusers.pipelines.stable_audio_3.pipeline_stable_audio_3 import logsnr_sigma_schedule

    pair = StableAudio3AudioToAudioPipeline(**stock.components)
    pair.set_progress_bar_config(disable=True)
    sound = torch.nn.functional.pad(torch.from_numpy(tune().samples.copy())[None], (0, 684))
    theirs = pair(WORDS, audio=sound, init_noise_level=0.5, **told()).audios
    task = replace(SONG, source=tune(), noise_level=0.5)
    stocks = tuple(logsnr_sigma_schedule(8, -6.2, 2.0, sigma_max=0.5))
    monkeypatch.setattr(pipeline, "schedule", lambda steps, level: stocks)
    assert apart(theirs, latents_of(stock, task, DISTILLED)) < TOLERANCE
    assert stocks[1] > 0.8, "the stock adds noise to what it was to keep"


@pytest.mark.parametrize("level", [1.0, 0.9, 0.5, 0.05])
def test_noise_only_falls(level: float) -> None:
    times = schedule(8, level)
    assert len(times) == 8 and times[0] == level
    assert all(one > other for one, other in pairwise(times))


def test_less_noise_keeps_more_of_the_sound(stock: Any) -> None:
    with torch.inference_mode():
        source = encode(stock.vae, torch.from_numpy(tune().samples.copy()))

    def off(level: float) -> float:
        task = replace(SONG, source=tune(), noise_level=level)
        return float((latents_of(stock, task, DISTILLED)[:, :, :50] - source[:, :, :50]).std())

    assert off(0.05) < off(0.5) < off(1.0)


def test_tiles_are_one_piece(stock: Any) -> None:
    """The stock decoder masks all at once: at 380 s its mask alone takes 19 GB."""
    latents = torch.randn(1, 16, 300, generator=torch.Generator().manual_seed(1))
    sound = 0.1 * torch.randn(2, 4096 * 300, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        assert apart(stock.vae.decode(latents).sample, decode(stock.vae, latents)) < TOLERANCE
        assert apart(stock.vae.encode(sound[None]).latents, encode(stock.vae, sound)) < TOLERANCE


def test_tempo_and_key_survive_a_long_caption(stock: Any) -> None:
    """The tiny tokenizer has a token a letter, so 300 letters are more than the 256 there are."""
    long = ", ".join(["warm analogue bass"] * 15) + ", 92 BPM, A minor"
    short = fitted(stock.tokenizer, long)
    assert short.endswith(", 92 BPM, A minor") and short.startswith("warm analogue bass")
    assert 200 < len(stock.tokenizer(short).input_ids) <= 256
    assert fitted(stock.tokenizer, WORDS) == WORDS


def test_takes_in_a_batch_are_those_played_alone(stock: Any) -> None:
    pair = latents_of(stock, replace(SONG, seeds=(3, 4)), DISTILLED)
    for item, seed in enumerate((3, 4)):
        alone = latents_of(stock, replace(SONG, seeds=(seed,)), DISTILLED)
        assert apart(pair[item : item + 1], alone) < 1e-5


def test_a_mix_is_stereo_at_the_rate_asked_and_says_how_it_was_made(
    engine: StableAudioEngine,
) -> None:
    asked = replace(ASKED, audio=AudioConditions(sampling=Sampling(steps=3)), lyrics="la")
    generation = engine.generate(asked, quiet, never)
    assert generation.mix is not None and generation.mix.samples.shape == (2, 4.5 * 48_000)
    facts = generation.facts
    assert isinstance(facts, StableAudioFacts)
    assert facts.prompt == "lofi, 120 BPM, A minor"
    assert (facts.steps, facts.sampler, facts.seconds) == (3, "pingpong", 4.5)
    assert any("does not sing" in each for each in facts.remarks)
    description = engine.describe()
    assert (description.name, description.kind) == ("stable-audio-3", "stable-audio-3")


def test_the_seed_decides_everything_also_beside_other_takes(engine: StableAudioEngine) -> None:
    once = played(engine, ASKED).samples
    assert np.array_equal(once, played(engine, ASKED).samples)
    others = [replace(ASKED, seed=4), replace(ASKED, tags="rock")]
    assert engine.compatible(ASKED, others) == others[:1]
    both = engine.generate_batch([ASKED, others[0]], quiet, never)
    assert both[0].mix and np.abs(both[0].mix.samples - once).max() < 1e-5
    assert both[1].mix and np.abs(both[1].mix.samples - once).max() > 1e-4


def test_a_melody_and_chords_are_heard_by_their_guide(engine: StableAudioEngine) -> None:
    melody = melody_from_text("69:0:2 72:2:2 76:4:4", GRID)
    kept = replace(ASKED, melody=melody, audio=AudioConditions("keep", 0.7))
    task, remarks = task_for(kept, (3,))
    assert task.noise_level == pytest.approx(0.3) and task.source is not None
    assert not np.array_equal(played(engine, kept).samples, played(engine, ASKED).samples)
    _, remarks = task_for(replace(kept, audio=AudioConditions("cover")), (3,))
    assert any("kept under noise" in each for each in remarks)
    assert task_for(replace(kept, audio=AudioConditions("off")), (3,))[0].source is None


def test_a_repaint_keeps_the_outside_to_the_sample(engine: StableAudioEngine) -> None:
    source = tune(4.0, 48_000)
    edited = AudioConditions(edit=Edit("repaint", source, 1, 2))
    mix = played(engine, replace(ASKED, audio=edited))
    assert np.array_equal(mix.samples[:, : 2 * 48_000], source.samples[:, : 2 * 48_000])
    inside = slice(2 * 48_000 + 2_000, 4 * 48_000 - 2_000)
    assert np.abs(mix.samples[:, inside] - source.samples[:, inside]).mean() > 1e-3


def test_an_extension_keeps_what_there_is_and_goes_on(engine: StableAudioEngine) -> None:
    source = tune(2.5, 48_000)
    mix = played(engine, replace(ASKED, audio=AudioConditions(edit=Edit("extend", source))))
    assert np.array_equal(mix.samples[:, :120_000], source.samples)
    assert mix.samples.shape[1] == 4.5 * 48_000 and np.abs(mix.samples[:, 130_000:]).max() > 1e-4


@pytest.mark.parametrize("after", [0, 3])
def test_a_cancel_is_obeyed_within_one_step(engine: StableAudioEngine, after: int) -> None:
    told_steps: list[float] = []
    with pytest.raises(Cancelled):
        engine.generate(
            ASKED, lambda stage, done: told_steps.append(done), lambda: len(told_steps) > after
        )
    assert len(told_steps) == after + 1


def test_a_full_memory_gets_half_the_batch_and_then_a_sentence(
    engine: StableAudioEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original, most = pipeline.latents_of, [2]

    def full(pipe: Any, task: Task, *rest: Any) -> torch.Tensor:
        sizes.append(len(task.seeds))
        if len(task.seeds) > most[0]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(pipe, task, *rest)

    monkeypatch.setattr(pipeline, "latents_of", full)
    takes = [replace(ASKED, seed=seed) for seed in range(5)]
    assert len(engine.generate_batch(takes, quiet, never)) == 5
    assert sizes == [5, 2, 2, 1]
    most[0] = 0
    with pytest.raises(EngineError, match="not enough memory on cpu for 4 s; ask for fewer bars"):
        engine.generate(ASKED, quiet, never)


def test_weights_that_the_machine_cannot_hold_are_refused_before_they_are_read(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "machine_bytes", lambda: 2 * memory.GIB)
    monkeypatch.setattr(pipeline, "read", lambda *given: pytest.fail("must not be read"))
    with pytest.raises(EngineError, match=r"model sa3-small-music needs .* machine has 2\.1 GB"):
        StableAudioEngine(device="cpu", models=shelf).load(quiet)


def test_what_the_weights_cannot_play_is_refused_with_the_limit(engine: StableAudioEngine) -> None:
    long = replace(ASKED, grid=Grid.constant(120, bars=61))  # 122 s
    with pytest.raises(EngineError, match=r"play up to 120 s, not 122\.5 s"):
        engine.generate(long, quiet, never)
    wrong: tuple[tuple[dict[str, Any], str, str], ...] = (
        ({"audio_path": "/a.wav", "edit": "lego"}, "edit", "one of cover, repaint, extend for eng"),
        ({"sampler": "heun"}, "sampler", "pingpong, euler"),
        ({"shift": 2}, "shift", "needs engine ace-step"),
        ({"bars": 200}, "bars", "from 1 to 380 s for engine stable-audio-3"),
    )
    for changes, field, words in wrong:
        with pytest.raises(ProtocolError, match=words) as caught:
            Generate(bpm=120.0, key="C", engine="stable-audio-3", **changes)
        assert caught.value.field == field


def test_each_engine_takes_its_own_weights_from_the_shelf(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine_spec("stable-audio-3").open().name == "stable-audio-3"
    assert find(shelf, engine="stable-audio-3").name == "sa3-small-music"
    with pytest.raises(ModelError, match="engine 'ace-step' has no weights"):
        find(shelf)
    with pytest.raises(ModelError, match="'sa3-small-music' is for stable-audio-3"):
        find_for_music(shelf, "sa3-small-music")
    monkeypatch.setenv("BACKLINE_MODELS", str(tmp_path))
    monkeypatch.setenv("BACKLINE_MODEL", "turbo")
    reason = engine_spec("stable-audio-3").reason_against()
    assert reason.endswith("run: backline models pull sa3-small-music")
