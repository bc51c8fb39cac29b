"""Speech of free synthesizers, which says nothing: espeak-ng in many languages, and Flite."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.sounds import SAMPLE_RATE
from training.speaking import speaker

Sound = NDArray[np.float32]
LANGUAGES = "en-us en-gb de fr it es pt pl nl sv fi hu cs ro tr el ru id sw eo la hr da nb".split()
# Variants of espeak-ng's voices that are heard in training; male7 and female4 are not, nor are the
# languages of benchmarks.stems_alone.
VARIANTS = (
    "male1 male2 male3 male4 male5 male6 male8 female1 female2 female3 female5 klatt klatt2 klatt3 "
    "klatt4 klatt5 klatt6 Adam Alex Alicia Andrea Andy Annie Belinda Benjamin Boris Denis Diogo Ed "
    "Gene Henrique Hugo Iven Jacky John Lee Linda Marcelo Mario Max Michael Michel Miguel Mike "
    "Pablo Paul Pedro Quincy Rob Robert Steph Storm Zac anika croak grandma grandpa norbert sandro "
    "shelby travis victor"
).split()
FLITE = ("kal", "kal16", "awb")  # heard in training; rms and slt are not
BY_FLITE = 0.25
SYLLABLES = (
    "ba be bi bo bu da de di do du fa fe fi fo ga go ha he ho ka ke ko la le li lo lu ma me mi mo "
    "mu na ne ni no pa pe pi po ra re ri ro sa se si so su ta te ti to tu va ve vi vo wa we za zo "
    "an en in on ar er or al el ol sta stra pro kla fre blo"
).split()


def spoken(draw: np.random.Generator, frames: int) -> Sound:
    """Mono (frames,) of sentences in one voice, with pauses between them."""
    out = np.zeros(frames, np.float32)
    way = draw.random() < BY_FLITE
    voice = str(draw.choice(FLITE)) if way else (
        f"{LANGUAGES[int(draw.integers(len(LANGUAGES)))]}+{VARIANTS[int(draw.integers(len(VARIANTS)))]}"
    )  # fmt: skip
    pitch, span, rate = (
        int(draw.integers(15, 80)),
        int(draw.integers(20, 90)),
        int(draw.integers(110, 220)),
    )
    at = int(draw.integers(0, SAMPLE_RATE))
    while at < frames - SAMPLE_RATE // 2:
        text = sentence(draw)
        if way:
            sound = by_flite(text, voice, pitch)
        else:
            sound = by_espeak(text, voice, rate, pitch, span)
        count = min(len(sound), frames - at)
        out[at : at + count] += sound[:count]
        at += count + int(draw.uniform(0.1, 1.2) * SAMPLE_RATE)
    return out


def sentence(draw: np.random.Generator) -> str:
    """Words that mean nothing, and now and then a number."""
    words = []
    for _ in range(int(draw.integers(3, 11))):
        if draw.random() < 0.15:
            words.append(str(int(draw.integers(2, 2000))))
        else:
            words.append("".join(draw.choice(SYLLABLES, int(draw.integers(1, 4)))))
    return " ".join(words) + str(draw.choice([".", "?", "!"]))


def by_espeak(text: str, voice: str, rate: int, pitch: int, span: int) -> Sound:
    """Mono speech; `rate` in words a minute, `pitch` and its `span` from 0 to 99."""
    import soxr

    espeak = speaker()
    return np.asarray(
        soxr.resample(espeak.read(text, voice, rate, pitch, span), espeak.sample_rate, SAMPLE_RATE),
        np.float32,
    )


def by_flite(text: str, voice: str, pitch: int) -> Sound:
    """Mono speech of the program flite."""
    import soundfile
    import soxr

    mean = f"int_f0_target_mean={70 + 2 * pitch}"  # Hz
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(
            ["flite", "-voice", voice, "-t", text, "--setf", mean, "-o", path],
            check=True, capture_output=True,
        )  # fmt: skip
        sound, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(sound, rate, SAMPLE_RATE), np.float32)
