"""Six hours at sea in minutes, or sixty: memory stays flat, nothing piles up, all arrives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HOURS = float(os.environ.get("SOAK_HOURS", "6.5"))  # 60 take twelve minutes
GROWTH_LIMIT = 2.0  # MB, after the first tenth


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_six_hours(rig: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rig.settings["clips"] = {"min_free_mb": 0.0, "max_total_mb": 5.0}
    for section in ("outbox", "effort", "health"):
        rig.settings[section] = {}  # as shipped
    rig.settings["mqtt"] |= {"acknowledge_timeout_s": 3600.0, "connect_timeout_s": 300.0}  # in simulated seconds
    rig.broker.start()
    config = rig.write_config()
    program = Path(__file__).with_name("soak_daemon.py")
    done = subprocess.run(
        [sys.executable, program, config, str(HOURS)],
        env=rig.environment, capture_output=True, text=True, timeout=1400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    *steps, last = [json.loads(line) for line in done.stdout.splitlines()]
    memory = np.array([step["resident"] for step in steps]) / 1e6
    tenth = len(memory) // 10
    # medians: the allocator gives back and takes again some hundred kilobytes
    first, end = np.median(memory[tenth : 2 * tenth]), np.median(memory[-tenth:])
    third, last_quarter = (np.median(part) for part in np.array_split(memory, 4)[2:])
    growth = end - first
    health = last["end"]
    figures = (
        f"{steps[-1]['hours']:.1f} h, {health['windows']['scored']} windows, {health['detections']} detections; "
        f"resident {memory[0]:.1f} MB at first, {first:.1f} after a tenth, {end:.1f} in the last one, "
        f"{memory.max():.1f} at most: growth {growth:+.2f} MB, of it {last_quarter - third:+.2f} in the last quarter"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n  {figures}\n")
    assert growth < GROWTH_LIMIT
    assert last_quarter - third < GROWTH_LIMIT / 3  # it levels off
    assert last["unsent"] == 0
    assert len(rig.shore.ids()) == health["detections"] > 2000
    assert health["windows"]["scored"] > 0.98 * steps[-1]["hours"] * 7200
    assert set(health["gaps"]) <= {"device_absent", "tail"}
    assert health["queues"]["sound"]["dropped"] == 0
    assert "Traceback" not in done.stderr
