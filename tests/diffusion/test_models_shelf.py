"""Weights on the shelf: found by name and by hash, checked, kept side by side, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffusion.ace_step.checkpoint import read_kind
from diffusion.errors import EngineError, ModelError
from diffusion.facts import SnapshotWeights
from diffusion.models.catalogue import CATALOGUE, model_named
from diffusion.models.choice import find, find_for_music
from diffusion.models.shelf import add, faults, remove, snapshots


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder that looks like weights to everyone who does not load it."""
    folder = tmp_path / "elsewhere"
    (folder / "transformer").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "transformer" / "config.json").write_text('{"is_turbo": true}')
    (folder / "transformer" / "weights.safetensors").write_bytes(bytes(1000))
    (folder / ".cache").mkdir()
    (folder / ".cache" / "leftover").write_bytes(b"not part of it")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_a_folder_is_recorded_where_it_lies(root: Path, weights: Path) -> None:
    added = add(root, "turbo", "turbo", weights)
    assert added.folder == weights
    assert set(added.files) == {
        "model_index.json", "transformer/config.json", "transformer/weights.safetensors",
    }  # fmt: skip
    assert added.bytes == 2 + 18 + 1000
    assert find(root) == find(root, "turbo") == added


def test_a_download_moves_to_its_place_on_the_shelf(root: Path, weights: Path) -> None:
    download = root / "turbo" / "partial-abc"
    download.parent.mkdir(parents=True)
    weights.rename(download)
    added = add(root, "turbo", "turbo", download, repository="r/turbo", revision="abc")
    assert added.folder == root / "turbo" / added.sha256[:12]
    assert not download.exists() and list(faults(added)) == []
    assert added.describe() == SnapshotWeights("turbo", "r/turbo", "abc", added.sha256)


def test_the_same_bytes_have_the_same_hash_wherever_they_lie(root: Path, weights: Path) -> None:
    first = add(root, "turbo", "turbo", weights)
    moved = weights.rename(weights.with_name("moved"))
    assert add(root, "turbo", "turbo", moved).sha256 == first.sha256
    assert len(snapshots(root)) == 1, "and the record now knows where they are"


def test_old_weights_stay_and_are_found_by_their_hash(root: Path, weights: Path) -> None:
    old = add(root, "turbo", "turbo", weights)
    newer = weights.with_name("newer")
    (newer / "transformer").mkdir(parents=True)
    (newer / "model_index.json").write_text('{"v": 2}')
    new = add(root, "turbo", "turbo", newer)
    assert find(root, "turbo").sha256 == new.sha256
    assert find(root, f"sha256:{old.sha256}").sha256 == old.sha256
    assert find(root, old.sha256[:8]).folder == weights


def test_without_weights_the_command_that_brings_them_is_told(root: Path) -> None:
    with pytest.raises(ModelError, match="run: backline models pull turbo"):
        find(root)
    with pytest.raises(ModelError, match="run: backline models pull xl-base"):
        find(root, "xl-base")
    with pytest.raises(ModelError, match="no model 'abcdef01'"):
        find(root, "abcdef01")


def test_damage_is_named_file_by_file(root: Path, weights: Path) -> None:
    added = add(root, "turbo", "turbo", weights)
    (weights / "transformer" / "weights.safetensors").write_bytes(b"\1" + bytes(999))
    assert list(faults(added, hashes=False)) == []
    assert [fault.split(" is ")[0] for fault in faults(added)] == [
        "transformer/weights.safetensors"
    ]
    (weights / "transformer" / "weights.safetensors").write_bytes(bytes(10))
    (weights / "model_index.json").unlink()
    assert list(faults(added, hashes=False)) == [
        "model_index.json is missing",
        "transformer/weights.safetensors has 10 bytes instead of 1000",
    ]


def test_removing_spares_folders_that_were_only_added(root: Path, weights: Path) -> None:
    remove(root, add(root, "turbo", "turbo", weights))
    assert snapshots(root) == [] and (weights / "model_index.json").is_file()


def test_removing_a_download_frees_the_disk(root: Path, weights: Path) -> None:
    download = root / "turbo" / "partial-abc"
    download.parent.mkdir(parents=True)
    weights.rename(download)
    added = add(root, "turbo", "turbo", download)
    remove(root, added)
    assert snapshots(root) == [] and not added.folder.exists()


def test_a_folder_of_something_else_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither a model_index\.json"):
        add(root, "turbo", "turbo", tmp_path)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """The authors' folder of checkpoints, to everyone who does not load them."""
    folder = tmp_path / "checkpoints"
    for path in (
        "acestep-v15-turbo/silence_latent.pt", "acestep-v15-turbo/model.safetensors",
        "acestep-v15-turbo/config.json", "Qwen3-Embedding-0.6B/config.json", "vae/config.json",
    ):  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text('{"is_turbo": true}')
    return folder


def test_a_checkpoint_in_the_authors_layout_is_added_with_what_it_shares(
    root: Path, checkpoints: Path
) -> None:
    folder = checkpoints / "acestep-v15-turbo"
    assert read_kind(folder) == "turbo"
    added = add(root, "mine", "turbo", folder)
    assert added.folder == folder
    assert set(added.files) == {
        "../Qwen3-Embedding-0.6B/config.json", "../vae/config.json",
        "config.json", "model.safetensors", "silence_latent.pt",
    }  # fmt: skip
    (checkpoints / "vae" / "config.json").write_text("{}")
    assert list(faults(added)) == ["../vae/config.json has 2 bytes instead of 18"]


def test_a_checkpoint_inside_the_shelf_stays_beside_what_it_shares(
    root: Path, checkpoints: Path
) -> None:
    root.mkdir()
    folder = checkpoints.rename(root / "checkpoints") / "acestep-v15-turbo"
    assert add(root, "mine", "turbo", folder).folder == folder


def test_a_checkpoint_without_what_it_shares_is_refused(root: Path, checkpoints: Path) -> None:
    (checkpoints / "vae").rename(checkpoints / "elsewhere")
    with pytest.raises(ModelError, match="needs the folder vae of ACE-Step"):
        add(root, "mine", "turbo", checkpoints / "acestep-v15-turbo")
    with pytest.raises(ModelError, match="several checkpoints; add one of acestep-v15-turbo"):
        add(root, "mine", "turbo", checkpoints)


def test_a_damaged_record_hides_only_itself(root: Path, weights: Path) -> None:
    added = add(root, "turbo", "turbo", weights)
    (root / "turbo" / "broken.json").write_text("{")
    (root / "turbo" / "other.json").write_text("[1]")
    assert snapshots(root) == [added]


def test_the_kind_is_read_from_the_weights(weights: Path, tmp_path: Path) -> None:
    assert read_kind(weights) == "turbo"
    with pytest.raises(EngineError, match="no ACE-Step weights"):
        read_kind(tmp_path)


def test_what_can_be_pulled_is_named_with_its_needs() -> None:
    for model in CATALOGUE.values():
        assert model.least_vram_gb < model.vram_gb and "MIT" in model.licence
        assert model.repository or "models add" in model.about
    with pytest.raises(EngineError, match="turbo, xl-turbo"):
        model_named("tango")


def test_a_splitters_name_is_no_choice_for_an_engine(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'htdemucs' splits mixes, it makes no music: BACKLINE_MO"):
        find_for_music(tmp_path, "htdemucs")
