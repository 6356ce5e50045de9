"""The publisher's logic against a broker in memory, with time as a number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.config.mqtt import MqttSection
from edge_daemon.errors import ConfigValueError
from edge_daemon.mqtt.excerpt_queue import MOST_EXCERPTS
from edge_daemon.mqtt.link import Acknowledged, Rejected, Will
from edge_daemon.mqtt.rate_limits import TLS_CONNECT_BYTES
from edge_daemon.mqtt.refusals import PAUSES
from tests.edge_daemon.mqtt.courier_world import TOPICS, letters, world
from tests.edge_daemon.mqtt.memory_mailbox import Letter


def test_birth_then_detections_and_the_outbox_is_empty() -> None:
    it = world(3)
    it.run()
    assert it.broker.received == [
        (TOPICS.status, b"online"),
        *[(TOPICS.detections, b"%010d" % n) for n in range(3)],
    ]
    assert it.broker.retained == {TOPICS.status: b"online"}
    assert it.mailbox.waiting == {}
    report = it.courier.report(it.now)
    assert (report.state, report.sent, report.acknowledged, report.in_flight) == ("online", 3, 3, 0)


def test_request_carries_will_name_and_credentials() -> None:
    it = world(password=lambda: "secret", username="u", host="b", tls={"enabled": True})
    it.run()
    (request,) = it.link.requests
    assert request.will == Will(TOPICS.status, b"offline")
    assert (request.host, request.port, request.client_id) == ("b", 8883, "edge-daemon-d")
    assert (request.username, request.password, request.version) == ("u", "secret", "mqtt5")
    assert request.tls is not None
    assert "secret" not in repr(request)


def test_absent_broker_costs_waiting_and_nothing_is_lost() -> None:
    it = world(2)
    it.broker.up = False
    it.run(600)
    assert 10 <= len(it.link.requests) <= 30
    assert it.courier.report(it.now).last_failure == "connection refused"
    it.broker.up = True
    it.run(61)
    assert it.mailbox.waiting == {}


def test_unacknowledged_is_sent_again_with_the_same_id_after_a_lost_connection() -> None:
    it = world(1, acknowledge_timeout_s=10)
    it.broker.acknowledging = False
    it.run(10)
    assert it.courier.report(it.now).in_flight == 1
    assert set(it.mailbox.waiting) == {"0000"}
    it.run(0.4)
    assert it.courier.report(it.now).last_failure == "no acknowledgement within 10 s"
    it.broker.acknowledging = True
    it.run(120)
    assert it.mailbox.waiting == {}
    assert it.broker.payloads(TOPICS.detections) == [b"0000000000"] * 2


def test_no_answer_to_connect_is_given_up() -> None:
    it = world(0, connect_timeout_s=5)
    it.broker.answering = False
    it.run(5)
    assert it.courier.report(it.now).last_failure == "no answer within 5 s"
    it.broker.answering = True
    it.run(2)
    assert it.courier.report(it.now).state == "online"


def test_wrong_password_then_the_file_is_corrected() -> None:
    given_password = ["wrong"]
    it = world(1, password=lambda: given_password[0])
    it.broker.password = "right"  # noqa: S105 - a broker in memory
    it.run(10)
    assert it.courier.report(it.now).last_failure == "the broker refused user name or password"
    given_password[0] = "right"
    it.run(60)
    assert it.mailbox.waiting == {}


def test_unreadable_password_is_a_failure_like_others() -> None:
    def give() -> str:
        raise ConfigValueError("mqtt.password_file", "names /p, which does not exist")

    it = world(1, password=give)
    it.run(10)
    assert it.courier.report(it.now).last_failure == "mqtt.password_file names /p, which does not exist"
    assert it.link.requests == []


def test_falls_back_to_3_1_1() -> None:
    it = world(1)
    it.broker.versions = {"mqtt311"}
    it.run()
    assert [request.version for request in it.link.requests] == ["mqtt5", "mqtt311"]
    assert it.mailbox.waiting == {}


def test_window_is_kept_and_the_brokers_smaller_one_too() -> None:
    it = world(50, in_flight=7)
    it.broker.acknowledging = False
    it.run(1)
    assert len(it.mailbox.in_flight) == 7
    assert len(it.broker.payloads(TOPICS.detections)) == 7
    it = world(50, in_flight=7)
    it.broker.acknowledging = False
    it.broker.window = 3
    it.run(1)
    assert len(it.mailbox.in_flight) == 2  # the birth is the third


@pytest.mark.parametrize("window", [1, 2, 10])
@pytest.mark.parametrize("acknowledging", [True, False])
def test_every_packet_counts_against_the_brokers_maximum(window: int, acknowledging: bool) -> None:
    announcements = [(f"homeassistant/{n}", b"{}") for n in range(18)]
    it = world(50, in_flight=20, drain_rate=1000.0, announcements=announcements)
    it.broker.window = window
    it.broker.acknowledging = acknowledging
    it.run(10)
    assert it.broker.most_unanswered <= window
    if acknowledging:
        assert it.mailbox.waiting == {}
        assert {topic for topic, _ in announcements} <= set(it.broker.retained)


def test_a_full_window_leaves_the_farewell_to_the_last_will() -> None:
    it = world(50)
    it.broker.acknowledging = False
    it.broker.window = 5
    it.run(1)
    it.courier.say_farewell(it.now)
    assert it.courier.farewell_taken()
    it.courier.stop()
    assert it.broker.most_unanswered == 5
    assert it.broker.retained[TOPICS.status] == b"offline"


def test_backlog_drains_at_the_rate_after_one_burst() -> None:
    it = world(100, drain_rate=2.0, in_flight=100)
    it.run()
    assert it.courier.report(0).acknowledged == 20
    it.run(10)
    assert it.courier.report(0).acknowledged == 40
    it.run(30)
    assert it.mailbox.waiting == {}


@pytest.mark.parametrize(("order", "first"), [("oldest", b"0000000000"), ("newest", b"0000000029")])
def test_order_of_a_backlog(order: str, first: bytes) -> None:
    it = world(30, drain_order=order)
    it.run()
    assert it.broker.payloads(TOPICS.detections)[0] == first


def test_new_messages_go_at_once_when_notified() -> None:
    it = world(0)
    it.run(2)
    it.mailbox.put(letters(1)[0])
    it.courier.notify(it.now)
    before = it.now
    it.run()
    assert it.now == before
    assert it.mailbox.waiting == {}


def test_without_notice_the_outbox_is_looked_at_now_and_then() -> None:
    it = world(0)
    it.run()
    it.mailbox.put(letters(1)[0])
    it.run(5)
    assert it.mailbox.waiting == {}


def test_byte_budget_holds_detections_back_and_lets_them_go_later() -> None:
    it = world(100, size=1000, bytes_per_hour=20_000, drain_rate=1000)
    it.run(1800)
    report = it.courier.report(it.now)
    assert report.held_by_budget
    assert report.bytes_last_hour <= 20_000
    assert 15 <= report.acknowledged <= 18
    assert len(it.mailbox.waiting) == 100 - report.acknowledged
    it.run(8 * 3600)
    assert it.mailbox.waiting == {}


def test_health_waits_for_a_connection_and_only_the_newest_is_sent() -> None:
    it = world()
    it.broker.up = False
    it.run(1)
    it.courier.put_urgent("health", TOPICS.health, b"old")
    it.courier.put_urgent("health", TOPICS.health, b"new")
    it.broker.up = True
    it.run(10)
    assert it.broker.payloads(TOPICS.health) == [b"new"]
    assert TOPICS.health not in it.broker.retained


def test_health_gives_way_when_the_budget_is_nearly_spent() -> None:
    it = world(14, size=900, bytes_per_hour=20_000)
    it.run()
    it.courier.put_urgent("health", TOPICS.health, b"one an hour goes")
    it.run(1)
    it.courier.put_urgent("health", TOPICS.health, b"h" * 1000)
    it.run(1)
    assert it.broker.payloads(TOPICS.health) == [b"one an hour goes"]
    assert it.mailbox.waiting == {}


def test_rejected_messages_stay_and_are_tried_again_after_a_pause() -> None:
    it = world(2)
    it.broker.rejecting = "not authorized"
    it.run(1)
    report = it.courier.report(it.now)
    assert (report.rejected, report.last_rejection) == (2, "not authorized")
    assert len(it.mailbox.waiting) == 2
    it.run(PAUSES.first_s - 2)
    assert it.courier.report(it.now).rejected == 2
    it.broker.rejecting = None
    it.run(5)
    assert it.mailbox.waiting == {}


@pytest.mark.parametrize("topic", [TOPICS.effort, TOPICS.status, "homeassistant/x"])
def test_a_topic_that_is_refused_holds_up_no_other(topic: str) -> None:
    it = world(0, announcements=[("homeassistant/x", b"{}")])
    it.broker.forbidden.add(topic)
    it.run(1)
    for number, letter in enumerate(letters(10)):
        it.mailbox.put(Letter(f"effort-{number}", TOPICS.effort, b"e", "effort", priority=1))
        it.courier.notify(it.now)
        it.run(1)
        it.mailbox.put(letter)
        it.courier.notify(it.now)
        before = it.now
        it.run()
        assert it.now == before
        assert letter.id not in it.mailbox.waiting
    assert it.courier.report(it.now).last_rejection == "not authorized"
    # what is refused is tried again, though not ceaselessly
    refused = it.courier.report(it.now).rejected
    assert refused <= 10
    it.broker.forbidden.clear()
    it.run(PAUSES.first_s)
    assert it.mailbox.waiting == {}


def test_a_refused_detection_holds_up_no_effort() -> None:
    it = world(3)
    it.broker.forbidden.add(TOPICS.detections)
    it.mailbox.put(Letter("effort", TOPICS.effort, b"e", "effort", priority=1))
    it.run(1)
    assert it.broker.payloads(TOPICS.effort) == [b"e"]
    assert len(it.mailbox.waiting) == 3


def test_an_answer_to_nothing_of_ours_changes_nothing() -> None:
    it = world(0)
    it.run(1)
    it.courier.handle(Rejected(999, "no"), it.now)
    it.courier.handle(Acknowledged(999), it.now)
    report = it.courier.report(it.now)
    assert (report.rejected, report.acknowledged, report.last_rejection) == (0, 0, None)


def test_attempts_that_reach_nobody_cost_no_budget() -> None:
    it = world(1, bytes_per_hour=50_000, tls={"enabled": True})
    it.broker.up = False
    it.run(1200)
    assert len(it.link.requests) >= 8
    assert it.courier.report(it.now).bytes_last_hour == 0
    it.broker.up = True
    it.run(305)  # the longest pause between attempts, and no more
    assert it.mailbox.waiting == {}
    assert TLS_CONNECT_BYTES < it.courier.report(it.now).bytes_last_hour < 2 * TLS_CONNECT_BYTES


@pytest.mark.parametrize("failing", ["answering", "password"])
def test_attempts_that_fail_at_the_broker_cost_what_they_cost(failing: str) -> None:
    it = world(1, bytes_per_hour=50_000, tls={"enabled": True}, connect_timeout_s=5)
    if failing == "answering":
        it.broker.answering = False
    else:
        it.broker.password = "right"  # noqa: S105 - a broker in memory
    it.run(60)
    attempts = len(it.link.requests)
    assert attempts >= 3
    assert it.courier.report(it.now).bytes_last_hour in (
        attempts * TLS_CONNECT_BYTES,
        (attempts - 1) * TLS_CONNECT_BYTES,
    )


def test_effort_that_waits_for_the_budget_holds_up_no_detection() -> None:
    it = world(0, bytes_per_hour=20_000)
    it.mailbox.put(Letter("first", TOPICS.detections, b"d" * 15_900))
    it.mailbox.put(Letter("one an hour", TOPICS.effort, b"e" * 500, "effort", priority=1))
    it.run(1)
    it.mailbox.put(Letter("effort", TOPICS.effort, b"e" * 1000, "effort", priority=1))
    it.courier.notify(it.now)
    it.run(1)
    assert it.courier.report(it.now).held_by_budget
    it.mailbox.put(letters(1)[0])
    it.courier.notify(it.now)
    before = it.now
    it.run()
    assert it.now == before
    assert list(it.mailbox.waiting) == ["effort"]
    assert it.courier.report(it.now).held_by_budget


def test_excerpts_go_last_and_one_by_one() -> None:
    it = world(30, drain_rate=10.0, announcements=[("homeassistant/x", b"{}")])
    for number in range(MOST_EXCERPTS + 2):
        it.courier.put_excerpt(TOPICS.excerpts, b"%d" % number)
    it.run(0.5)  # ten of the backlog still wait for the rate
    assert it.broker.payloads(TOPICS.excerpts) == []
    it.run(10)
    topics = [topic for topic, _ in it.broker.received]
    assert it.broker.payloads(TOPICS.excerpts) == [b"2", b"3", b"4", b"5"]  # the oldest gave way
    assert topics[-MOST_EXCERPTS:] == [TOPICS.excerpts] * MOST_EXCERPTS


def test_excerpts_never_take_what_the_budget_keeps_for_others() -> None:
    it = world(0, bytes_per_hour=20_000)
    for number in range(MOST_EXCERPTS):
        it.courier.put_excerpt(TOPICS.excerpts, b"%d" % number * 4000)
    it.run(1800)
    assert len(it.broker.payloads(TOPICS.excerpts)) == 2
    for letter in letters(4, size=1500):
        it.mailbox.put(letter)
    it.courier.notify(it.now)
    it.run()
    assert it.mailbox.waiting == {}
    it.run(3700)
    assert len(it.broker.payloads(TOPICS.excerpts)) == 4


def test_announcements_are_retained() -> None:
    it = world(announcements=[("homeassistant/x", b"{}")])
    it.run()
    assert it.broker.retained["homeassistant/x"] == b"{}"


def test_farewell_is_retained_and_polite() -> None:
    it = world()
    it.run()
    it.courier.say_farewell(it.now)
    assert not it.courier.farewell_taken()
    it.run()
    assert it.courier.farewell_taken()
    it.courier.stop()
    assert it.broker.received == [(TOPICS.status, b"online"), (TOPICS.status, b"offline")]
    assert it.courier.report(it.now).state == "stopped"


def test_live_settings_are_taken_over() -> None:
    it = world(100, drain_rate=0.001)
    it.run()
    assert len(it.mailbox.waiting) == 80
    it.courier.apply(MqttSection(drain_rate=1000.0), it.now)
    it.run(1)
    assert it.mailbox.waiting == {}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["down", "up", "kill", "mute", "speak", "put", "reject", "accept"]), st.floats(0, 90)
        ),
        max_size=25,
    )
)
def test_whatever_the_broker_does_everything_arrives(happenings: list[tuple[str, float]]) -> None:
    it = world(5, acknowledge_timeout_s=20)
    count = 5
    for what, seconds in happenings:
        broker = it.broker
        if what in ("down", "kill"):
            broker.kill()
        elif what == "up":
            broker.up = True
        elif what in ("mute", "speak"):
            broker.answering = what == "speak"
        elif what in ("reject", "accept"):
            broker.rejecting = "no" if what == "reject" else None
        else:
            it.mailbox.put(letters(1, count)[0])
            count += 1
        it.run(seconds)
    it.broker.up = it.broker.answering = True
    it.broker.rejecting = None
    it.run(600)
    assert set(it.broker.payloads(TOPICS.detections)) == {b"%010d" % n for n in range(count)}
    assert it.mailbox.waiting == {}
    assert it.mailbox.in_flight == set()
