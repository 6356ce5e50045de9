"""Listened + gaps = time passed, whatever a pipe's writer does; and nothing is dropped that its writer could keep."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.audio.capture.pipe import PipeSource
from edge_daemon.config import Config
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.errors import AudioError
from edge_daemon.live.daemon import Daemon
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.system.backoff import Backoff
from edge_daemon.system.sd_notify import Notifier
from edge_daemon.testing.machine import ManualTime, MemoryBoard, MemoryChannel, MemoryClipFiles, MemoryKernelClock

RATE = 2000
BLOCK_S = 0.25
WINDOW_S = 2.0
T0 = 1_767_225_600 * 10**9


class Writer:
    """What happens to a pipe, one deed after the other, in simulated time.

    `live` sound comes as it sounds, `late` sound all at once when it is over, `poured` sound all at once and at any
    time; `silent` is time without sound, `gone` a writer that closes and comes back after that time.
    """

    name, reopens, room = "hydrophone", True, 16_384

    def __init__(self, time: ManualTime, deeds: list[tuple[str, float]]) -> None:
        self._time, self._deeds = time, list(deeds)
        self._rng = np.random.default_rng(5)
        self._began_ns = time.monotonic_ns()
        self._waiting = b""
        self._given = 0
        self._closed = False

    @property
    def over(self) -> bool:
        return not self._deeds and not self._waiting

    def open(self) -> None:
        if self._deeds and self._deeds[0][0] == "gone":
            if self._since_s() < self._deeds[0][1]:
                raise AudioError("The writer is gone.")
            self._next()

    def close(self) -> None:
        pass

    def read(self, most: int, timeout_s: float) -> bytes | None:
        if not self._waiting:
            if not self._deeds:
                self._time.advance(timeout_s)
                return None
            kind, seconds = self._deeds[0]
            if kind == "gone":
                return b""
            if kind == "poured":
                self._waiting = self._sound(seconds)
                self._next()
            elif kind == "live":
                self._time.advance(0.02)
                self._waiting = self._sound(min(seconds, self._since_s()), self._given)
                self._given += len(self._waiting)
                if self._since_s() >= seconds:
                    self._next()
            else:
                self._time.advance(min(timeout_s, max(0.0, seconds - self._since_s()) + 1e-9))
                if self._since_s() >= seconds:
                    self._waiting = self._sound(seconds) if kind == "late" else b""
                    self._next()
            if not self._waiting:
                return None
        self._time.advance(1e-4)  # reading takes its time, too
        part, self._waiting = self._waiting[:most], self._waiting[most:]
        return part

    def _since_s(self) -> float:
        return (self._time.monotonic_ns() - self._began_ns) / 1e9

    def _next(self) -> None:
        del self._deeds[0]
        self._began_ns, self._given = self._time.monotonic_ns(), 0

    def _sound(self, seconds: float, but: int = 0) -> bytes:
        count = round(seconds * RATE) - but // 2
        return self._rng.normal(0.0, 300.0, max(0, count)).astype("<i2").tobytes()


def heard(folder: Path, model: Path, deeds: list[tuple[str, float]]) -> tuple[Any, float, Daemon]:
    """The effort, the time that passed, and the daemon, after all these deeds."""
    time = ManualTime(T0)
    writer = Writer(time, deeds)
    config = Config.model_validate(
        {
            "device": {"id": "buoy-7"},
            "storage": {"folder": folder},
            "mqtt": {"enabled": False},
            "clips": {"enabled": False},
            "model": {"path": model},
        }
    )
    source = PipeSource(
        writer,
        RATE,
        block_s=BLOCK_S,
        time=time,
        backoff=Backoff(first_s=1.0, limit_s=4.0, jitter=0.0),
        rng=random.Random(0),
        wait=time.advance,
    )
    daemon = Daemon(
        config,
        Dependencies(
            time=time,
            source=source,
            detector=open_detector(DetectorSettings.from_config(config), time),
            kernel=MemoryKernelClock(),
            board=MemoryBoard(),
            clip_files=MemoryClipFiles(10**9),
            notifier=Notifier(MemoryChannel(), 60.0),
            rng=random.Random(1),
        ),
    )
    daemon.begin()
    while not writer.over:
        assert daemon.turn()
    daemon.finish()
    summary = daemon.components.ledger.summary(T0, time.utc_ns(), "buoy-7")
    return summary, time.monotonic_ns() / 1e9, daemon


_DEEDS = st.lists(
    st.tuples(st.sampled_from(["live", "late", "poured", "silent", "gone"]), st.integers(1, 300).map(lambda n: n / 10)),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=25)
@given(deeds=_DEEDS)
def test_listened_and_gaps_are_the_time_that_passed(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, deeds: list[tuple[str, float]]
) -> None:
    effort, passed_s, daemon = heard(tmp_path_factory.mktemp("state"), tiny_model, deeds)
    assert effort.listened_s + effort.lost_s == pytest.approx(
        passed_s, abs=3 * BLOCK_S
    )  # a block each on its way, and waited for
    assert effort.listened_s <= passed_s
    health = daemon.newest_health
    assert health is not None
    assert health.effort is not None
    assert health.effort.listened_s + health.effort.lost_s == pytest.approx(passed_s, abs=3 * BLOCK_S + 0.1)
    assert health.queues["sound"].dropped == 0


def test_sound_that_comes_late_is_heard_where_it_was_missed(tmp_path: Path, tiny_model: Path) -> None:
    """20 s of silence, then 20 s of sound at once: they are no stall and are not counted twice."""
    effort, passed_s, daemon = heard(tmp_path, tiny_model, [("live", 20.0), ("late", 20.0), ("live", 10.0)])
    assert passed_s == pytest.approx(50.0, abs=0.1)
    assert effort.listened_s == pytest.approx(50.0, abs=0.1)
    assert effort.gaps == ()
    assert effort.listened_samples == 50 * RATE
    health = daemon.newest_health
    assert health is not None
    assert health.input is not None
    assert health.input.stalls == 1  # it was told while it lasted


def test_a_silence_that_nothing_makes_good_is_a_stall(tmp_path: Path, tiny_model: Path) -> None:
    effort, passed_s, _ = heard(tmp_path, tiny_model, [("live", 20.0), ("silent", 50.0), ("live", 10.0)])
    assert passed_s == pytest.approx(80.0, abs=0.1)
    assert effort.listened_s == pytest.approx(30.0, abs=0.1)
    assert {gap.cause: round(gap.seconds) for gap in effort.gaps} == {"stall": 50}


@pytest.mark.slow
def test_a_recording_poured_into_the_pipe_makes_no_time(tmp_path: Path, tiny_model: Path) -> None:
    effort, passed_s, daemon = heard(tmp_path, tiny_model, [("live", 20.0), ("poured", 600.0), ("live", 20.0)])
    assert effort.listened_s == pytest.approx(passed_s, abs=0.3)
    assert passed_s < 42.0
    health = daemon.newest_health
    assert health is not None
    assert health.effort is not None
    assert health.effort.excess_s == pytest.approx(600.0, abs=2.0)
    assert health.windows.scored > 2 * 630  # all of it was analysed, at a hop of half a second
    assert any("more of sound came than time has passed" in reason for reason in health.reasons)
