"""The judgement: each thing that is wrong is said, in one sentence, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.capture.input_verdict import InputFault, verdict
from edge_daemon.health.counters import HealthCounters
from edge_daemon.health.document import (
    ClockHealth,
    HealthDocument,
    ModelHealth,
)
from edge_daemon.outbox.outbox_health import OutboxHealth
from edge_daemon.testing.machine import board_health

S = 1_000_000_000
CLIPPED = InputFault("clipped", "12 % of the samples are at full scale")
NOISE = InputFault("not_sound", "the samples look like random bytes", broken=True)
MakeHealth = Callable[..., HealthDocument]


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"input": InputHealth(phase="waiting", device="d", last_error="Gone.")}, "failing", "no sound: Gone"),
        ({"input": InputHealth(phase="listening", device="d", sound=verdict([CLIPPED]))}, "warning", "full scale"),
        ({"input": InputHealth(phase="listening", device="d", sound=verdict([NOISE]))}, "failing", "random bytes"),
        ({"input": InputHealth(phase="listening", device="d", dead_input=True)}, "failing", "do not change"),
        ({"mqtt": {"state": "waiting", "last_failure": "refused"}}, "warning", "broker: refused"),
        ({"mqtt": {"rejected": 1, "last_rejection": "quota"}}, "warning", "refuses messages: quota"),
        (
            {"mqtt": {"last_rejection": "no", "refused": [{"topic": "p/d/effort", "reason": "no"}]}},
            "warning",
            "no (p/d/effort)",
        ),
        (
            {
                "mqtt": {
                    "maximum_packet_size": 2000,
                    "unsendable": [{"topic": "p/d/effort", "count": 2, "largest_bytes": 5031, "kept": True}],
                }
            },
            "warning",
            "2 messages on p/d/effort too long for the broker (up to 5031 bytes, and the broker takes 2000): kept",
        ),
        (
            {"mqtt": {"unsendable": [{"topic": "p/d/excerpts", "count": 1, "largest_bytes": 9000, "kept": False}]}},
            "warning",
            "1 message on p/d/excerpts cut the connection (9000 bytes): dropped",
        ),
        ({"mqtt": {"unanswered_s": 31.0}}, "warning", "acknowledged nothing for 31 s"),
        ({"mqtt": {"lost_last_hour": 3}}, "warning", "lost 3 times in the last hour"),
        ({"mqtt": {"lost_last_hour": 3, "brief_last_hour": 3}}, "warning", "does another device use our name?"),
        ({"mqtt": {"lost_last_hour": 1, "taken_over_last_hour": 1}}, "warning", "uses our client identifier"),
        ({"mqtt": {"downgraded": True}}, "warning", "MQTT 3.1.1 is spoken"),
        ({"mqtt": {"doubt": "nobody knows"}}, "warning", "nobody knows"),
        ({"mqtt": {"retain_available": False}}, "warning", "keeps no retained messages"),
        ({"outbox": OutboxHealth(depth=1, available=False, reason="disk full")}, "warning", "disk full"),
        ({"outbox": OutboxHealth(depth=1, dropped={"detection/rows": 4})}, "warning", "4 messages dropped"),
        ({"clock": ClockHealth(state="unsynchronised")}, "warning", "not synchronised"),
        ({"board": board_health(disk_free_mb=199.0)}, "warning", "199 MB of disk space left"),
        (
            {"board": board_health(disk_free_mb=9000.0, inodes_free=12)},
            "warning",
            "the disk takes only 12 more files, whatever space is left: delete some",
        ),
        ({"board": board_health(temperature_c=80.0)}, "warning", "80 °C"),
        ({"board": board_health(throttling=("under-voltage",))}, "warning", "under-voltage"),
        (
            {"model": ModelHealth(name="m", version="1", digest="", backend="onnx", fallback=True)},
            "warning",
            "onnx has taken over",
        ),
    ],
)
def test_what_is_wrong_is_said(make_health: MakeHealth, changes: dict[str, object], state: str, reason: str) -> None:
    counters = HealthCounters(0)
    counters.scored(10 * S)
    document = make_health(counters, 11 * S, **changes)
    assert document.state == state
    assert len(document.reasons) == 1
    assert reason in document.reasons[0]


def test_what_is_mended_or_rare_is_no_alarm(make_health: MakeHealth) -> None:
    counters = HealthCounters(0)
    counters.scored(10 * S)
    mended = {
        "rejected": 9,
        "lost_last_hour": 2,
        "brief_last_hour": 2,
        "unanswered_s": 29.0,
        "maximum_packet_size": 2000,
    }
    assert make_health(counters, 11 * S, mqtt=mended).reasons == ()


def test_silence_is_a_failure_unless_it_is_meant(make_health: MakeHealth) -> None:
    counters = HealthCounters(0)
    assert make_health(counters, 30 * S).state == "ok"
    assert make_health(counters, 31 * S).reasons == ("no window scored for 31 s",)
    paused = {"input": InputHealth(phase="paused", device="d")}
    assert make_health(counters, 999 * S, **paused).state == "ok"
    counters.scored(40 * S)
    assert make_health(counters, 70 * S).state == "ok"
    assert make_health(counters, 71 * S).state == "failing"


def test_samples_that_are_no_numbers_explain_a_silence_while_they_last(make_health: MakeHealth) -> None:
    counters = HealthCounters(0)
    counters.gap("non_finite", 20.0)
    counters.gap("tail", 0.5)
    silent = "no window scored for 31 s"
    said = "the samples are not numbers: does audio.sample_format match the input?"
    assert make_health(counters, 30 * S).reasons == ()
    assert make_health(counters, 31 * S).reasons == (said, silent)
    counters.scored(40 * S)
    assert make_health(counters, 71 * S).reasons == (silent,)


def test_falling_behind_is_a_warning(make_health: MakeHealth) -> None:
    counters = HealthCounters(0)
    counters.gap("inference_behind", 1.0)
    assert make_health(counters, S).reasons == ("scoring cannot keep up with the sound",)
