"""How one daemon is set up: where it lives, which port it listens on, which engines it opens.

The annotated fields are the settings a user may choose. A setting is spelled here only: its name
is an option of `serve` (--osc-port), a key of the configuration file (osc-port) and a variable of
the environment (BACKLINE_OSC_PORT); each of these goes before those after it, and all before the
default.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from daemon.amounts import bytes_of, seconds_of
from daemon.errors import UsageError
from daemon.limits import Limits
from daemon.play_on import WHEN_AWAY, check_secure, http_url, when_away
from daemon.roots import usual_roots
from daemon.setting import About, Setting
from daemon.web_address import web_address
from diffusion.engines import DEFAULT_ENGINE, ENGINES, EngineSpec
from diffusion.errors import EngineError
from diffusion.models.config_file import (
    chosen_path,
    config_path,
    read_config,
    source_of,
    variable,
)
from diffusion.models.folder import chosen_model, data_folder, models_folder
from midi.user_file import resolved

OSC_HOST = "127.0.0.1"
ALL_HOSTS = "0.0.0.0"
OSC_PORT = 9787
UNSET: Any = None  # of a setting: the environment, the file or the default decide
NO_ENGINE = "none"


@dataclass(frozen=True, slots=True)
class Config:
    """One daemon's settings, resolved once; port 0 lets the system choose a free one.

    `engines` are the rows of those that can be asked for, the default first. `splitter_factory`
    is "module:function" and takes a splitter's name (None: the default one). What is not given
    is chosen by the environment, the file or the default. Raises UsageError naming whichever is
    wrong.
    """

    home: Annotated[Path, About("the daemon's folder: queue, results, log and spool")] = UNSET
    osc_port: Annotated[
        int, About("UDP port of this machine; 0 takes a free one", OSC_PORT, 0, 65_535)
    ] = UNSET
    engines: tuple[EngineSpec, ...] = ENGINES
    splitter_factory: str = "stems.splitting.splitters:open_splitter"
    warm_engine: Annotated[
        str, About("engine to load before the first request asks for it, or none", DEFAULT_ENGINE)
    ] = UNSET
    cancel_grace_seconds: Annotated[
        float, About("how long a cancelled job may take to stop by itself", 5.0, 0, 600, "seconds")
    ] = UNSET
    max_queued_jobs: Annotated[int, About("jobs that may wait", 64, 1, 10_000)] = UNSET
    cluster_seconds: Annotated[
        float,
        About(
            "how long an ACE-Step job waits for others to share its batch", 0.2, 0, 60, "seconds"
        ),
    ] = UNSET
    models: Annotated[Path, About("the folder of downloaded weights")] = UNSET
    model: Annotated[str, About("name or hash of the ACE-Step weights to use", "")] = UNSET
    prune_older: Annotated[
        str, About("delete results older than that, such as 30d", "", reads=seconds_of)
    ] = UNSET
    prune_over: Annotated[
        str, About("delete the oldest results over that size, such as 20GB", "", reads=bytes_of)
    ] = UNSET
    prune_keep_rated: Annotated[bool, About("but none that have a rating: yes or no", False)] = (
        UNSET
    )
    log_file: Annotated[Path | None, About("print into this file, where no screen is")] = UNSET
    allow_root: Annotated[
        tuple[Path, ...], About("another folder in which clients may name files", ())
    ] = UNSET
    lan: Annotated[
        tuple[IPv4Network, ...],
        About("network whose machines may send once they show the token, 192.168.1.0/24", ()),
    ] = UNSET
    token_file: Annotated[
        Path | None, About("file with the token that machines of the lan must show in hello")
    ] = UNSET
    http_port: Annotated[
        int | None,
        About("port for HTTP; 0 takes a free one; without it, no HTTP", None, 0, 65_535),
    ] = UNSET
    tls_cert: Annotated[Path | None, About("certificate (PEM) with which HTTP is HTTPS")] = UNSET
    tls_key: Annotated[Path | None, About("private key (PEM) of that certificate")] = UNSET
    play_on: Annotated[
        str, About("another backline that plays the jobs, https://HOST:9788", "", reads=http_url)
    ] = UNSET
    insecure: Annotated[bool, About("play-on may be http to another machine: yes or no", False)] = (
        UNSET
    )
    when_away: Annotated[
        str, About("while play-on does not answer: wait, or local", WHEN_AWAY[0], reads=when_away)
    ] = UNSET
    webhook_target: Annotated[
        tuple[str, ...],
        About("address below which jobs may be told, https://example.com/hooks/", (),
              reads=web_address),
    ] = UNSET  # fmt: skip
    webhook_secret_file: Annotated[
        Path | None, About("file with the secret that webhooks are signed with")
    ] = UNSET
    worker_silence_seconds: float = 60.0  # without a sign of life: the worker is replaced
    worker_stall_seconds: float = 900.0  # with signs of life, but without progress: likewise
    disk_reserve_bytes: int = 256 << 20  # with less than that free no job is accepted

    def __post_init__(self) -> None:
        check_keys()
        for setting in settings():
            given = getattr(self, setting.field)
            value = chosen(setting) if given is UNSET else setting.read(given, setting.key)
            if setting.field == "warm_engine":
                where = said_by(setting.key) if given is UNSET else setting.key
                value = self._engine_or_none(value, where)
            object.__setattr__(self, setting.field, value)
        if self.token_file and not (self.lan or self.play_on):
            raise UsageError("token-file is for other machines: give their network with --lan")
        if self.play_on:
            check_secure(self.play_on, self.insecure)
            # Whether an engine can play, and whether a job stands still, is the other's to say.
            engines = tuple(replace(spec, availability="") for spec in self.engines)
            object.__setattr__(self, "engines", engines)
            object.__setattr__(self, "worker_stall_seconds", math.inf)
        if self.lan and not self.token_file:
            raise UsageError("lan needs a token: give a file that has it with --token-file")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("tls-cert and tls-key belong together: give both, or neither")
        if bool(self.webhook_target) != (self.webhook_secret_file is not None):
            both = "give both, or neither"
            raise UsageError(f"webhook-target and webhook-secret-file belong together: {both}")
        if self.lan and self.http_port is not None and not self.tls_cert:
            raise UsageError("http-port with lan needs tls-cert and tls-key: tokens are secret")

    @property
    def http_host(self) -> str:
        """The address at which HTTP listens."""
        return self.osc_host

    @property
    def osc_host(self) -> str:
        """The address to listen at: this machine's own, or with `lan` all it has."""
        return ALL_HOSTS if self.lan else OSC_HOST

    def _engine_or_none(self, name: str, where: str) -> str:
        names = [spec.name for spec in self.engines]
        if name in ("", NO_ENGINE):
            return ""
        if name not in names and name != DEFAULT_ENGINE:
            raise UsageError(f"{where} must be {' or '.join((*names, NO_ENGINE))}, not {name!r}")
        return name

    @property
    def batching_engines(self) -> frozenset[str]:
        """Names of the engines that play jobs of equal shape in one batch."""
        return frozenset(spec.name for spec in self.engines if spec.batches)

    @property
    def retention(self) -> Limits:
        """How old results may get, and how much room they may take."""
        return Limits.of(self.prune_older, self.prune_over, self.prune_keep_rated)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders below which files may be that clients name, all links followed.

        These are the home, the user's own folder, where other disks are, and `allow_root`.
        """
        return (*usual_roots(self.home), *map(resolved, self.allow_root))

    @property
    def jobs_folder(self) -> Path:
        """Where results go, one folder a job."""
        return self.home / "jobs"

    @property
    def spool_folder(self) -> Path:
        """Where clients without a socket leave requests and find answers."""
        return self.home / "spool"

    @property
    def log_folder(self) -> Path:
        """Where the daemon, its worker and unexpected errors write."""
        return self.home / "log"

    def variables(self) -> Mapping[str, str]:
        """Return the environment that tells other processes and rooms these settings."""
        said = {each.key: each.text(getattr(self, each.field)) for each in settings()}
        said["warm-engine"] = self.warm_engine or NO_ENGINE
        return {variable(key): text for key, text in said.items() if text}

    def make_folders(self) -> None:
        """Create the home; raises UsageError when that cannot be."""
        try:
            self.jobs_folder.mkdir(parents=True, exist_ok=True)
            self.log_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(
                f"home {str(self.home)!r} cannot be made or written to: {reason}"
            ) from error


def typed_config(**typed: Any) -> Config:
    """Return the settings where some were typed, as text, by the names of Config's fields."""
    return Config(**typed)


@cache
def settings() -> tuple[Setting, ...]:
    """Return the settings a user may choose, in the order of Config's fields."""
    hints = get_type_hints(Config, include_extras=True)
    found = []
    for each in fields(Config):
        about = next((m for m in getattr(hints[each.name], "__metadata__", ()) if m), None)
        if isinstance(about, About):
            kind = hints[each.name].__origin__
            many = get_origin(kind) is tuple
            # Of "tuple[Path, ...]" and "Path | None" the first is what is read.
            kind = kind if isinstance(kind, type) else get_args(kind)[0]
            found.append(Setting(each.name.replace("_", "-"), kind, about, many))
    return tuple(found)


def check_keys() -> None:
    """Raise UsageError for a key of the file that is none of the settings."""
    keys = [setting.key for setting in settings()]
    for key in _file():
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; the keys are {', '.join(keys)}"
            raise UsageError(f"{key} in {config_path()} is no setting{meant}")


def chosen(setting: Setting) -> Any:
    """Return what environment, file or default say of a setting; raises UsageError."""
    try:
        match setting.key:  # what other rooms read as well
            case "home":
                return data_folder()
            case "models":
                return models_folder()
            case "model":
                return chosen_model()
        if setting.kind is Path and not setting.many:
            return chosen_path(setting.key)
    except EngineError as error:
        raise UsageError(str(error)) from None
    match source_of(setting.key):
        case "environment":
            return setting.read(os.environ[variable(setting.key)], variable(setting.key))
        case "file":
            value = setting.read(_file()[setting.key], said_by(setting.key))
            # A path in the file is taken from the file's folder.
            return tuple(map(_from_file, value)) if setting.many else value
    return setting.about.default


def said_by(key: str) -> str:
    """Return where what holds for a setting was said, for the sentence of an error."""
    named = {"environment": variable(key), "file": f"{key} in {config_path()}"}
    return named.get(source_of(key), key)


def _from_file(value: object) -> object:
    return config_path().parent / value if isinstance(value, Path) else value


def _file() -> Mapping[str, object]:
    try:
        return read_config()
    except EngineError as error:
        raise UsageError(str(error)) from None
