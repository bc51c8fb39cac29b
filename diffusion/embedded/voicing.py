"""How chords are voiced: close or open, each as near to the one before as can be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

from diffusion.embedded.performance import RANGES

Voicing = tuple[int, ...]


def voicings_of(chords: Sequence[tuple[int, ...]], centre: float, voices: int) -> list[Voicing]:
    """Return one voicing a chord, its notes rising, each as near to the one before as can be.

    `chords` are pitch classes, the root first; a voicing has `voices` (3 to 5) notes at most and
    lies around the MIDI note `centre`.
    """
    found: list[Voicing] = []
    known: dict[tuple[int, ...], list[Voicing]] = {}
    for chord in chords:
        if chord not in known:
            known[chord] = _candidates(chord, centre, voices)
        last = found[-1] if found else None

        def cost(tones: Voicing, last: Voicing | None = last, root: int = chord[0]) -> float:
            middle = abs(sum(tones) / len(tones) - centre) * 0.45
            middle += 0.7 * max(0.0, tones[-1] - centre - 7)
            if last is None:
                return middle
            moves = sum(min(abs(tone - old) for old in last) for tone in tones)
            return moves + abs(tones[-1] - last[-1]) * 0.8 + middle + 0.4 * (tones[0] % 12 != root)

        found.append(min(known[chord], key=cost))
    return found


def _candidates(classes: tuple[int, ...], centre: float, voices: int) -> list[Voicing]:
    """All close and open voicings near the centre that hold every chord tone worth holding."""
    low, high = RANGES["comp"]
    low, high = max(low, round(centre) - 11), min(high, round(centre) + 12)
    missed_least = [classes[at] for at in (2, 4, 3) if at < len(classes)]  # the fifth first
    left_out = missed_least[: max(0, len(classes) - voices)]
    wanted = [tone for tone in classes if tone not in left_out]
    places = [[p for p in range(low, high + 1) if p % 12 == tone] for tone in wanted]
    extra = [p for p in range(low, high + 1) if p % 12 == classes[0]]
    found: set[Voicing] = set()
    for choice in product(*places):
        for top in (None, *extra) if voices > len(wanted) else (None,):
            tones = tuple(sorted({*choice, *(() if top is None else (top,))}))
            gaps = [b - a for a, b in pairwise(tones)]
            muddy = any(
                gap <= 3 and low_tone < 50 for gap, low_tone in zip(gaps, tones, strict=False)
            )
            if 5 <= tones[-1] - tones[0] <= 19 and max(gaps) <= 9 and gaps[-1] > 1 and not muddy:
                found.add(tones)
    return sorted(found) or [tuple(sorted(choice)) for choice in product(*places)][:8]
