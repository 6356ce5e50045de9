"""The receiver: reads its lines in a thread of its own, which only a device with a receiver has.

Nothing that comes, and nothing that fails to come, may touch the ear: no other thread waits for this one, what it reads
in a second is bounded, and the watchdog does not ask for it.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.config.position import PositionSection
from edge_daemon.position import gpsd, nmea
from edge_daemon.position.fix import DatedFix, Fix, NoFix, Reading, Refusal
from edge_daemon.position.fix_filter import FixFilter
from edge_daemon.position.line_source import GpsdSocket, LineSource, PositionError, SerialLines
from edge_daemon.position.line_splitter import LineSplitter
from edge_daemon.position.position import Position
from edge_daemon.position.recent_track import RecentTrack
from edge_daemon.position.report import PositionHealth, ReceiverState
from edge_daemon.system.backoff import Backoff, Retry
from edge_daemon.system.pulse import Pulse
from edge_daemon.system.repeated_errors import RepeatedErrorLog

log = logging.getLogger(__name__)

TICK_S = 0.5
BYTES_PER_S = 128_000
"""Read at most; a receiver that reports ten times a second sends a sixth of that."""
STILL_S = 5.0
"""A receiver that has only repeated itself for so long stands still; gpsd repeats a fix as it learns more about it."""
SILENT_S = 15.0
"""Without a word of the position for so long, a receiver is silent."""
_AT_ONCE = 16_384


class PositionReceiver:
    """Knows where the device was at a moment. `turn` belongs to one thread, all else to any.

    Args:
        section: the configuration's `position`, with a receiver as source.
        source: of its lines; None for what is configured.
        time: the clocks.
        believed: whether the system clock's UTC is good to a second at this moment.
        rng: jitter of the waiting.

    Attributes:
        track: of the last minutes.
        pulse: of the thread.
    """

    def __init__(
        self,
        section: PositionSection,
        source: LineSource | None,
        time: TimeSource,
        believed: Callable[[], bool],
        rng: random.Random,
    ) -> None:
        self._source = source or configured_source(section)
        self._longest = longest_line(section)
        self._new_reader = reader_of(section)
        self._time, self._believed = time, believed
        self._filter = FixFilter(section.max_speed_m_s, section.max_age_s)
        self.track = RecentTrack(section.max_age_s)
        self._retry = Retry(Backoff(first_s=1.0, limit_s=30.0), rng)
        self._open = False
        self._splitter, self._read = LineSplitter(self._longest), self._new_reader()
        self._refused: Counter[str] = Counter()
        self._fixes = self._openings = 0
        self._trouble: tuple[ReceiverState, str] = ("absent", f"{self._source.name} has not been reached yet")
        self._word_ns = time.monotonic_ns()  # the last line on the position came then
        self._new_ns = self._word_ns  # and the last that said something new
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._errors = RepeatedErrorLog(log, "reading the position failed")
        self.pulse = Pulse()

    def start(self) -> None:
        """Begin to read."""
        self._thread = threading.Thread(target=self._run, name="position", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End within half a second; does not wait for it."""
        self._ended.set()

    def apply(self, section: PositionSection) -> None:
        """Take the keys that may change while running."""
        self._filter.max_speed_m_s, self._filter.max_age_s = section.max_speed_m_s, section.max_age_s
        self.track.max_age_s = section.max_age_s

    def at(self, moment_ns: int) -> Position | None:
        """Where the device was at a moment (monotonic time, ns); None if that is not known."""
        return self.track.at(moment_ns)

    def report(self) -> PositionHealth:
        """How the receiver is."""
        now_ns = self._time.monotonic_ns()
        place = self.track.at(now_ns)
        state, reason = self._trouble
        if place is not None:
            state, reason = "fix", ""
        elif state not in ("absent", "unplugged") and (silent_s := (now_ns - self._word_ns) / SECOND_NS) > SILENT_S:
            state, reason = "silent", f"{self._source.name} has said nothing of the position for {silent_s:.0f} s"
        return PositionHealth(
            source=self._source.name,
            state=state,
            reason=reason,
            place=place,
            fixes=self._fixes,
            refused=dict(self._refused),
            openings=self._openings,
        )

    def turn(self) -> None:
        """Open the source if it is time to, or wait a moment for what it sends."""
        if not self._open:
            self._begin()
            return
        try:
            data = self._source.read(_AT_ONCE, TICK_S)
        except PositionError as error:
            self._lost(error.message)
            return
        if data == b"":
            self._lost(f"{self._source.name} has ended the connection")
        elif data:
            self._take(data)
            self._ended.wait(len(data) / BYTES_PER_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            self.pulse.beat()
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - whatever it is: a position is not worth an ear
                self._errors.tell("position", error)
                self._lost(f"reading the position failed: {type(error).__name__}")
        self._source.close()

    def _begin(self) -> None:
        if not self._retry.due(self._time.monotonic_ns()):
            self._ended.wait(TICK_S)
            return
        try:
            self._source.open()
        except PositionError as error:
            self._lost(error.message)
            return
        self._open = True
        self._openings += 1
        self._splitter, self._read = LineSplitter(self._longest), self._new_reader()
        self._trouble = ("silent", f"{self._source.name} has said nothing of the position yet")
        self._word_ns = self._time.monotonic_ns()

    def _lost(self, reason: str) -> None:
        """What cannot be read is opened anew, after a pause that grows until a fix has come."""
        self._source.close()
        self._open = False
        self._retry.failed(self._time.monotonic_ns())
        self._trouble = ("absent", reason.removesuffix("."))

    def _take(self, data: bytes) -> None:
        for line in self._splitter.lines(data):
            reading = self._read(line)
            if reading is not None:
                self._judge(reading)

    def _judge(self, reading: Reading) -> None:
        arrived_ns = self._word_ns = self._time.monotonic_ns()
        judged: Reading | DatedFix = reading
        if isinstance(reading, Fix):
            utc_ns = self._time.utc_ns() if self._believed() else None
            judged = self._filter.take(reading, arrived_ns, utc_ns)
        repeated = isinstance(judged, Refusal) and judged.doubt == "repeated"
        if not repeated:
            self._new_ns = arrived_ns
        if isinstance(judged, DatedFix):
            if judged.afresh:
                log.warning("the receiver holds to another place than before; it is believed now")
            self.track.add(judged)
            self._fixes += 1
            self._retry.succeeded()
            self._trouble = ("no_fix", "the last fix is too old")
        elif isinstance(judged, Refusal):
            still = arrived_ns - self._new_ns > STILL_S * SECOND_NS and self.track.at(arrived_ns) is None
            if still or not repeated:
                self._refused[judged.doubt] += 1
                self._trouble = ("implausible", judged.reason)
        elif isinstance(judged, NoFix):
            self._trouble = (judged.state, judged.reason)


def configured_source(section: PositionSection) -> LineSource:
    """Where the lines of the configured receiver come from."""
    if section.source == "gpsd":
        return GpsdSocket(section.gpsd_port, gpsd.request(section.gpsd_device))
    if section.nmea_path is None:
        raise ValueError("position.source is not a receiver")
    return SerialLines(section.nmea_path, section.nmea_baud)


def longest_line(section: PositionSection) -> int:
    """Bytes of a line of the configured receiver at most."""
    return gpsd.LONGEST_LINE if section.source == "gpsd" else nmea.LONGEST_LINE


def reader_of(section: PositionSection) -> Callable[[], Callable[[bytes], Reading | None]]:
    """What makes readers of the configured receiver's lines, a new one for each connection."""
    return (lambda: gpsd.reader(section.gpsd_device)) if section.source == "gpsd" else nmea.reader
