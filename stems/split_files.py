"""The stems of a split in another format than the float files they are made in, block by block."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from audio.clip import Clip
from audio.decibels import amplitude_to_db, db_to_amplitude, dbfs
from audio.stem_names import is_whole as make_up_all
from diffusion.errors import Cancelled
from stems.files import sound_format
from stems.splitting.file_splitting import FileSplit
from stems.splitting.recording import Reader, Recording
from stems.splitting.splitter import Level
from stems.whole_numbers import Integers, dither_for, to_integers, to_whole

BLOCK_FRAMES = 1 << 18
FULL_SCALE = 1 - 1e-6  # a little less, so that no rounding of the gain leads beyond it
NOT_LOUDER = 1 + 1e-9  # what a peak of 1 can become in decibels and back


def in_format(
    done: FileSplit, recording: Recording, format_name: str, cancelled: Callable[[], bool]
) -> tuple[FileSplit, float]:
    """Put the stems into files of another format in place of the float ones.

    Returns the files written, and the gain in dB that all stems have in common: 0, or what
    brings the loudest of recording and stems to full scale, beyond which whole numbers do not go.
    The whole numbers of all stems sum to the recording's, with that gain and as rounded to
    that format; at fewer bits than 24 those are dithered where they were not whole already.
    Raises Cancelled, StemError, OSError, AudioError.
    """
    form = sound_format(format_name)
    if form.bits == 32:
        return done, 0.0
    peak = max(recording.peak, db_to_amplitude(done.peak_dbfs))
    gain = 1.0 if peak <= NOT_LOUDER else FULL_SCALE / peak
    paths = {name: path.with_suffix(form.suffix) for name, path in done.paths.items()}
    partial = {name: path.with_name(f"{path.name}.partial") for name, path in paths.items()}
    missed = 0
    with ExitStack() as stack:
        rate, channels, frames = recording.sample_rate, recording.channels, recording.frames
        files = {
            name: stack.enter_context(form.open(path, rate, channels, frames, None))
            for name, path in partial.items()
        }
        blocks = stack.enter_context(closing(_blocks(done, recording, gain, form.bits)))
        for mix, stems in blocks:
            if cancelled():
                raise Cancelled("the split was cancelled")
            for name, file in files.items():
                file.write(stems[name])
            if mix is not None:
                missed = max(missed, int(np.abs(mix - sum(stems.values())).max()))
    for name, path in paths.items():
        done.paths[name].unlink()
        os.replace(partial[name], path)
    is_whole = make_up_all(paths)
    gain_db = amplitude_to_db(gain)
    return replace(
        done, paths=paths, peak_dbfs=done.peak_dbfs + gain_db,
        null_dbfs=dbfs(missed / 2 ** (form.bits - 1)) if is_whole else None,
    ), gain_db  # fmt: skip


def _blocks(
    done: FileSplit, recording: Recording, gain: float, bits: int
) -> Generator[tuple[Integers | None, Mapping[str, Integers]]]:
    """Whole numbers (channels, frames) of the recording, where all stems are there, and of them."""
    recording = replace(recording, signs=None)  # nothing is heard here, so nothing is turned
    dither = dither_for(bits)
    with ExitStack() as stack:
        mix = stack.enter_context(Reader(recording))
        stems = {
            name: stack.enter_context(
                Reader(replace(recording, path=path, first_frame=0, level=Level(0.0, 0.0)))
            )
            for name, path in done.paths.items()
        }
        for first in range(0, recording.frames, BLOCK_FRAMES):
            count = min(BLOCK_FRAMES, recording.frames - first)

            def cut(reader: Reader, first: int = first, count: int = count) -> Clip:
                samples = reader.read(first, count)[: recording.channels]
                return Clip(samples * np.float32(gain), recording.sample_rate)

            clips = {name: cut(reader) for name, reader in stems.items()}
            if make_up_all(clips):
                yield to_integers(cut(mix), clips, bits, dither)
            else:
                yield None, {name: to_whole(clip, bits, dither) for name, clip in clips.items()}
