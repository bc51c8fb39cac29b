"""The times of a result in frames, for programs that follow music without reading a grid."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from daemon.front_ends.http.door import door_of
from daemon.front_ends.http.file_routes import result_of
from daemon.front_ends.http.openapi import PROBLEM, answer
from osc_protocol.errors import Code, ProtocolError
from stems.entries import LengthEntry
from stems.manifest import Manifest, grid_of

router = APIRouter(prefix="/v1", tags=["files"])


@router.get("/jobs/{job}/timing", summary="Read the beats in frames",
            responses={200: answer("Beats, bars, sections, loop and tempo map"),
                       **PROBLEM})  # fmt: skip
async def timing(request: Request, job: str) -> Response:
    """Give where beats, bars and sections begin and where to loop, in frames of the stems."""
    door = door_of(request)
    _, manifest = await asyncio.to_thread(result_of, door, request, job)
    return JSONResponse(times_of(manifest))


def times_of(manifest: Manifest) -> dict[str, Any]:
    """Return the times of a result; raises ProtocolError for a split, which has no grid.

    `beat_frames` has each quarter note, `bar_frames` each bar and the end, which is where a loop
    goes back to frame 0; a stem may go on after it, to ring out.
    """
    if isinstance(manifest.grid, LengthEntry):
        raise ProtocolError(Code.NOT_FOUND, "a split recording has no grid", "job")
    grid, rate = grid_of(manifest), manifest.grid.sample_rate
    quarters = range(int(-(-grid.beats // 1)))
    bars = manifest.grid.bar_frames
    return {
        "sample_rate": rate,
        "frames": manifest.grid.frames,
        "beat_frames": [grid.frame_at(Fraction(beat), rate) for beat in quarters],
        "bar_frames": list(bars),
        "loop": {"start_frame": 0, "end_frame": bars[-1]},
        "sections": [
            {"name": each.name, "start_frame": bars[each.first_bar],
             "end_frame": bars[each.first_bar + each.bars]}
            for each in manifest.sections
        ],
        "licence": getattr(manifest.engine, "licence", None) or "",
        "tempo_map": [
            {"beat": each.beat, "bpm": each.bpm, "ramp": each.ramp}
            for each in manifest.grid.tempo_map
        ],
    }  # fmt: skip
