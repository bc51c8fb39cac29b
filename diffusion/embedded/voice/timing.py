"""Where in time each speech sound of a sung line lies: the vowel begins on the note."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diffusion.embedded.voice.phonemes import INDEX, SILENCE, Syllable

# Consonants may take at most this share of the time from one vowel's onset to the next, so that
# fast notes keep a vowel that carries their pitch.
CONSONANT_SHARE = 0.55
# Rests shorter than this are sung through.
LEGATO_SECONDS = 0.06


@dataclass(frozen=True, slots=True)
class SungNote:
    """One note in seconds: `syllable` is None where the last vowel is carried on."""

    start_seconds: float
    end_seconds: float
    pitch: int
    velocity: float
    syllable: Syllable | None


@dataclass(frozen=True, slots=True)
class Segment:
    """One speech sound from `start_seconds` to `end_seconds`."""

    symbol: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Durations:
    """Natural length in seconds of each symbol before a vowel and after it, (SYMBOLS,) each."""

    onset: npt.NDArray[np.float32]
    coda: npt.NDArray[np.float32]

    def of(self, syllable: Syllable) -> tuple[list[float], list[float]]:
        """Return the lengths of its onset's sounds and of its coda's."""
        onset = [float(self.onset[INDEX[sound]]) for sound in syllable.onset]
        return onset, [float(self.coda[INDEX[sound]]) for sound in syllable.coda]


def place_sounds(notes: Sequence[SungNote], durations: Durations) -> list[Segment]:
    """Lay the sounds of all syllables in time, silences between them included, without gaps.

    A syllable's vowel starts on its first note; its onset lies before that, in the end of what
    came before; its coda ends with its last note, or earlier where the next onset needs room.
    The first onset may begin before 0 s.
    """
    groups: list[tuple[float, float, Syllable]] = []
    for note in notes:
        if note.syllable is None and groups:
            start, _, syllable = groups[-1]
            groups[-1] = (start, note.end_seconds, syllable)
        else:
            syllable = note.syllable or Syllable((), "AA")
            groups.append((note.start_seconds, note.end_seconds, syllable))
    segments: list[Segment] = []
    for here, (start, end, syllable) in enumerate(groups):
        onset, coda = durations.of(syllable)
        if here == 0:
            _lay(segments, syllable.onset, onset, start - sum(onset))
        following = groups[here + 1] if here + 1 < len(groups) else None
        next_onset = durations.of(following[2])[0] if following else []
        room = CONSONANT_SHARE * ((following[0] if following else end) - start)
        wanted = sum(coda) + sum(next_onset)
        scale = min(1.0, room / wanted) if wanted else 1.0
        scale = min(scale, CONSONANT_SHARE * (end - start) / sum(coda)) if coda else scale
        coda = [length * scale for length in coda]
        next_onset = [length * scale for length in next_onset]
        limit = following[0] - sum(next_onset) if following else end
        coda_end = limit if limit - end < LEGATO_SECONDS else end
        segments.append(Segment(syllable.vowel, start, coda_end - sum(coda)))
        _lay(segments, syllable.coda, coda, coda_end - sum(coda))
        if following:
            if limit > coda_end:
                segments.append(Segment(SILENCE, coda_end, limit))
            _lay(segments, following[2].onset, next_onset, limit)
    return segments


def _lay(
    segments: list[Segment], sounds: Sequence[str], lengths: Sequence[float], start: float
) -> None:
    for sound, length in zip(sounds, lengths, strict=True):
        segments.append(Segment(sound, start, start + length))
        start += length


# Time constants in seconds with which a frame sees how far its sound's two ends are.
NEARNESS_SECONDS = (0.008, 0.02, 0.05, 0.12)
# Speech sounds a frame sees: two before its own, its own, two after.
CONTEXT = (-2, -1, 0, 1, 2)


def frame_context(
    segments: Sequence[Segment], times: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the context of each frame at `times` (seconds): the sounds around it.

    Returns symbol indices (frames, len(CONTEXT)) and nearness to the start and to the end of
    the frame's own sound (frames, 2 * len(NEARNESS_SECONDS) + 1), the last the relative place.
    """
    far = 1e9
    first = segments[0].start_seconds if segments else 0.0
    last = segments[-1].end_seconds if segments else 0.0
    line = [Segment(SILENCE, -far, first), *segments, Segment(SILENCE, last, far)]
    starts = [segment.start_seconds for segment in line]
    own = np.array([max(bisect_right(starts, time) - 1, 0) for time in times], dtype=np.int64)
    symbols = np.array([INDEX[segment.symbol] for segment in line], dtype=np.int64)
    around = own[:, None] + np.array(CONTEXT)
    inside = (around >= 0) & (around < len(line))
    context = np.where(inside, symbols[np.clip(around, 0, len(line) - 1)], INDEX[SILENCE])
    begin = np.array(starts)[own]
    end = np.array([segment.end_seconds for segment in line])[own]
    since, left = times - begin, end - times
    scales = np.array(NEARNESS_SECONDS)
    nearness = np.concatenate(
        [
            np.exp(-np.maximum(since, 0)[:, None] / scales),
            np.exp(-np.maximum(left, 0)[:, None] / scales),
            (since / np.maximum(end - begin, 1e-3))[:, None],
        ],
        axis=1,
    )
    return context, nearness.astype(np.float32)
