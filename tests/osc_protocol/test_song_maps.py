"""Tags that hold prompts at times become sections and a tempo map of the request itself."""

from __future__ import annotations

from typing import Any

import pytest

from osc_protocol.errors import ProtocolError
from osc_protocol.messages import Generate

SEED = "lofi [0:00] gentle guitar, 60 BPM [0:15] drums come in, 90 BPM"


def request(**changes: Any) -> Generate:
    return Generate(**{"bpm": 60.0, "key": "C major", "tags": SEED, **changes})


def test_times_in_tags_become_sections_and_tempo_map() -> None:
    asked = request(bars=9)
    assert asked.tags == "lofi"
    assert asked.bar_sections == ("gentle guitar",) * 4 + ("drums come in",) * 5
    assert asked.tempo_map == "0:60 16:90"
    assert Generate.from_dict(asked.as_dict()) == asked, "made again it is the same"


def test_a_tempo_map_that_agrees_stays() -> None:
    assert request(tempo_map="16:90").tempo_map == "16:90"


def test_a_message_in_seconds_or_with_an_end_has_as_many_bars() -> None:
    """Four bars of 4 s, then bars of 2.67 s: 30 s are nearest to five of them, 29.33 s."""
    told = {"bpm": 60.0, "key": "C major", "tags": SEED}
    order = Generate(**told, seconds=30.0)
    ended = Generate(**told | {"tags": SEED + " [0:30] end"})
    assert order.bars == ended.bars == 9
    assert order.grid == ended.grid


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"sections": "1-4:verse"}, "sections", "give one of them, not both"),
        ({"bars": 4}, "tags", "the prompt at 0:15 falls on bar 5, after the last of 4"),
        ({"bpm": 61.0}, "tags", "at 0:00 asks for 60 bpm, where bpm has 61"),
        ({"tempo_map": "16:91"}, "tags", "asks for 90 bpm, where the tempo map has 91"),
        ({"tags": SEED + " [0:30] end", "bars": 8}, "tags", "after 9 bars: bars must be as many"),
        ({"tags": "[0:99] loud"}, "tags", "[0:99]"),
    ],
)
def test_times_that_cannot_be_are_refused(changes: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        request(**changes)
    assert refused.value.field == field
    assert said in refused.value.message
