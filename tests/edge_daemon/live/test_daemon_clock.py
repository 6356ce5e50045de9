"""The whole daemon in memory while its system clock is set: nothing is lost, and dates say what they rest on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.clock.synchronisation import SyncReading
from edge_daemon.clock.utc import utc_text
from edge_daemon.history.history import open_history
from edge_daemon.history.table import HistoryFilter, select

Sound = NDArray[np.float32]
HOUR_S = 3600.0
BLOCK_S = 0.1


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_step_of_an_hour_moves_dates_and_nothing_else(
    make_buoy: Callable[..., Any], sample: Sound, replayed: Any, step_s: float
) -> None:
    told = replayed(sample, 2000)
    buoy = make_buoy()
    buoy.play(sample)
    buoy.at = [(20.0, lambda: buoy.time.step(step_s))]
    buoy.played()
    buoy.finish()
    live = buoy.detections()
    rows = [(one["begin_s"], one["end_s"], one["peak_score"], one["windows"]) for one in live]
    assert rows == [(one.begin_s, one.end_s, one.peak_score, one.windows) for one in told]
    assert all(one["gaps"] == [] for one in live)
    # the first two calls were over when the clock was set, at 20 s
    dates = [one["begin_utc"][11:19] for one in live]
    shifted = {HOUR_S: "01:10", -HOUR_S: "23:10"}[step_s]
    assert [date[:5] for date in dates] == ["00:10"] * 2 + [shifted] * 3
    health = buoy.daemon.newest_health
    assert health.clock.steps == 1
    start_ns = 1_767_226_200 * 10**9  # 2026-01-01T00:10Z
    wide_ns = 2 * round(HOUR_S * 1e9)
    effort = buoy.daemon.components.ledger.summary(start_ns - wide_ns, start_ns + wide_ns, "buoy-7")
    assert effort.listened_s == pytest.approx(buoy.seconds, abs=BLOCK_S)
    assert effort.lost_s == 0.0
    assert effort.clock_correction_s == pytest.approx(step_s, abs=0.001)
    # together they lead from the wall clock's first reading to its last, also where that lies before the first
    accounted_s = effort.listened_s + effort.clock_correction_s
    assert accounted_s == pytest.approx((buoy.time.utc_ns() - start_ns) / 1e9, abs=BLOCK_S)


def messages(buoy: Any, kind: str) -> list[Any]:
    taken = buoy.daemon.components.outbox.take(1000, "oldest_first")
    buoy.daemon.components.outbox.release()
    return [message for message in taken if message.kind == kind]


@pytest.mark.slow
def test_without_time_detections_say_so_and_never_expire(make_buoy: Callable[..., Any], sample: Sound) -> None:
    buoy = make_buoy(synchronised=False, effort={"publish_interval_s": 60.0})
    buoy.play(sample)

    def told() -> None:
        buoy.time.step(86_400.0 * 365)
        buoy.kernel.reading = SyncReading(True, 10**6)

    buoy.at = [(26.0, told)]
    buoy.played()
    buoy.until(130.0)
    found = messages(buoy, "detection")
    assert [message.dated for message in found] == [False] * 3 + [True] * 2
    clocks = [json.loads(message.payload)["clock"] for message in found]
    assert clocks == ["unsynchronised"] * 3 + ["synchronised"] * 2
    # the whole session is dated anew: its first minute is published under its true date
    reports = [json.loads(message.payload) for message in messages(buoy, "effort")]
    assert [report["begin_utc"] for report in reports] == ["2027-01-01T00:10:00.000000Z", "2027-01-01T00:11:00.000000Z"]
    assert [report["listened_s"] for report in reports] == [pytest.approx(60.0, abs=BLOCK_S)] * 2
    assert [report["clock_correction_s"] for report in reports] == [0.0, 0.0]
    assert reports[0]["clock"] == "unsynchronised"  # the least certain state of the period
    buoy.finish()
    with open_history(buoy.config.storage.history_path) as connection:
        kept = list(select(connection, HistoryFilter()))
    assert [utc_text(entry.begin_utc_ns)[:16] for entry in kept] == ["2027-01-01T00:10"] * 5
    assert json.loads(kept[0].document)["begin_utc"].startswith("2026-01-01T00:10")  # as it was told


def test_clock_set_while_the_device_is_absent(make_buoy: Callable[..., Any], sample: Sound) -> None:
    buoy = make_buoy()
    buoy.until(20.0)
    card = buoy.driver.plugged[0]
    buoy.driver.unplug()
    buoy.until(40.0)
    buoy.time.step(HOUR_S)
    buoy.until(60.0)
    buoy.driver.plugged.append(card)
    buoy.until(75.0)
    buoy.play(sample)
    buoy.played()
    began_s = buoy.seconds - 45.0
    buoy.finish()
    found = buoy.detections()
    assert len(found) == 5
    expected = (600 + HOUR_S + began_s + 4.75) % 86_400  # the first call of the sample begins at 4.75 s
    hours, minutes, seconds = found[0]["begin_utc"][11:-1].split(":")
    assert int(hours) * 3600 + int(minutes) * 60 + float(seconds) == pytest.approx(expected, abs=1.0)
    effort = buoy.effort()
    assert effort.clock_correction_s == pytest.approx(HOUR_S, abs=0.001)
    assert effort.listened_s + effort.lost_s + effort.clock_correction_s == pytest.approx(effort.period_s, abs=BLOCK_S)


def test_a_clock_gone_mad_deletes_no_clips(make_buoy: Callable[..., Any], sample: Sound) -> None:
    buoy = make_buoy(synchronised=False)
    buoy.play(sample)
    buoy.played()
    buoy.until(buoy.seconds + 5.0)
    stored = len(buoy.clip_files.contents)
    assert stored == 5
    buoy.time.step(40 * 365 * 86_400.0)
    buoy.time.advance(3601)
    buoy.daemon.components.storage.tick()
    assert len(buoy.clip_files.contents) == stored


@pytest.mark.parametrize("noticed", [True, False])
def test_a_mistyped_date_deletes_nothing(make_buoy: Callable[..., Any], sample: Sound, noticed: bool) -> None:
    """`date -s 2036` on a synchronised board: unsent detections and clips are not old, and are not taken for old."""
    buoy = make_buoy()
    buoy.play(sample)
    buoy.played()
    buoy.until(buoy.seconds + 5.0)
    stored = len(buoy.clip_files.contents)
    assert (len(buoy.detections()), stored) == (5, 5)
    buoy.time.step(10 * 365 * 86_400.0)
    buoy.kernel.reading = SyncReading(False, 0)
    if noticed:
        buoy.until(buoy.seconds + 5.0)
        assert buoy.daemon.health.document().clock.state == "unsynchronised"
    buoy.time.advance(3601)
    buoy.daemon.components.storage.tick()
    assert (len(buoy.detections()), len(buoy.clip_files.contents)) == (5, stored)
