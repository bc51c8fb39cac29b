"""Other machines: let in by network and token, and never sent more than three times the bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from daemon.config import Config
from daemon.errors import UsageError
from daemon.front_ends.front_end import Service
from daemon.front_ends.guard import AMPLIFICATION, MAX_WRONG_TOKENS, Guard
from daemon.front_ends.osc import OscFrontEnd
from daemon.front_ends.subscribers import Address
from daemon.journal import Journal
from daemon.lan import token_in
from daemon.queue import JobQueue
from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code, ProtocolError

TOKEN = "a token of 24 characters"
TABLET: Address = ("192.168.1.50", 9000)
STRANGER: Address = ("10.0.0.1", 9000)
LAN = (IPv4Network("192.168.1.0/24"),)


def hello(token: str) -> OscMessage:
    return OscMessage("/backline/hello", "ssss", ("h1", "tablet", "token", token))


STATUS = OscMessage("/backline/status")


def token_file(folder: Path, token: str) -> Path:
    file = folder / "token"
    file.write_text(f"{token}\n")
    file.chmod(0o600)
    return file


def refused(guard: Guard, command: OscMessage, source: Address) -> bool:
    try:
        guard.check(command, source)
    except ProtocolError as error:
        assert error.code == Code.UNAUTHORIZED
        return True
    return False


def test_this_machine_needs_no_token() -> None:
    guard = Guard((), "")
    assert guard.knows_host("127.0.0.1") and guard.knows_host("127.0.0.77")
    assert not refused(guard, STATUS, ("127.0.0.1", 9000))


def test_only_machines_of_the_networks_are_looked_at() -> None:
    guard = Guard(LAN, TOKEN)
    assert guard.knows_host(TABLET[0])
    assert not guard.knows_host(STRANGER[0])


def test_a_machine_is_let_in_once_it_has_shown_the_token() -> None:
    guard = Guard(LAN, TOKEN)
    assert refused(guard, STATUS, TABLET)
    assert refused(guard, hello("a token of 24 charactes"), TABLET)
    assert refused(guard, OscMessage("/backline/hello", "ss", ("h1", "token")), TABLET)
    assert not refused(guard, hello(TOKEN), TABLET)
    assert not refused(guard, STATUS, TABLET)
    assert refused(guard, STATUS, (TABLET[0], 9001))  # another program on it has not


def test_tokens_cannot_be_guessed_by_many() -> None:
    guard = Guard(LAN, TOKEN)
    for _ in range(MAX_WRONG_TOKENS):
        assert refused(guard, hello("wrong"), TABLET)
    assert refused(guard, hello(TOKEN), TABLET)
    assert not refused(guard, hello(TOKEN), ("192.168.1.51", 9000))


@pytest.fixture
def front_end(tmp_path: Path) -> Iterator[tuple[OscFrontEnd, list[tuple[int, Address]]]]:
    """A front end that never opens its port, and the sizes of what it would have sent."""
    config = Config(home=tmp_path, osc_port=0, lan=LAN, token_file=token_file(tmp_path, TOKEN))
    config.make_folders()
    with closing(Journal(tmp_path / "journal.sqlite3")) as journal:
        service = Service(config, journal, JobQueue(config, journal), lambda mode: None)
        made = OscFrontEnd(service)
        sent: list[tuple[int, Address]] = []

        class Socket:
            def sendto(self, packet: bytes, target: Address) -> None:
                sent.append((len(packet), target))

            def close(self) -> None:
                pass

        made._socket.close()
        made._socket = Socket()  # type: ignore[assignment]
        made._desk.take = lambda commands, source: (  # type: ignore[method-assign]
            made._exchange.carry_out(commands, source) or True  # type: ignore[func-returns-value]
        )
        yield made, sent


def test_an_unproved_address_gets_at_most_three_times_its_bytes(front_end) -> None:
    made, sent = front_end
    received = 0
    commands = (
        encode("/ping", "", ()), encode("/backline/jobs", "s", ("l1",)),
        encode("/backline/notify", "sisi", ("n1", 1, "port", 9001)),
        encode("/backline/hello", "ss", ("h1", "victim")), encode("/x", "", ()),
        encode("/backline/generate", "sfsfs", ("t1", 92.0, "Am", 10.0, "dub")),
    )  # fmt: skip
    for _ in range(60):
        for datagram in commands:
            received += len(datagram)
            made._take(datagram, TABLET)
            assert sum(size for size, _ in sent) <= AMPLIFICATION * received
    assert {target for _, target in sent} == {TABLET}
    assert made._exchange.subscribers.listening() == []


def test_a_machine_with_the_token_is_served_and_may_name_no_files(front_end) -> None:
    made, _ = front_end
    made._take(encode("/backline/hello", "ssss", ("h1", "tablet", "token", TOKEN)), TABLET)
    made._take(encode("/backline/notify", "si", ("n1", 1)), TABLET)
    assert [each.target for each in made._exchange.subscribers.listening()] == [TABLET]
    answers: list[bytes] = []
    made._socket.sendto = lambda packet, target: answers.append(packet)
    made._take(encode("/backline/split", "ss", ("s1", "/home/me/song.wav")), TABLET)
    (error,) = decode(answers[-1])
    assert error.args[2] == Code.PATH_FORBIDDEN


def test_strangers_are_not_answered(front_end) -> None:
    made, sent = front_end
    made._take(encode("/ping", "", ()), STRANGER)
    assert sent == []


@pytest.mark.parametrize("text", ["x", "192.168.1.0/33", "0.0.0.0/0", "fe80::/10"])
def test_a_network_that_is_none_is_bad_usage(text: str) -> None:
    with pytest.raises(UsageError, match=r"^lan must"):
        Config(lan=(text,))  # type: ignore[arg-type]


def test_a_network_needs_a_token_and_a_token_a_network(tmp_path: Path) -> None:
    file = token_file(tmp_path, TOKEN)
    with pytest.raises(UsageError, match="--token-file"):
        Config(home=tmp_path, lan=LAN)
    with pytest.raises(UsageError, match="--lan"):
        Config(home=tmp_path, token_file=file)
    assert Config(home=tmp_path).osc_host == "127.0.0.1"
    assert Config(home=tmp_path, lan=LAN, token_file=file).osc_host == "0.0.0.0"


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 16 characters, not 5"):
        token_in(token_file(tmp_path, "short"))


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = token_file(tmp_path, TOKEN)
    file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        token_in(file)
    file.chmod(0o600)
    assert token_in(file) == TOKEN
    with pytest.raises(UsageError, match="cannot be read"):
        token_in(tmp_path / "nothing")
