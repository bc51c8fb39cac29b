"""A daemon whose jobs another one plays: cuts, restarts, files both ways, cancels, this machine."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from daemon.remote_connection import Away, Connection
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished
from osc_protocol.split import Split
from stems.manifest import read_manifest

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
Ask = Callable[..., Generate]


class Lossy:
    """Passes TCP on to a port; each connection ends after the next number of bytes of `cuts`."""

    def __init__(self, port: int) -> None:
        self.port_there, self.cuts, self.is_shut = port, [], False
        self.cut_count = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                most = self.cuts.pop(0) if self.cuts else 1 << 40
                if self.is_shut:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.port_there))
                except OSError:
                    near.close()
                    continue
                threading.Thread(target=self._join, args=(near, far, most), daemon=True).start()

    def _join(self, near: socket.socket, far: socket.socket, most: int) -> None:
        left = [most]
        # The other side takes what is for its own port only.
        names = (f":{self.port}\r".encode(), f":{self.port_there}\r".encode())
        back = threading.Thread(target=self._pass_on, args=(far, near, left, names[:1] * 2))
        with near, far:
            back.start()
            self._pass_on(near, far, left, names)
            back.join()

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, left: list[int], name: tuple[bytes, bytes]
    ) -> None:
        with suppress(OSError):
            while block := source.recv(1 << 16):
                block = block.replace(*name)[: left[0]]
                left[0] -= len(block)
                sink.sendall(block)
                if left[0] <= 0:
                    self.cut_count += 1
                    break
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()


@pytest.fixture(scope="module")
def far(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    return launch(tmp_path_factory.mktemp("far"), grace_seconds=1.0, config={"http_port": 0})


@pytest.fixture(scope="module")
def lossy(far) -> Iterator[Lossy]:  # type: ignore[no-untyped-def]
    proxy = Lossy(far.http_port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def near(launch, far, lossy: Lossy, tmp_path_factory):  # type: ignore[no-untyped-def]
    """The daemon that the clients know; the line to the other one can be cut."""
    play_on = f"http://127.0.0.1:{lossy.port}"
    home = tmp_path_factory.mktemp("near")
    return launch(home, grace_seconds=4.0, config={"play_on": play_on})


def far_jobs(far: Any) -> list[dict[str, Any]]:
    return httpx.get(f"{far.url}/v1/jobs", params={"limit": 100}).json()["jobs"]


def end_of(daemon: Any, request: Any) -> tuple[int, Finished]:
    with daemon.client() as client:
        client.subscribe(scope="mine")
        job = client.submit(request).job
        (finished,) = [each for each in client.watch(job) if isinstance(each, Finished)]
        return job, finished


def test_clients_find_the_stems_in_this_daemon_s_home(near: Any, far: Any, ask: Ask) -> None:
    job, finished = end_of(near, ask(seed=4))
    assert finished.state == "done"
    manifest = read_manifest(near.home / "jobs" / str(job), check_hashes=True)
    assert manifest.job == str(job)
    assert near.runs() == [] and far.runs()  # played there, and only there


def test_cuts_while_files_come_are_gone_on_from(near: Any, lossy: Lossy, ask: Ask) -> None:
    before = lossy.cut_count
    lossy.cuts[:] = [1, 700] + [100_000] * 60  # of files of 384 kB
    job, finished = end_of(near, ask(seed=5))
    lossy.cuts.clear()
    assert finished.state == "done"
    assert lossy.cut_count - before >= 10
    read_manifest(near.home / "jobs" / str(job), check_hashes=True)


def test_files_of_a_request_are_sent_by_their_hash(near: Any, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (48_000, 2))
    soundfile.write(song, noise, 48_000, "FLOAT")
    job, finished = end_of(near, Split(path=str(song)))
    assert finished.state == "done"
    manifest = read_manifest(near.home / "jobs" / str(job), check_hashes=True)
    assert manifest.request["path"] == str(song)  # as it was asked for here


def test_a_result_from_there_is_changed_there(near: Any, ask: Ask) -> None:
    first, _ = end_of(near, ask(seed=6))
    folder = near.home / "jobs" / str(first)
    change = ask(seed=7, from_=str(folder), stems=("bass",), bar_range="1-1")
    job, finished = end_of(near, change)
    assert finished.state == "done", finished
    changed = near.home / "jobs" / str(job)
    sounds = [[soundfile.read(each / f"{stem}.wav")[0] for each in (folder, changed)]
              for stem in ("drums", "bass")]  # fmt: skip
    assert [np.array_equal(*each) for each in sounds] == [True, False]


def test_a_cancel_that_the_line_swallows_reaches_the_other_side_later(
    near: Any, far: Any, lossy: Lossy, ask: Ask
) -> None:
    with near.client() as client:
        client.subscribe(scope="mine")
        job = client.submit(ask("hold", seed=8)).job
        next(each for each in client.watch(job) if getattr(each, "fraction", 0) > 0)
        lossy.is_shut = True
        client.cancel(job)
        (finished,) = [each for each in client.watch(job) if isinstance(each, Finished)]
        assert finished.state == "cancelled"
    lossy.is_shut = False
    newest = far_jobs(far)[0]["job"]
    with httpx.stream(
        "GET", f"{far.url}/v1/jobs/{newest}/events", timeout=DEADLINE_SECONDS
    ) as told:
        assert "cancelled" in "".join(told.iter_text())


def test_a_restart_of_this_daemon_finds_its_job_there(
    launch: Any, far: Any, ask: Ask, tmp_path: Path
) -> None:
    config = {"play_on": far.url}
    first = launch(tmp_path / "home", config=config)
    with first.client() as client:
        client.subscribe(scope="mine")
        job = client.submit(ask("hold", seed=21)).job
        next(each for each in client.watch(job) if getattr(each, "fraction", 0) > 0)
    played = len(far.runs())
    first.ends_with(signal.SIGKILL)
    again = launch(tmp_path / "home", config=config)
    with again.client() as client:
        client.subscribe(scope="all")
        client.cancel(job)
        (finished,) = [each for each in client.watch(job) if isinstance(each, Finished)]
        assert finished.state == "cancelled"
    assert len(far.runs()) == played  # it was not begun anew
    again.ends_with(signal.SIGTERM)


def test_while_nobody_answers_this_machine_plays_where_that_is_asked(
    launch: Any, ask: Ask, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    config = {"play_on": f"http://127.0.0.1:{port}", "when_away": "local"}
    daemon = launch(tmp_path / "home", config=config)
    _, finished = end_of(daemon, ask(seed=30))
    assert finished.state == "done"
    assert [seed for seed, _ in daemon.runs()] == [30]
    daemon.ends_with(signal.SIGTERM)


def test_adapters_that_lie_here_are_refused_in_a_sentence(
    near: Any, tmp_path: Path, ask: Ask
) -> None:
    lora = tmp_path / "style.safetensors"
    lora.write_bytes(b"weights")
    _, finished = end_of(near, ask(engine="ace-step", loras=str(lora), bars=8))
    assert (finished.state, finished.error_code) == ("failed", Code.PATH_FORBIDDEN)


def test_a_machine_that_is_not_there_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(Away):
        Connection(f"http://127.0.0.1:{port}", "", "me", 1.0).ask("GET", "/v1/status")


def test_what_the_other_side_refuses_for_good_has_its_sentence(far: Any) -> None:
    connection = Connection(far.url, "", "me", DEADLINE_SECONDS)
    with pytest.raises(ProtocolError, match="there is no such job") as refused:
        connection.ask("GET", "/v1/jobs/none")
    assert refused.value.code == Code.NOT_FOUND
