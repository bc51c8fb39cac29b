"""Which folders a set of weights lies in: diffusers' layout, the authors' own, or a splitter's.

The authors keep each checkpoint of ACE-Step in a folder of its own, and beside it what all
checkpoints share:

    checkpoints/acestep-v15-turbo/{config.json, model.safetensors, silence_latent.pt}
    checkpoints/Qwen3-Embedding-0.6B/, checkpoints/vae/
"""

from __future__ import annotations

import json
from pathlib import Path

from diffusion.errors import ModelError

INDEX_NAME = "model_index.json"  # marks a folder in diffusers' layout
ACE_STEP_CLASS, STABLE_AUDIO_CLASS = "AceStepPipeline", "StableAudio3Pipeline"  # in that index
SILENCE_NAME = "silence_latent.pt"  # marks a checkpoint in the authors' layout
TEXT_ENCODER, AUTOENCODER = "Qwen3-Embedding-0.6B", "vae"
COVER_PARTS = ("audio_tokenizer", "audio_token_detokenizer")  # of diffusers' layout, for covers
CODE_TOKEN = "<|audio_code_{}|>"  # a word of the language models that plan songs for ACE-Step
# Demucs' layout: these, and a .yaml for several; a RoFormer's: one of these, and its .yaml.
SPLITTER_FILES = (".safetensors", ".th", ".ckpt")


def is_original(folder: Path) -> bool:
    """Whether a folder is a checkpoint in the authors' layout."""
    return (folder / SILENCE_NAME).is_file()


def index_class(folder: Path) -> str:
    """Which pipeline the index of a folder in diffusers' layout names, or ""."""
    try:
        index = json.loads((folder / INDEX_NAME).read_text("utf-8"))
        return str(index.get("_class_name", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def shared_folder(folder: Path, name: str) -> Path:
    """The folder that an original checkpoint shares with others, in it or beside it.

    Raises ModelError where there is none.
    """
    for place in (folder / name, folder.parent / name):
        if place.is_dir():
            return place
    raise ModelError(f"{folder} needs the folder {name} of ACE-Step 1.5 in it or beside it")


def music_folders(folder: Path) -> tuple[Path, ...]:
    """The folders that ACE-Step's weights lie in, `folder` first; raises ModelError if it is none.

    Folders within another are not named again.
    """
    if (folder / INDEX_NAME).is_file():
        return (folder,)
    if is_original(folder):
        shared = (shared_folder(folder, name) for name in (TEXT_ENCODER, AUTOENCODER))
        return (folder, *(each for each in shared if each.parent != folder))
    inside = sorted(path.parent.name for path in folder.glob(f"*/{SILENCE_NAME}"))
    if inside:
        raise ModelError(f"{folder} holds several checkpoints; add one of {', '.join(inside)}")
    raise ModelError(
        f"{folder} holds no ACE-Step weights: neither a {INDEX_NAME} (diffusers' layout) nor a "
        f"{SILENCE_NAME} (the authors' own)"
    )


def is_code_planner(folder: Path) -> bool:
    """Whether a folder holds a language model whose words are the codes of ACE-Step."""
    if not (folder / "config.json").is_file() or is_original(folder):
        return False
    word = CODE_TOKEN.format(0).encode()
    names = ("added_tokens.json", "tokenizer_config.json", "tokenizer.json")
    return any(word in path.read_bytes() for name in names if (path := folder / name).is_file())


def code_planner_folders(folder: Path) -> tuple[Path, ...]:
    """The folder that a code planner lies in; raises ModelError if it holds none."""
    if not is_code_planner(folder):
        raise ModelError(f"{folder} holds no language model that writes ACE-Step's codes")
    return (folder,)


def splitter_folders(folder: Path) -> tuple[Path, ...]:
    """The folder that a splitter lies in; raises ModelError if there is none."""
    if not any(path.suffix in SPLITTER_FILES for path in folder.glob("*")):
        raise ModelError(
            f"{folder} holds no splitter: neither {' nor '.join(SPLITTER_FILES)} files"
        )
    return (folder,)
