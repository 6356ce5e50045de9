"""A buoy that drifts: where each call was heard is in its detection, its clip, in health and in the track."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.clock.utc import utc_text
from edge_daemon.effort.table import open_ledger
from edge_daemon.effort.track_table import read_points

S = 10**9
DRIFT = 1e-4  # degrees a second, 11 m


class FedLines:
    """A source that sends what a test feeds, and tells when it has been read."""

    name = "gpsd of the test"

    def __init__(self) -> None:
        self.said: queue.Queue[bytes] = queue.Queue()

    def open(self) -> None:
        """Always there."""

    def read(self, most: int, timeout_s: float) -> bytes | None:  # noqa: ARG002 as the protocol has it
        try:
            return self.said.get(timeout=0.05)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def drifting(make_buoy: Callable[..., Any]) -> Any:
    """A buoy whose receiver tells a place each second of simulated time, until `silent` is set."""
    lines = FedLines()
    buoy = make_buoy(position={"source": "gpsd", "track_interval_s": 10.0}, position_lines=lines)
    buoy.lines, buoy.lost = lines, False

    def tell() -> None:
        buoy.at.append((buoy.seconds + 1.0, tell))
        if buoy.lost:
            return
        fixes = buoy.daemon.components.receiver._fixes
        said = {"class": "TPV", "mode": 3, "time": utc_text(buoy.time.utc_ns()), "lat": 42 + DRIFT * buoy.seconds,
                "lon": -70.0, "eph": 3.0}  # fmt: skip
        lines.said.put(json.dumps(said).encode() + b"\n")
        refused = buoy.daemon.components.receiver._refused
        buoy.settle(lambda: buoy.daemon.components.receiver._fixes + sum(refused.values()) > fixes + tell.before)
        tell.before = sum(refused.values())

    tell.before = 0  # type: ignore[attr-defined]
    tell()
    return buoy


@pytest.mark.slow
def test_each_detection_has_the_place_of_its_call(drifting: Any, sample: NDArray[np.float32]) -> None:
    begin_s = drifting.seconds
    drifting.play(sample[: 2000 * 21])
    drifting.played()
    drifting.until(drifting.seconds + 5)
    found = drifting.detections()
    assert len(found) >= 2
    for detection in found:
        middle_s = begin_s + (detection["begin_s"] + detection["end_s"]) / 2
        position = detection["position"]
        assert position["latitude"] == pytest.approx(42 + DRIFT * middle_s, abs=DRIFT * 0.3)  # a block, and rounding
        assert position["fix"]["type"] == "3d"
        assert position["fix"]["accuracy_m"] == 3.0
        assert position["fix"]["age_s"] <= 0.6
    health = drifting.daemon.health.document()
    assert health.position is not None
    assert health.position.state == "fix"
    assert health.state == "ok"
    from edge_daemon.clips.guano import read

    names = sorted(drifting.clip_files.contents)
    assert names
    path = drifting.config.storage.folder / "clip.flac"
    path.write_bytes(drifting.clip_files.contents[names[0]])
    fields = read(path)
    assert fields["Loc Position"] == f"{found[0]['position']['latitude']:.6f} -70.000000"
    assert fields["Loc Accuracy"] == "3.0"
    assert fields["EdgeDaemon|Fix"].startswith("3d 0.")
    drifting.finish()
    with open_ledger(drifting.config.storage.effort_path) as ledger:
        points = read_points(ledger, 0, 2**63 - 1)
    assert {round((later.utc_ns - one.utc_ns) / S) for one, later in pairwise(points)} == {10}
    assert len(points) >= 2


@pytest.mark.slow
def test_a_receiver_that_is_lost_makes_the_place_unknown_and_nothing_else(
    drifting: Any, sample: NDArray[np.float32]
) -> None:
    drifting.until(5.0)
    drifting.lost = True
    drifting.until(50.0)
    drifting.play(sample[: 2000 * 15])
    drifting.played()
    drifting.until(drifting.seconds + 5)
    found = drifting.detections()
    assert found
    assert [detection["position"] for detection in found] == [None] * len(found)
    health = drifting.daemon.health.document()
    assert health.state == "warning"
    (reason,) = health.reasons
    assert reason.startswith("the position is not known: gpsd of the test has said nothing of the position for ")
    assert health.gaps == {}


def test_a_device_that_stays_pays_nothing(make_buoy: Callable[..., Any]) -> None:
    before = {thread.name for thread in threading.enumerate()}
    buoy = make_buoy(device={"latitude": 42.35, "longitude": -70.25})
    assert buoy.daemon.components.receiver is None
    assert "position" not in {thread.name for thread in threading.enumerate()} - before
    assert buoy.daemon.health.document().position is None


@pytest.mark.slow
def test_what_reads_receivers_is_not_even_loaded() -> None:
    script = (
        "import sys; import edge_daemon.live.daemon, edge_daemon.live.assembly, edge_daemon.checks.run;"
        "print([name for name in sys.modules if name.startswith('edge_daemon.position.')])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "['edge_daemon.position.position', 'edge_daemon.position.report']"
