"""Which files clients may name: hostile paths, for each argument that is one, at each door."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.config import Config
from midi import user_file
from midi.user_file import confined_to, open_file
from osc_protocol.codec import decode
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


def by_file(home: Path, request: AnyRequest, number: int) -> ErrorReply:
    """Send a request by the spool and return what it is answered."""
    name = f"{round(time.time() * 1000):013}-paths-{number:06}.osc"
    partial = home / "spool" / "in" / f"{name}.tmp"
    partial.write_bytes(write(request))
    partial.rename(home / "spool" / "in" / name)
    end, never = time.monotonic() + DEADLINE_SECONDS, threading.Event()
    while not (answers := list((home / "spool" / "out").glob("paths/*.osc"))):
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.005)
    (message,) = decode(answers[0].read_bytes())
    answers[0].unlink()
    answer = read_answer(message)
    assert isinstance(answer, ErrorReply)
    return answer


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


def test_no_path_leads_out_of_the_roots_by_the_spool(strict, folders: dict[str, Path]) -> None:
    number = 0
    for make in REQUESTS.values():
        for hostile in HOSTILE[:6]:
            number += 1
            request = make(hostile.format(**folders))
            object.__setattr__(request, "rid", f"r{number}")
            assert by_file(strict.home, request, number).code == Code.PATH_FORBIDDEN


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
