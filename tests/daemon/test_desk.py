"""What waits is carried out in turns, and a flood keeps out nobody but itself."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.front_ends.desk import Desk
from daemon.front_ends.osc import PER_CLIENT_BURST, TOTAL_BURST, TOTAL_HZ, RateLimit
from daemon.front_ends.subscribers import Address
from osc_protocol.codec import OscMessage

FLOODERS: list[Address] = [("127.0.0.1", 10_000 + number) for number in range(16)]
HONEST: Address = ("127.0.0.1", 9_000)


def packet(rid: str) -> tuple[OscMessage]:
    return (OscMessage("/backline/status", "s", (rid,)),)


def carried_out(desk_of: list[tuple[str, Address]], most: int = 100) -> Desk:
    def carry_out(commands: Sequence[OscMessage], source: Address) -> None:
        desk_of.append((str(commands[0].args[0]), source))

    return Desk("test", carry_out, most)


def test_each_client_has_its_turn_and_keeps_its_order() -> None:
    done: list[tuple[str, Address]] = []
    desk = carried_out(done)
    for number in range(5):
        assert desk.take(packet(f"f{number}"), FLOODERS[0])
    assert desk.take(packet("h0"), HONEST) and desk.take(packet("h1"), HONEST)
    desk.start()
    desk.close()
    assert [rid for rid, _ in done] == ["f0", "h0", "f1", "h1", "f2", "f3", "f4"]


def test_who_asks_for_what_takes_long_waits_for_itself() -> None:
    done: list[str] = []
    now = [0.0]

    def carry_out(commands: Sequence[OscMessage], source: Address) -> None:
        done.append(str(commands[0].args[0]))
        now[0] += 0.001 if source == HONEST else 0.1

    desk = Desk("test", carry_out, clock=lambda: now[0])
    for number in range(4):
        for flooder, address in enumerate(FLOODERS):
            assert desk.take(packet(f"f{flooder}-{number}"), address)
    for number in range(20):
        assert desk.take(packet(f"h{number}"), HONEST)
    desk.start()
    desk.close()
    assert len(done) == 4 * 16 + 20
    assert max(done.index(f"h{number}") for number in range(20)) < 40  # after one of each flooder


def test_a_full_desk_has_room_for_who_has_least_waiting() -> None:
    done: list[tuple[str, Address]] = []
    desk = carried_out(done, most=8)
    taken = sum(desk.take(packet(f"f{number}"), FLOODERS[0]) for number in range(20))
    assert taken == 8
    assert desk.take(packet("h0"), HONEST)
    assert not desk.take(packet("f20"), FLOODERS[0])
    desk.start()
    desk.close()
    assert [rid for rid, _ in done] == ["f0", "h0", *(f"f{n}" for n in range(1, 7))]


def test_a_flood_of_sixteen_does_not_use_up_what_others_may_send() -> None:
    limit, now, lost, allowed = RateLimit(0.0), 0.0, 0, 0
    limit.allows(HONEST, now)
    for step in range(40_000):  # 20,000 a second, for 2 s
        now = step / 20_000
        allowed += limit.allows(FLOODERS[step % 16], now)
        if step % 400 == 399:  # 50 a second
            lost += not limit.allows(HONEST, now)
    assert lost == 0
    assert allowed < 2.1 * TOTAL_HZ + TOTAL_BURST + 16 * PER_CLIENT_BURST


def test_a_new_address_for_each_message_is_no_way_round_the_limit() -> None:
    limit, now, allowed, lost = RateLimit(0.0), 0.0, 0, 0
    limit.allows(HONEST, now)
    for step in range(40_000):
        now = step / 20_000
        allowed += limit.allows(("127.0.0.1", step), now)
        if step % 400 == 399:
            lost += not limit.allows(HONEST, now)
    assert lost == 0
    assert allowed < 2.1 * TOTAL_HZ + TOTAL_BURST
