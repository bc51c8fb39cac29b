"""What all carriers of OSC have in common: packets come in, answers and events go out.

A carrier (UDP, the spool) moves the bytes. It has an exchange of its own, so its clients, leases
and reply addresses are never mixed up with another carrier's; jobs are everybody's.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence

from daemon.front_ends.drafts import Drafts
from daemon.front_ends.front_end import Service
from daemon.front_ends.guard import Guard
from daemon.front_ends.osc_commands import Commands
from daemon.front_ends.osc_events import as_message, as_ui_messages
from daemon.front_ends.resending import Resending
from daemon.front_ends.subscribers import (
    Address,
    Subscribers,
    address_of,
    address_text,
    is_connection,
)
from daemon.jobs import Event, EventKind, JobState
from daemon.journal_file import is_damage, is_locked
from osc_protocol import messages as osc
from osc_protocol.codec import OscMessage, decode
from osc_protocol.draft import Draft
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.grammar import pong_to, read_command, request_id, write

log = logging.getLogger("backline.osc")


class Exchange:
    """The clients of one carrier; take() belongs to one thread, the rest to any.

    `send` brings a packet, of a message of that class, to an address and never raises; packets have
    at most `max_packet_bytes`. A `guard` is asked for each message whether its sender may.
    """

    def __init__(
        self,
        service: Service,
        send: Callable[[bytes, type[osc.Message], Address], None],
        max_packet_bytes: int,
        guard: Guard | None = None,
    ) -> None:
        journal, self._guard = service.journal, guard
        self._service = service
        self.subscribers = Subscribers(
            [(address_of(text), client_id, port) for text, client_id, port in journal.clients()],
            self._remember,
        )
        self._send = send
        self._max_packet_bytes = max_packet_bytes
        self._resending = Resending(send)
        self._drafts = Drafts()
        self._commands = Commands(
            service, self.subscribers, self._resending, self._drafts, self.answer,
            max_packet_bytes, service.config.roots,
        )  # fmt: skip

    def _remember(self, source: Address, client_id: str, port: int) -> None:
        if not is_connection(source):  # it says hello again in its next one
            self._service.journal.remember_client(address_text(source), client_id, port)

    def take(self, packet: bytes, source: Address) -> None:
        """Carry out one packet; raises DecodeError when it is none, and nothing else."""
        self.carry_out(decode(packet, self._max_packet_bytes), source)

    def answer_ping(self, datagram: bytes, ping: OscMessage, source: Address) -> None:
        """Answer a ping that is a datagram of its own, in the shortest way there is."""
        pong = pong_to(datagram, ping)
        if pong is None:
            self.carry_out((ping,), source)
        else:
            self._send(pong, osc.Pong, self.subscribers.renew(source, time.monotonic()))

    def carry_out(self, commands: Sequence[OscMessage], source: Address) -> None:
        """Carry out the messages of one packet; raises nothing."""
        self.subscribers.renew(source, time.monotonic())
        for command in commands:
            self._carry_out(command, source)

    def answer(self, message: osc.Message, source: Address) -> None:
        """Send a message to where `source` wants its answers."""
        self._send_all([message], [self.subscribers.target(source)])

    def publish(self, event: Event) -> None:
        """Send an event to those it concerns, in the style each has asked for."""
        now = time.monotonic()
        leases = [
            lease
            for lease in self.subscribers.listening()
            if lease.expires_seconds > now and lease.wants(event.job.owner)
        ]
        if event.kind is EventKind.PROGRESS:
            stage, may_send = event.details["stage"], self.subscribers.may_send_progress
            leases = [lease for lease in leases if may_send(lease, stage, now)]
        events = [lease.target for lease in leases if lease.style != "simple"]
        simple = [lease.target for lease in leases if lease.style != "events"]
        if events:
            (packet,) = self._send_all([as_message(event, self._service.queue)], events) or (b"",)
            if packet and event.kind is not EventKind.PROGRESS:
                kind = osc.Event
                for lease in leases:
                    if lease.is_reliable and lease.style != "simple":
                        self._resending.add(lease.target, event.seq, packet, kind)
        if simple:
            self._send_all(list(as_ui_messages(event)), simple)

    def heartbeat(self) -> None:
        """Send the heartbeat to all who subscribed to events; end leases that are over."""
        self.subscribers.expire(time.monotonic())
        journal = self._service.journal
        beat = osc.Heartbeat(
            journal.epoch,
            journal.head_seq,
            journal.count(JobState.RUNNING),
            journal.count(JobState.QUEUED),
        )
        leases = self.subscribers.listening()
        self._send_all([beat], [each.target for each in leases if each.style != "simple"])

    def say_bye(self, reason: str) -> None:
        """Tell all subscribers that the daemon stops."""
        self._send_all([osc.Bye(reason)], [each.target for each in self.subscribers.listening()])

    def _send_all(self, messages: Sequence[osc.Message], targets: Sequence[Address]) -> list[bytes]:
        """Send each message to each target, encoded once; returns the packets."""
        packets = []
        for message in messages if targets else ():
            try:
                packet = write(message)
            except ProtocolError as error:
                log.warning("a %s cannot be sent: %s", type(message).__name__, error)
                continue
            packets.append(packet)
            for target in targets:
                self._send(packet, type(message), target)
        return packets

    def _carry_out(self, command: OscMessage, source: Address) -> None:
        try:
            if self._guard is not None:
                self._guard.check(command, source)
            message = read_command(command)
            if isinstance(message, Draft):
                self._draft(message, source)
            elif message is not None:
                for answer in self._commands.carry_out(message, source):
                    self.answer(answer, source)
        except ProtocolError as error:
            self._refuse(command, source, error)
        except sqlite3.Error as error:
            log.warning("the journal cannot be read or written: %s", error)
            self._refuse(command, source, _in_words(error))
        except Exception as error:
            log.exception("%s failed", command.address)
            where = self._service.config.log_folder / "daemon.log"
            sentence = f"an unexpected error ({type(error).__name__}); the details are in {where}"
            self._refuse(command, source, ProtocolError(Code.INTERNAL, sentence))

    def _draft(self, draft: Draft, source: Address) -> None:
        """Keep a value of a draft, and show it to all of the host that have one-value controls."""
        try:
            kept = self._drafts.set(draft, source)
        except ProtocolError:
            before = self._drafts.kept(draft, source)
            if before is not None:
                self._echo(before, source)
            raise
        self._echo(kept, source)

    def _echo(self, draft: Draft, source: Address) -> None:
        if draft.argument.tag == "b":  # the daemon sends none
            return
        targets = {
            lease.target: None
            for lease in self.subscribers.listening()
            if lease.style != "events" and lease.target[0] == source[0]
        }
        self._send_all([draft], [*targets | {self.subscribers.target(source): None}])

    def _refuse(self, command: OscMessage, source: Address, error: ProtocolError) -> None:
        try:
            refusal = osc.ErrorReply.of(request_id(command), command.address, error)
        except ProtocolError:  # an id that cannot be sent back: the error goes without it
            refusal = osc.ErrorReply.of("", command.address, error)
        self.answer(refusal, source)


def _in_words(error: sqlite3.Error) -> ProtocolError:
    """The refusal of what the journal could not do; nothing of it was done."""
    if is_locked(error):
        sentence = "the journal is locked by another program; close that one and send it again"
        return ProtocolError(Code.TIMEOUT, sentence)
    if is_damage(error):
        sentence = f"the journal is damaged ({error}); start the daemon again to have it mended"
        return ProtocolError(Code.INTERNAL, sentence)
    sentence = f"the journal cannot be read or written: {error}"
    return ProtocolError(Code.DISK_FULL, sentence)
