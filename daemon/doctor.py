"""A check of this machine: a line each on what is ready, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from daemon.config import Config
from daemon.installation import REINSTALL, ROOMS, is_light
from daemon.reaper_folders import portable_folders
from daemon.reaper_install import installed_version, resource_folder
from daemon.running import daemon_answers, port_is_free
from stems.version import backline_version

OK, WARNING, PROBLEM = "ok", "warning", "problem"
GIB = 1 << 30
NEEDED_DISK_BYTES = 2 * GIB


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` says what to do unless all is well."""

    subject: str
    status: str
    text: str
    advice: str = ""

    @property
    def line(self) -> str:
        """Return it as it is shown."""
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.status:<8} {self.subject}: {self.text}{advice}"


def examine(config: Config) -> Iterator[Finding]:
    """Check one thing after the other, the slow ones when they are asked for."""
    checks: tuple[Callable[[Config], Finding], ...] = (
        _python, _rooms, _torch, _weights, _engine, _disk, _results, _osc_port, _reaper,
    )  # fmt: skip
    for check in checks:
        yield check(config)


def _python(config: Config) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.prefix == sys.base_prefix:
        advice = "fine, but a virtual environment keeps other programs' packages apart"
        return Finding("Python", WARNING, f"{version}, not in a virtual environment", advice)
    return Finding("Python", OK, f"{version} in {sys.prefix}")


def _rooms(config: Config) -> Finding:
    """Our packages have plain names, so another program's `daemon` could be imported instead."""
    root = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != root:
            advice = "install backline in a virtual environment of its own"
            return Finding("Packages", PROBLEM, f"{room} is {origin}, not backline's", advice)
    return Finding("Packages", OK, f"backline's own code, in {root}")


def _torch(config: Config) -> Finding:
    try:
        return Finding("torch", OK, version("torch"))
    except PackageNotFoundError:
        if is_light():
            text = "not installed: a light install measures, conforms, slices and plans only"
            return Finding("torch", WARNING, text, REINSTALL)
        return Finding("torch", PROBLEM, "not installed", REINSTALL)


def _weights(config: Config) -> Finding:
    from diffusion.embedded.engine import verify_weights
    from diffusion.errors import EngineError

    try:
        files = verify_weights()
    except EngineError as error:
        return Finding("Weights", PROBLEM, str(error), "clone or install backline again")
    size = sum(path.stat().st_size for path in files.values())
    return Finding("Weights", OK, f"{len(files)} files, {size / 1e6:.1f} MB, each SHA-256 verified")


def _engine(config: Config) -> Finding:
    from diffusion.engine import Conditions
    from diffusion.engines import DEFAULT_ENGINE, engine_spec
    from diffusion.errors import EngineError
    from midi.grid import Grid
    from midi.key import Key

    if is_light():
        return Finding("Engine", WARNING, f"{DEFAULT_ENGINE} needs torch to play", REINSTALL)
    # Dry: every network plays, and no mix is worked out that nobody hears.
    one_bar = Conditions(Grid.constant("120", bars=1), Key.parse("C major"), dry=True)
    try:
        engine = engine_spec(DEFAULT_ENGINE, config.engines).open()
        engine.load(lambda stage, fraction: None)
        engine.generate(one_bar, lambda stage, fraction: None, lambda: False)
        device = engine.describe().device
        engine.close()
    except (EngineError, ImportError, OSError) as error:
        return Finding("Engine", PROBLEM, f"{DEFAULT_ENGINE} does not play: {error}", REINSTALL)
    place = f"CPU, {os.cpu_count()} cores" if device == "cpu" else str(device)
    return Finding("Engine", OK, f"{DEFAULT_ENGINE} loads and plays on {place}")


def _disk(config: Config) -> Finding:
    folder = config.home
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Finding("Disk", PROBLEM, f"{folder} cannot be written to", "choose another --home")
    free = shutil.disk_usage(folder).free
    text = f"{free / GIB:.1f} GiB free for results in {config.home}"
    if free < NEEDED_DISK_BYTES:
        return Finding("Disk", WARNING, text, "make room: 2 GiB is a comfortable minimum")
    return Finding("Disk", OK, text)


def _results(config: Config) -> Finding:
    from daemon.amounts import size_text
    from daemon.job_folders import bytes_in

    folders = list(config.jobs_folder.glob("[0-9]*"))
    if not folders:
        return Finding("Results", OK, f"none in {config.jobs_folder}")
    size = size_text(bytes_in(config.jobs_folder))
    count = f"{len(folders)} {'result' if len(folders) == 1 else 'results'}"
    kept = "`backline prune` deletes old ones"
    if not config.retention.are_off:
        rules = {"older than": config.prune_older, "over": config.prune_over}
        kept = "the daemon deletes those " + " and ".join(f"{w} {v}" for w, v in rules.items() if v)
        kept += ", but none that are rated" if config.prune_keep_rated else ""
    return Finding("Results", OK, f"{count}, {size}, in {config.jobs_folder}; {kept}")


def _osc_port(config: Config) -> Finding:
    subject = f"OSC port {config.osc_port}"
    if not port_is_free(config.osc_port):
        if daemon_answers(config.osc_port):
            return Finding(subject, OK, "a backline daemon answers there")
        advice = "end that program or use another --osc-port"
        return Finding(subject, WARNING, "taken by another program", advice)
    return Finding(subject, OK, "free")


def _reaper(config: Config) -> Finding:
    folders = [path for path in (resource_folder(),) if path.is_dir()]
    folders += [path for path in portable_folders(config.home) if path not in folders]
    if not folders:
        advice = (
            "start REAPER once; for a portable one `backline install-reaper --resource-path "
            "FOLDER`; or ignore this for another DAW"
        )
        text = f"no resource folder at {resource_folder()}, and no portable REAPER found"
        return Finding("REAPER", WARNING, text, advice)
    ours = backline_version()
    versions = {folder: installed_version(folder) for folder in folders}
    text = "; ".join(
        f"scripts {scripts} in {folder}"
        if scripts
        else f"resource folder {folder}, without scripts; `{_installs(folder)}` puts them there"
        for folder, scripts in versions.items()
    )
    for folder, scripts in versions.items():
        if scripts not in (None, ours):
            text += f", this is backline {ours}"
            return Finding("REAPER", WARNING, text, f"run `{_installs(folder)}`")
    return Finding("REAPER", OK, text)


def _installs(folder: Path) -> str:
    """The command that puts scripts into a resource folder."""
    where = "" if folder == resource_folder() else f" --resource-path {shlex.quote(str(folder))}"
    return f"backline install-reaper{where}"
