"""The history of the whole program under the same faults as its outbox: what was sent, or written, is in it."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.live.small_disk import fill

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

SPEED = 8.0
KILLS = 20
START_S = 180.0
"""Far more than a start takes, even on a machine that does much else."""


def entries(rig: Any) -> dict[str, bool]:
    """Detections in the history, and whether each counts as delivered; the daemon may be running."""
    path = rig.state / "history.db"
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT id, delivered FROM entry WHERE kind = 'detection'").fetchall()
    assert len(rows) == len({name for name, _ in rows})
    return {name: bool(delivered) for name, delivered in rows}


def listed(rig: Any) -> str:
    """What `edge-daemon detections` prints."""
    command = [*rig.program, "detections", "--database", str(rig.state / "history.db"), "--format", "jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=rig.environment)
    return done.stdout


def test_killed_twenty_times(rig: Any) -> None:
    rng = random.Random(18)
    rig.broker.start()
    rig.play(rig.calls(4000), SPEED, wait_for_reader=False)
    written: set[str] = set()
    for turn in range(KILLS):
        starts, earlier = rig.starts(), len(rig.found())
        rig.start()
        rig.until(lambda starts=starts: rig.starts() > starts, START_S)
        if turn % 2:  # else perhaps before anything has been found
            rig.until(lambda earlier=earlier: len(rig.found()) > earlier)
        time.sleep(rng.uniform(0.0, 1.5))
        rig.kill()
        written |= rig.outbox_ids()
    rig.start()
    there = len(rig.shore.ids())
    rig.until(lambda: len(rig.shore.ids()) >= there + 3, START_S)
    rig.feeders[0].stop()
    rig.until(lambda: written <= rig.shore.ids())
    rig.ends_clean()
    kept = entries(rig)
    assert len(kept) > KILLS // 2
    assert kept.keys() >= written  # what was on disk at a kill
    assert kept.keys() >= rig.shore.ids()
    assert all(kept[name] for name in rig.shore.ids())


def test_a_full_disk_delays_the_history_and_nothing_else(rig: Any, card: Path) -> None:
    rig.settings["clips"] = {"enabled": False}
    rig.broker.start()
    rig.start()
    rig.until(lambda: rig.starts() == 1 and (card / "history.db").exists(), START_S)
    ballast = fill(card)
    rig.play(rig.calls(40), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 38)
    rig.until(lambda: any("history" in " ".join(one["reasons"]) for one in rig.shore.health()[-3:]), 60)
    ballast.unlink()
    rig.until(lambda: entries(rig).keys() >= rig.shore.ids(), 90)
    assert rig.terminate(0, 3) < 5.0
    assert all(entries(rig).values())


@pytest.mark.parametrize("damage", ["begin", "middle", "cut"])
def test_a_damaged_history_is_set_aside_and_work_goes_on(rig: Any, damage: str) -> None:
    rig.broker.start()
    rig.start()
    rig.play(rig.calls(6), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5, START_S)
    rig.terminate(0)
    path = rig.state / "history.db"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        at = 0 if damage == "begin" else len(content) // 8192 * 4096  # the begin of a page
        content[at : at + 2048] = bytes(2048)
    path.write_bytes(content)
    former = rig.shore.ids()
    rig.start()
    rig.until(lambda: rig.starts() == 2, START_S)
    rig.play(rig.calls(6), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= len(former) + 5)
    told = " ".join(reason for one in rig.shore.health() for reason in one["reasons"])
    assert "the history was damaged and set aside" in told
    rig.ends_clean()
    kept = entries(rig)
    assert kept.keys() >= rig.shore.ids() - former
    assert all(name in listed(rig) for name in kept)
    assert [one for one in rig.state.glob("history.db.damaged-*") if not one.name.endswith(("-wal", "-shm"))]
