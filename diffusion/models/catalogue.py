"""The weights that backline can download: ACE-Step 1.5, and splitters; and what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audio.stem_names import EXTRA_STEMS, REST, STEMS
from diffusion.errors import check_choice

SPLITTER = "splitter"
CODE_PLANNER = "code-planner"
ACE_STEP, STABLE_AUDIO = "ace-step", "stable-audio-3"  # engines; the second a kind as well
ROOM_GB = 2.0  # activations and a tile of the decoder, next to the weights


@dataclass(frozen=True, slots=True)
class Model:
    """One checkpoint in diffusers' layout and bfloat16, or a splitter in demucs' own.

    `kind` is what an ACE-Step was trained for, "stable-audio-3", "code-planner" or "splitter".
    `revision` is the commit that is downloaded; "" means that none has been tried yet: the newest
    is taken and its commit written down. `lender` is the repository, and its commit, of which parts
    that it lacks are taken. `disk_gb` and `largest_gb` (the biggest of its networks) are estimated
    from the numbers of parameters; the download itself asks for the exact size. Of a splitter
    `stems` are what it can give, and `files` what is downloaded of its repository with the
    SHA-256 each must have; without any it is all of demucs' files.
    """

    name: str
    kind: str
    repository: str
    revision: str
    disk_gb: float
    largest_gb: float
    licence: str
    about: str
    lender: tuple[str, str] = ("", "")
    stems: tuple[str, ...] = STEMS
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def vram_gb(self) -> float:
        """GPU memory to hold all of it, the fastest way."""
        return self.disk_gb + ROOM_GB

    @property
    def least_vram_gb(self) -> float:
        """GPU memory when the networks come one after the other."""
        return self.largest_gb + ROOM_GB


_LICENCE = (
    "ACE-Step 1.5 by ACE Studio and StepFun: MIT, says its model card. It holds "
    "Qwen3-Embedding-0.6B by Alibaba Cloud, Apache-2.0. The authors ask users to disclose that "
    "music was made with AI."
)
_CONVERTED = f"{_LICENCE} This copy was converted to diffusers' layout by Runware."

# By its list of files the pinned xl-turbo lacks the audio tokenizer, which all of XL share.
_XL_TOKENIZER = (
    "ACE-Step/acestep-v15-xl-sft-diffusers", "4bf7b60a63b27144f539f980927eeb89f5f912b0",
)  # fmt: skip

# 2B family: 3.15 GB transformer, 1.22 condition encoder, 0.42 tokenizers, 1.19 text encoder,
# 0.34 autoencoder. XL: 8.3 GB transformer, the rest alike.
CATALOGUE: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(
            "turbo", "turbo", "Runware/acestep-v15-turbo-diffusers",
            "be23effe449c5957947f3020fd63bee23c64abe4", 6.3, 3.2, _CONVERTED,
            "8 steps; songs, covers, repaints; the one to begin with",
        ),
        Model(
            "xl-turbo", "turbo", "ACE-Step/acestep-v15-xl-turbo-diffusers",
            "200ba991ae448051e14b0183157e35c2d27c9fb0", 11.5, 8.3, _LICENCE,
            "8 steps; a larger network, for GPUs with 16 GB or more", _XL_TOKENIZER,
        ),
        Model(
            "xl-sft", "sft", "ACE-Step/acestep-v15-xl-sft-diffusers", "", 11.5, 8.3, _LICENCE,
            "50 steps with guidance; slower, follows the words more closely",
        ),
        Model(
            "base", "base", "Runware/acestep-v15-base-diffusers", "", 6.3, 3.2, _CONVERTED,
            "50 steps with guidance; the only kind for lego, extract and complete",
        ),
        Model(
            "xl-base", "base", "ACE-Step/acestep-v15-xl-base-diffusers", "", 11.5, 8.3, _LICENCE,
            "as base, with the larger network",
        ),
        Model(
            "sft", "sft", "", "", 6.3, 3.2, _LICENCE,
            "50 steps with guidance; in the authors' layout only: `backline models add FOLDER "
            "--name sft`",
        ),
    )
}  # fmt: skip
FIRST_CHOICE = next(iter(CATALOGUE))

_PLANNER_LICENCE = (
    "The 5 Hz language models of ACE-Step 1.5 by ACE Studio and StepFun: MIT, says their model "
    "card; they are trained further from Qwen3 by Alibaba Cloud, Apache-2.0."
)
# Their numbers of parameters at two bytes. None has been loaded by us.
CODE_PLANNERS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(
            "planner-0.6b", CODE_PLANNER, "ACE-Step/acestep-5Hz-lm-0.6B", "",
            1.3, 1.3, _PLANNER_LICENCE, "plans ace-step's songs as codes: --code-planner",
        ),
        Model(
            "planner-1.7b", CODE_PLANNER, "", "", 3.8, 3.8, _PLANNER_LICENCE,
            "as planner-0.6b, larger; from the authors' folder: `backline models add "
            "checkpoints/acestep-5Hz-lm-1.7B --name planner-1.7b`",
        ),
        Model(
            "planner-4b", CODE_PLANNER, "ACE-Step/acestep-5Hz-lm-4B", "",
            8.3, 8.3, _PLANNER_LICENCE, "as planner-0.6b, the largest",
        ),
    )
}  # fmt: skip

_STABILITY_LICENCE = (
    "Stable Audio 3 by Stability AI: Stability AI Community License, free for those with under one "
    "million dollars of revenue a year; others need a contract. It holds T5Gemma by Google under "
    "the Gemma terms. The repositories are gated: agree on huggingface.co, then `hf auth login`."
)
# 433 million and 1.4 billion parameters, the autoencoders 108 and 852 million, the text encoder
# about 280 million. None has been loaded by us, nor have we seen that they hold diffusers' layout.
STABLE_AUDIOS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(
            "sa3-small-music", STABLE_AUDIO, "stabilityai/stable-audio-3-small-music", "",
            2.0, 0.9, _STABILITY_LICENCE, "8 steps, up to 120 s, no vocals; runs on CPUs",
        ),
        Model(
            "sa3-medium", STABLE_AUDIO, "stabilityai/stable-audio-3-medium", "",
            6.8, 3.4, _STABILITY_LICENCE, "8 steps, up to 380 s, no vocals",
        ),
        Model(
            "sa3-medium-base", STABLE_AUDIO, "stabilityai/stable-audio-3-medium-base", "",
            6.8, 3.4, _STABILITY_LICENCE, "100 steps, with guidance; the one to train",
        ),
    )
}  # fmt: skip

_DEMUCS_LICENCE = (
    "Demucs by Meta and Alexandre Defossez: the code is MIT, the weights are not. Their author "
    "says that they are provided only for scientific purposes (facebookresearch/demucs, issues "
    "327 and 508). backline neither ships nor passes them on; judge yourself whether that is your "
    "use."
)
_SIX, _PAIR = (*STEMS, *EXTRA_STEMS), ("vocals", REST)
_UNKNOWN_LICENCE = (
    "Licence unknown: whoever trained these weights and on what has not been said, and the "
    "repository that passes them on states none that is the trainer's. backline neither ships nor "
    "passes them on; judge yourself whether you may use them."
)
_CONTESTED_LICENCE = (
    "Licence contested: tuned by unwa from Kimberley Jensen's vocals model, which is passed on "
    "under terms that contradict each other; what both were trained on has not been said. backline "
    "neither ships nor passes them on; judge yourself whether you may use them."
)
# htdemucs has 42 million parameters in float16, once or four times; the RoFormers' hashes and sizes
# are those that bs-roformer-infer and melband-roformer-infer (MIT) have on record.
SPLITTERS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(
            "htdemucs", SPLITTER, "adefossez/HTDemucs", "", 0.084, 0.168, _DEMUCS_LICENCE,
            "splits a mix into drums, bass, melody, vocals; the one to begin with",
        ),
        Model(
            "htdemucs_ft", SPLITTER, "adefossez/HTDemucs-ft", "", 0.336, 0.168, _DEMUCS_LICENCE,
            "as htdemucs, with a network for each stem: four times as long for all four",
        ),
        Model(
            "bs-roformer-sw", SPLITTER, "enerjazzer/BS-ROFO-SW-Fixed", "", 0.7, 0.7,
            _UNKNOWN_LICENCE, "a RoFormer of six stems, guitar and piano too; slow without a GPU",
            stems=_SIX, files={
                "BS-Rofo-SW-Fixed.ckpt":
                    "24e7d35ee9c64415673d3fd33e06a67cac2c103c5df6267ba1576459c775916e",
                "BS-Rofo-SW-Fixed.yaml":
                    "f9fada9f94e5ba2d2e4600196299459294bc5f532b314c209cc156ac63e4329b",
            },
        ),
        Model(
            "melband-roformer-kim", SPLITTER, "pcunwa/Kim-Mel-Band-Roformer-FT", "", 0.92, 0.92,
            _CONTESTED_LICENCE, "a RoFormer of vocals and the rest; slow without a GPU",
            stems=_PAIR, files={
                "kimmel_unwa_ft2.ckpt":
                    "5ed7b9e4c2eebbec7a7e5e8113058f7b68ba5e6048db8eaccfbbeb884c7884c0",
                "config_kimmel_unwa_ft.yaml":
                    "0942cb7da8e86ac1be840cc7b9647831c11ffe00327a0b239df256031e6c8355",
            },
        ),
    )
}  # fmt: skip


MUSIC: Mapping[str, Model] = {**CATALOGUE, **STABLE_AUDIOS}
EVERY: Mapping[str, Model] = {**MUSIC, **CODE_PLANNERS, **SPLITTERS}


def engine_of(kind: str) -> str:
    """The engine that plays weights of a kind, "" for those that play nothing by themselves."""
    return {SPLITTER: "", CODE_PLANNER: "", STABLE_AUDIO: STABLE_AUDIO}.get(kind, ACE_STEP)


def model_named(name: str) -> Model:
    """The model of that name; raises EngineError naming those there are."""
    check_choice("model", name, EVERY)
    return EVERY[name]


def licence_of(model: str) -> str | None:
    """Return the sentence on the licence of a model, None of weights that a user has added."""
    known = CATALOGUE.get(model)
    return known.licence if known else None
