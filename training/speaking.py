"""espeak-ng speaks nonsense: its library, and syllables that English could have.

espeak-ng (a GPL program whose output is free) speaks with its Klatt synthesis at a low, even
pitch and tells when each phoneme begins.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from diffusion.embedded.voice.phonemes import DIPHTHONGS, VOWELS, Syllable

Floats = npt.NDArray[np.float64]


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("text", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_PHONEME_EVENT = 7  # espeakEVENT_PHONEME in speak_lib.h


class Speaker:
    """espeak-ng's library, which tells when each phoneme begins."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        # synchronous retrieval of samples, with phoneme events
        self.sample_rate = int(self._library.espeak_Initialize(1, 200, None, 1))
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._events: list[tuple[str, float]] = []
        self._callback = _Callback(self._take)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        here = 0
        while events[here].type != 0:
            if events[here].type == _PHONEME_EVENT:
                name = bytes(events[here].id.text).decode("utf-8", "replace")
                self._events.append((name, events[here].sample / self.sample_rate))
            here += 1
        return 0

    def say(
        self, phonemes: str, voice: str, rate: int, pitch: int
    ) -> tuple[Floats, list[tuple[str, float]]]:
        """Samples of the phonemes (espeak's mnemonics) and when in seconds each begins."""
        self._pieces.clear()
        self._events.clear()
        self._library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in ((1, rate), (3, pitch), (4, 0)):  # 4: no intonation
            self._library.espeak_SetParameter(parameter, value, 0)
        self._speak(f"[[{phonemes}]]", 0x101)  # characters in UTF-8, phonemes in brackets
        return np.concatenate(self._pieces) / 32768.0, list(self._events)

    def read(self, text: str, voice: str, rate: int, pitch: int, span: int) -> Floats:
        """Samples of a text, read with an intonation; `pitch` and its `span` from 0 to 99."""
        self._pieces.clear()
        self._library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in ((1, rate), (3, pitch), (4, span)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._speak(text, 0x1)
        return np.concatenate([np.zeros(1, np.int16), *self._pieces]) / 32768.0

    def _speak(self, text: str, flags: int) -> None:
        given = text.encode()
        self._library.espeak_Synth(given, len(given) + 1, 0, 1, 0, flags, None, None)
        self._library.espeak_Synchronize()


@cache
def speaker() -> Speaker:
    """The one speaker of this process: after a second one's initialisation none speaks any more."""
    return Speaker()


ONSETS = (
    "B,CH,D,DH,F,G,HH,JH,K,L,M,N,P,R,S,SH,T,TH,V,W,Y,Z,P L,P R,B L,B R,T R,T W,D R,K L,K R,K W,"
    "G L,G R,F L,F R,TH R,SH R,S P,S T,S K,S M,S N,S L,S W,S P R,S T R,S K R,K Y,M Y,F Y,ZH"
).split(",")
CODAS = (
    "B,CH,D,DH,F,G,JH,K,L,M,N,NG,P,R,S,SH,T,TH,V,Z,ZH,N T,N D,S T,L D,R T,R D,K S,T S,N Z,D Z,"
    "M P,NG K,F T,L T,R N,R M,L Z,R Z,R K,K T,P T,L V,L F,N S,M Z,L K,S K,NG Z,N CH,R S T,N D Z"
).split(",")


def nonsense(seed: int) -> tuple[Syllable, ...]:
    """Two to four random syllables that English could have."""
    draw = np.random.default_rng([seed, 1])
    line = []
    for _ in range(int(draw.integers(2, 5))):
        onset, coda = draw.random(), draw.random()
        pick = ONSETS[: len(ONSETS) if onset < 0.45 else 22]
        before = "" if onset > 0.88 else pick[int(draw.integers(len(pick)))]
        pick = CODAS[: len(CODAS) if coda < 0.25 else 21]
        after = "" if coda > 0.60 else pick[int(draw.integers(len(pick)))]
        vowel = VOWELS[int(draw.integers(len(VOWELS)))]
        if vowel in DIPHTHONGS or vowel == "ER":
            after = "" if after.startswith("R") else after
        line.append(Syllable(tuple(before.split()), vowel, tuple(after.split())))
    return tuple(line)
