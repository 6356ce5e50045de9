"""The system clock is set by an hour, forward and back: every detection arrives once, dated by the new time, and the
effort ledger knows of the jump."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

HOUR = timedelta(hours=1)
# The whole program, with a clock that can be set without setting that of the machine. The clock counts as kept right:
# one that never was would have its whole session dated anew.
PROGRAM = """
import sys
from pathlib import Path
from edge_daemon.clock import time_source as timesource
from edge_daemon.clock import synchronisation

shift, really = Path(sys.argv.pop(1)), timesource.SystemTime.utc_ns
timesource.SystemTime.utc_ns = lambda self: really(self) + int(shift.read_text())
synchronisation.AdjtimexClock.read = lambda self: synchronisation.SyncReading(True, 1_000_000)
from edge_daemon.cli import main
main()
"""


class Clock:
    """The daemon's system clock."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shift"
        self.file.write_text("0")
        (folder / "program.py").write_text(PROGRAM)
        self.program = (sys.executable, str(folder / "program.py"), str(self.file))

    def set(self, shift: timedelta) -> None:
        """Let it show the real time plus this."""
        new = self.file.with_name("new")
        new.write_text(str(round(shift.total_seconds()) * 10**9))
        new.rename(self.file)


def clock_health(rig: Any) -> dict[str, Any]:
    documents = rig.shore.health()
    return documents[-1]["clock"] if documents else {"steps": 0}


def test_clock_set_forward_and_back(rig: Any, tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    rig.program = clock.program
    sound = rig.calls(20)
    rig.broker.start()
    began = time.monotonic()
    rig.start()
    rig.until(lambda: rig.starts() == 1, 120)
    started = time.monotonic()
    rig.play(sound, 1.0)  # in real time: the clock is under test
    for steps, (arrived, shift) in enumerate(((4, HOUR), (9, timedelta(0)), (14, -HOUR)), 1):
        rig.until(lambda arrived=arrived: len(rig.shore.ids()) >= arrived)
        clock.set(shift)
        rig.until(lambda steps=steps: clock_health(rig)["steps"] >= steps)
    rig.delivers(sound)
    assert clock_health(rig)["steps"] == 3
    at_work = time.monotonic() - started
    rig.ends_clean()
    lived = time.monotonic() - began

    # seconds between what a detection's UTC says and its place in the stream: the begin of the stream, plus the shift
    found = sorted(rig.shore.detections(), key=lambda one: one["begin_s"])
    anchors = [datetime.fromisoformat(d["begin_utc"]).timestamp() - d["begin_s"] for d in found]
    shifts = [round(anchor - anchors[0], 1) for anchor in anchors]
    assert all(abs(shift - round(shift / 3600) * 3600) <= 0.3 for shift in shifts)
    hours = [round(shift / 3600) for shift in shifts]
    assert [now for now, before in zip(hours, [None, *hours], strict=False) if now != before] == [0, 1, 0, -1]
    for detection in found:
        length = datetime.fromisoformat(detection["end_utc"]) - datetime.fromisoformat(detection["begin_utc"])
        assert abs(length.total_seconds() - (detection["end_s"] - detection["begin_s"])) < 0.01

    # the ledger: steps by their jump, and all else adds up to the time that really went by
    rows = rig.effort()
    steps = [float(row["seconds"]) for row in rows if row["cause"] == "clock_step"]
    assert [round(step) for step in steps] == [3600, -3600, -3600]
    rest = sum(float(row["seconds"]) for row in rows if row["cause"] != "clock_step")
    assert at_work - 0.5 <= rest <= lived  # how long starting and ending take depends on the machine
    ends = [datetime.fromisoformat(row[name]) for row in rows for name in ("begin_utc", "end_utc")]
    assert abs((ends[-1] - ends[0]).total_seconds() - rest - sum(steps)) < 0.001
