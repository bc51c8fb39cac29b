"""Where the decoder's truth comes from: notes and drum hits rendered by FluidSynth.

The sounds are FluidR3_GM's (Frank Wen, MIT licence; Debian's fluid-soundfont-gm), whose terms let
weights learnt from them be published. libfluidsynth is called directly, not through a MIDI file,
because a note then starts on the very sample it was asked for. Reverb and chorus are off.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffusion.embedded.performance import DRUMS

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
SAMPLE_RATE = 44100
BLOCK_FRAMES = 64  # FluidSynth starts notes on multiples of its block
DRUM_BANK = 128

# General MIDI program of each pitched timbre, counted from 0.
PROGRAMS: Mapping[str, int] = {
    "finger": 33,
    "pick": 34,
    "acoustic": 32,
    "fretless": 35,
    "slap": 36,
    "synth": 38,
    "piano": 0,
    "electric_piano": 4,
    "nylon_guitar": 24,
    "steel_guitar": 25,
    "clean_guitar": 27,
    "organ": 18,
    "strings": 48,
    "pad": 89,
    "flute": 73,
    "violin": 40,
    "trumpet": 56,
    "sax": 66,
    "overdriven_guitar": 29,
    "saw_lead": 81,
    "vibraphone": 11,
}

# Program of each drum kit in the percussion bank.
KITS: Mapping[str, int] = {
    "standard": 0,
    "room": 8,
    "power": 16,
    "electronic": 24,
    "808": 25,
    "jazz": 32,
}


@dataclass(frozen=True, slots=True)
class Event:
    """A note by frames: start, frames held, MIDI pitch, velocity 1..127."""

    start: int
    held: int
    pitch: int
    velocity: int


class Soundfont:
    """A FluidSynth with one soundfont loaded; `play` renders events with one program."""

    def __init__(self, path: Path = SOUNDFONT, sample_rate: int = SAMPLE_RATE) -> None:
        name = ctypes.util.find_library("fluidsynth")
        if name is None or not path.exists():
            raise SystemExit(f"this needs libfluidsynth and the soundfont {path}")
        self._library = library = ctypes.CDLL(name)
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        library.new_fluid_settings.restype = pointer
        library.new_fluid_synth.restype = pointer
        library.new_fluid_synth.argtypes = [pointer]
        library.fluid_settings_setnum.argtypes = [pointer, text, ctypes.c_double]
        library.fluid_settings_setint.argtypes = [pointer, text, ctypes.c_int]
        for function, count in {
            "program_select": 4,
            "noteon": 3,
            "noteoff": 2,
            "all_sounds_off": 1,
            "set_interp_method": 2,
        }.items():
            getattr(library, f"fluid_synth_{function}").argtypes = [
                pointer,
                *[ctypes.c_int] * count,
            ]
        library.fluid_synth_sfload.argtypes = [pointer, text, ctypes.c_int]
        settings = library.new_fluid_settings()
        library.fluid_settings_setnum(settings, b"synth.sample-rate", float(sample_rate))
        library.fluid_settings_setnum(settings, b"synth.gain", 0.5)
        library.fluid_settings_setint(settings, b"synth.polyphony", 2048)
        library.fluid_settings_setint(settings, b"synth.reverb.active", 0)
        library.fluid_settings_setint(settings, b"synth.chorus.active", 0)
        self._synth = pointer(library.new_fluid_synth(settings))
        self._font = library.fluid_synth_sfload(self._synth, str(path).encode(), 1)
        library.fluid_synth_set_interp_method(self._synth, -1, 7)

    def _frames(self, count: int) -> NDArray[np.float32]:
        """The next `count` frames, mono: the mean of both sides."""
        sides = np.zeros((2, count), np.float32)
        left, right = (side.ctypes.data_as(ctypes.c_void_p) for side in sides)
        c = ctypes.c_int
        self._library.fluid_synth_write_float(
            self._synth, c(count), left, c(0), c(1), right, c(0), c(1)
        )
        return np.asarray(sides.mean(0))

    def play(
        self, events: Iterable[Event], frames: int, *, program: int, bank: int = 0
    ) -> NDArray[np.float32]:
        """Mono float32 (frames,) of the events; starts and ends move to the next block.

        Below 25 Hz nothing is kept: some of the soundfont's pads carry a drifting offset.
        """
        library, synth = self._library, self._synth
        channel = 9 if bank == DRUM_BANK else 0
        library.fluid_synth_all_sounds_off(synth, -1)  # of every channel
        self._frames(BLOCK_FRAMES * 8)
        library.fluid_synth_program_select(synth, channel, self._font, bank, program)
        changes: list[tuple[int, int, int, int]] = []  # block, 0 off | 1 on, pitch, velocity
        for event in events:
            start = -(-event.start // BLOCK_FRAMES)
            end = max(start + 1, -(-(event.start + event.held) // BLOCK_FRAMES))
            changes += [
                (start, 1, event.pitch, event.velocity),
                (end, 0, event.pitch, 0),
            ]
        out = np.zeros(-(-frames // BLOCK_FRAMES) * BLOCK_FRAMES, np.float32)
        at = 0
        for block, on, pitch, velocity in sorted(changes):
            if (here := min(block * BLOCK_FRAMES, len(out))) > at:
                out[at:here] = self._frames(here - at)
                at = here
            if on:
                library.fluid_synth_noteon(synth, channel, pitch, velocity)
            else:
                library.fluid_synth_noteoff(synth, channel, pitch)
        if at < len(out):
            out[at:] = self._frames(len(out) - at)
        return _high_passed(out[:frames])

    def hit(self, kit: str, drum: str, velocity: int, seconds: float) -> NDArray[np.float32]:
        """One drum hit, mono float32, ringing for `seconds`."""
        frames = int(seconds * SAMPLE_RATE)
        event = Event(0, frames, DRUMS[drum], velocity)
        return self.play([event], frames, program=KITS[kit], bank=DRUM_BANK)


def _high_passed(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without what lies below 25 Hz (second-order Butterworth)."""
    from scipy.signal import butter, sosfilt

    sections = butter(2, 25.0, "highpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sections, sound), np.float32)
