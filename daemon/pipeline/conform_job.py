"""A request to conform a recording becomes a mix, its stems, and a manifest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from daemon.pipeline.conforming import brought, stem_files
from diffusion.engine import CancelFlag, Progress
from diffusion.errors import Cancelled
from diffusion.facts import EngineDescription
from osc_protocol.conform import Conform
from osc_protocol.errors import Code, ProtocolError, named
from stems.entries import GridEntry, PositionEntry, TakeEntry
from stems.facts import TakeFacts
from stems.manifest import MANIFEST_NAME, Manifest, describe_file, write_manifest
from stems.staging import plain_disk_errors, publish, staging
from stems.version import backline_version


def conform(
    request: Conform, out_dir: Path, progress: Progress, cancelled: CancelFlag, *, job: str = ""
) -> Manifest:
    """Write the recording on the grid in `out_dir`, and its stems, the manifest last, or nothing.

    Its files are 32-bit float WAV: mix.wav and one for each stem. `progress` gets the stage
    conform and the fraction. Raises Cancelled, and one sentence as ProtocolError, AudioError or
    StemError.
    """
    from audio.errors import CannotConform, Remedy

    def watch(fraction: float) -> None:
        if cancelled():
            raise Cancelled("cancelled")
        progress("conform", fraction)

    watch(0.0)
    stems = stem_files(Path(request.stems_path)) if request.stems_path else {}
    names = ["mix", *stems]
    with staging(out_dir) as folder, plain_disk_errors(out_dir):
        try:
            outcome = brought(
                request, [Path(request.path), *stems.values()],
                [folder / f"{name}.wav" for name in names], watch,
            )  # fmt: skip
        except CannotConform as error:
            advice = {
                None: "",
                Remedy.DOWNBEAT: f"; say where bar 1 begins with {named('downbeat_seconds')}",
                Remedy.OCTAVE: "; if you count it at half or double that tempo, say half or double",
            }[error.remedy]
            raise ProtocolError(Code.OUT_OF_RANGE, f"{error}{advice}", "path") from None
        grid, facts = request.grid(outcome.bars), outcome.conforming
        manifest = Manifest(
            backline=backline_version(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            job=job,
            request=request.as_dict(),
            engine=EngineDescription(name=request.kind),
            grid=GridEntry.of(grid, outcome.sample_rate),
            key=None,
            melody=None,
            position=PositionEntry(start_seconds=0.0, at_beats=0.0, at_seconds=0.0),
            sections=(),
            stems=tuple(stems),
            takes=(
                TakeEntry(
                    1, 0, 0.0, outcome.null_dbfs or 0.0, None,
                    TakeFacts(conform=facts, remarks=outcome.remarks or None),
                ),
            ),
            files=tuple(
                describe_file(
                    folder, f"{name}.wav", "stem" if name in stems else "mix",
                    stem=name if name in stems else None, take=1,
                    frames=facts.frames + facts.tail_frames,
                )
                for name in names
            ),
        )  # fmt: skip
        write_manifest(folder / MANIFEST_NAME, manifest)
        publish(folder, out_dir, MANIFEST_NAME)
    progress("conform", 1.0)
    return manifest
