"""How far the clock is believed, rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.clock import synchronisation
from edge_daemon.clock.synchronisation import AdjtimexClock, ClockKeeper, Synchronisation, SyncReading
from edge_daemon.testing.machine import MemoryKernelClock

S = 10**9
GOOD = SyncReading(True, 5_000_000)
LOOSE = SyncReading(True, 3 * S)
NONE = SyncReading(False, 0)


def test_synchronised_then_holdover_for_a_day_then_not() -> None:
    sync = Synchronisation()
    assert sync.state == "unsynchronised"
    assert sync.update(NONE, 0) == "unsynchronised"
    assert sync.update(GOOD, 10 * S) == "synchronised"
    assert sync.update(NONE, 20 * S) == "holdover"
    assert sync.update(NONE, (10 + 86_400) * S) == "holdover"
    assert sync.update(NONE, (11 + 86_400) * S) == "unsynchronised"
    assert sync.update(GOOD, (12 + 86_400) * S) == "synchronised"


def test_a_loose_bound_is_holdover_even_at_the_start() -> None:
    assert Synchronisation().update(LOOSE, 0) == "holdover"


def test_a_step_ends_holdover_but_not_synchronisation() -> None:
    sync = Synchronisation()
    sync.update(GOOD, 0)
    sync.stepped()
    assert sync.state == "synchronised"
    sync.update(NONE, S)
    sync.stepped()
    assert sync.state == "unsynchronised"
    assert sync.update(NONE, 2 * S) == "unsynchronised"
    assert sync.update(GOOD, 3 * S) == "synchronised"


def test_the_kernel_answers() -> None:
    reading = AdjtimexClock().read()
    assert reading.max_error_ns >= 0


@pytest.mark.parametrize(
    ("status", "expected", "keeper"),
    [
        (0x0001, True, "ntp"),  # STA_PLL: the kernel's loop, fed by ntpd
        (0x2001, True, "ntp"),  # and STA_NANO: by systemd-timesyncd
        (0x2008, True, "ntp"),  # STA_FLL
        (0x2000, True, "chrony"),  # no loop: its frequency is steered from outside
        (0x2107, True, "pps"),  # STA_PPSFREQ, STA_PPSTIME, STA_PPSSIGNAL
        (0x0040, False, None),
        (0x0041, False, None),
        (0x0146, False, None),  # a pulse alone does not tell the second
    ],
)
def test_reads_status_and_bound(
    monkeypatch: pytest.MonkeyPatch, status: int, expected: bool, keeper: ClockKeeper | None
) -> None:
    def answer(timex: synchronisation._Timex) -> int:
        timex.status, timex.maxerror = status, 1234
        return 0

    monkeypatch.setattr(synchronisation, "_adjtimex", answer)
    assert AdjtimexClock().read() == SyncReading(expected, 1_234_000, keeper)


@pytest.mark.parametrize("marked", [True, False])
def test_where_the_kernel_may_not_be_asked_timesyncds_mark_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, marked: bool
) -> None:
    monkeypatch.setattr(synchronisation, "_adjtimex", lambda _: -1)
    if marked:
        (tmp_path / "synchronized").touch()
    assert AdjtimexClock(tmp_path / "synchronized").read().synchronised is marked


def test_the_twin_says_what_it_is_told() -> None:
    kernel = MemoryKernelClock(False)
    assert not kernel.read().synchronised
    kernel.reading = GOOD
    assert kernel.read() == GOOD
