"""Notes are struck by intensity and by their place in the bar."""

from __future__ import annotations

import numpy as np

from diffusion.embedded.accents import SOFTEST, USUAL, accented
from diffusion.embedded.performance import DRUMS, Part, Performance, Played
from midi.grid import Grid

GRID = Grid.constant(120, "4/4", 40)


def played(piece: str, every_beats: float) -> Performance:
    """Forty bars of one drum at equal distances, all as loud as the network leaves them."""
    count = int(160 / every_beats)
    hits = tuple(Played(each * every_beats, 0.25, DRUMS[piece], USUAL) for each in range(count))
    return Performance(160.0, {"drums": Part(hits, "standard")})


def velocities(piece: str, every_beats: float, intensity: float = 0.6) -> np.ndarray:
    whole = accented(played(piece, every_beats), [intensity] * 40, GRID, seed=3)
    return np.array([note.velocity for note in whole.parts["drums"].notes])


def test_a_snare_accents_the_backbeat_and_a_kick_the_first_beat() -> None:
    # 40 bars: chance of 6 % leaves 1 % of a mean; the accents are 24 % and 9 % apart.
    snare, kick = (velocities(piece, 1.0).reshape(40, 4).mean(axis=0) for piece in
                   ("snare", "kick"))  # fmt: skip
    assert min(snare[1], snare[3]) > 1.15 * max(snare[0], snare[2])
    assert kick[0] > 1.05 * max(kick[1:])


def test_sixteenths_between_are_softer_than_beats() -> None:
    hats = velocities("closed_hat", 0.25).reshape(-1, 4).mean(axis=0)
    assert hats[0] > hats[2] > hats[1]


def test_a_loud_bar_is_louder_than_a_soft_one_and_both_can_be_heard() -> None:
    soft, loud = (velocities("kick", 1.0, intensity) for intensity in (0.1, 0.9))
    assert loud.mean() > 1.5 * soft.mean()
    assert soft.min() >= SOFTEST


def test_one_seed_gives_the_same_velocities_and_no_two_bars_alike() -> None:
    one, other = velocities("snare", 1.0), velocities("snare", 1.0)
    assert np.array_equal(one, other)
    assert len(set(one)) > 100
