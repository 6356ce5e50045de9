"""The daemon of the soak test: hours of listening in minutes, in a process of its own, so that its memory is its own.

    python soak_daemon.py CONFIG HOURS

All is real but the sound card and the clocks: a card in memory is fed as fast as the daemon can hear, and each block
lets the time go on by its length. The cable is pulled now and then. Prints one line of JSON per simulated six minutes:
hours, resident memory and the part of it that is files (libraries), in bytes.
"""

from __future__ import annotations

import json
import random
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import psutil
import soundfile

from edge_daemon.audio.capture.device import DeviceInfo, StreamRequest
from edge_daemon.audio.capture.sound_card import SoundCardSource
from edge_daemon.clips.files import FolderClipFiles
from edge_daemon.clock.synchronisation import AdjtimexClock
from edge_daemon.config import load
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.health.board import LinuxBoard
from edge_daemon.live.daemon import Daemon
from edge_daemon.live.dependencies import Dependencies
from edge_daemon.system import journal
from edge_daemon.system.sd_notify import Notifier
from edge_daemon.testing.machine import ManualTime
from edge_daemon.testing.sound_card import MemoryDriver

RATE = 2000
BLOCK = 200
STEP_S = 360.0
PULL_EVERY_S, PULLED_S = 1700.0, 20.0


class Sea:
    """The package's sample again and again, each time with other noise and another gain; pulls the cable at times."""

    def __init__(self, time: ManualTime, driver: MemoryDriver, card: DeviceInfo) -> None:
        self._time, self._driver, self._card = time, driver, card
        sample = Path(str(resources.files("edge_daemon") / "assets" / "sample.flac"))
        self._sample, _ = soundfile.read(sample, dtype="float32")
        self._rng = np.random.default_rng(4)
        self._sound = self._sample
        self._at = 0
        self.passed_s = 0.0

    def wait(self, seconds: float) -> None:
        """What the source does instead of waiting: time goes on by a block, and the card hears it."""
        pulled = self.passed_s % PULL_EVERY_S > PULL_EVERY_S - PULLED_S
        if pulled and self._driver.plugged:
            self._driver.unplug()
        elif not pulled and not self._driver.plugged:
            self._driver.plugged = [self._card]
        step_s = BLOCK / RATE if self._driver.plugged else seconds
        self._time.advance(step_s)
        self.passed_s += step_s
        if self._at + BLOCK > len(self._sound):
            noise = self._rng.normal(0.0, 10 ** self._rng.uniform(-4.0, -2.5), len(self._sample))
            self._sound = (self._sample * self._rng.uniform(0.2, 1.0) + noise).astype(np.float32)
            self._at = 0
        self._driver.feed(self._sound[self._at : self._at + BLOCK])
        self._at += BLOCK


def main(path: Path, hours: float) -> None:
    config = load(path).config
    journal.set_up("warning")
    time = ManualTime()
    card = DeviceInfo(index=0, name="memory", channels=1, default_rate=RATE, is_default=True)
    driver = MemoryDriver([card])
    sea = Sea(time, driver, card)
    source = SoundCardSource(StreamRequest(None, rate=RATE, block=BLOCK), driver, time=time, wait=sea.wait, dead_s=60.0)
    daemon = Daemon(
        config,
        Dependencies(
            time=time,
            source=source,
            detector=open_detector(DetectorSettings.from_config(config), time),
            kernel=AdjtimexClock(),
            board=LinuxBoard(config.storage.folder),
            clip_files=FolderClipFiles(config.storage.clips_folder),
            notifier=Notifier.from_environment({}),
            rng=random.Random(1),
        ),
    )
    process = psutil.Process()
    daemon.begin()
    step = 0
    while sea.passed_s < hours * 3600:
        daemon.turn()
        if sea.passed_s >= step * STEP_S:
            step += 1
            memory = process.memory_info()
            line = {"hours": sea.passed_s / 3600, "resident": memory.rss, "shared": memory.shared}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
    daemon.finish()
    health = daemon.newest_health
    assert health is not None
    sys.stdout.write(
        json.dumps({"end": json.loads(health.to_json()), "unsent": daemon.components.outbox.report().depth})
    )
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
