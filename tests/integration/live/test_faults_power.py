"""The daemon itself is killed, again and again: what it had found and written arrives, once by its id."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SPEED = 8.0
KILLS = 10
BOUND_S = 1.0
"""Far more than the outbox may wait before it writes (0.1 s here), and than a loaded machine is late."""


def found(rig: Any) -> set[str]:
    """Identities in the daemon's log."""
    return set(re.findall(r"id=([0-9a-f]{8}-[0-9a-f-]{27})", rig.log.read_text(errors="replace")))


def test_killed_ten_times_at_random_moments(rig: Any) -> None:
    rng = random.Random(5)
    rig.broker.start()
    # as at sea, sound goes on while nobody listens
    rig.play(rig.calls(2000), SPEED, wait_for_reader=False)
    logged: set[str] = set()
    written: set[str] = set()
    for turn in range(KILLS):
        earlier = found(rig)  # what was found just before the kill may have died with it
        starts = rig.starts()
        rig.start()
        if turn % 4:  # else perhaps while it starts, which takes seconds on a busy machine
            rig.until(lambda starts=starts: rig.starts() > starts)
        time.sleep(rng.uniform(0.2, 4.0))
        logged |= found(rig) - earlier
        time.sleep(BOUND_S)
        rig.kill()
        written |= rig.outbox_ids()
        if turn == KILLS // 2:
            rig.broker.persisted()
            rig.broker.kill()  # what is found now waits in the outbox over several lives
        elif turn == KILLS - 3:
            rig.broker.start()
    assert logged <= written | rig.shore.ids()
    earlier = found(rig)
    rig.start()
    rig.until(lambda: len(found(rig)) >= len(earlier) + 3)
    rig.feeders[0].stop()
    must_arrive = logged | written | (found(rig) - earlier)
    rig.until(lambda: must_arrive <= rig.shore.ids(), 30)
    rig.ends_clean()
    arrived = rig.shore.detections()
    assert len(arrived) > 20
    # no call under two names: events of one life do not overlap, and lives follow each other
    spans = sorted((one["begin_utc"], one["end_utc"]) for one in arrived)
    assert len(set(spans)) == len(spans)


def test_ends_within_five_seconds_with_nothing_lost(rig: Any) -> None:
    """SIGTERM while sound comes in and detections wait: they arrive before the end, or after the next start."""
    rig.broker.start()
    rig.start()
    feeder = rig.play(rig.calls(2000), SPEED)
    rig.until(lambda: len(rig.shore.ids()) >= 5)
    assert rig.terminate() < 5.0
    assert found(rig) == rig.shore.ids() | rig.outbox_ids()
    last = [json.loads(text) for text in rig.shore.messages("health")][-1]
    assert last["detections"] <= len(found(rig))
    rig.broker.persisted()
    rig.broker.kill()
    rig.start()
    before = len(found(rig))
    rig.until(lambda: len(found(rig)) >= before + 5)
    assert rig.terminate() < 5.0
    feeder.stop()
    assert rig.outbox_ids() == found(rig) - rig.shore.ids()
    rig.broker.start()
    rig.start()
    rig.until(lambda: rig.shore.ids() == found(rig))
    rig.ends_clean()
