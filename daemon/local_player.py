"""Jobs that this machine plays, in the worker process."""

from __future__ import annotations

import contextlib
import pkgutil
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config import Config
from daemon.player import CancelFlag, Progress
from daemon.worker_messages import Play
from diffusion.engines import engine_spec

if TYPE_CHECKING:
    from daemon.pipeline.batches import BatchedEngine
    from stems.manifest import Manifest
    from stems.splitting.splitter import Splitter


class LocalPlayer:
    """Plays here, by engines and splitters that are opened once and kept for the next job.

    `are_waiting` says whether there is anything else to do.
    """

    def __init__(
        self, config: Config, at_exit: contextlib.ExitStack, are_waiting: CancelFlag
    ) -> None:
        self._config, self._at_exit, self._are_waiting = config, at_exit, are_waiting
        self.engine, self.splitter = cache(self._open_engine), cache(self._open_splitter)

    def _open_engine(self, name: str) -> BatchedEngine:
        from daemon.pipeline.batches import BatchedEngine

        engine = BatchedEngine(engine_spec(name, self._config.engines).open())
        self._at_exit.callback(engine.close)
        return engine

    def _open_splitter(self, name: str | None) -> Splitter:
        splitter: Splitter = pkgutil.resolve_name(self._config.splitter_factory)(name)
        return splitter

    def warm_up(self) -> str:
        """Load the engine to begin with and play one bar to no end.

        The first job then finds all imported and compiled. A job that comes interrupts the bar.
        """
        if not (name := self._config.warm_engine):
            return ""
        try:
            from daemon.pipeline import generate
            from osc_protocol.generate import Generate

            engine = self.engine(name)
            engine.load(lambda stage, fraction: None)
        except Exception:  # the job that needs it will fail with it again
            traceback.print_exc()
            return ""
        with (
            contextlib.suppress(Exception),
            tempfile.TemporaryDirectory(prefix="backline-warm-up-") as folder,
        ):
            request = Generate(bpm=120.0, key="C major", bars=1, seed=0)
            generate(request, engine, Path(folder), lambda stage, fraction: None, self._are_waiting)
        return name

    def play(
        self, order: Play, folder: Path, progress: Progress, cancelled: CancelFlag
    ) -> Manifest:
        """Play a job; raises what the pipeline raises."""
        from daemon.pipeline import generate, split
        from daemon.pipeline.conform_job import conform
        from daemon.pipeline.plan_job import plan
        from osc_protocol.messages import REQUESTS, Conform, Plan, Split

        request = REQUESTS[str(order.request.get("kind", ""))].restored(order.request)
        job = str(order.number)
        if isinstance(request, Split):
            return split(request, self.splitter, folder, progress, cancelled, job=job)
        if isinstance(request, Conform):
            return conform(request, folder, progress, cancelled, job=job)
        engine = self.engine(request.engine)
        if isinstance(request, Plan):
            return plan(request, engine, folder, progress, cancelled, job=job)
        engine.expect(order.behind)
        return generate(
            request, engine, folder, progress, cancelled, job=job, open_splitter=self.splitter
        )
