"""Slices as an instrument in SFZ, the text format of sfizz, ARIA, Sforzando and others.

Tones are spread over the keys, each up to half way to the next; drums lie on the keys of General
MIDI. Several slices of one key take turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from stems.slices import TONE, Slice
from stems.transcription.drums import DRUMS

LOWEST, HIGHEST = 0, 127


def sfz_text(slices: Sequence[tuple[str, Slice]], bpm: float | None = None) -> str:
    """The text of an instrument of slices and the paths of their files, from its own folder."""
    by_key: dict[int, list[tuple[str, Slice]]] = {}
    for path, one in slices:
        by_key.setdefault(key_of(one), []).append((path, one))
    keys = sorted(by_key)
    spread = _spread([key for key in keys if by_key[key][0][1].kind == TONE])
    lines = ["// written by backline" + (f", {bpm:g} bpm" if bpm else ""), "<control>", "<global>"]
    for key in keys:
        low, high = spread.get(key, (key, key))
        for turn, (path, one) in enumerate(by_key[key], 1):
            lines += ["<region>", f"sample={path}", f"lokey={low}", f"hikey={high}",
                      f"pitch_keycenter={key}"]  # fmt: skip
            if len(by_key[key]) > 1:
                lines += [f"seq_length={len(by_key[key])}", f"seq_position={turn}"]
            if one.loop:
                lines += ["loop_mode=loop_sustain", f"loop_start={one.loop[0]}",
                          f"loop_end={one.loop[1] - 1}"]  # fmt: skip
            else:
                lines.append("loop_mode=one_shot" if one.kind != TONE else "loop_mode=no_loop")
    return "\n".join(lines) + "\n"


def key_of(one: Slice) -> int:
    """The key of a slice: its root, or that of the first of its drums."""
    return one.root if one.kind == TONE else DRUMS.get(one.kind.split("+")[0], one.root)


def _spread(keys: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """The lowest and the highest key that each of ascending keys plays."""
    if not keys:
        return {}
    ends = [LOWEST - 1, *((low + high) // 2 for low, high in pairwise(keys)), HIGHEST]
    return {key: (before + 1, end) for key, (before, end) in zip(keys, pairwise(ends), strict=True)}
