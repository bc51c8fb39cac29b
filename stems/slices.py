"""A stem cut into one-shots for samplers: from where something begins to where the next does.

What holds its tone long enough gets a loop, from one zero crossing to another that sounds alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from audio.clip import Clip, Samples
from audio.decibels import db_to_amplitude
from audio.wave_file import WaveFile
from midi.note import TimedNote
from stems.chunks import one_shot, sampler
from stems.files import tempo_word
from stems.sample_loop import loop_of
from stems.transcription.drums import DRUMS
from stems.transcription.transcriber import detect

TOGETHER_SECONDS = 0.030  # what begins within this is one sound
LOOK_BACK_SECONDS, LOOK_ON_SECONDS = 0.020, 0.015  # where an attack is around a detected start
BEGUN = 0.05  # of the attack's peak: before that there is nothing of it
FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.001, 0.010
FADED_DB = 60.0  # under its own peak a slice is over
SHORTEST_SECONDS = 0.030
NORMAL_DBFS = -1.0  # the peak of what is normalised
TONE = "tone"  # the class of what has a pitch
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One sound: its name without suffix, where it began in seconds, MIDI root note, samples.

    `kind` are the drums struck, or TONE. `loop` is from a frame to before another, None for none.
    """

    name: str
    start_seconds: float
    root: int
    clip: Clip
    kind: str
    loop: tuple[int, int] | None = None

    @property
    def pitch(self) -> str:
        """The name of the root note: C4 is MIDI 60."""
        return pitch_name(self.root)


def slice_stem(clip: Clip, stem: str, bpm: float | None = None) -> tuple[Slice, ...]:
    """Cut a stem where something begins; silence before the first sound belongs to none.

    Names are a number, then the drums struck ("kick+closed_hat") or the pitch ("A1"; C4 is MIDI
    60), then the tempo where it is known. Raises StemError.
    """
    groups = _together(detect(clip, stem))
    starts = [_attack(clip, group[0].start_seconds) for group in groups]
    found: list[Slice] = []
    for group, (start, end) in zip(groups, pairwise([*starts, clip.frames]), strict=True):
        samples = _cut(clip.samples, start, end, clip.sample_rate)
        if samples.shape[1] < SHORTEST_SECONDS * clip.sample_rate:
            continue
        words = [f"{len(found) + 1:03d}", _what(group, stem)]
        words += [tempo_word(bpm)] if bpm else []
        name, seconds = "_".join(words), start / clip.sample_rate
        cut = Clip(samples, clip.sample_rate)
        if stem == "drums":
            found.append(Slice(name, seconds, 60, cut, _what(group, stem)))
        else:
            root = group[0].pitch
            found.append(Slice(name, seconds, root, cut, TONE, loop_of(cut, root)))
    return tuple(found)


def normalised(one: Slice) -> Slice:
    """The same with its peak at NORMAL_DBFS; silence stays."""
    peak = float(np.abs(one.clip.samples).max())
    gain = np.float32(db_to_amplitude(NORMAL_DBFS) / peak) if peak else np.float32(1)
    return replace(one, clip=Clip(one.clip.samples * gain, one.clip.sample_rate))


def write_slice(path: Path, one: Slice) -> None:
    """Write a slice as 32-bit float WAV with its root note for samplers; raises OSError."""
    clip = one.clip
    start, end = one.loop or (0, 0)
    smpl = sampler(one.root, clip.sample_rate, end - start, start)
    after = [(b"acid", one_shot(one.root)), (b"smpl", smpl)]
    with WaveFile(path, clip.sample_rate, clip.channels, clip.frames, 32, after=after) as file:
        file.write(clip.samples)


def _together(detected: Sequence[TimedNote]) -> list[list[TimedNote]]:
    groups: list[list[TimedNote]] = []
    for note in detected:
        if groups and note.start_seconds - groups[-1][0].start_seconds < TOGETHER_SECONDS:
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def _what(group: Sequence[TimedNote], stem: str) -> str:
    pitches = sorted({note.pitch for note in group})
    if stem == "drums":
        return "+".join(name for name, pitch in DRUMS.items() if pitch in pitches)
    return pitch_name(pitches[0])


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch, such as C#4 for 61."""
    return f"{PITCHES[pitch % 12]}{pitch // 12 - 1}"


def _attack(clip: Clip, detected_seconds: float) -> int:
    """The frame at which the attack near a detected start begins."""
    rate = clip.sample_rate
    first = max(0, round((detected_seconds - LOOK_BACK_SECONDS) * rate))
    stop = min(clip.frames, round((detected_seconds + LOOK_ON_SECONDS) * rate))
    step = max(1, rate // 1_000)  # a millisecond
    size = np.abs(clip.samples[:, first:stop]).max(0)
    peaks = np.maximum.reduceat(size, np.arange(0, len(size), step)) if len(size) else size
    if len(peaks) < 3:
        return first
    steepest = int(np.diff(peaks).argmax()) + 1
    floor = peaks[:steepest].min() + BEGUN * (peaks[steepest] - peaks[:steepest].min())
    quiet = np.flatnonzero(peaks[:steepest] <= floor)
    begun = int(quiet[-1]) if len(quiet) else steepest - 1
    return first + begun * step


def _cut(samples: Samples, start: int, end: int, sample_rate: int) -> Samples:
    """Frames start..end, shorter where it fades away sooner, faded at both ends."""
    cut = samples[:, start:end].copy()
    if not cut.shape[1]:
        return cut
    size = np.abs(cut).max(0)
    loud = np.flatnonzero(size > size.max() * db_to_amplitude(-FADED_DB))
    fade_out = round(FADE_OUT_SECONDS * sample_rate)
    length = int(loud[-1]) + 1 + fade_out if len(loud) else 0
    cut = cut[:, :length]
    for fade, side in ((round(FADE_IN_SECONDS * sample_rate), 1), (fade_out, -1)):
        fade = min(fade, cut.shape[1])
        ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
        cut[:, ::side][:, :fade] *= ramp
    return cut
