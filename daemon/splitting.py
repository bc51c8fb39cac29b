"""Taking sound apart into stems: a file somebody has, or the mix that an engine gave."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audio.clip import Clip, write_wav
from audio.errors import AudioError
from daemon.stages import Progress
from diffusion.engine import Generation
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.split_request import SplitRequest
from stems.errors import StemError
from stems.files import wav_path
from stems.manifest import (
    MANIFEST_NAME,
    Manifest,
    TakeEntry,
    backline_version,
    describe_file,
    write_manifest,
)
from stems.staging import publish, staging, told_plainly
from stems.stem_set import StemSet

if TYPE_CHECKING:
    from stems.splitting.separation import Separation
    from stems.splitting.splitter import Splitter

# Share of a job's time: a splitter is read in a second or so, and then works many times as long.
LOADED, SPLIT = 0.05, 0.95

OpenSplitter = Callable[[str | None], "Splitter"]


def open_splitter(name: str | None = None) -> Splitter:
    """Return the splitter of that name, or the best that is installed; raises StemError."""
    from stems.splitting import splitter

    return splitter.open_splitter(name)


def split(
    request: SplitRequest,
    open_splitter: OpenSplitter,
    out_dir: Path,
    progress: Progress,
    cancelled: Callable[[], bool],
    *,
    job: str = "",
) -> Manifest:
    """Make the stems `request` asks for in `out_dir`: all files, the manifest last, or nothing.

    The stems have the rate and length of the sound and no gain, so that all four sum to it; they
    are 32-bit float, since one may peak above full scale where the sound does not. `progress` gets
    the stage (load, split, write) and the fraction of the whole job. Raises Cancelled, and one
    sentence as ProtocolError or StemError.
    """
    progress("load", 0.0)
    sound, from_frame = _read(request)
    splitter = _opened(open_splitter, request.model)
    separation = _separate(
        sound, splitter, request.stems, request.loop, cancelled,
        lambda fraction: progress("split", LOADED + (SPLIT - LOADED) * fraction),
    )  # fmt: skip
    progress("write", SPLIT)
    manifest = _deliver(request, out_dir, sound, from_frame, separation, job)
    progress("write", 1.0)
    return manifest


def with_stems(
    generation: Generation,
    stems: tuple[str, ...],
    open_splitter: OpenSplitter,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Generation:
    """Return the generation, its mix split into `stems` where the engine gave nothing else.

    `progress` gets the stage split and its own fraction. Raises Cancelled and StemError.
    """
    if generation.stems is not None or generation.mix is None:
        return generation
    separation = _separate(
        generation.mix, _opened(open_splitter, ""), stems, False, cancelled,
        lambda fraction: progress("split", fraction),
    )  # fmt: skip
    facts = {**generation.facts, "splitter": separation.facts, "silent": list(separation.silent)}
    return replace(generation, stems=separation.clips, facts=facts)


def _opened(open_splitter: OpenSplitter, name: str) -> Splitter:
    try:
        return open_splitter(name or None)
    except StemError as error:
        raise ProtocolError(Code.MODEL_UNAVAILABLE, str(error), "model") from None


def _separate(
    mix: Clip,
    splitter: Splitter,
    stems: tuple[str, ...],
    loop: bool,
    cancelled: Callable[[], bool],
    progress: Callable[[float], None],
) -> Separation:
    from stems.splitting.separation import separate

    try:
        return separate(
            mix, splitter, stems=stems, loop=loop, progress=progress, cancelled=cancelled
        )
    except StemError as error:  # its files are read when they are first needed
        raise ProtocolError(Code.MODEL_UNAVAILABLE, str(error), "model") from None


def _read(request: SplitRequest) -> tuple[Clip, int]:
    """Return the part that is asked for, in stereo, and the frame of the file it begins at.

    It begins at or before and ends at or after the times asked for, so that all between is there.
    """
    import soundfile

    try:
        with soundfile.SoundFile(request.path) as file:
            rate, first = file.samplerate, math.floor(request.from_seconds * file.samplerate)
            if first >= file.frames:
                raise ProtocolError(
                    Code.OUT_OF_RANGE,
                    f"from-seconds must be before the end of the sound, which lasts "
                    f"{file.frames / rate:.2f} s, not {request.from_seconds:g}",
                    "from-seconds",
                )
            end = file.frames
            if request.length_seconds:
                last = math.ceil((request.from_seconds + request.length_seconds) * rate)
                end = min(end, last)
            file.seek(first)
            samples = file.read(end - first, dtype="float32", always_2d=True).T
    except (OSError, soundfile.SoundFileError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "error_string", str(error))
        raise _refused(f"path {request.path!r} cannot be read as sound: {reason}") from None
    channels = samples.shape[0]
    if channels > 2:
        raise _refused(f"path {request.path!r} has {channels} channels; at most 2 can be split")
    stereo = np.ascontiguousarray(np.broadcast_to(samples, (2, samples.shape[1])))
    try:
        return Clip(stereo, rate), first
    except AudioError as error:
        raise _refused(f"path {request.path!r}: {error}") from None


def _refused(sentence: str) -> ProtocolError:
    return ProtocolError(Code.OUT_OF_RANGE, sentence, "path")


def _deliver(
    request: SplitRequest,
    out_dir: Path,
    sound: Clip,
    from_frame: int,
    separation: Separation,
    job: str,
) -> Manifest:
    stem_set = StemSet(separation.clips, gained_db=0.0)
    is_whole = len(stem_set.names) == 4
    facts = dict(separation.facts)
    take = TakeEntry(
        1, 0, 0.0, stem_set.null_db(sound) if is_whole else 0.0, {},
        {"silent": list(separation.silent), "channels": sound.channels},
    )  # fmt: skip
    rate = sound.sample_rate
    with staging(out_dir) as folder, told_plainly(out_dir):
        files = []
        for name, clip in stem_set.clips.items():
            write_wav(folder / wav_path(name, 1), clip, bits=32)
            files.append(
                describe_file(folder, wav_path(name, 1), "stem", stem=name, take=1,
                              frames=clip.frames)
            )  # fmt: skip
        manifest = Manifest(
            backline=backline_version(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            job=job,
            request=request.as_dict(),
            engine=facts,
            grid={"sample_rate": rate, "frames": sound.frames, "seconds": sound.seconds},
            key={},
            melody=None,
            position={
                "from_seconds": from_frame / rate,
                "at_beats": request.at_beats,
                "at_seconds": request.at_seconds,
            },
            sections=(),
            stems=stem_set.names,
            takes=(take,),
            files=tuple(files),
        )
        write_manifest(folder / MANIFEST_NAME, manifest)
        publish(folder, out_dir)
    return manifest
