"""Our ACE-Step pipeline beside the stock one, on the same random weights.

Where the stock pipeline is right both agree to 1e-5 before the stock's normalisation; where it is
not, the stock's fault is asserted as well, so that it is noticed when it is mended.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AceStepPipeline
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution

from audio.clip import Clip
from diffusion.ace_step import codec
from diffusion.ace_step.block import ungrouped
from diffusion.ace_step.checkpoint import SETTINGS, Settings, kind_of, settings_for
from diffusion.ace_step.pipeline import Pipeline
from diffusion.ace_step.prompt import Prompt
from diffusion.ace_step.recipe import task_for
from diffusion.ace_step.sampling import Phase, corrected, sample, schedule
from diffusion.ace_step.task import MIN_FRAMES, Task, latent_frames
from diffusion.audio_conditions import AudioConditions, Edit
from diffusion.engine import Conditions
from diffusion.errors import EngineError
from diffusion.memory import MODES, MemoryMode, Placement
from midi.grid import Grid
from midi.key import Key

TURBO = replace(SETTINGS["turbo"], chunk_mask=1.0, dcw=(0.0, 0.0))  # as the stock pipeline
GUIDED = Settings(8, 3.0, 7.0, ("text2music",))  # as the stock pipeline samples a base checkpoint
PROMPT = Prompt("lofi, rhodes", "[Verse]\nla la", "en", 92, "4", "A minor", 6)
COVER = PROMPT.for_task("cover")
SONG = Task(PROMPT, latent_frames(6), (3,))
TOLERANCE = 1e-5  # of latents whose largest is about 5


def told(**others: Any) -> dict[str, Any]:
    """PROMPT in the stock pipeline's arguments."""
    return {
        "prompt": PROMPT.caption, "lyrics": PROMPT.lyrics, "bpm": 92, "keyscale": "A minor",
        "timesignature": "4", "audio_duration": 6.0, "output_type": "latent",
        "generator": torch.Generator().manual_seed(3), **others,
    }  # fmt: skip


def tune(seconds: float = 6.0, rate: int = 48_000, channels: int = 2) -> Clip:
    """A rising sine on every channel."""
    time = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * (220 + 20 * time) * time)
    return Clip(np.tile(wave.astype(np.float32), (channels, 1)), rate)


def tensor(clip: Clip) -> torch.Tensor:
    return torch.from_numpy(clip.samples.copy())


@pytest.fixture
def mean_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the stock encoder give the mean, as ours does, so that the rest can be compared."""
    monkeypatch.setattr(
        OobleckDiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode()
    )


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max())


def test_a_song_is_the_stock_pipelines_song(stock: AceStepPipeline, ours: Pipeline) -> None:
    theirs = stock(**told()).audios
    assert apart(ours.latents_of(SONG, TURBO), theirs) < TOLERANCE


def test_guidance_is_the_stock_pipelines_guidance(
    stock_base: AceStepPipeline, ours_base: Pipeline
) -> None:
    theirs = stock_base(**told(guidance_scale=7.0)).audios
    assert apart(ours_base.latents_of(SONG, GUIDED), theirs) < TOLERANCE
    assert apart(ours_base.latents_of(SONG, TURBO), theirs) > 0.1, "guidance must change something"


@pytest.mark.usefixtures("mean_latents")
def test_a_cover_is_the_stock_pipelines_cover(stock: AceStepPipeline, ours: Pipeline) -> None:
    theirs = stock(**told(task_type="cover", src_audio=tensor(tune()))).audios
    mine = ours.latents_of(replace(SONG, prompt=COVER, source=tune()), TURBO)
    assert apart(mine, theirs) < TOLERANCE


@pytest.mark.usefixtures("mean_latents")
@pytest.mark.parametrize(
    ("kind", "parts", "stock_words"),
    [
        ("lego", ("bass",), {"track_name": "bass"}),
        ("extract", ("drums",), {"track_name": "drums"}),
        ("complete", ("drums", "bass"), {"complete_track_classes": ["drums", "bass"]}),
    ],
)
def test_tasks_on_a_context_are_the_stock_pipelines(
    stock_base: AceStepPipeline,
    ours_base: Pipeline,
    kind: str,
    parts: tuple[str, ...],
    stock_words: dict[str, Any],
) -> None:
    theirs = stock_base(
        **told(task_type=kind, src_audio=tensor(tune()), guidance_scale=7.0, **stock_words)
    ).audios
    prompt = replace(PROMPT, task=kind, parts=parts)
    assert apart(
        ours_base.latents_of(replace(SONG, prompt=prompt, source=tune()), GUIDED), theirs
    ) < (TOLERANCE)


@pytest.mark.usefixtures("mean_latents")
def test_a_reference_lends_its_timbre_as_in_the_stock_pipeline(
    stock: AceStepPipeline, ours: Pipeline
) -> None:
    theirs = stock(**told(reference_audio=tensor(tune(12)))).audios
    mine = ours.latents_of(replace(SONG, reference=tune(12)), TURBO)
    assert apart(mine, theirs) < TOLERANCE
    assert apart(mine, ours.latents_of(SONG, TURBO)) > 1e-3, "the timbre must be heard"


def test_sound_is_as_loud_as_the_model_made_it(stock: AceStepPipeline, ours: Pipeline) -> None:
    latents = stock(**told()).audios
    with torch.no_grad():
        raw = stock.vae.decode(latents.transpose(1, 2)).sample
    sound = ours.play(SONG, TURBO)
    assert apart(sound, raw) < 1e-5
    normalised = stock(**told(output_type="pt")).audios
    assert normalised.abs().max() == pytest.approx(10 ** (-1 / 20)), "the stock scales to -1 dBFS"
    assert sound.abs().max() != pytest.approx(10 ** (-1 / 20), rel=0.01)


def test_the_same_seed_gives_the_same_cover(stock: AceStepPipeline, ours: Pipeline) -> None:
    task = replace(SONG, prompt=COVER, source=tune(), raw=True)
    first = ours.latents_of(task, TURBO)
    ours.settle()  # so that no cache answers
    assert torch.equal(first, ours.latents_of(task, TURBO))
    theirs = [
        stock(**told(task_type="complete", src_audio=tensor(tune()))).audios for _ in range(2)
    ]
    assert apart(*theirs) > 1e-4, "the stock draws from the global generator"


@pytest.mark.usefixtures("mean_latents")
@pytest.mark.parametrize("share", [0.5, 0.25])
def test_a_weaker_cover_is_a_cover_first_and_a_song_after(
    stock: AceStepPipeline, ours: Pipeline, share: float
) -> None:
    """The authors' algorithm, made of two stock runs: 8 steps, of which 4 (or 2) are a cover."""
    times = list(schedule(8, 3.0))
    switch = round(8 * share)

    def stop_at_the_switch(pipeline: Any, step: int, time: float, values: dict[str, Any]) -> Any:
        pipeline._interrupt = step == switch - 1
        return values

    begun = stock(
        **told(
            task_type="cover",
            src_audio=tensor(tune()),
            timesteps=times,
            callback_on_step_end=stop_at_the_switch,
        )
    ).audios
    wanted = stock(**told(latents=begun, timesteps=times[switch:])).audios
    task = replace(SONG, prompt=COVER, source=tune(), cover_share=share)
    assert apart(ours.latents_of(task, TURBO), wanted) < TOLERANCE


def test_a_weaker_cover_costs_no_more_than_a_full_one(
    stock: AceStepPipeline, ours: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch, ours.transformer.layers[0])
    ours.latents_of(replace(SONG, prompt=COVER, source=tune(), cover_share=0.5), TURBO)
    assert calls == [8]
    theirs = counted(monkeypatch, stock.transformer.layers[0])
    stock(**told(task_type="cover", src_audio=tensor(tune()), audio_cover_strength=0.5))
    assert theirs == [16], "the stock averages two velocities at every step"


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str = "forward") -> list[int]:
    """How often a module is called, in a list of one number."""
    calls = [0]
    forward = getattr(module, name)

    def count(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        return forward(*args, **kwargs)

    monkeypatch.setattr(module, name, count)
    return calls


def test_mono_at_another_rate_is_welcome(stock: AceStepPipeline, ours: Pipeline) -> None:
    mono = tune(rate=44_100, channels=1)
    sound = ours.play(replace(SONG, prompt=COVER, source=mono), TURBO)
    assert sound.shape == (1, 2, 6 * 48_000)
    with pytest.raises(RuntimeError):
        stock(**told(task_type="cover", src_audio=tensor(mono)))


def test_a_run_is_never_shorter_than_the_model_knows(
    stock: AceStepPipeline, ours: Pipeline
) -> None:
    assert ours.latents_of(Task(PROMPT, 50, (1,)), TURBO).shape[1] == MIN_FRAMES
    assert stock(**told(audio_duration=2.0)).audios.shape[1] == 50, "the stock plays out of bounds"


def test_the_length_told_is_the_length_played(
    stock: AceStepPipeline, ours: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 bars at 92 bpm are 10.4 s, a beat more 11.1 s, which makes 12 whole seconds."""
    asked = Conditions(
        Grid.constant(92, bars=4),
        Key.parse("A minor"),
        audio=AudioConditions(edit=Edit("cover", tune())),
    )
    task, _ = task_for(asked, (3,))
    assert "- duration: 12 seconds\n" in task.prompt.text
    assert ours.latents_of(task, TURBO).shape[1] == 12 * 25

    texts: list[str] = []
    formatted = stock._format_prompt

    def remember(*args: Any, **kwargs: Any) -> tuple[str, str]:
        texts.append(formatted(*args, **kwargs)[0])
        return formatted(*args, **kwargs)

    monkeypatch.setattr(stock, "_format_prompt", remember)
    arguments = told(task_type="cover", src_audio=tensor(tune()))
    del arguments["audio_duration"]
    assert stock(**arguments).audios.shape[1] == 6 * 25
    assert "- duration: 60 seconds\n" in texts[0], "the stock tells 60 s and plays 6"


def test_tempo_and_key_survive_a_long_caption(stock: AceStepPipeline, ours: Pipeline) -> None:
    """The tiny tokenizer has a token a byte, so 300 letters are more than the 256 there are."""
    long = replace(PROMPT, caption=", ".join(["warm analogue bass"] * 15))
    fitted = ours.words.fitted(long)
    assert len(ours.words._ids(fitted.text)[0]) <= 256
    assert "- bpm: 92\n" in fitted.text and "- keyscale: A minor\n" in fitted.text
    assert long.caption.startswith(fitted.caption) and len(fitted.caption) > 20
    assert "cut after" in ours.words.remarks(long)[0]
    ids = stock.tokenizer(long.text, truncation=True, max_length=256).input_ids
    assert "bpm" not in stock.tokenizer.decode(ids), "the stock cuts them off"


def test_takes_in_a_batch_are_those_played_alone(ours: Pipeline) -> None:
    together = ours.play(replace(SONG, seeds=(3, 4, 5)), TURBO)
    for item, seed in enumerate((3, 4, 5)):
        alone = ours.play(replace(SONG, seeds=(seed,)), TURBO)
        assert apart(together[item], alone[0]) < TOLERANCE


def test_a_prompt_sounds_the_same_beside_a_longer_one(
    stock: AceStepPipeline, ours: Pipeline
) -> None:
    longer = replace(PROMPT, caption="lofi, rhodes, brushed drums, upright bass, tape hiss")
    alone = ours.latents_of(SONG, TURBO)
    ours.settle()
    ours.latents_of(replace(SONG, prompt=longer), TURBO)
    assert torch.equal(ours.latents_of(SONG, TURBO), alone)
    pair = told(
        prompt=[PROMPT.caption, longer.caption],
        lyrics=[PROMPT.lyrics] * 2,
        generator=[torch.Generator().manual_seed(3) for _ in range(2)],
    )
    assert apart(stock(**pair).audios[:1], alone) > 1e-3, "the stock lets the padding be heard"


def test_stopping_stops_before_the_next_step_and_decodes_nothing(
    stock: AceStepPipeline, ours: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = counted(monkeypatch, ours.transformer.layers[0])
    decoded = counted(monkeypatch, codec, "decoded")

    def stop_in_the_middle(stage: str, done: float) -> None:
        if done >= 3 / 8:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ours.play(SONG, TURBO, stop_in_the_middle)
    assert (steps, decoded) == ([3], [0])
    assert ours.play(SONG, TURBO).shape[0] == 1, "the next run is well"
    assert decoded == [1]

    def interrupt(pipeline: Any, step: int, time: float, values: dict[str, Any]) -> Any:
        pipeline._interrupt = step == 2
        return values

    theirs = counted(monkeypatch, stock.vae.decoder)
    stock(**told(output_type="pt", callback_on_step_end=interrupt))
    assert theirs == [1], "the stock still decodes what it was told to leave"


def test_stopping_is_heard_between_two_tiles_of_the_decoder(ours: Pipeline) -> None:
    heard: list[float] = []

    def stop(stage: str, done: float) -> None:
        if stage == "decode":
            heard.append(done)
            if done > 0:
                raise InterruptedError

    with pytest.raises(InterruptedError):
        ours.play(replace(SONG, frames=400), TURBO, stop)
    assert 0 < heard[-1] < 1


def test_a_repaint_leaves_the_outside_alone(stock: AceStepPipeline, ours: Pipeline) -> None:
    """Of 8 s the seconds 3 to 5 are made anew: latent frames 75 to 125."""
    source = tune(8)
    task = replace(
        SONG, prompt=PROMPT.for_task("repaint"), frames=200, source=source, window=(75, 125)
    )
    latents = ours.latents_of(task, TURBO)
    kept = ours._source(task, 200)
    assert torch.equal(latents[:, :75], kept[:, :75])
    assert torch.equal(latents[:, 125:], kept[:, 125:])
    assert apart(latents[:, 90:110], kept[:, 90:110]) > 0.1
    theirs = stock(
        **told(
            task_type="repaint",
            src_audio=tensor(source),
            audio_duration=8.0,
            repainting_start=3.0,
            repainting_end=5.0,
        )
    ).audios
    assert apart(theirs[:, :75], kept[:, :75]) > 0.1, "the stock plays all of it anew"


@pytest.mark.parametrize("window", [(75, 125), (75, 200)])
def test_a_repaint_is_new_from_its_first_frame_on(ours: Pipeline, window: tuple[int, int]) -> None:
    """The second window is what an extension repaints: behind it the source is silent."""
    task = replace(
        SONG, prompt=PROMPT.for_task("repaint"), frames=200, source=tune(3), window=window
    )
    latents = ours.latents_of(task, TURBO)
    change = (latents - ours._source(task, 200)).square().mean(dim=(0, 2)).sqrt()
    assert torch.equal(change[: window[0]], torch.zeros(window[0]))
    assert change[window[0]] > 0.5 * change[window[0] + 20 : window[1] - 20].mean()
    assert change[window[1] - 1] > 0.5 * change[window[0] + 20 : window[1] - 20].mean()


def test_keeping_the_notes_starts_from_the_source_under_noise(ours: Pipeline) -> None:
    """Of 8 steps with shift 3 half are left out: x = 0.75 noise + 0.25 source, then 4 steps."""
    seen: list[float] = []
    task = replace(SONG, prompt=COVER, source=tune(), raw=True, kept_share=0.5)
    ours.play(task, TURBO, lambda stage, done: seen.append(done) if stage == "diffuse" else None)
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0]
    nearly = ours.latents_of(replace(task, kept_share=1.0), TURBO)
    loosely = ours.latents_of(replace(task, kept_share=0.0), TURBO)
    source = ours._source(task, task.frames)
    assert (nearly - source).square().mean() < (loosely - source).square().mean()


def test_a_cover_without_the_audio_tokenizer_says_what_is_missing(ours: Pipeline) -> None:
    ours.register_modules(audio_tokenizer=None)
    with pytest.raises(EngineError, match="lack the audio tokenizer"):
        ours.latents_of(replace(SONG, prompt=COVER, source=tune()), TURBO)


def test_what_is_known_already_is_not_computed_again(
    ours: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = replace(SONG, prompt=COVER, source=tune(), reference=tune(3))
    watched = [
        ours.text_encoder, ours.condition_encoder.lyric_encoder, ours.vae.encoder,
        ours.condition_encoder.timbre_encoder, ours.audio_tokenizer, ours.audio_token_detokenizer,
    ]  # fmt: skip
    calls = [counted(monkeypatch, part) for part in watched]
    first = ours.latents_of(task, TURBO)
    once = [list(call) for call in calls]
    assert all(count[0] > 0 for count in once)
    ours.latents_of(replace(task, seeds=(4,)), TURBO)
    assert calls == once
    assert torch.equal(ours.latents_of(task, TURBO), first)


def test_heads_that_are_repeated_hear_what_shared_ones_do() -> None:
    query, (keys, values) = torch.randn(1, 4, 6, 8), torch.randn(2, 1, 2, 6, 8)
    mask = torch.randn(6, 6)
    attention = torch.nn.functional.scaled_dot_product_attention
    shared = attention(query, keys, values, attn_mask=mask, enable_gqa=True)
    keys, values = (ungrouped(query, each) for each in (keys, values))
    assert apart(attention(query, keys, values, attn_mask=mask), shared) < 1e-6


@pytest.mark.parametrize(("mode", "most"), [(MODES[1], 128), (MODES[2], 48)])
def test_a_source_is_encoded_in_tiles_of_the_memory_mode(
    ours: Pipeline, monkeypatch: pytest.MonkeyPatch, mode: MemoryMode, most: int
) -> None:
    ours.settle(Placement(ours, torch.device("cpu"), mode))
    sizes: list[int] = []
    ours.vae.encoder.register_forward_pre_hook(
        lambda part, given: sizes.append(given[0].shape[-1] // 1920)
    )
    ours.latents_of(replace(SONG, prompt=COVER, source=tune(), reference=tune(3)), TURBO)
    assert 20 < max(sizes) <= most


class Watched(Placement):
    """Moves nothing, but knows what would be where, and sees that all that works is there.

    Its device is "cpu:0", which is the same place as "cpu" to torch and another one to us.
    """

    def __init__(self, pipeline: Pipeline, mode: MemoryMode) -> None:
        self.here: set[int] = set()  # ids of the modules on the device
        super().__init__(pipeline, torch.device("cpu:0"), mode)
        for part in self._parts.values():
            for module in part.modules():
                if not list(module.children()):
                    module.register_forward_pre_hook(self.check)

    def move(self, part: Any, place: torch.device) -> None:
        modules = {id(module) for module in part.modules()}
        self.here = self.here | modules if place == self.device else self.here - modules

    def check(self, leaf: torch.nn.Module, arguments: Any) -> None:
        assert id(leaf) in self.here, f"{leaf} works while it is away"


@pytest.mark.parametrize("mode", MODES[1:])
def test_every_network_is_on_the_device_while_it_works_and_away_after(
    ours: Pipeline, mode: MemoryMode
) -> None:
    """What a GPU would raise an error for; a CPU cannot tell."""
    placement = Watched(ours, mode)
    ours.settle(placement)
    before = placement.here
    task = replace(
        SONG, prompt=COVER, source=tune(), reference=tune(3), cover_share=0.5, kept_share=0.2
    )
    ours.play(task, TURBO)
    assert placement.here == before

    def stop(stage: str, done: float) -> None:
        if done > 0:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ours.play(replace(task, prompt=PROMPT.for_task("cover")), TURBO, stop)
    assert placement.here == before, "also after a failure"
    if mode.offload == "blocks":
        assert id(ours.transformer.norm_out) in before, "the transformer's small rest stays"
        assert not before & {id(module) for module in ours.transformer.layers.modules()}


@pytest.mark.parametrize("guidance_scale", [1.0, 7.0])
def test_a_new_cover_brings_the_transformer_to_the_device_once(
    ours_base: Pipeline, guidance_scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    placement = Watched(ours_base, MODES[1])
    ours_base.settle(placement)
    moved: list[str] = []
    move = placement.move

    def count(part: Any, place: torch.device) -> None:
        name = next(name for name, each in ours_base.components.items() if each is part)
        moved.extend([name] * (place == placement.device))
        move(part, place)

    monkeypatch.setattr(placement, "move", count)
    task = replace(SONG, prompt=COVER, source=tune(), cover_share=0.5)
    ours_base.latents_of(task, replace(GUIDED, guidance_scale=guidance_scale))
    assert moved.count("transformer") == moved.count("text_encoder") == 1


def test_a_failure_takes_the_networks_away_as_an_end_does(
    stock: AceStepPipeline, ours: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stock's offloading hooks are let go at the end of its call, which an error never sees."""

    def fail(*args: Any) -> Any:
        raise InterruptedError

    placement = Watched(ours, MODES[1])
    ours.settle(placement)
    with pytest.raises(InterruptedError):
        ours.play(SONG, TURBO, lambda stage, done: fail() if done > 0 else None)
    assert not placement.here

    freed = counted(monkeypatch, stock, "maybe_free_model_hooks")
    with pytest.raises(InterruptedError):
        stock(**told(callback_on_step_end=fail))
    assert freed == [0], "the stock leaves its networks on the GPU"
    stock(**told(output_type="pt"))
    assert freed == [1]


@pytest.fixture
def steps_of_the_stock() -> Iterator[dict[str, Any]]:
    signature = inspect.signature(AceStepPipeline.__call__).parameters
    yield {name: signature[name].default for name in ("num_inference_steps", "shift")}


def test_each_kind_of_checkpoint_has_its_own_settings(
    steps_of_the_stock: dict[str, Any], stock_base: AceStepPipeline
) -> None:
    assert kind_of(stock_base.transformer.config) == "base"
    assert (settings_for("base").steps, settings_for("base").shift) == (50, 1.0)
    assert (settings_for("turbo").steps, settings_for("turbo").shift) == (8, 3.0)
    assert steps_of_the_stock == {"num_inference_steps": 8, "shift": 3.0}, "whatever the kind"


@pytest.mark.parametrize("time", [1.0, 0.25])
def test_the_correction_moves_each_band_away_from_the_clean_latents(time: float) -> None:
    """Haar's bands of a pair (a, b) are its mean and what is left; an odd frame's partner is 0."""
    latents, clean = torch.randn(2, 1, 5, 3, generator=torch.Generator().manual_seed(1))
    padded = torch.cat([latents - clean, torch.zeros(1, 1, 3)], dim=1)
    mean = (padded[:, 0::2] + padded[:, 1::2]) / 2
    half = (padded[:, 0::2] - padded[:, 1::2]) / 2
    low, high = 0.05 * time, 0.02 * (1 - time)
    moves = torch.stack([low * mean + high * half, low * mean - high * half], dim=2)
    wanted = latents + moves.flatten(1, 2)[:, :5]
    assert apart(corrected(latents, clean, time, (0.05, 0.02)), wanted) < 1e-6


def test_turbo_is_sampled_as_the_authors_do_by_default(ours: Pipeline) -> None:
    authors = SETTINGS["turbo"]
    assert (authors.chunk_mask, authors.dcw) == (2.0, (0.05, 0.02))
    assert (SETTINGS["sft"].chunk_mask, SETTINGS["sft"].dcw) == (2.0, (0.0, 0.0))
    plain = ours.latents_of(SONG, TURBO)
    for change in ({"chunk_mask": 2.0}, {"dcw": authors.dcw}):
        assert apart(ours.latents_of(SONG, replace(TURBO, **change)), plain) > 1e-3


class Growing:
    """The field whose direction is where one is: from 1 at time 1 it leads to 1/e at time 0."""

    def remember(self, states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (states,)

    def __call__(self, latents: torch.Tensor, *rest: Any) -> torch.Tensor:
        return latents


@pytest.mark.parametrize(("sampler", "most"), [("euler", 0.025), ("heun", 0.0025)])
def test_heuns_steps_end_nearer_to_where_the_field_leads(sampler: str, most: float) -> None:
    """In 8 steps Euler's end is .0243 off, Heun's .0023, mostly by its plain last step."""
    start, nothing = torch.ones(1, 4, 2), torch.zeros(1, 1, 4)
    phase = Phase(8, nothing, torch.zeros(1, 4, 4))
    end = sample(Growing(), start, schedule(8, 1.0), [phase], sampler=sampler)  # type: ignore[arg-type]
    error = float((end - math.exp(-1)).abs().max())
    assert 0.8 * most < error < most


def test_the_sampler_with_noise_follows_the_seed_and_not_its_neighbours(ours: Pipeline) -> None:
    noisy = replace(TURBO, sampler="sde")
    pair = ours.latents_of(replace(SONG, seeds=(3, 4)), noisy)
    assert apart(pair[0], ours.latents_of(replace(SONG, seeds=(3,)), noisy)[0]) < TOLERANCE
    assert apart(pair[:1], ours.latents_of(replace(SONG, seeds=(3,)), TURBO)) > 1e-2
    one_step = replace(noisy, steps=1)
    assert apart(
        ours.latents_of(SONG, one_step), ours.latents_of(SONG, replace(TURBO, steps=1))
    ) < (TOLERANCE), "the last step adds no noise"


def test_a_task_that_was_never_learned_is_refused() -> None:
    with pytest.raises(EngineError, match="lego needs a base checkpoint"):
        settings_for("sft", "lego")
    assert settings_for("base", "lego").steps == 50


@pytest.mark.parametrize(
    ("config", "name", "kind"),
    [
        ({"is_turbo": True}, "", "turbo"),
        ({"model_version": "turbo"}, "xl", "turbo"),
        ({"model_version": "sft"}, "", "sft"),
        ({}, "acestep-v15-sft", "sft"),
        ({}, "my model", "base"),
    ],
)
def test_the_kind_is_told_from_the_configuration_or_the_name(
    config: dict[str, Any], name: str, kind: str
) -> None:
    assert kind_of(config, name) == kind
