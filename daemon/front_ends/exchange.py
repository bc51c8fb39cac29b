"""What all carriers of OSC have in common: packets come in, answers and events go out.

A carrier (UDP, the spool) moves the bytes. It has an exchange of its own, so its clients, leases
and reply addresses are never mixed up with another carrier's; jobs are everybody's.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable

from daemon.front_ends.front_end import Service
from daemon.front_ends.osc_commands import Commands
from daemon.front_ends.osc_events import as_message, as_ui_messages
from daemon.front_ends.subscribers import Address, Subscribers
from daemon.jobs import Event, EventKind, JobState
from osc_protocol import messages as osc
from osc_protocol.codec import OscMessage, decode
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.grammar import read_command, request_id

log = logging.getLogger("backline.osc")


class Exchange:
    """The clients of one carrier; take() belongs to one thread, the rest to any.

    `send` brings a message to an address and never raises; packets have at most
    `max_packet_bytes`.
    """

    def __init__(
        self,
        service: Service,
        send: Callable[[osc.Message, Address], None],
        max_packet_bytes: int,
    ) -> None:
        self.subscribers = Subscribers()
        self._service = service
        self._send = send
        self._max_packet_bytes = max_packet_bytes
        self._commands = Commands(service, self.subscribers, self.answer, max_packet_bytes)

    def take(
        self, packet: bytes, source: Address, allows: Callable[[int], bool] = lambda more: True
    ) -> bool:
        """Carry out one packet; raises DecodeError when it is none, and nothing else.

        `allows` is asked for the messages after its first; False where it refuses them all.
        """
        commands = decode(packet, self._max_packet_bytes)
        if len(commands) > 1 and not allows(len(commands) - 1):
            return False
        self.subscribers.renew(source, time.monotonic())
        for command in commands:
            self._carry_out(command, source)
        return True

    def answer(self, message: osc.Message, source: Address) -> None:
        """Send a message to where `source` wants its answers."""
        self._send(message, self.subscribers.target(source))

    def publish(self, event: Event) -> None:
        """Send an event to those it concerns, in the style each has asked for."""
        now = time.monotonic()
        for lease in self.subscribers.listening():
            if lease.expires_seconds <= now or not lease.wants(event.job.owner):
                continue
            if event.kind is EventKind.PROGRESS:
                if not self.subscribers.may_send_progress(lease, event.details["stage"], now):
                    continue
            if lease.style != "simple":
                self._send(as_message(event, self._service.queue), lease.target)
            if lease.style != "events":
                for message in as_ui_messages(event):
                    self._send(message, lease.target)

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
        for lease in self.subscribers.listening():
            if lease.style != "simple":
                self._send(beat, lease.target)

    def say_bye(self, reason: str) -> None:
        """Tell all subscribers that the daemon stops."""
        for lease in self.subscribers.listening():
            self._send(osc.Bye(reason), lease.target)

    def _carry_out(self, command: OscMessage, source: Address) -> None:
        try:
            message = read_command(command)
            if message is not None:
                for answer in self._commands.carry_out(message, source):
                    self.answer(answer, source)
        except ProtocolError as error:
            self._refuse(command, source, error)
        except sqlite3.Error as error:
            log.exception("the journal failed")
            sentence = f"the journal cannot be read or written: {error}"
            self._refuse(command, source, ProtocolError(Code.DISK_FULL, sentence))
        except Exception as error:
            log.exception("%s failed", command.address)
            where = self._service.config.log_folder / "daemon.log"
            sentence = f"an unexpected error ({type(error).__name__}); the details are in {where}"
            self._refuse(command, source, ProtocolError(Code.INTERNAL, sentence))

    def _refuse(self, command: OscMessage, source: Address, error: ProtocolError) -> None:
        try:
            refusal = osc.ErrorReply.of(request_id(command), command.address, error)
        except ProtocolError:  # an id that cannot be sent back: the error goes without it
            refusal = osc.ErrorReply.of("", command.address, error)
        self.answer(refusal, source)
