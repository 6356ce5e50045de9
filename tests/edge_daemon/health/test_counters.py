"""Health: histogram, board, book, document, watchdog rule, log lines, Home Assistant, Prometheus."""

from __future__ import annotations

import io
import json
import logging
import math
import subprocess
import sys
import urllib.request
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.capture.input_state import DeviceState
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.health.board import BoardReading, LinuxBoard, throttling
from edge_daemon.health.counters import ComponentReports, HealthCounters
from edge_daemon.health.document import (
    ClockHealth,
    HealthDocument,
    InputHealth,
    ModelHealth,
    OutboxHealth,
    QueueHealth,
)
from edge_daemon.health.histogram import Histogram
from edge_daemon.health.prometheus import Endpoint, samples
from edge_daemon.live.watchdog import Silence, may_feed
from edge_daemon.mqtt.home_assistant import discovery
from edge_daemon.mqtt.report import MqttReport
from edge_daemon.mqtt.topics import Topics
from edge_daemon.system.journal import quoted, set_up
from edge_daemon.testing.machine import MemoryBoard

S = 1_000_000_000
UTC_NS = 1_238_328_903_250_000_000  # 2009-03-29T12:15:03.25Z

# histogram


@given(st.lists(st.floats(1e-4, 50), min_size=1, max_size=300), st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_quantiles_are_within_their_stated_error(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    found = histogram.quantile(share)
    assert found is not None
    assert abs(found / exact - 1) <= math.sqrt(1.05) - 1 + 1e-9


def test_histogram_takes_what_lies_outside_and_refuses_nonsense() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.5) is None
    for value in (0.0, -1.0, 1e9, math.inf, math.nan):
        histogram.add(value)
    assert histogram.count == 4
    assert histogram.quantile(0.01) == pytest.approx(1e-5, rel=0.03)
    with pytest.raises(ValueError, match="impossible histogram"):
        Histogram(1.0, 1.0)


# board


def test_throttling_bits() -> None:
    assert throttling(0x0) == ((), ())
    assert throttling(0x50005) == (("under-voltage", "throttled"),) * 2
    assert throttling(0x80000) == ((), ("soft temperature limit",))


def test_board_reads_the_files_of_a_pi(tmp_path: Path) -> None:
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    firmware = tmp_path / "sys/devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("20002\n")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/statm").write_text("30000 20000 100 1 0 2000 0\n")
    (tmp_path / "proc/loadavg").write_text("0.42 0.30 0.10 1/100 123\n")
    reading = LinuxBoard(tmp_path / "not" / "there", root=tmp_path).read()
    assert reading.temperature_c == pytest.approx(48.312)
    assert reading.throttling == ("frequency capped",)
    assert reading.throttled_since_boot == ("frequency capped",)
    assert reading.memory_mb == pytest.approx(81.92)
    assert reading.load_1min == 0.42
    assert reading.disk_free_mb is not None
    assert reading.disk_free_mb > 0


def test_board_without_files_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "sys/class/thermal/thermal_zone0").mkdir(parents=True)
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").write_text("nonsense")
    reading = LinuxBoard(tmp_path, root=tmp_path).read()
    assert (reading.temperature_c, reading.memory_mb, reading.load_1min) == (None, None, None)
    assert (reading.throttling, reading.throttled_since_boot) == ((), ())


def test_board_here() -> None:
    reading = LinuxBoard(Path("/")).read()
    assert reading.memory_mb is not None
    assert 5 < reading.memory_mb < 100_000


# book and document


def mqtt_report(**changes: object) -> MqttReport:
    data: dict[str, object] = {
        "state": "online", "broker": "b:1883", "protocol": "mqtt5", "state_s": 1.0, "last_failure": None,
        "attempts": 1, "connections": 1, "sent": 0, "acknowledged": 0, "rejected": 0, "last_rejection": None,
        "in_flight": 0, "bytes_last_hour": 0, "held_by_budget": False,
    }  # fmt: skip
    return MqttReport.model_validate(data | changes)


def good() -> dict[str, object]:
    return {
        "input": InputHealth(phase="listening", device="vmic"),
        "queues": {"windows": QueueHealth(length=0, capacity=8)},
        "outbox": OutboxHealth(depth=0),
        "mqtt": mqtt_report(),
        "clock": ClockHealth(state="synchronised", drift_ppm=12.5),
        "board": BoardReading(cpu_s=1.0, memory_mb=80.0, disk_free_mb=9000.0, temperature_c=50.0),
        "model": ModelHealth(name="m", version="1", digest="ab" * 32, backend="onnx"),
        "backend": {"restarts": 0.0},
    }


def test_document_counts_what_was_written() -> None:
    book = HealthCounters("buoy-7", now_ns=0)
    for number in range(100):
        book.scored(number * S // 2, latency_s=0.020 if number < 98 else 0.200)
    book.unusable(50 * S, 2)
    book.detected(3)
    book.gap("overflow", 0.25)
    book.gap("overflow", 0.5)
    document = book.document(51 * S, UTC_NS, ComponentReports(**good()))  # type: ignore[arg-type]
    assert (document.state, document.reasons) == ("ok", ())
    assert document.utc == "2009-03-29T12:15:03.250000Z"
    assert document.uptime_s == 51.0
    assert (document.windows.scored, document.windows.unusable, document.windows.last_scored_s) == (100, 2, 1.0)
    assert document.latency.p50_ms == pytest.approx(20, rel=0.025)
    assert document.latency.p99_ms == pytest.approx(200, rel=0.025)
    assert document.latency.largest_ms == 200.0
    assert document.detections == 3
    assert document.gaps["overflow"].model_dump() == {"count": 2, "seconds": 0.75}
    assert document.board is not None
    assert document.board.cpu_percent is None
    later = good() | {"board": BoardReading(cpu_s=1.5)}
    again = book.document(101 * S, UTC_NS, ComponentReports(**later))  # type: ignore[arg-type]
    assert again.board is not None
    assert again.board.cpu_percent == 1.0
    jsonschema.validate(json.loads(document.to_json()), json.loads(HealthDocument.schema_text()))


def test_published_schema_is_that_of_the_code() -> None:
    assert json.loads(HealthDocument.schema_text()) == HealthDocument.model_json_schema(by_alias=True)


def test_input_is_taken_from_the_sound_cards_state() -> None:
    state = DeviceState(phase="waiting", device="USB", since_utc_ns=0, attempts=3, last_error="Gone.", overflows=2)
    found = InputHealth.model_validate(state)
    assert (found.phase, found.device, found.attempts, found.overflows) == ("waiting", "USB", 3, 2)


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"input": InputHealth(phase="waiting", device="d", last_error="Gone.")}, "failing", "no sound: Gone"),
        ({"input": InputHealth(phase="listening", device="d", dead_input=True)}, "failing", "do not change"),
        ({"mqtt": mqtt_report(state="waiting", last_failure="refused")}, "warning", "broker: refused"),
        ({"mqtt": mqtt_report(rejected=1, last_rejection="quota")}, "warning", "refuses messages: quota"),
        ({"outbox": OutboxHealth(depth=1, available=False, reason="disk full")}, "warning", "disk full"),
        ({"outbox": OutboxHealth(depth=1, dropped={"detection/rows": 4})}, "warning", "4 messages dropped"),
        ({"clock": ClockHealth(state="unsynchronised")}, "warning", "not synchronised"),
        ({"board": BoardReading(0.0, disk_free_mb=199.0)}, "warning", "199 MB of disk left"),
        ({"board": BoardReading(0.0, temperature_c=80.0)}, "warning", "80 °C"),
        ({"board": BoardReading(0.0, throttling=("under-voltage",))}, "warning", "under-voltage"),
        (
            {"model": ModelHealth(name="m", version="1", digest="", backend="onnx", fallback=True)},
            "warning",
            "onnx has taken over",
        ),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, object], state: str, reason: str) -> None:
    book = HealthCounters("d", 0)
    book.scored(10 * S)
    document = book.document(11 * S, UTC_NS, ComponentReports(**(good() | changes)))  # type: ignore[arg-type]
    assert document.state == state
    assert len(document.reasons) == 1
    assert reason in document.reasons[0]


def test_silence_is_a_failure_unless_it_is_meant() -> None:
    book = HealthCounters("d", 0, silence_limit_s=30)
    assert book.document(30 * S, UTC_NS, ComponentReports()).state == "ok"
    assert book.document(31 * S, UTC_NS, ComponentReports()).reasons == ("no window scored for 31 s",)
    paused = ComponentReports(input=InputHealth(phase="paused", device="d"))
    assert book.document(999 * S, UTC_NS, paused).state == "ok"
    book.scored(40 * S)
    assert book.document(70 * S, UTC_NS, ComponentReports()).state == "ok"
    assert book.document(71 * S, UTC_NS, ComponentReports()).state == "failing"


def test_samples_that_are_no_numbers_explain_a_silence_while_they_last() -> None:
    book = HealthCounters("d", 0, silence_limit_s=30)
    book.gap("non_finite", 20.0)
    book.gap("tail", 0.5)
    silent = "no window scored for 31 s"
    said = "the samples are no numbers: is audio.sample_format that of the input?"
    assert book.document(30 * S, UTC_NS, ComponentReports()).reasons == ()
    assert book.document(31 * S, UTC_NS, ComponentReports()).reasons == (said, silent)
    book.scored(40 * S)
    assert book.document(71 * S, UTC_NS, ComponentReports()).reasons == (silent,)


def test_falling_behind_is_a_warning() -> None:
    book = HealthCounters("d", 0)
    book.gap("inference_behind", 1.0)
    assert book.document(S, UTC_NS, ComponentReports()).reasons == ("scoring does not keep up with the sound",)


# watchdog


@pytest.mark.parametrize(
    ("now", "scored", "silence", "feed", "reason"),
    [
        (30, None, None, True, "starting"),
        (31, None, None, False, "no window scored for 31 s, and nobody knows why"),
        (130, 100, None, True, "windows are being scored"),
        (131, 100, None, False, "no window scored for 31 s, and nobody knows why"),
        (131, 100, Silence("device_absent", 120 * S), True, "device_absent, last attempt 11 s ago"),
        (720, 100, Silence("device_absent", 120 * S), True, "device_absent, last attempt 600 s ago"),
        (721, 100, Silence("device_absent", 120 * S), False, "device_absent, and no attempt to end it for 601 s"),
        (9000, 100, Silence("schedule", 100 * S, 9000 * S), True, "silent by schedule"),
        (9030, 100, Silence("schedule", 100 * S, 9000 * S), True, "silent by schedule"),
        (9031, 100, Silence("schedule", 100 * S, 9000 * S), False, "schedule is over, but no window has been scored"),
        (31, None, Silence("device_absent", 30 * S), True, "device_absent, last attempt 1 s ago"),
    ],
)
def test_watchdog_rule(now: int, scored: int | None, silence: Silence | None, feed: bool, reason: str) -> None:
    verdict = may_feed(now * S, 0, None if scored is None else scored * S, silence, 30.0, 600.0)
    assert (verdict.feed, verdict.reason) == (feed, reason)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_without_a_cause_the_watchdog_is_never_fed_beyond_the_limit(scored: int, later: int) -> None:
    assert may_feed((scored + later) * S, 0, scored * S, None, 30.0).feed == (later <= 30)


# log lines


def logged(environment: dict[str, str], work: object) -> str:
    stream = io.StringIO()
    logger = logging.getLogger("edge_daemon")
    before = logger.handlers[:], logger.propagate, logger.level
    try:
        set_up("info", stream, environment)
        work(logging.getLogger("edge_daemon.test"))  # type: ignore[operator]
    finally:
        logger.handlers[:], logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
    return stream.getvalue()


def test_lines_for_the_journal() -> None:
    text = logged(
        {"JOURNAL_STREAM": "8:1"},
        lambda log: (
            log.info("connected", extra={"protocol": "mqtt5", "wait_s": 0.5}),
            log.debug("not shown"),
            log.error("two\nlines", extra={"reason": 'say "no"'}),
        ),
    )
    assert text == '<6>connected protocol=mqtt5 wait_s=0.5\n<3>two\\nlines reason="say \\"no\\""\n'


def test_lines_for_a_terminal_and_exceptions_on_one_line() -> None:
    def fail(log: logging.Logger) -> None:
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("failed")

    text = logged({}, fail)
    assert text.count("\n") == 1
    assert text[10] == "T"
    assert "Z error    failed | Traceback" in text
    assert "ValueError: x" in text


DEAF = """
import logging, os
from edge_daemon.system.journal import set_up
set_up("info")
set_up("info")  # the first one's descriptor is given back
log = logging.getLogger("edge_daemon.test")
log.info("before")
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as sounddevice does while PortAudio begins
log.warning("the sound system does not answer")
"""


def test_the_log_is_heard_while_a_library_silences_standard_error() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DEAF], capture_output=True, text=True, timeout=60, check=True
    )
    assert [line[21:].split(maxsplit=1) for line in done.stderr.splitlines()] == [
        ["info", "before"],
        ["warning", "the sound system does not answer"],
    ]


@pytest.mark.parametrize(
    ("value", "text"), [("", '""'), ("a b", '"a b"'), (1 / 3, "0.333333"), (None, "None"), (3, "3")]
)
def test_values_of_pairs(value: object, text: str) -> None:
    assert quoted(value) == text


# Home Assistant


def test_discovery_names_topics_that_exist() -> None:
    topics = Topics("p", "buoy.7")
    messages = dict(discovery(topics, "ha", "East buoy"))
    assert len(messages) == 8
    score = json.loads(messages["ha/sensor/buoy_7/last_score/config"])
    assert score["state_topic"] == "p/buoy.7/detections"
    assert score["device"]["name"] == "East buoy"
    online = json.loads(messages["ha/binary_sensor/buoy_7/online/config"])
    assert (online["state_topic"], online["payload_on"]) == ("p/buoy.7/status", "online")
    assert len({json.loads(payload)["unique_id"] for payload in messages.values()}) == 8
    document = json.loads(HealthCounters("d", 0).document(0, UTC_NS, ComponentReports(**good())).to_json())  # type: ignore[arg-type]
    for payload in messages.values():
        sensor = json.loads(payload)
        if sensor["state_topic"] == topics.health:
            value = document
            for part in sensor["value_template"].strip("{ }").split(".")[1:]:
                value = value[part]


# Prometheus


def test_samples_of_a_document() -> None:
    book = HealthCounters("d", 0)
    book.gap("stall", 2.5)
    found = {
        (name, *labels.values()): value
        for name, labels, value in samples(book.document(S, UTC_NS, ComponentReports(**good())))  # type: ignore[arg-type]
    }
    assert found["edge_daemon_uptime_s",] == 1.0
    assert found["edge_daemon_gaps_seconds", "stall"] == 2.5
    assert found["edge_daemon_queues_capacity", "windows"] == 8
    assert found["edge_daemon_mqtt_state", "online"] == 1.0
    assert found["edge_daemon_board_memory_mb",] == 80.0


def test_endpoint_answers_on_loopback() -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra `prometheus`")
    book = HealthCounters("d", 0)
    endpoint = Endpoint(0, lambda: book.document(7 * S, UTC_NS, ComponentReports(**good())))  # type: ignore[arg-type]
    try:
        assert endpoint._server.server_address[0] == "127.0.0.1"
        url = f"http://127.0.0.1:{endpoint.port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=20) as response:
            text = response.read().decode()
        assert "edge_daemon_uptime_s 7.0" in text
        assert 'edge_daemon_mqtt_state{value="online"} 1.0' in text
        with pytest.raises(EdgeDaemonError, match="cannot listen"):
            Endpoint(endpoint.port, lambda: None)
    finally:
        endpoint.close()


def test_memory_board_says_what_it_is_told() -> None:
    board = MemoryBoard(BoardReading(3.0))
    assert board.read().cpu_s == 3.0
