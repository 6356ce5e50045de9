"""Tells the process of the board's page what the daemon hears: through a Unix socket, and only while somebody looks.

Nothing is ever waited for. The calling thread looks once a second whether somebody has come; whoever does not take what
is sent loses it, and after `PATIENCE_S` the connection. What a viewer sends is not even read. A message is one packet
of JSON: `hello`, `state`, `health`, `sound`, `detection`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import socket
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.source import Block, Gap
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.detection.observer import StreamObserver
from edge_daemon.health.document import HealthDocument
from edge_daemon.levels.waterfall import FLOOR_DB, STEP_DB, Waterfall
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.system.repeated_errors import RepeatedErrorLog

log = logging.getLogger(__name__)

MOST_VIEWERS = 8
"""Processes, not people: one page's process serves all of its viewers."""
BUFFER_BYTES = 65_536
"""What the kernel keeps for a viewer that does not read."""
PATIENCE_S = 10.0
RETRY_S = 60.0
TICK_NS = SECOND_NS


@dataclass(slots=True, eq=False)
class _Viewer:
    connection: socket.socket
    late_ns: int | None = None  # since when it has not taken anything


class PageFeed(StreamObserver):
    """The daemon's end of the socket.

    Args:
        path: of the socket; its folder must be there.
        device: the device's id.
        rate: samples per second of the stream.
        times: when each sample was.
        time: clocks.

    Attributes:
        problem: why nobody can look, for people; empty if somebody can.
        dropped: messages that a viewer did not take.
    """

    def __init__(self, path: Path, device: str, rate: int, times: SampleTime, time: TimeSource) -> None:
        self._path, self._device, self._times, self._time = path, device, times, time
        self._waterfall = Waterfall(rate)
        self._listener: socket.socket | None = None
        self._viewers: tuple[_Viewer, ...] = ()
        self._sending = threading.Lock()  # held for moments: no send waits
        self._errors = RepeatedErrorLog(log, "the page cannot be told what is heard")
        self._due_ns = self._opening_ns = time.monotonic_ns()
        self._told: HealthDocument | None = None
        self._fresh = False
        self.problem = ""
        self.dropped = 0

    @property
    def watched(self) -> bool:
        """Whether somebody looks."""
        return bool(self._viewers)

    def tick(self, status: Callable[[], str], state: Callable[[], InputHealth], health: HealthDocument | None) -> None:
        """Let in who has come, and tell how things are, once a second at most; for the thread that reports health.

        Args:
            status: a line on what the daemon does.
            state: of the input.
            health: the newest document.
        """
        now_ns = self._time.monotonic_ns()
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + TICK_NS
        if self._listener is None:
            self._open(now_ns)
        new = self._accept()
        if not self._viewers:
            return
        if new or health is not self._told:
            self._told = health
            if health is not None:
                self._send(b'{"kind":"health","document":%b}' % health.to_json().encode())
        found = state()
        heard = found.sound
        self._tell(
            kind="state",
            at=self._time.utc_ns() / SECOND_NS,
            status=status(),
            phase=found.phase,
            dead=found.dead_input,
            level=heard.level_dbfs,
            peak=heard.peak_dbfs,
            clipped=heard.clipped_share,
            problem=heard.reason if heard.problem else "",
        )

    def sound(self, piece: Block | Gap) -> None:
        """The next piece of the stream; nothing is computed while nobody looks."""
        if not self._viewers:
            self._fresh = False
            return
        if not self._fresh:
            self._fresh = True
            self._waterfall.restart()
        try:
            for made in self._waterfall.push(piece):
                self._tell(
                    kind="sound",
                    at=self._times.utc_ns(made.end) / SECOND_NS,
                    rms=None if made.rms_db is None else round(made.rms_db, 1),
                    peak=None if made.peak_db is None else round(made.peak_db, 1),
                    columns=base64.b64encode(made.columns).decode(),
                )
        except Exception as error:  # noqa: BLE001 - a picture must not close the ear
            self._errors.tell("sound", error)
            self._waterfall.restart()

    def tell_detection(self, document: str, picture: str | None) -> None:
        """A detection was made.

        Args:
            document: as it is told, JSON.
            picture: its thumbnail's document, or None.
        """
        if self._viewers:
            told = f'{{"kind":"detection","document":{document},"picture":{picture or "null"}}}'
            self._send(told.encode())

    def close(self) -> None:
        """Let go of the socket and of all who look."""
        with self._sending:
            for viewer in self._viewers:
                viewer.connection.close()
            self._viewers = ()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _open(self, now_ns: int) -> None:
        if now_ns < self._opening_ns:
            return
        self._opening_ns = now_ns + round(RETRY_S * SECOND_NS)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self._make_room()
            made.bind(str(self._path))
            self._path.chmod(0o600)  # nobody can connect before `listen`
            made.listen(MOST_VIEWERS)
        except OSError as error:
            made.close()
            problem = f"page.socket {self._path} cannot be used: {error.strerror or error}"
            if problem != self.problem:
                log.warning("nobody can look at what is heard", extra={"reason": problem})
            self.problem = problem
            return
        self._listener, self.problem = made, ""

    def _make_room(self) -> None:
        """Remove the socket that a former daemon has left.

        Raises:
            OSError: another daemon listens there, or it is something else.
        """
        try:
            if not stat.S_ISSOCK(self._path.lstat().st_mode):
                raise OSError("there is something that is no socket")
        except FileNotFoundError:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as trial:
            try:
                trial.connect(str(self._path))
            except ConnectionRefusedError:
                self._path.unlink(missing_ok=True)
                return
            except BlockingIOError:
                pass
        raise OSError("another daemon listens there")

    def _accept(self) -> bool:
        """Let in who has come; whether that is somebody."""
        came = False
        for _ in range(2 * MOST_VIEWERS):
            if self._listener is None:
                break
            try:
                connection, _ = self._listener.accept()
            except OSError:  # nobody more, or no descriptor is left
                break
            if len(self._viewers) >= MOST_VIEWERS:
                connection.close()
                continue
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            with self._sending:
                self._viewers = (*self._viewers, _Viewer(connection))
            came = True
        if came:
            made = self._waterfall
            columns = {"step_s": made.step_s, "low_hz": made.low_hz, "step_hz": made.step_hz, "rows": made.rows}
            scale = {"floor_db": FLOOR_DB, "step_db": STEP_DB}
            self._tell(kind="hello", device=self._device, columns=columns | scale)
        return came

    def _tell(self, **told: Any) -> None:
        self._send(json.dumps(told).encode())

    def _send(self, message: bytes) -> None:
        """Send to all, from any thread, without waiting for anybody but another thread that does the same."""
        with self._sending:
            left = [viewer for viewer in self._viewers if not self._took(viewer, message)]
            if left:
                self._viewers = tuple(viewer for viewer in self._viewers if viewer not in left)
            for viewer in left:
                viewer.connection.close()

    def _took(self, viewer: _Viewer, message: bytes) -> bool:
        """Send to one; False if it has gone, or has not taken anything for too long."""
        try:
            viewer.connection.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            viewer.late_ns = None
        except BlockingIOError:
            self.dropped += 1
            now_ns = self._time.monotonic_ns()
            if viewer.late_ns is None:
                viewer.late_ns = now_ns
            return now_ns - viewer.late_ns <= PATIENCE_S * SECOND_NS
        except OSError:
            return False
        return True
