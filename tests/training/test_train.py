"""The network is trained on the input that the product gives it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from diffusion.embedded.decoder.drum_hits import BINS, STEPS, lay
from diffusion.embedded.intent import (
    CONTEXT_CHANNELS,
    SLICES,
    WINDOW_FRAMES,
    Intent,
    drop,
    features,
)
from diffusion.embedded.latents import LAYOUT, PARTS, encode
from diffusion.embedded.performance import Part, Performance, Played
from diffusion.embedded.sampler import generate_latents
from diffusion.embedded.vocabulary import SLOTS
from midi.grid import Grid
from midi.key import Key
from training import dataset, train
from training.compose import Piece, compose
from training.fit_drums import analyse
from training.muon import orthogonal
from training.sounds import SAMPLE_RATE

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "band"
    dataset.write([dataset.example_of(compose(seed)) for seed in SEEDS], path)
    return path.with_suffix(".npz")


class Recorder(torch.nn.Module):
    """Keeps the context and the latents it is given, and predicts silence."""

    def __init__(self) -> None:
        super().__init__()
        self.parameter = torch.nn.Parameter(torch.zeros(1))
        self.given: list[tuple[torch.Tensor, ...]] = []

    def forward(
        self, noisy: torch.Tensor, time: torch.Tensor, context: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        self.given.append((noisy, context))
        return torch.zeros_like(noisy)


def product_input(piece: Piece, known_parts: np.ndarray) -> tuple[torch.Tensor, ...]:
    """What the product's sampler gives the network for the first window of a piece."""
    network = Recorder()
    generate_latents(
        network,  # type: ignore[arg-type]
        dataset.intent_of(piece),
        seed=1,
        step=lambda done: None,
        known=encode(piece.performance, piece.tonic),
        known_parts=known_parts,
        steps=1,
    )
    return network.given[0]


def test_a_batch_of_training_is_what_the_product_gives_the_network(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every condition given, the drums known, and each piece's first window."""
    monkeypatch.setattr(train, "DROP", {})
    windows = train.Windows([data], seed=1)
    windows.bars, windows.piece_of_bar = windows.starts[:1], np.zeros(1, np.int64)
    windows.whole = np.zeros(1, np.int64)
    drums = PARTS.index("drums")

    def know_the_drums(known: np.ndarray, length: int) -> None:
        known[:length, drums] = 1.0

    monkeypatch.setattr(windows, "_choose_known", know_the_drums)
    batch = windows.batch(1)
    piece = compose(SEEDS[0])
    known_parts = np.zeros((int(windows.starts[1]), len(PARTS)), np.float32)
    known_parts[:, drums] = 1.0
    noisy, context = product_input(piece, known_parts)
    assert context.shape == (1, WINDOW_FRAMES, CONTEXT_CHANNELS)
    # The data file keeps features in float16 and latents in hundredths.
    assert torch.allclose(batch.context, context, atol=6e-3)
    known = batch.known_mask > 0
    assert torch.allclose(batch.clean[known], noisy[known], atol=6e-3)


def test_the_way_between_noise_and_clean_is_straight() -> None:
    clean, noise = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    quarter = train.noisy_latents(clean, noise, torch.tensor([0.25]))
    assert torch.equal(quarter, torch.full((1, 2, 3), 0.25))


def test_velocities_and_offsets_are_learnt_only_where_something_is_struck() -> None:
    hits = Part((Played(0.0, 0.25, 36, 0.8), Played(1.0, 0.25, 38, 0.8)), "room")
    clean = torch.from_numpy(encode(Performance(4.0, {"drums": hits}), 0))[None]
    counts = train.where_struck(clean)[0]
    velocity = LAYOUT.velocity["drums"].start
    assert torch.nonzero(counts[:, velocity : velocity + 12]).tolist() == [[0, 0], [12, 1]]
    assert torch.nonzero(counts[:, LAYOUT.offset["drums"]]).flatten().tolist() == [0, 12]
    assert not counts[:, LAYOUT.offset["bass"]].any()
    assert counts[:, torch.from_numpy(LAYOUT.binary)].all()


def test_a_step_of_muon_turns_all_directions_alike() -> None:
    torch.manual_seed(1)
    matrix = torch.randn(8, 24) @ torch.diag(torch.logspace(0, -2, 24))
    for each in (matrix, matrix.T):
        values = torch.linalg.svdvals(orthogonal(each))
        # Jordan's coefficients leave singular values between about 0.7 and 1.2, for the smallest
        # of those given less.
        assert 0.3 < float(values.min()) <= float(values.max()) < 1.3


def test_where_a_chord_is_inverted_the_bass_plays_its_new_lowest_note() -> None:
    piece = compose(1)
    turned = dataset.inverted(piece, Random(1))
    changed = [
        (old, new)
        for old, new in zip(piece.chords, turned.chords, strict=True)
        if old.root != new.root
    ]
    assert changed
    for old, new in changed:
        assert new.root in old.pitch_classes
        played = {
            note.pitch % 12
            for note in turned.performance.parts["bass"].notes
            if old.start_beats <= note.start_beats < old.start_beats + old.length_beats - 0.2
        }
        assert old.root not in played


def test_dropping_a_condition_leaves_no_trace_of_it() -> None:
    note = Played(0.0, 1.0, 64, 0.8)
    asked = Intent(
        Grid.constant(120, "4/4", 2), Key.parse("C major"), "melody", (0,) * SLOTS,
        tune=(note,), sections=("verse", "chorus"),
    )  # fmt: skip
    out = features(asked)
    drop(out, tuple(train.DROP))
    assert not out[:, SLICES["tempo"].start :].any()
    assert not out[:, SLICES["form"]][:, 2:].any()


def test_the_lapped_basis_gives_back_the_wave_it_was_given() -> None:
    torch.manual_seed(0)
    given = torch.randn(STEPS, BINS)
    given[-1] = 0  # the last step's second half lies past the laid wave
    found = analyse(lay(given, 0.0, SAMPLE_RATE), SAMPLE_RATE)
    # step 0 reaches before the first frame, where nothing is laid; its neighbour hears that
    assert torch.allclose(found[2:-2], given[2:-2], atol=1e-3)
