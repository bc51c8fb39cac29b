from __future__ import annotations

from daemon.front_ends.osc import PER_CLIENT_BURST, TOTAL_BURST, RateLimit
from daemon.front_ends.subscribers import (
    MAX_SUBSCRIBERS_PER_HOST,
    Subscribers,
    Subscription,
    host_of,
)

HOST = "127.0.0.1"
CLIENT = (HOST, 50_001)
OTHER = (HOST, 50_002)


def lease(owner: str = HOST, scope: str = "host", seconds: int = 60) -> Subscription:
    return Subscription(CLIENT, owner, scope, "events", 10, seconds, expires_seconds=float(seconds))


def test_an_unknown_client_is_answered_where_it_sent_from() -> None:
    assert Subscribers().target(CLIENT) == CLIENT


def test_a_port_registered_by_a_host_serves_its_clients_that_have_none() -> None:
    subscribers = Subscribers()
    assert subscribers.subscribe(OTHER, 9902, lease())
    assert subscribers.target(CLIENT) == (HOST, 9902)
    assert subscribers.target(("127.0.0.2", 50_001)) == ("127.0.0.2", 50_001)


def test_a_client_that_said_hello_keeps_its_own_port_beside_the_hosts() -> None:
    subscribers = Subscribers()
    subscribers.subscribe(OTHER, 9902, lease())
    subscribers.introduce(CLIENT, "reaper", 0)
    assert subscribers.target(CLIENT) == CLIENT
    assert subscribers.owner(CLIENT) == f"{HOST}#reaper"
    assert host_of(subscribers.owner(CLIENT)) == HOST


def test_subscribing_again_from_another_port_is_a_renewal() -> None:
    subscribers = Subscribers()
    subscribers.subscribe(CLIENT, 9902, lease())
    subscribers.subscribe(OTHER, 9902, lease())
    assert [each.target for each in subscribers.listening()] == [(HOST, 9902)]


def test_a_lease_ends_when_its_time_is_over_and_takes_the_hosts_port_with_it() -> None:
    subscribers = Subscribers()
    subscribers.subscribe(CLIENT, 9902, lease(seconds=60))
    subscribers.expire(59.9)
    assert len(subscribers.listening()) == 1
    subscribers.expire(60.0)
    assert subscribers.listening() == []
    assert subscribers.target(CLIENT) == CLIENT


def test_any_message_of_the_host_renews_the_lease() -> None:
    subscribers = Subscribers()
    subscribers.subscribe(CLIENT, 9902, lease(seconds=60))
    subscribers.renew(OTHER, 50.0)  # 50 + 60: until 110
    subscribers.expire(109.0)
    assert len(subscribers.listening()) == 1
    subscribers.expire(110.0)
    assert subscribers.listening() == []


def test_one_host_cannot_take_all_the_places() -> None:
    subscribers = Subscribers()
    for port in range(1, MAX_SUBSCRIBERS_PER_HOST + 1):
        assert subscribers.subscribe(CLIENT, port, lease())
    assert not subscribers.subscribe(CLIENT, 9_999, lease())
    subscribers.unsubscribe(CLIENT, 1)
    assert subscribers.subscribe(CLIENT, 9_999, lease())


def test_scopes_are_the_clients_the_hosts_and_all_jobs() -> None:
    reaper, oscsend, elsewhere = f"{HOST}#reaper", HOST, "127.0.0.2"
    wanted = {
        "mine": [True, False, False],
        "host": [True, True, False],
        "all": [True, True, True],
    }
    for scope, answers in wanted.items():
        subscription = lease(owner=reaper, scope=scope)
        assert [subscription.wants(owner) for owner in (reaper, oscsend, elsewhere)] == answers


def test_progress_comes_no_faster_than_asked() -> None:
    subscribers = Subscribers()
    subscribers.subscribe(CLIENT, 0, lease())
    (one,) = subscribers.listening()
    times = [0.00, 0.05, 0.10, 0.15, 0.25]  # at 10 Hz: the first, then one each 0.1 s
    sent = [subscribers.may_send_progress(one, "diffuse", now) for now in times]
    assert sent == [True, False, True, False, True]


def test_a_new_stage_is_always_told() -> None:
    subscribers = Subscribers()
    subscribers.subscribe(CLIENT, 0, lease())
    (one,) = subscribers.listening()
    stages = ["load", "diffuse", "diffuse", "decode"]
    sent = [subscribers.may_send_progress(one, stage, 0.0) for stage in stages]
    assert sent == [True, True, False, True]


def test_a_client_that_floods_is_stopped_after_its_burst_and_may_go_on_later() -> None:
    limit = RateLimit(0.0)
    burst = int(PER_CLIENT_BURST)
    assert all(limit.allows(CLIENT, 0.0) for _ in range(burst))
    assert not limit.allows(CLIENT, 0.0)
    assert limit.allows(OTHER, 0.0)
    assert limit.allows(CLIENT, 0.005)  # 200 a second: one more after 5 ms


def test_many_clients_together_have_a_limit_too() -> None:
    limit = RateLimit(0.0)
    allowed = sum(limit.allows((HOST, port), 0.0) for port in range(1, int(TOTAL_BURST) + 101))
    assert allowed == int(TOTAL_BURST)
