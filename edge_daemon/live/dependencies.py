"""What a daemon is given from outside: clocks, sound, network, board; real, or twins in memory for rehearsals."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_daemon.audio.capture.live_source import LiveSource, open_source
from edge_daemon.clips.files import ClipFiles, FolderClipFiles
from edge_daemon.clock.synchronisation import AdjtimexClock, KernelClock
from edge_daemon.clock.time_source import SystemTime, TimeSource
from edge_daemon.config import Config
from edge_daemon.detection.detector import Detector, DetectorSettings, open_detector
from edge_daemon.health.board import Board, LinuxBoard
from edge_daemon.mqtt.link import Link
from edge_daemon.system.sd_notify import Notifier

if TYPE_CHECKING:
    from edge_daemon.position.line_source import LineSource


@dataclass(slots=True)
class Dependencies:
    """The world around a daemon.

    Attributes:
        time: clocks.
        source: the live input.
        detector: what listens for calls; the daemon closes it.
        kernel: knows whether the system clock is kept right.
        board: the machine.
        clip_files: where clips go.
        notifier: the service manager.
        link: connection to the broker; None for paho's.
        position_lines: of the receiver, if one is configured; None for the configured ones.
        rng: jitter of all pauses.
        environment: for credentials.
    """

    time: TimeSource
    source: LiveSource
    detector: Detector
    kernel: KernelClock
    board: Board
    clip_files: ClipFiles
    notifier: Notifier
    link: Link | None = None
    position_lines: LineSource | None = None
    rng: random.Random = field(default_factory=random.Random)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


def system_dependencies(config: Config) -> Dependencies:
    """This machine's.

    Raises:
        EdgeDaemonError: the model, the backend or the input cannot be had as configured.
    """
    time, rng = SystemTime(), random.Random()  # noqa: S311 - jitter, not cryptography
    detector = open_detector(DetectorSettings.from_config(config), time)
    return Dependencies(
        time=time,
        source=open_source(config.audio, detector.model.metadata.frontend.sample_rate, time, rng),
        detector=detector,
        kernel=AdjtimexClock(),
        board=LinuxBoard(config.storage.folder),
        clip_files=FolderClipFiles(config.storage.clips_folder),
        notifier=Notifier.from_environment(),
        rng=rng,
    )
