"""The real program beside the real gpsd: each call carries the place at which it was heard, or none.

gpsfake gives a log its own dates; here the clock must be that of the calls, so gpsd reads a receiver that we play on a
terminal, sentence for sentence as it happens.
"""

from __future__ import annotations

import contextlib
import math
import os
import pty
import shutil
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_daemon.position.sphere import distance_m

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("gpsd") is None, reason="needs gpsd (apt-get install gpsd)"),
]
FASTEST_M_S = 10.0
MAX_AGE_S = 3.0
ON_ITS_WAY_S = 1.0
"""What a fix may take through terminal and gpsd, which no clock tells while none is synchronised."""


def place(utc_s: float) -> tuple[float, float]:
    """A drift in a circle of 1 km, 9 m/s: 5 s off are 45 m."""
    turn = utc_s * 9 / 1000
    return 42 + math.degrees(1000 / 6.371e6) * math.sin(turn), -70 + math.degrees(1342 / 6.371e6) * math.cos(turn)


def sentences(utc_s: float) -> bytes:
    """RMC and GGA of the fix at a moment."""
    at, (north, west) = datetime.fromtimestamp(utc_s, UTC), place(utc_s)
    moment = f"{at:%H%M%S}.{at.microsecond // 10_000:02d}"
    where = f"{int(north):02d}{north % 1 * 60:08.5f},N,{int(-west):03d}{-west % 1 * 60:08.5f},W"
    bodies = (
        f"GPRMC,{moment},A,{where},17.5,000.0,{at:%d%m%y},,,A",
        f"GPGGA,{moment},{where},1,08,0.9,0.0,M,0.0,M,,",
    )
    return "".join(f"${body}*{reduce(xor, body.encode()):02X}\r\n" for body in bodies).encode()


class PlayedReceiver:
    """A receiver on a terminal, with gpsd behind it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        Path(os.ttyname(slave)).chmod(0o666)  # gpsd gives up root
        os.set_blocking(self._master, False)
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as found:
            self.port = int(found.getsockname()[1])
        self._ended = threading.Event()
        self._feeder = threading.Thread(target=self._feed)
        self._feeder.start()
        self.gpsd = subprocess.Popen(
            ["gpsd", "-N", "-n", "-S", str(self.port), os.ttyname(slave)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _feed(self) -> None:
        while not self._ended.wait(0.5):
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, sentences(time.time()))

    def kill(self) -> None:
        """gpsd dies; the receiver goes on."""
        self.gpsd.kill()
        self.gpsd.wait(10)

    def close(self) -> None:
        """End both."""
        self._ended.set()
        self._feeder.join(5)
        self.kill()


def heard_at(detection: dict[str, Any]) -> float:
    """The middle of a detection, Unix time, seconds."""
    begin, end = (datetime.fromisoformat(detection[name]).timestamp() for name in ("begin_utc", "end_utc"))
    return (begin + end) / 2


def test_each_call_has_the_place_where_it_was_heard_and_none_without_gpsd(rig: Any) -> None:
    rig.broker.start()
    with contextlib.closing(PlayedReceiver()) as receiver:
        rig.settings["position"] = {
            "source": "gpsd",
            "gpsd_port": receiver.port,
            "max_age_s": MAX_AGE_S,
            "max_speed_m_s": FASTEST_M_S,
        }
        calls = rig.calls(60).reshape(60, -1)
        quiet = np.random.default_rng(1).normal(0, 20, calls.shape).astype(np.int16)
        rig.play(np.concatenate([calls, quiet], axis=1).ravel(), 1.0)  # one every six seconds
        rig.start()

        def placed() -> list[dict[str, Any]]:
            return [one for one in rig.shore.detections() if one["position"] is not None]

        rig.until(lambda: len(placed()) >= 6, 150)
        for one in placed():
            where, fix = one["position"], one["position"]["fix"]
            off_m = distance_m((where["latitude"], where["longitude"]), place(heard_at(one)))
            assert fix["age_s"] <= MAX_AGE_S
            assert off_m <= 2 * FASTEST_M_S * fix["age_s"] + FASTEST_M_S * ON_ITS_WAY_S, one
        receiver.kill()
        killed = time.time()

        def homeless() -> list[dict[str, Any]]:
            return [one for one in rig.shore.detections() if heard_at(one) > killed + MAX_AGE_S + ON_ITS_WAY_S]

        rig.until(lambda: len(homeless()) >= 3, 150)
        assert [one["position"] for one in homeless()] == [None] * len(homeless())
        rig.until(lambda: rig.shore.health()[-1]["position"]["state"] == "absent")
        assert rig.shore.health()[-1]["position"]["place"] is None
        rig.terminate()
