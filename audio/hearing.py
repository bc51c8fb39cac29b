"""What librosa hears in a clip: where sounds begin, and which pitch classes sound.

The one door to librosa. Importing it costs some seconds, so call `load` before time matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audio.clip import Clip
from audio.errors import AudioError

Floats = npt.NDArray[np.float64]

ONSET_WINDOW_SECONDS = 0.043  # 2048 frames at 48 kHz, a power of two at any rate
ONSET_HOPS_PER_WINDOW = 8
ONSET_BIAS_SECONDS = 0.0065  # the envelope peaks that long after the attack of a click or drum
ATTACK_WINDOW_SECONDS = 0.0116  # 512 frames at 44.1 kHz
DYNAMICS_DB = 50.0  # what is softer than the loudest moment by more is not heard to begin
LOWEST_HZ, BASS_HZ = 28.0, 180.0
PITCH_WINDOW_SECONDS = 0.046  # three periods of the lowest pitch
PITCH_HZ = (65.4, 1396.9)
CHROMA_HOP_FRAMES = 2048
MIN_CHROMA_SECONDS = 2
SILENCE = 1e-4  # -80 dBFS peak
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 16_000, 48_000  # where the seven octaves of the chroma fit


@dataclass(frozen=True, slots=True, eq=False)
class OnsetEnvelope:
    """How much begins to sound, (n,) values >= 0 in dB, at `seconds` (n,), the bias taken off."""

    values: Floats
    seconds: Floats


def load() -> None:
    """Import librosa and what it compiles, once."""
    import librosa.feature
    import librosa.onset  # noqa: F401


def onset_envelope(clip: Clip) -> OnsetEnvelope | None:
    """Log-mel spectral flux of the mono sum by librosa's onset_strength; None for silence.

    Max-filtered over neighbouring bands as in SuperFlux (Böck and Widmer, DAFx 2013).
    """
    mono = _mono(clip)
    if mono is None:
        return None
    from librosa.onset import onset_strength

    window = 1 << round(np.log2(ONSET_WINDOW_SECONDS * clip.sample_rate))
    hop = window // ONSET_HOPS_PER_WINDOW
    # A window of silence in front, or a sound in the very first frame would begin unheard.
    values = onset_strength(
        y=np.pad(mono, (window, 0)),
        sr=clip.sample_rate,
        n_fft=window,
        hop_length=hop,
        lag=1,
        max_size=3,
    ).astype(np.float64)
    # In decibels a sound out of silence outweighs a whole bar: let it count at most double.
    np.minimum(values, 2 * np.percentile(values, 99), out=values)
    seconds = (np.arange(len(values)) * hop - window) / clip.sample_rate - ONSET_BIAS_SECONDS
    return OnsetEnvelope(values, seconds)


def attack_envelope(clip: Clip) -> OnsetEnvelope | None:
    """How much begins to sound, in steps of 1.5 ms or so and without bias; None for silence.

    Too restless to find beats in, but true to under a millisecond where an attack is sharp.
    """
    mono = _mono(clip)
    if mono is None:
        return None
    window = 1 << round(np.log2(ATTACK_WINDOW_SECONDS * clip.sample_rate))
    return _mel_flux(mono, clip.sample_rate, window, window // 8, bands=40, highest_hz=None)


def bass_envelope(clip: Clip) -> OnsetEnvelope | None:
    """How much begins to sound under 180 Hz: kick drum and bass; None for silence."""
    mono = _mono(clip)
    if mono is None:
        return None
    window = 1 << round(np.log2(ONSET_WINDOW_SECONDS * clip.sample_rate))
    hop = window // ONSET_HOPS_PER_WINDOW
    flux = _mel_flux(mono, clip.sample_rate, window, hop, bands=8, highest_hz=BASS_HZ)
    return OnsetEnvelope(flux.values, flux.seconds - ONSET_BIAS_SECONDS)


def chroma_over_time(clip: Clip) -> tuple[Floats, Floats] | None:
    """Constant-Q chroma (12, n) from C upwards and the seconds (n,) it stands for, or None."""
    mono = _mono(clip)
    if mono is None:
        return None
    chroma = _chroma(mono, clip.sample_rate)
    return chroma, np.arange(chroma.shape[1]) * CHROMA_HOP_FRAMES / clip.sample_rate


def pitch_over_time(clip: Clip) -> tuple[Floats, Floats] | None:
    """The one pitch that sounds, as fractional MIDI numbers (n,), NaN where none does, and seconds.

    Probabilistic YIN (Mauch and Dixon, ICASSP 2014) from C2 to F6; None for silence. Of several
    voices it hears one or none.
    """
    mono = _mono(clip)
    if mono is None:
        return None
    from librosa import pyin

    window = 1 << round(np.log2(PITCH_WINDOW_SECONDS * clip.sample_rate))
    hop = window // 4
    hertz, _, _ = pyin(
        mono, fmin=PITCH_HZ[0], fmax=PITCH_HZ[1], sr=clip.sample_rate, frame_length=window,
        hop_length=hop,
    )  # fmt: skip
    seconds = np.arange(len(hertz)) * hop / clip.sample_rate
    return 69 + 12 * np.log2(np.asarray(hertz, dtype=np.float64) / 440), seconds


def pitch_class_energy(clip: Clip) -> Floats | None:
    """Mean constant-Q chroma (12,) from C upwards in A = 440 Hz; None for silence."""
    mono = _mono(clip)
    if mono is None:
        return None
    return np.asarray(_chroma(mono, clip.sample_rate).mean(axis=1), dtype=np.float64)


def _chroma(mono: npt.NDArray[np.float32], sample_rate: int) -> Floats:
    from librosa.feature import chroma_cqt

    # Its lowest octave is seen at a 128th of the rate, through windows of 1024 of those frames.
    mono = np.pad(mono, (0, max(0, 128 * 1024 - len(mono))))
    chroma = chroma_cqt(y=mono, sr=sample_rate, tuning=0.0, hop_length=CHROMA_HOP_FRAMES)
    return np.asarray(chroma, dtype=np.float64)


def _mel_flux(
    mono: npt.NDArray[np.float32],
    sample_rate: int,
    window: int,
    hop: int,
    *,
    bands: int,
    highest_hz: float | None,
) -> OnsetEnvelope:
    """Mean rise in dB over mel bands from one hop to the next."""
    from librosa import power_to_db
    from librosa.feature import melspectrogram

    power = melspectrogram(
        y=np.pad(mono, (window, 0)),
        sr=sample_rate,
        n_fft=window,
        hop_length=hop,
        n_mels=bands,
        fmin=LOWEST_HZ,
        fmax=highest_hz,
    )
    level = power_to_db(power, ref=np.max, top_db=DYNAMICS_DB)
    rise = np.maximum(0, np.diff(level, axis=1, prepend=level[:, :1])).mean(axis=0)
    seconds = (np.arange(len(rise)) * hop - window) / sample_rate
    return OnsetEnvelope(rise.astype(np.float64), seconds)


def _mono(clip: Clip) -> npt.NDArray[np.float32] | None:
    if not MIN_SAMPLE_RATE <= clip.sample_rate <= MAX_SAMPLE_RATE:
        raise AudioError(
            f"sample rate must be from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz to measure, "
            f"not {clip.sample_rate}"
        )
    mono = clip.samples.mean(axis=0)
    return mono if np.abs(mono).max() > SILENCE else None
