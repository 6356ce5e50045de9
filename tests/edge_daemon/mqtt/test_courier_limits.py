"""What a broker cannot take, refuses or hides: it is met, told, and holds up nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.mqtt.broker_limits import BrokerLimits
from edge_daemon.mqtt.connection import Failure
from edge_daemon.mqtt.link import Lost, Rejected
from edge_daemon.mqtt.rate_limits import packet_bytes
from edge_daemon.mqtt.read_back import PROVEN_NS
from edge_daemon.mqtt.set_aside import MOST
from tests.edge_daemon.mqtt.courier_world import TOPICS, S, World, letters, world
from tests.edge_daemon.mqtt.memory_mailbox import Letter

EXCESS = 5000


def big(name: str, size: int = EXCESS) -> Letter:
    return Letter(name, TOPICS.detections, name.encode().ljust(size, b"."))


def warnings(it: World) -> str:
    """What the report says that is not well."""
    report = it.courier.report(it.now)
    return f"{report.refused} {report.unsendable} {report.doubt}"


# packet size


@pytest.mark.parametrize("order", ["oldest", "newest"])
@pytest.mark.parametrize("place", [0, 6, 12])
def test_a_message_too_long_for_the_broker_is_set_aside_and_told_and_the_rest_goes_on(order: str, place: int) -> None:
    it = world(0, drain_order=order)
    it.broker.limits = BrokerLimits(maximum_packet_size=2000)
    for number in range(13):
        it.mailbox.put(big("big") if number == place else letters(1, number)[0])
    it.run(60)
    assert set(it.mailbox.waiting) == {"big"}
    assert len(it.link.requests) == 1
    (told,) = it.courier.report(it.now).unsendable
    # header 3 (from 128 bytes on), topic 2 + 14, packet identifier 2, properties 1, payload
    assert (told.topic, told.count, told.largest_bytes) == (TOPICS.detections, 1, 3 + 16 + 3 + EXCESS)
    assert told.kept
    assert it.courier.report(it.now).maximum_packet_size == 2000


def test_a_message_of_just_the_right_length_passes() -> None:
    size = 500
    most = packet_bytes(TOPICS.detections, b"x" * size)
    it = world(0)
    it.broker.limits = BrokerLimits(maximum_packet_size=most)
    it.mailbox.put(big("a", size))
    it.mailbox.put(big("b", size + 1))
    it.run(10)
    assert set(it.mailbox.waiting) == {"b"}


def test_what_was_too_long_goes_when_the_broker_takes_it() -> None:
    it = world(0)
    it.broker.limits = BrokerLimits(maximum_packet_size=2000)
    it.mailbox.put(big("big"))
    it.run(10)
    it.broker.limits = BrokerLimits()
    it.broker.kill()
    it.broker.up = True
    it.run(60)
    assert it.mailbox.waiting == {}
    assert it.courier.report(it.now).unsendable == ()


def test_what_is_set_aside_has_a_bound() -> None:
    it = world(0, drain_rate=1000.0)
    it.broker.limits = BrokerLimits(maximum_packet_size=2000)
    for number in range(MOST + 50):
        it.mailbox.put(big(f"big-{number}"))
    it.mailbox.put(Letter("effort", TOPICS.effort, b"e", "effort", priority=1))
    it.run(120)
    assert it.broker.payloads(TOPICS.effort) == [b"e"]
    assert it.courier.report(it.now).unsendable[0].count == MOST
    assert len(it.mailbox.waiting) == MOST + 50


def test_health_excerpts_and_announcements_too_long_are_dropped_and_told() -> None:
    it = world(1, announcements=[("homeassistant/a", b"a" * EXCESS), ("homeassistant/b", b"b")])
    it.broker.limits = BrokerLimits(maximum_packet_size=2000)
    it.run(1)
    it.courier.put_urgent("health", TOPICS.health, b"h" * EXCESS)
    it.courier.put_excerpt(TOPICS.excerpts, b"x" * EXCESS)
    it.courier.put_excerpt(TOPICS.excerpts, b"y")
    it.run(10)
    assert len(it.link.requests) == 1
    assert it.broker.payloads("homeassistant/b") == [b"b"]
    assert it.broker.payloads(TOPICS.excerpts) == [b"y"]
    told = {one.topic: (one.count, one.kept) for one in it.courier.report(it.now).unsendable}
    assert told == dict.fromkeys(("homeassistant/a", TOPICS.health, TOPICS.excerpts), (1, False))


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_message_that_cuts_the_link_is_found_out_and_set_aside(order: str) -> None:
    it = world(6, drain_order=order)
    it.mailbox.put(big("poison"))
    for letter in letters(6, 6):
        it.mailbox.put(letter)
    it.broker.poison = {big("poison").payload}
    it.run(300)
    assert set(it.mailbox.waiting) == {"poison"}
    assert it.courier.report(it.now).unsendable[0].count == 1
    before = len(it.link.requests)
    it.run(24 * 3600)
    assert len(it.link.requests) - before < 40  # it is tried again once an hour, no more
    it.broker.poison.clear()
    it.run(3700)
    assert it.mailbox.waiting == {}


def test_a_broker_that_answered_nothing_loses_no_message_to_suspicion() -> None:
    it = world(5, acknowledge_timeout_s=10)
    it.broker.acknowledging = False
    it.run(3600)
    it.broker.acknowledging = True
    it.run(130)
    assert it.mailbox.waiting == {}


def test_excerpts_that_cut_the_link_become_rare() -> None:
    it = world(0)
    it.run(1)
    it.broker.poison = {b"x" * EXCESS}
    for _ in range(60):
        it.courier.put_excerpt(TOPICS.excerpts, b"x" * EXCESS)
        it.run(60)
    assert len(it.link.requests) < 12


# quality of service and retained messages


@pytest.mark.parametrize("limits", [BrokerLimits(maximum_qos=0), BrokerLimits(retain_available=False)])
def test_a_broker_with_less_is_used_as_far_as_it_goes(limits: BrokerLimits) -> None:
    it = world(25, announcements=[("homeassistant/a", b"a")])
    it.broker.limits = limits
    it.run(30)
    assert it.courier.report(it.now).state == "online"
    assert it.mailbox.waiting == {}
    assert len(it.link.requests) == 2
    will = it.link.requests[-1].will
    assert will is not None
    assert (will.qos, will.retain) == (limits.qos, limits.retain_available)
    assert (TOPICS.status, b"online") in it.broker.received
    assert ("homeassistant/a", b"a") in it.broker.received


def test_both_at_once() -> None:
    it = world(3)
    it.broker.limits = BrokerLimits(maximum_qos=0, retain_available=False)
    it.run(30)
    assert it.mailbox.waiting == {}
    it.broker.limits = BrokerLimits()
    it.broker.kill()
    it.broker.up = True
    it.run(60)
    it.broker.kill()
    it.broker.up = True
    it.run(60)
    will = it.link.requests[-1].will
    assert will is not None
    assert (will.qos, will.retain) == (1, True)  # what the broker could not do once, it is asked again


def test_with_qos_0_only_what_comes_back_is_delivered() -> None:
    it = world(3)
    it.broker.limits = BrokerLimits(maximum_qos=0)
    it.broker.dropping = {TOPICS.detections}
    it.run(600)
    assert len(it.mailbox.waiting) == 3
    assert TOPICS.detections in warnings(it)
    it.broker.dropping.clear()
    it.run(600)
    assert it.mailbox.waiting == {}
    assert it.courier.report(it.now).refused == ()


def test_with_qos_0_only_and_no_wish_to_read_back_it_is_told_that_nothing_is_known() -> None:
    it = world(3, read_back=False)
    it.broker.limits = BrokerLimits(maximum_qos=0)
    it.run(10)
    assert it.mailbox.waiting == {}
    assert "mqtt.read_back is false" in warnings(it)


def test_an_assigned_client_id_is_used() -> None:
    it = world(0)
    it.broker.limits = BrokerLimits(client_id="given-by-the-broker")
    it.run(1)
    it.broker.kill()
    it.broker.up = True
    it.run(60)
    assert [request.client_id for request in it.link.requests] == ["edge-daemon-d", "given-by-the-broker"]


# refusals


def test_a_refused_topic_is_tried_with_one_message_and_ever_more_seldom() -> None:
    it = world(100, drain_rate=1000.0)
    it.broker.forbidden.add(TOPICS.detections)
    it.run(1)
    burst = it.courier.report(it.now).rejected
    assert burst <= 20  # what was under way when the first refusal came; with a byte budget it is one
    it.run(12 * 3600)
    tried = it.courier.report(it.now).rejected - burst
    assert tried <= 12 * 3600 / 480 + 5
    assert len(it.mailbox.waiting) == 100
    it.broker.forbidden.clear()
    it.run(480 + 60)
    assert it.mailbox.waiting == {}


def test_a_refused_topic_takes_no_bytes_from_health_and_effort() -> None:
    it = world(200, size=1000, bytes_per_hour=120_000, drain_rate=1000.0)  # of which health may take a tenth
    it.broker.forbidden.add(TOPICS.detections)
    for number in range(12):
        it.mailbox.put(Letter(f"effort-{number}", TOPICS.effort, b"e" * 500, "effort", priority=1))
        it.courier.notify(it.now)
        for _ in range(12):
            it.courier.put_urgent("health", TOPICS.health, b"h" * 800)
            it.run(300)
    assert len(it.broker.payloads(TOPICS.effort)) == 12
    assert len(it.broker.payloads(TOPICS.health)) >= 130


def test_a_mended_refusal_is_no_alarm_any_more() -> None:
    it = world(3)
    it.broker.forbidden.add(TOPICS.detections)
    it.run(1)
    (refused,) = it.courier.report(it.now).refused
    assert (refused.topic, refused.reason) == (TOPICS.detections, "not authorized")
    it.broker.forbidden.clear()
    it.run(600)
    report = it.courier.report(it.now)
    assert (report.refused, report.last_rejection, report.rejected) == ((), None, 3)


@pytest.mark.parametrize("topic", [TOPICS.status, "homeassistant/a"])
def test_a_mended_refusal_of_what_is_said_once_is_noticed_too(topic: str) -> None:
    it = world(0, announcements=[("homeassistant/a", b"a"), ("homeassistant/b", b"b")])
    it.broker.forbidden.add(topic)
    it.run(100)
    assert it.courier.report(it.now).refused
    it.broker.forbidden.clear()
    it.run(600)
    assert it.courier.report(it.now).refused == ()
    assert {TOPICS.status, "homeassistant/a", "homeassistant/b"} <= set(it.broker.retained)


def test_messages_of_a_former_name_that_is_refused_hold_up_no_new_ones() -> None:
    it = world(0)
    for number in range(30):
        it.mailbox.put(Letter(f"old-{number}", "p/former/detections", b"o"))
    it.broker.forbidden.add("p/former/detections")
    it.run(5)
    for letter in letters(30):
        it.mailbox.put(letter)
    it.courier.notify(it.now)
    it.run(10)
    assert len(it.broker.payloads(TOPICS.detections)) == 30


# version 3.1.1, which has no reason codes


def old(count: int, **keys: object) -> World:
    it = world(count, acknowledge_timeout_s=10, **keys)  # type: ignore[arg-type]
    it.broker.versions = {"mqtt311"}
    return it


def test_an_old_broker_that_throws_away_in_silence_is_found_out() -> None:
    it = old(8)
    it.broker.dropping = {TOPICS.detections}
    it.mailbox.put(Letter("effort", TOPICS.effort, b"e", "effort", priority=1))
    it.run(3600)
    assert set(it.mailbox.waiting) == {f"{n:04}" for n in range(8)}
    assert it.courier.report(it.now).acknowledged == 1
    (refused,) = it.courier.report(it.now).refused
    assert refused.topic == TOPICS.detections
    assert "did not come back" in refused.reason
    it.broker.dropping.clear()
    it.run(600)
    assert it.mailbox.waiting == {}
    assert it.courier.report(it.now).refused == ()


def test_reading_back_costs_one_message_a_topic_and_a_quarter_of_an_hour() -> None:
    it = old(50, drain_rate=1000.0)
    subscriptions = []
    subscribe = it.link.subscribe
    it.link.subscribe = lambda pattern: subscriptions.append(pattern) or subscribe(pattern)  # type: ignore[method-assign,func-returns-value]
    it.run(10)
    assert it.mailbox.waiting == {}
    assert subscriptions == [TOPICS.detections]
    assert it.link.patterns == []
    it.run(PROVEN_NS / S)
    it.mailbox.put(letters(1, 99)[0])
    it.run(10)
    assert subscriptions == [TOPICS.detections] * 2
    assert it.mailbox.waiting == {}


def test_a_topic_lost_during_an_old_connection_is_found_out_within_a_quarter_of_an_hour() -> None:
    it = old(1)
    it.run(10)
    it.broker.dropping = {TOPICS.detections}
    it.run(PROVEN_NS / S)
    for letter in letters(5, 10):
        it.mailbox.put(letter)
    it.run(60)
    assert len(it.mailbox.waiting) == 5
    assert it.courier.report(it.now).refused


def test_an_old_broker_that_refuses_to_be_read_keeps_all_and_is_told() -> None:
    it = old(3)
    it.broker.readable = False
    it.run(60)
    assert len(it.mailbox.waiting) == 3
    assert "does not let us read" in warnings(it)
    it.broker.readable = True
    it.run(600)
    assert it.mailbox.waiting == {}


def test_an_old_broker_that_cannot_be_asked_is_believed_and_that_is_told() -> None:
    it = old(3)
    it.broker.readable = None
    it.run(60)
    assert it.mailbox.waiting == {}
    assert "does not let us ask" in warnings(it)


def test_version_5_needs_no_reading_back() -> None:
    it = world(3)
    it.broker.readable = False
    it.run(10)
    assert it.mailbox.waiting == {}
    assert it.courier.report(it.now).doubt is None


# history


def test_a_session_taken_over_is_counted_and_blames_no_message() -> None:
    it = world(0)
    it.run(1)
    for number in range(5):
        it.mailbox.put(letters(1, number)[0])
        it.broker.acknowledging = False
        it.run(0.1)
        it.link.events.append(Lost(Failure("session taken over", reached=True, code=142)))
        it.broker.links.clear()
        it.run(0.1)
        it.broker.acknowledging = True
        it.run(400)
    report = it.courier.report(it.now)
    assert (report.taken_over_last_hour, report.lost_last_hour, report.unsendable) == (5, 5, ())
    it.run(3700)
    assert it.courier.report(it.now).taken_over_last_hour == 0


def test_a_broker_that_acknowledges_nothing_shows_however_often_we_reconnect() -> None:
    it = world(3, acknowledge_timeout_s=20)
    it.broker.acknowledging = False
    it.run(600)
    report = it.courier.report(it.now)
    assert report.unanswered_s is not None
    assert report.unanswered_s > 590
    assert report.unacknowledged_last_hour >= 5
    it.broker.acknowledging = True
    it.run(120)
    assert it.courier.report(it.now).unanswered_s is None


def test_an_answer_to_what_is_unknown_is_no_refusal() -> None:
    it = world(0)
    it.run(1)
    it.courier.handle(Rejected(999, "no"), it.now)
    assert it.courier.report(it.now).refused == ()


FAULTS = ["down", "up", "kill", "mute", "speak", "put", "big", "forbid", "allow", "drop", "take", "old", "new", "least"]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FAULTS), st.floats(0, 90)), max_size=25), st.booleans())
def test_whatever_the_broker_cannot_do_nothing_is_lost(happenings: list[tuple[str, float]], read_back: bool) -> None:
    it = world(5, acknowledge_timeout_s=20, read_back=read_back)
    broker, count = it.broker, 5
    for what, seconds in happenings:
        if what in ("down", "kill"):
            broker.kill()
        elif what == "up":
            broker.up = True
        elif what in ("mute", "speak"):
            broker.answering = what == "speak"
        elif what in ("forbid", "allow"):
            broker.forbidden = {TOPICS.detections} if what == "forbid" else set()
        elif what in ("drop", "take"):
            broker.dropping = {TOPICS.detections} if what == "drop" and read_back else set()
        elif what in ("old", "new"):
            broker.versions = {"mqtt311"} if what == "old" and read_back else {"mqtt5", "mqtt311"}
        elif what == "least":
            broker.limits = BrokerLimits(maximum_packet_size=2000, maximum_qos=0, retain_available=False)
        else:
            it.mailbox.put(big(f"big-{count}") if what == "big" else letters(1, count)[0])
            count += 1
        it.run(seconds)
    wanted = {letter.payload for letter in it.mailbox.waiting.values()}
    # a broker of version 5 with QoS 0 only says nothing, and was believed where nobody wished to read back
    broker.up = broker.answering = True
    broker.forbidden, broker.dropping, broker.versions = set(), set(), {"mqtt5", "mqtt311"}
    broker.limits = BrokerLimits()
    broker.kill()
    broker.up = True
    it.run(3700)
    assert wanted <= set(broker.payloads(TOPICS.detections))
    assert it.mailbox.waiting == {}
    assert it.mailbox.in_flight == set()
    if read_back:
        assert len(set(broker.payloads(TOPICS.detections))) == count
