"""Threads that are stuck or die: health tells, the watchdog starves, nothing ends in silence."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.errors import UnsavedError
from edge_daemon.health.prometheus import samples
from edge_daemon.live.watchdog import stuck
from edge_daemon.storage import database
from edge_daemon.system.pulse import Pulse
from edge_daemon.testing.machine import ManualTime

Sound = NDArray[np.float32]


def fed(buoy: Any) -> int:
    return sum("WATCHDOG=1" in entry for entry in buoy.channel.sent)


def test_the_rule() -> None:
    assert stuck({}, 600.0) is None
    assert stuck({"storage": 600.0, "publishing": 3.0}, 600.0) is None
    verdict = stuck({"storage": 600.5, "publishing": 3.0}, 600.0)
    assert verdict is not None
    assert (verdict.feed, verdict.reason) == (False, "the storage thread has not come round for 600 s")


@pytest.mark.parametrize("name", ["capture", "scoring", "storage", "publishing"])
def test_health_names_a_thread_that_is_stuck_and_the_watchdog_starves(make_buoy: Callable[..., Any], name: str) -> None:
    buoy = make_buoy(mqtt=True, health={"handling_limit_s": 600.0})
    buoy.until(21.0)
    parts = buoy.daemon.components
    owner = {
        "capture": parts.capture,
        "scoring": parts.scoring,
        "storage": parts.storage,
        "publishing": parts.publisher,
    }
    time = ManualTime()
    owner[name].pulse = Pulse(time)
    owner[name].pulse.beat("waiting for something")
    buoy.daemon._watchdog._pulses = parts.pulses
    document = buoy.daemon.health.document()
    assert set(document.threads) == {"capture", "scoring", "storage", "publishing"}
    assert not any("has not come round" in reason for reason in document.reasons)

    owner[name].pulse.beat = lambda *_: None  # from here on it is stuck
    time.advance(75)
    document = buoy.daemon.health.document()
    assert document.threads[name].silent_s == 75.0
    assert document.state == "warning"
    told = f"the {name} thread has not come round for 75 s"
    assert any(reason.startswith(told) for reason in document.reasons)
    assert ("edge_daemon_threads_silent_s", {"thread": name}, 75.0) in list(samples(document))
    before = fed(buoy)
    buoy.until(60.0)
    assert fed(buoy) > before  # windows are scored, and ten minutes are not over
    time.advance(526)
    before = fed(buoy)
    buoy.until(120.0)
    assert fed(buoy) == before


@pytest.mark.parametrize("death", [SystemExit(0), SystemExit(), KeyboardInterrupt(), GeneratorExit(), MemoryError()])
@pytest.mark.parametrize("thread", ["capture", "scoring", "storage"])
def test_a_thread_that_dies_ends_the_daemon_with_an_error(
    make_buoy: Callable[..., Any], thread: str, death: BaseException
) -> None:
    buoy = make_buoy(begin=False)
    parts = buoy.daemon.components

    def die(*_: object, **__: object) -> None:
        raise death

    target = {"capture": (parts.capture, "turn"), "scoring": (parts.queue, "get"), "storage": (parts.storage, "tick")}
    setattr(*target[thread], die)
    running, errors = buoy.in_a_thread()
    running.join(20)
    assert not running.is_alive()
    assert [str(error) for error in errors] == ["the daemon failed"]
    assert errors[0].__cause__ is death


def test_foreign_code_cannot_end_the_main_thread(make_buoy: Callable[..., Any]) -> None:
    class Leaving:
        def read(self) -> None:
            raise SystemExit(0)

    buoy = make_buoy()
    board, buoy.dependencies.board = buoy.dependencies.board, Leaving()
    buoy.until(30.0)
    with pytest.raises(SystemExit):
        buoy.daemon.health.document()
    buoy.dependencies.board = board


class HangingDisk:
    """Lets every transaction hang until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.goes, self.hangs = threading.Event(), False
        transact = database.Database.transact

        def hang(instance: Any, *arguments: Any, **more: Any) -> Any:
            if self.hangs:
                with instance._calling():
                    self.goes.wait(60)
            return transact(instance, *arguments, **more)

        monkeypatch.setattr(database.Database, "transact", hang)


@pytest.mark.slow
@pytest.mark.parametrize("broker", [True, False])
def test_a_hanging_disk_costs_nothing_over_a_good_link_and_is_told_without(
    make_buoy: Callable[..., Any],
    sample: Sound,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broker: bool,
) -> None:
    disk = HangingDisk(monkeypatch)
    buoy = make_buoy(begin=False, mqtt=True)
    buoy.broker.up = broker
    inner = buoy.wait
    buoy.source._wait = lambda longest: (threading.Event().wait(buoy.block_s / 20), inner(longest))[1]
    thread, errors = buoy.in_a_thread()
    buoy.settle(lambda: buoy.seconds > 5.0)
    disk.hangs = True
    buoy.play(sample)
    parts = buoy.daemon.components
    buoy.settle(lambda: parts.counters.detections >= 5)
    topic = parts.topics.detections
    if broker:
        buoy.settle(lambda: len(buoy.broker.payloads(topic)) >= 5)
    assert not parts.outbox.report().available
    assert re.match(r"(The disk has not answered|Nothing has been written) for \d+ s", parts.outbox.report().reason)
    buoy.daemon.stop()
    thread.join(20)
    assert not thread.is_alive()
    disk.goes.set()
    [error] = errors
    assert isinstance(error, UnsavedError)  # the account of effort, at least
    assert error.exit_code == 3
    printed = [record for record in caplog.records if record.message.startswith("a message could not be sent")]
    detections = [json.loads(record.payload) for record in printed if record.kind == "detection"]
    if not broker:  # with one, some may have been printed before the disk was given up
        assert len(detections) == 5
    assert any(record.message == "effort could not be written to disk" for record in caplog.records)


def test_what_is_dropped_is_printed_in_full(
    make_buoy: Callable[..., Any], sample: Sound, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").write_text("")
    buoy = make_buoy(folder=tmp_path / "in the way")
    outbox = buoy.daemon.components.outbox
    outbox.limits = type(outbox.limits)(hold_rows=2)
    buoy.play(sample)
    with caplog.at_level(logging.CRITICAL, "edge_daemon"):
        buoy.played()
    assert outbox.report().dropped["detection/memory"] == 3
    printed = {record.id for record in caplog.records if hasattr(record, "payload")}
    held = {message.id for message in outbox.unsaved()}
    assert len(printed | held) == 5
