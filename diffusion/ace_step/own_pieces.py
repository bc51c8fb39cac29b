"""A user's recordings cut on their bars, each piece with what our own ears say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio.clip import Clip, read_clip
from audio.errors import AudioError
from audio.examination import examine
from audio.report import Examination
from diffusion.ace_step.prompt import Prompt
from diffusion.errors import EngineError
from midi.grid import Grid

PIECE_SECONDS, LEAST_SECONDS = 20.0, 6.0  # of whole bars, as near as they come
FREE_BPM, SLOWEST_BPM = 120, 70  # beats are looked for around it; tempos are from this to twice
SOFT_LUFS, LOUD_LUFS = -20.0, -11.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames of a recording on its bars; `sha256` is the file's, `prompt` what it sounds like."""

    file: Path
    sha256: str
    first: int
    end: int
    prompt: Prompt
    remark: str = ""

    def sound(self) -> Clip:
        """The piece itself."""
        clip = read_clip(self.file)
        return Clip(clip.samples[:, self.first : self.end], clip.sample_rate)


def pieces_of(file: Path, words: str) -> Iterator[Piece]:
    """Cut a recording; `words` are the user's own for its style. Raises EngineError."""
    try:
        clip = read_clip(file)
        heard = _examined(clip)
    except AudioError as error:
        raise EngineError(f"{file}: {error}") from None
    if clip.seconds < LEAST_SECONDS:
        raise EngineError(
            f"{file} must last at least {LEAST_SECONDS:g} s, not {clip.seconds:.1f} s"
        )
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    bounds, remark = cuts(heard, clip.seconds)
    for begin, end in bounds:
        prompt = Prompt(
            ", ".join(filter(None, (words, _energy(heard)))) or "instrumental music",
            language="unknown",
            bpm=round(folded(heard.bpm)) if heard.bpm else 0,
            meter="4" if not remark else "",
            key=heard.key or "",
            seconds=round(end - begin),
        )
        first, last = (
            min(max(round(place * clip.sample_rate), 0), clip.frames) for place in (begin, end)
        )  # a first bar line may lie a little before the recording
        yield Piece(file, sha256, first, last, prompt, remark)


def cuts(heard: Examination, seconds: float) -> tuple[list[tuple[float, float]], str]:
    """Begin and end of each piece in seconds, on bar lines where they are known; and a remark."""
    placed = heard.placement
    lines: Sequence[float] = placed.downbeats_seconds if placed and not placed.doubt else ()
    remark = ""
    if len(lines) < 2:
        lines = [each * PIECE_SECONDS for each in range(int(seconds / PIECE_SECONDS) + 1)]
        lines = [*lines, seconds] if seconds - lines[-1] >= LEAST_SECONDS else lines
        remark = "its bars were not found, so it was cut by the clock"
    found, begin = [], lines[0]
    for line, following in zip(lines[1:], [*lines[2:], float("inf")], strict=True):
        if following - begin > PIECE_SECONDS + 1e-6 and line - begin >= LEAST_SECONDS:
            found.append((begin, line))
            begin = line
    return found or [(0.0, seconds)], remark


def _examined(clip: Clip) -> Examination:
    """What is measured, on a grid of the tempo that was found first."""
    first = examine(clip, _grid(FREE_BPM, clip.seconds))
    if not first.bpm:
        return first
    return examine(clip, _grid(round(folded(first.bpm), 2), clip.seconds))


def folded(bpm: float) -> float:
    """The tempo by octaves nearer to what is counted: hats in eighths are heard as twice of it."""
    while bpm >= SLOWEST_BPM * 2:
        bpm /= 2
    while bpm < SLOWEST_BPM:
        bpm *= 2
    return bpm


def _grid(bpm: float, seconds: float) -> Grid:
    return Grid.constant(bpm, bars=max(1, int(seconds * bpm / 240)))


def _energy(heard: Examination) -> str:
    lufs = heard.loudness.lufs
    if lufs is None:
        return ""
    return "soft" if lufs < SOFT_LUFS else "intense" if lufs > LOUD_LUFS else ""
