"""A buoy in memory: the whole daemon in simulated time, with a sound card, a broker, a board and a sea of its own."""

from __future__ import annotations

import json
import random
import threading
import time as real_time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.capture.device import DeviceInfo, StreamRequest
from edge_daemon.audio.capture.live_source import lead_s
from edge_daemon.audio.capture.sound_card import SoundCardSource
from edge_daemon.config import Config
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.detection.document import Detection
from edge_daemon.effort.summary import EffortSummary
from edge_daemon.errors import EdgeDaemonError
from edge_daemon.live.daemon import Daemon
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.replay.recording import Recording
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import replay_recording
from edge_daemon.system.backoff import Backoff
from edge_daemon.system.sd_notify import Notifier
from edge_daemon.testing.broker import MemoryBroker, MemoryLink
from edge_daemon.testing.machine import ManualTime, MemoryBoard, MemoryChannel, MemoryClipFiles, MemoryKernelClock
from edge_daemon.testing.sound_card import MemoryDriver

RATE = 2000
BLOCK_S = 0.1
CARD = DeviceInfo(3, "USB Hydrophone H2a", 2, RATE, is_default=True)
SAMPLE = Path(str(resources.files("edge_daemon") / "assets" / "sample.flac"))
TEN_PAST_UTC_NS = (1_767_225_600 + 600) * 10**9  # 2026-01-01T00:10Z


class PatientLink(MemoryLink):
    """A link in memory that waits a little for news, so that its thread does not spin."""

    def poll(self, timeout_s: float) -> list[Any]:
        if not self.events:
            real_time.sleep(min(timeout_s, 0.002))
        return super().poll(timeout_s)


class Buoy:
    """A daemon and the world around it; sound is faint noise unless something is played.

    Keywords beyond the named ones are sections of the configuration (`broker` is section `mqtt`).

    Attributes:
        time: moved by `wait`, which is called whenever the daemon waits for sound.
        at: what happens at which second (monotonic time).
    """

    def __init__(
        self,
        folder: Path,
        *,
        rate: int = RATE,
        mqtt: bool = False,
        card: bool = True,
        synchronised: bool = True,
        begin: bool = True,
        lead: bool = False,
        rate_is_wanted: bool = True,
        position_lines: Any = None,
        **sections: Any,
    ):
        self.rate = rate
        self.time = ManualTime(TEN_PAST_UTC_NS)
        self.driver = MemoryDriver((CARD,) if card else ())
        self.kernel = MemoryKernelClock(synchronised)
        self.board = MemoryBoard()
        self.clip_files = MemoryClipFiles(10**9)
        self.channel = MemoryChannel()
        self.broker = MemoryBroker()
        self.at: list[tuple[float, Callable[[], object]]] = []
        self.block_s = BLOCK_S
        self.silent = False
        self._rng = np.random.default_rng(7)
        self._playing: list[NDArray[np.float32]] = []
        document: dict[str, Any] = {
            "device": {"id": "buoy-7"},
            "storage": {"folder": folder / "state"},
            "clips": {"min_free_mb": 0.0},
            "mqtt": {"enabled": mqtt, "drain_rate": 1000.0},
        }
        for name, keys in sections.items():
            section = {"broker": "mqtt"}.get(name, name)
            document[section] = document.get(section, {}) | keys
        self.config = Config.model_validate(document)
        self.source = SoundCardSource(
            StreamRequest(rate=rate, block=round(BLOCK_S * rate)),
            self.driver,
            rate_is_wanted=rate_is_wanted,
            time=self.time,
            backoff=Backoff(first_s=1.0, limit_s=8.0, jitter=0.0),
            rng=random.Random(0),
            wait=self.wait,
            dead_s=self.config.audio.dead_input_s,
            lead_s=lead_s(BLOCK_S, rate, RATE) if lead else 0.0,
        )
        self.dependencies = Dependencies(
            time=self.time,
            source=self.source,
            detector=open_detector(DetectorSettings.from_config(self.config), self.time),
            kernel=self.kernel,
            board=self.board,
            clip_files=self.clip_files,
            notifier=Notifier(self.channel, 60.0),
            link=PatientLink(self.broker) if mqtt else None,
            position_lines=position_lines,
            rng=random.Random(1),
        )
        self.daemon = Daemon(self.config, self.dependencies)
        self._ended = False
        self._threads: list[threading.Thread] = []
        if begin:
            self.daemon.begin()

    @property
    def seconds(self) -> float:
        """Monotonic time."""
        return self.time.monotonic_ns() / 1e9

    def play(self, sound: NDArray[np.float32]) -> None:
        """Samples that the hydrophone hears next, at its rate."""
        self._playing.append(sound.astype(np.float32))

    def wait(self, _longest: float) -> None:
        """The daemon waits: a block's time passes, and a block of sound comes if the card is open."""
        self.time.advance(self.block_s)
        while self.at and self.seconds >= self.at[0][0] - 1e-9:
            self.at.pop(0)[1]()
        if not self.silent:
            stream = self.driver.stream
            if stream is not None and stream.active:
                self.driver.feed(self._next(round(self.block_s * self.rate)))

    def until(self, seconds: float) -> None:
        """Run to this moment of monotonic time."""
        while self.seconds < seconds - 1e-9:
            assert self.daemon.turn()

    def played(self) -> bool:
        """Run until everything that was played is heard."""
        while self._playing:
            assert self.daemon.turn()
        return True

    def finish(self) -> None:
        """End the daemon in good order."""
        if not self._ended:
            self._ended = True
            self.daemon.finish()

    def in_a_thread(self) -> tuple[threading.Thread, list[BaseException]]:
        """Run the daemon as it runs live, in simulated time; errors come back. It ends with the test at the latest."""
        errors: list[BaseException] = []

        def run() -> None:
            try:
                self.daemon.run()
            except (EdgeDaemonError, RuntimeError) as error:
                errors.append(error)

        self._ended = True
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread, errors

    def abandon(self) -> None:
        """End what a failed test has left running; it would slow down all tests that come after it."""
        self.finish()
        for thread in self._threads:
            self.daemon.stop()
            thread.join(20)
            assert not thread.is_alive()

    def detections(self) -> list[dict[str, Any]]:
        """What the outbox holds, oldest first."""
        messages = self.daemon.components.outbox.take(10_000, "oldest_first")
        self.daemon.components.outbox.release()
        return [
            json.loads(Detection.model_validate_json(m.payload).to_json()) for m in messages if m.kind == "detection"
        ]

    def effort(self, since_ns: int = TEN_PAST_UTC_NS) -> EffortSummary:
        """The account from the start to now."""
        return self.daemon.components.ledger.summary(since_ns, self.time.utc_ns(), "buoy-7")

    def settle(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Let the publisher's thread, which runs in real time, get there."""
        end = real_time.monotonic() + seconds
        while not condition():
            assert real_time.monotonic() < end, "waited in vain"
            real_time.sleep(0.005)

    def _next(self, count: int) -> NDArray[np.float32]:
        while self._playing and not len(self._playing[0]):
            self._playing.pop(0)
        noise = (self._rng.standard_normal(count) * 1e-4).astype(np.float32)
        if self._playing:
            piece = self._playing[0][:count]
            self._playing[0] = self._playing[0][count:]
            noise[: len(piece)] = piece
            if not len(self._playing[0]):
                self._playing.pop(0)
        return noise


@pytest.fixture
def make_buoy(tmp_path: Path) -> Iterator[Callable[..., Buoy]]:
    """Buoys with state folders of their own; they end with the test."""
    made: list[Buoy] = []

    def make(**options: Any) -> Buoy:
        folder = options.pop("folder", None) or tmp_path / f"buoy{len(made)}"
        made.append(Buoy(folder, **options))
        return made[-1]

    yield make
    for buoy in made:
        buoy.abandon()


@pytest.fixture(scope="session")
def sample() -> NDArray[np.float32]:
    """The recording inside the package: 45 s at 2 kHz with five calls."""
    sound, rate = soundfile.read(SAMPLE, dtype="float32")
    assert rate == RATE
    return np.asarray(sound)


def _replayed(sound: NDArray[np.float32], rate: int, folder: Path) -> list[Detection]:
    path = folder / "played.wav"
    soundfile.write(path, sound, rate, subtype="FLOAT")
    result = replay_recording(Recording(str(path), path.name, path.stem, 1), ReplaySettings())
    assert result.error is None, result.error
    found = list(result.detections())
    assert found, "without a call, nothing would be compared"
    return found


@pytest.fixture
def replayed(tmp_path: Path) -> Callable[[NDArray[np.float32], int], list[Detection]]:
    """What `replay` finds in samples."""
    return lambda sound, rate: _replayed(sound, rate, tmp_path)
