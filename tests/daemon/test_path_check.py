"""Which files clients may name: hostile paths, for each argument that is one, at each door."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.config import Config
from midi import user_file
from midi.user_file import confined_to, open_file
from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.grammar import read_answer, write
from osc_protocol.messages import AnyRequest, ErrorReply
from osc_protocol.split import Split

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and devices of POSIX")

CANARY = b"MThd canary"
HOSTILE = (
    "{outside}/canary.mid",
    "{inside}/../outside/canary.mid",
    "{inside}/sub/../../outside/canary.mid",
    "{inside}/link.mid",
    "{inside}/folder-link/canary.mid",
    "{inside}/link-to-link.mid",
    "{inside}/./../outside/./canary.mid",
    "{inside}//..//outside//canary.mid",
    "//{outside}/canary.mid",
    "{inside}-beside/canary.mid",
    "{outside}",
    "{outside}/fifo",
    "{outside}/nothing",
    "/etc/shadow",
    "/etc/passwd",
    "/proc/self/environ",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd",
    "/dev/zero",
    "/dev/stdin",
    "/dev/fd/0",
    "/sys/kernel/notes",
    "/",
    "/.",
    "/..",
    "/tmp",
    "{inside}/../../../../../../../../../../../../etc/passwd",
    "/" + "x" * 300,
    "/" + "x/" * 1500,
    "{outside}/canary.mid/.",
)


def generate(**fields: object) -> Generate:
    return Generate(bpm=120.0, key="C", bars=4, **fields)  # type: ignore[arg-type]


# Each argument that is a path, and a request that is in order but for it.
REQUESTS: dict[str, Callable[[str], AnyRequest]] = {
    "melody-path": lambda path: generate(melody_path=path),
    "midi-path": lambda path: generate(midi_path=path, from_="/home", stems=("bass",)),
    "chords-path": lambda path: generate(chords_path=path),
    "plan-path": lambda path: generate(plan_path=path),
    "from": lambda path: generate(from_=path, stems=("bass",)),
    "audio-path": lambda path: generate(audio_path=path, engine="ace-step"),
    "reference-path": lambda path: generate(reference_path=path, engine="ace-step"),
    "loras": lambda path: generate(loras=f"{path}:0.5", engine="ace-step"),
    "path": lambda path: Split(path),
    "model": lambda path: Split("/mnt", model=path),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("files")
    inside, outside = top / "inside", top / "outside"
    for folder in (inside, inside / "sub", outside, top / "inside-beside"):
        folder.mkdir()
    for folder in (outside, top / "inside-beside"):
        (folder / "canary.mid").write_bytes(CANARY)
    os.mkfifo(outside / "fifo")
    (inside / "link.mid").symlink_to(outside / "canary.mid")
    (inside / "link-to-link.mid").symlink_to("link.mid")
    (inside / "folder-link").symlink_to(outside)
    return {"inside": inside, "outside": outside}


@pytest.fixture(scope="module")
def strict(launch, tmp_path_factory, folders) -> Iterator[object]:
    """A daemon whose clients may name files in its home and in `inside` only."""
    home = tmp_path_factory.mktemp("home")
    roots = {"allow_root": [str(folders["inside"])]}
    daemon = launch(home / "daemon", config=roots, HOME=str(home))
    yield daemon
    with daemon.client() as client:
        client.quit()
    assert daemon.process.wait(DEADLINE_SECONDS) == 0


def every_case(folders: dict[str, Path]) -> list[AnyRequest]:
    """Each hostile path in each argument, with a rid of its own."""
    found = []
    for argument, make in REQUESTS.items():
        for number, hostile in enumerate(HOSTILE):
            request = make(hostile.format(**folders))
            object.__setattr__(request, "rid", f"{argument}{number}")
            found.append(request)
    return found


def by_file(home: Path, request: AnyRequest, number: int) -> None:
    """Send a request by the spool."""
    name = f"{round(time.time() * 1000):013}-paths-{number:06}.osc"
    partial = home / "spool" / "in" / f"{name}.tmp"
    partial.write_bytes(write(request))
    partial.rename(home / "spool" / "in" / name)


def answers_by_file(home: Path, count: int) -> list[object]:
    """Read so many answers of the spool."""
    end, never, found = time.monotonic() + DEADLINE_SECONDS, threading.Event(), list[object]()
    while len(found) < count:
        assert time.monotonic() < end, "waited in vain"
        for file in sorted((home / "spool" / "out").glob("paths/*.osc")):
            found += map(read_answer, decode(file.read_bytes()))
            file.unlink()
        never.wait(0.005)
    return found


def by_stream(port: int, requests: list[AnyRequest]) -> list[object]:
    """Send requests over TCP, one after the other, and return what they are answered."""
    found = []
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as wire:
        stream = wire.makefile("rb")
        for request in requests:
            packet = write(request)
            wire.sendall(struct.pack(">I", len(packet)) + packet)
            (size,) = struct.unpack(">I", stream.read(4))
            found += map(read_answer, decode(stream.read(size)))
    return found


@pytest.mark.parametrize("argument", REQUESTS)
def test_no_path_leads_out_of_the_roots_by_any_argument(
    strict, folders: dict[str, Path], argument: str
) -> None:
    with strict.client() as client:
        for hostile in HOSTILE:
            path = hostile.format(**folders)
            with pytest.raises(ProtocolError) as refusal:
                client.submit(REQUESTS[argument](path))
            assert refusal.value.code == Code.PATH_FORBIDDEN, (path, refusal.value.message)
            assert refusal.value.field in (argument, "from")
        assert client.jobs() == ()
    assert (folders["outside"] / "canary.mid").read_bytes() == CANARY


@pytest.mark.parametrize("door", ["spool", "tcp"])
def test_no_path_leads_out_of_the_roots_by_another_door(
    strict, folders: dict[str, Path], door: str
) -> None:
    requests = every_case(folders)
    if door == "tcp":
        answers = by_stream(strict.port, requests)
    else:
        for number, request in enumerate(requests):
            by_file(strict.home, request, number)
        answers = answers_by_file(strict.home, len(requests))
    codes = {each.rid: each.code for each in answers if isinstance(each, ErrorReply)}
    assert codes == {str(each.rid): Code.PATH_FORBIDDEN for each in requests}
    assert (folders["outside"] / "canary.mid").read_bytes() == CANARY


def test_no_path_leads_out_of_the_roots_by_a_draft(strict, folders: dict[str, Path]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(DEADLINE_SECONDS)
        wire.connect(("127.0.0.1", strict.port))

        def ask(address: str, tags: str, *values: object) -> OscMessage:
            wire.send(encode(f"/backline/draft/{address}", tags, values))
            (answer,) = decode(wire.recv(65_507))
            return answer

        ask("bpm", "f", 120.0)
        ask("key", "s", "C")
        for hostile in HOSTILE:
            ask("melody-path", "s", hostile.format(**folders))
            refusal = ask("go", "")
            assert refusal.args[2] == Code.PATH_FORBIDDEN, (hostile, refusal)


def test_what_lies_within_is_opened(strict, folders: dict[str, Path]) -> None:
    melody = folders["inside"] / "no.mid"
    melody.write_bytes(b"no melody")
    with strict.client() as client:
        for path in (melody, folders["inside"] / "sub" / ".." / "no.mid"):
            with pytest.raises(ProtocolError) as refusal:
                client.submit(generate(melody_path=str(path)))
            assert refusal.value.code == Code.BAD_MIDI  # so it was read


def test_the_usual_roots_are_home_the_users_folder_and_other_disks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    roots = Config(home=tmp_path / "home", allow_root=(Path("/srv/music"),)).roots
    assert {tmp_path / "home", tmp_path / "user", Path("/srv/music")} <= set(roots)
    monkeypatch.setenv("HOME", "/")
    assert Path("/") not in Config(home=tmp_path / "home").roots


def test_a_file_is_opened_within_the_roots_only(folders: dict[str, Path]) -> None:
    (folders["inside"] / "own").write_bytes(b"own")
    with confined_to([folders["inside"]]):
        with open_file(folders["inside"] / "own") as file:
            assert file.read() == b"own"
        for path in (folders["outside"] / "canary.mid", folders["inside"] / "link.mid"):
            with pytest.raises(PermissionError, match="outside the folders"):
                open_file(path)
    with open_file(folders["inside"] / "link.mid") as file:  # a user's own command may
        assert file.read() == CANARY


@pytest.mark.parametrize("path", ["link.mid", "folder-link/canary.mid"])
def test_what_becomes_a_link_after_it_was_looked_at_is_not_opened(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    with confined_to([folders["inside"]]):
        # As if the link had taken the place of a file once it had been resolved.
        monkeypatch.setattr(user_file, "resolved", lambda path: path)
        with pytest.raises(OSError):
            open_file(folders["inside"] / path)
