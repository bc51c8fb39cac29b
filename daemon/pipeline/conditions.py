"""The sounds that shape a request: read from the user's files, or from the job to be changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audio.clip import Clip, read_clip
from audio.decibels import db_to_amplitude
from audio.errors import AudioError
from audio.loudness import TARGET_LUFS
from daemon.pipeline.plan import given_sheet
from daemon.pipeline.revision import revision_of
from diffusion.audio_conditions import AudioConditions, Edit, Lora, Sampling
from diffusion.engine import Conditions
from diffusion.engines import engine_spec
from osc_protocol.audio_edits import dcw_of, loras_of, parts_of
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from stems.source import Source


def conditions_of(request: Generate, source: Source | None) -> tuple[Conditions, tuple[str, ...]]:
    """Return what a request asks of its engine, with the first of its seeds, and remarks on it.

    Raises ProtocolError and MidiError.
    """
    melody = request.read_melody()
    sheet, changes = given_sheet(request, melody, source)
    conditions = Conditions(
        request.grid, request.parsed_key, melody, request.lead, request.tags,
        request.lyrics, request.seeds[0], request.sample_rate, request.stems,
        sheet.bar_sections(request.bars), revision_of(source, request),
        audio_conditions_of(request, source),
        request.curve, sheet, request.ending, request.swing, request.humanise,
        request.tail_seconds, request.dry,
        TARGET_LUFS if request.loudness is None else request.loudness,
    )  # fmt: skip
    return conditions, changes


def audio_conditions_of(request: Generate, source: Source | None) -> AudioConditions:
    """Return what only an engine of mixes can use; raises ProtocolError for an unusable file."""
    edit = None
    if source is not None and engine_spec(request.engine).gives == "mix":
        edit = Edit("repaint", _mix_of(source), *request.bar_span)
    elif request.audio_path:
        edit = _edit(request)
    reference = _heard("reference-path", request.reference_path) if request.reference_path else None
    loras = []
    for path, scale in loras_of(request.loras):
        if not Path(path).is_file():
            raise ProtocolError(Code.OUT_OF_RANGE, f"loras: there is no file {path}", "loras")
        loras.append(Lora(Path(path), scale))
    return AudioConditions(
        request.melody_mode, request.melody_strength, request.language, edit, reference,
        tuple(loras), Sampling(
            request.steps, request.guidance, request.shift, request.sampler, dcw_of(request.dcw),
            request.chunk_mask,
        ), request.code_planner,
    )  # fmt: skip


def _edit(request: Generate) -> Edit:
    sound = _heard("audio-path", request.audio_path)
    kind, seconds = request.edited, float(request.grid.seconds)
    if kind == "extend" and sound.seconds >= seconds:
        raise ProtocolError(
            Code.OUT_OF_RANGE,
            f"bars must last longer than the sound to extend: it has {sound.seconds:.1f} s, "
            f"{request.bars} bars have {seconds:.1f} s",
            "bars",
        )
    return Edit(kind, sound, *request.bar_span, parts_of(request.parts))


def _heard(field: str, path: str) -> Clip:
    try:
        clip = read_clip(Path(path))
    except AudioError as error:
        raise ProtocolError(Code.OUT_OF_RANGE, f"{field}: {error}", field) from None
    if clip.channels > 2:
        raise ProtocolError(
            Code.OUT_OF_RANGE, f"{field} must have 1 or 2 channels, not {clip.channels}", field
        )
    return clip


def _mix_of(source: Source) -> Clip:
    """The delivered stems' sum, as loud as the engine had made it."""
    clips = list(source.clips.values())
    total = np.zeros_like(clips[0].samples)
    for clip in clips:
        total += clip.samples
    total *= np.float32(db_to_amplitude(-source.gain_db))
    return Clip(total, clips[0].sample_rate)
