"""What a variation keeps of a request: whatever was asked for, zeros included."""

from __future__ import annotations

from osc_protocol.messages import Generate


def test_zeros_that_are_no_defaults_survive() -> None:
    request = Generate(120.0, "C", melody_strength=0.0, retries=0)
    kept = request.settings()
    assert ("melody-strength", "d", 0.0) in kept and ("retries", "i", 0) in kept


def test_what_was_not_asked_for_is_left_out_and_what_a_variation_changes_too() -> None:
    request = Generate(92.5, "C", seed=3, melody=b"MThd", stems=("drums", "bass"), transpose=True)
    assert request.settings() == [
        ("bpm", "d", 92.5), ("key", "s", "C"), ("bars", "i", 8), ("meter", "s", "4/4"),
        ("stems", "s", "drums,bass"), ("takes", "i", 1), ("retries", "i", 2),
        ("conform", "s", "auto"), ("transpose", "i", 1), ("engine", "s", "embedded"),
        ("sample-rate", "i", 48_000), ("format", "s", "wav32f"), ("lead", "s", "melody"),
        ("ending", "s", "auto"), ("melody-mode", "s", "cover"),
        ("melody-strength", "d", 0.5),
    ]  # fmt: skip
