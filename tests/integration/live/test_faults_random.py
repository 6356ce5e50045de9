"""The real program under random sequences of faults: what it found is acknowledged, on disk, or printed.

The long companion of `tests/edge_daemon/live/test_never_lost.py`, which makes the same account of two hundred sequences
in memory.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

SPEED = 8.0
STEPS = 12
KILL_TAKES_S = 8.0
"""A SIGKILL may take what was found so shortly before it: a commit, the time until it is printed, a busy machine."""
CODES = (0, 3)


class Sequence:
    """Faults, and what may come of them."""

    def __init__(self, rig: Any, faults: Any, rng: random.Random) -> None:
        self.rig, self.faults, self.rng = rig, faults, rng
        self.excused: set[str] = set()
        self.broker_runs = False

    def broker(self) -> None:
        if self.broker_runs:
            self.rig.broker.persisted()
            self.rig.broker.kill()
        else:
            self.rig.broker.start()
        self.broker_runs = not self.broker_runs

    def disk(self) -> None:
        self.faults.mend("fsync", "write", "create")
        order = self.rng.choice([None, ("fsync", "hang"), ("fsync", "EIO"), ("write", "ENOSPC"), ("create", "ENOSPC")])
        if order is not None:
            self.faults.let(*order)

    def clock(self) -> None:
        self.faults.let("clock", self.rng.choice(["0", "94608000", "-86400"]))

    def reload(self) -> None:
        self.rig.settings["outbox"]["max_rows"] = self.rng.choice([100, 1000])
        self.rig.write_config()
        self.rig.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        before = self.rig.found()
        time.sleep(KILL_TAKES_S)
        during = self.rig.found() - before
        self.rig.kill()
        self.excused |= during | (self.rig.found() - before)
        self.start()

    def stop(self) -> None:
        self.rig.terminate(*CODES)
        self.start()

    def start(self) -> None:
        starts = self.rig.starts()
        self.rig.start()
        self.rig.until(lambda: self.rig.starts() > starts, 120)


@pytest.mark.parametrize("seed", range(3))
def test_what_was_found_is_somewhere(rig: Any, make_faults: Callable[[Path], Any], seed: int) -> None:
    rig.state.mkdir()
    faults, rng = make_faults(rig.state), random.Random(seed)
    faults.let("kernel", "synchronised")
    rig.environment.update(faults.environment)
    rig.play(rig.calls(4000), SPEED, wait_for_reader=False)
    sequence = Sequence(rig, faults, rng)
    sequence.start()
    sequence.broker()
    faulty = [sequence.broker, sequence.disk, sequence.clock, sequence.reload, sequence.kill, sequence.stop]
    for _ in range(STEPS):
        rng.choice(faulty)()
        before = len(rig.found())
        rig.until(lambda before=before: len(rig.found()) >= before + 3, 120)
    faults.mend("fsync", "write", "create")
    rig.feeders[0].stop()
    time.sleep(2.0)
    rig.terminate(*CODES)
    if sequence.broker_runs:
        rig.broker.persisted()
    lost = rig.found() - rig.shore.ids() - rig.outbox_ids() - rig.printed()
    assert lost <= sequence.excused
    assert len(rig.found()) >= 3 * STEPS
    assert len(rig.shore.ids() | rig.outbox_ids() | rig.printed()) > STEPS
