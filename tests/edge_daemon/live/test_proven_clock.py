"""A time server that says once that three years have passed deletes nothing: not clips, not messages, not effort."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.live.proven_clock import read_record
from edge_daemon.outbox.message import Message

DAY_S = 86_400
THREE_YEARS_S = 3 * 365 * DAY_S
TEN_PAST_NS = (1_767_225_600 + 600) * 10**9  # where the buoy's clock begins


def proven_record(folder: Path, utc_ns: int) -> None:
    """A clock that has been right for a year, as of some seconds ago, before the board started."""
    state = folder / "state"
    state.mkdir(parents=True)
    record = {"utc_ns": utc_ns, "monotonic_ns": 1, "boot_id": "before", "steady_s": 365.0 * DAY_S, "doubt_s": 0.0}
    (state / "clock.json").write_text(json.dumps(record))


def filled(buoy: Any) -> None:
    """300 clips and 50 messages of the last 300 days."""
    for day in range(300):
        utc_ns = TEN_PAST_NS - day * DAY_S * 10**9
        buoy.clip_files.write(f"2025-01-01/{day}.flac", b"sound", utc_ns)
        if day % 6 == 0:
            buoy.daemon.components.outbox.put(Message(f"m{day}", "t", b"call", "detection", 2, utc_ns))
    assert buoy.daemon.components.outbox.commit()


def kept(buoy: Any) -> tuple[int, int]:
    outbox = buoy.daemon.components.outbox
    messages = outbox.take(1000)
    outbox.release()
    return len(buoy.clip_files.contents), sum(message.kind == "detection" for message in messages)


def hours(buoy: Any, number: int) -> None:
    """Time goes by, of which only the disk's thread is told."""
    for _ in range(number):
        buoy.time.advance(3600)
        buoy.daemon.components.storage.tick()


@pytest.mark.slow
def test_one_false_answer_deletes_nothing(make_buoy: Callable[..., Any], tmp_path: Path) -> None:
    proven_record(tmp_path / "sea", TEN_PAST_NS - 60 * 10**9)
    buoy = make_buoy(folder=tmp_path / "sea")
    filled(buoy)
    buoy.until(10.0)
    assert buoy.daemon.components.clock.proven
    buoy.time.step(THREE_YEARS_S)
    buoy.until(20.0)
    hours(buoy, 30)
    assert kept(buoy) == (300, 50)
    document = buoy.daemon.health.document()
    assert not document.clock.proven
    assert any("the clock has leapt forward by 1095 days" in reason for reason in document.reasons)
    assert json.loads((tmp_path / "sea" / "state" / "clock.json").read_text())["doubt_s"] == pytest.approx(
        THREE_YEARS_S
    )
    buoy.finish()


@pytest.mark.slow
def test_a_restart_does_not_forget_the_leap(make_buoy: Callable[..., Any], tmp_path: Path) -> None:
    proven_record(tmp_path / "sea", TEN_PAST_NS - THREE_YEARS_S * 10**9)
    buoy = make_buoy(folder=tmp_path / "sea")
    buoy.clip_files.write("2025-01-01/a.flac", b"sound", TEN_PAST_NS - THREE_YEARS_S * 10**9)
    buoy.daemon.components.outbox.put(Message("m", "t", b"call", "detection", 2, TEN_PAST_NS - THREE_YEARS_S * 10**9))
    buoy.until(10.0)
    hours(buoy, 5)
    assert buoy.daemon.components.clock.doubt_s == pytest.approx(THREE_YEARS_S, abs=10)
    assert kept(buoy) == (1, 1)


@pytest.mark.slow
def test_what_is_old_goes_when_the_clock_is_proven(make_buoy: Callable[..., Any], tmp_path: Path) -> None:
    proven_record(tmp_path / "sea", TEN_PAST_NS - 60 * 10**9)
    buoy = make_buoy(folder=tmp_path / "sea", clips={"max_age_days": 100.0}, outbox={"max_age_days": 100.0})
    filled(buoy)
    buoy.until(10.0)
    hours(buoy, 1)
    assert kept(buoy) == (100, 17)  # 0 to 99 days old, and those of every sixth day


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}"),
        '{"utc_ns": 5, "monotonic_ns": 0, "boot_id": "x", "steady_s": NaN, "doubt_s": 0}',
        '{"utc_ns": 5, "monotonic_ns": 0, "boot_id": "x", "steady_s": 1e300, "doubt_s": 0}',
    ],
)
def test_a_record_that_makes_no_sense_proves_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock.json").write_text(text)
    assert read_record(tmp_path / "clock.json") is None
    assert read_record(tmp_path / "nowhere.json") is None
