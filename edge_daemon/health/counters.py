"""The health book: the parts of the daemon write into it what they do, and it makes the health document of it.

It takes times as arguments and asks nobody, so a test can fill it by hand. Writing costs a lock and an addition.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from edge_daemon import __version__
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.clock.utc import utc_text
from edge_daemon.health.board import BoardReading
from edge_daemon.health.document import (
    BoardHealth,
    ClockHealth,
    GapHealth,
    HealthDocument,
    InputHealth,
    LatencyHealth,
    ModelHealth,
    OutboxHealth,
    QueueHealth,
    WindowHealth,
)
from edge_daemon.health.histogram import Histogram
from edge_daemon.mqtt.report import MqttReport

HOT_C = 80.0
"""Processor temperature from which a Raspberry Pi slows down."""


@dataclass(frozen=True, slots=True)
class ComponentReports:
    """What the other parts say when a document is made; None and empty for what is not there.

    `problems` are sentences on what else works, but should be looked at.
    """

    input: InputHealth | None = None
    queues: dict[str, QueueHealth] = field(default_factory=dict)
    outbox: OutboxHealth | None = None
    mqtt: MqttReport | None = None
    clock: ClockHealth | None = None
    board: BoardReading | None = None
    model: ModelHealth | None = None
    backend: dict[str, float] = field(default_factory=dict)
    clips: dict[str, object] = field(default_factory=dict)
    ambient_db: float | None = None
    problems: tuple[str, ...] = ()


class HealthCounters:
    """Counters since the start; safe to use from any thread.

    Args:
        device: the device's id.
        now_ns: monotonic time at the start.
        silence_limit_s: without a score for longer than this something is wrong.
        disk_warning_mb: less free disk than this is a warning.
    """

    def __init__(self, device: str, now_ns: int, silence_limit_s: float = 30.0, disk_warning_mb: float = 200.0) -> None:
        self._device = device
        self._started_ns = now_ns
        self._silence_limit_s = silence_limit_s
        self.disk_warning_mb = disk_warning_mb
        self._lock = threading.Lock()
        self._latency = Histogram()
        self._delivery = Histogram()
        self._gaps: dict[str, tuple[int, float]] = {}
        self._lost_for = ""  # cause of the last gap since windows were scored
        self._scored = self._unusable = self._detections = 0
        self._last_scored_ns: int | None = None
        self._excused_ns: int | None = None
        self._last_cpu: tuple[int, float] | None = None

    @property
    def last_scored_ns(self) -> int | None:
        """Monotonic time at which windows were last scored, or None."""
        return self._last_scored_ns

    @property
    def last_alive_ns(self) -> int | None:
        """Monotonic time at which windows were last scored, or last had a known reason not to be."""
        return max((at for at in (self._last_scored_ns, self._excused_ns) if at is not None), default=None)

    def excuse(self, now_ns: int) -> None:
        """No window is scored, for a known reason; when that has ended, the next ones take some time."""
        self._excused_ns = now_ns

    @property
    def detections(self) -> int:
        """Events since the start."""
        return self._detections

    def scored(self, now_ns: int, latency_s: float | None = None, count: int = 1) -> None:
        """Windows were scored, the last `latency_s` after the end of its sound."""
        with self._lock:
            self._scored += count
            self._last_scored_ns, self._lost_for = now_ns, ""
            if latency_s is not None:
                self._latency.add(latency_s)

    def unusable(self, now_ns: int, count: int = 1) -> None:
        """Windows came through the pipeline whose sound could not be scored; they too show that it runs."""
        with self._lock:
            self._unusable += count
            self._last_scored_ns, self._lost_for = now_ns, ""

    def detected(self, count: int = 1) -> None:
        """Events were found."""
        with self._lock:
            self._detections += count

    def delivered(self, latency_s: float) -> None:
        """The broker has a detection, so long after the end of the sound by which its event was closed."""
        with self._lock:
            self._delivery.add(latency_s)

    def gap(self, cause: str, seconds: float, *, begins: bool = True) -> None:
        """Sound was lost; `begins` is False if this goes on with the gap told last."""
        with self._lock:
            number, total = self._gaps.get(cause, (0, 0.0))
            self._gaps[cause] = (number + begins, total + max(0.0, seconds))
            if cause != "tail":
                self._lost_for = cause

    def document(self, now_ns: int, utc_ns: int, around: ComponentReports) -> HealthDocument:
        """The document of this moment."""
        with self._lock:
            since = None if self._last_scored_ns is None else (now_ns - self._last_scored_ns) / SECOND_NS
            windows = WindowHealth(scored=self._scored, unusable=self._unusable, last_scored_s=_round(since, 1))
            latency, delivery = _latency(self._latency), _latency(self._delivery)
            gaps = {
                cause: GapHealth(count=number, seconds=round(total, 3))
                for cause, (number, total) in sorted(self._gaps.items())
            }
            detections = self._detections
            board = self._board(now_ns, around.board)
        uptime_s = (now_ns - self._started_ns) / SECOND_NS
        alive_ns = self.last_alive_ns
        failing = self._failures(around, uptime_s if alive_ns is None else (now_ns - alive_ns) / SECOND_NS)
        warnings = self._warnings(around, gaps)
        return HealthDocument(
            device=self._device,
            utc=utc_text(utc_ns),
            version=__version__,
            uptime_s=round(uptime_s, 1),
            state="failing" if failing else "warning" if warnings else "ok",
            reasons=(*failing, *warnings),
            detections=detections,
            windows=windows,
            latency=latency,
            delivery=delivery,
            gaps=gaps,
            queues=around.queues,
            input=around.input,
            outbox=around.outbox,
            mqtt=around.mqtt,
            clock=around.clock,
            board=board,
            model=around.model,
            backend=around.backend,
            clips=around.clips,
            ambient_db=_round(around.ambient_db, 1),
        )

    def _board(self, now_ns: int, reading: BoardReading | None) -> BoardHealth | None:
        if reading is None:
            return None
        percent = None
        if self._last_cpu is not None and now_ns > self._last_cpu[0]:
            then_ns, then_cpu_s = self._last_cpu
            percent = 100 * (reading.cpu_s - then_cpu_s) / ((now_ns - then_ns) / SECOND_NS)
        self._last_cpu = (now_ns, reading.cpu_s)
        return BoardHealth(
            cpu_percent=_round(percent, 2),
            memory_mb=_round(reading.memory_mb, 1),
            disk_free_mb=_round(reading.disk_free_mb, 0),
            temperature_c=_round(reading.temperature_c, 1),
            throttling=reading.throttling,
            throttled_since_boot=reading.throttled_since_boot,
            load_1min=reading.load_1min,
        )

    def _failures(self, around: ComponentReports, silent_s: float) -> list[str]:
        """Why no sound is being analysed that should be."""
        heard = around.input
        if heard is not None and heard.phase == "paused":
            return []
        found = []
        if heard is not None and heard.phase == "waiting":
            reason = heard.last_error.removesuffix(".") or "the input does not answer"
            found.append(f"no sound: {reason}")
        if heard is not None and heard.dead_input:
            found.append("the samples do not change: is the hydrophone connected?")
        if silent_s > self._silence_limit_s:
            if self._lost_for == "non_finite":
                found.append("the samples are no numbers: is audio.sample_format that of the input?")
            found.append(f"no window scored for {silent_s:.0f} s")
        return found

    def _warnings(self, around: ComponentReports, gaps: dict[str, GapHealth]) -> list[str]:
        """What works, but should be looked at."""
        found = []
        if around.mqtt is not None and around.mqtt.state != "online":
            found.append(f"no connection to the broker: {around.mqtt.last_failure or around.mqtt.state}")
        if around.mqtt is not None and around.mqtt.last_rejection is not None:
            found.append(f"the broker refuses messages: {around.mqtt.last_rejection}")
        if around.outbox is not None and not around.outbox.available:
            found.append(f"the outbox is in memory only: {around.outbox.reason}")
        dropped = 0 if around.outbox is None else sum(around.outbox.dropped.values())
        if dropped:
            found.append(f"{dropped} messages dropped")
        if around.clock is not None and around.clock.state == "unsynchronised":
            found.append("the clock is not synchronised")
        if around.model is not None and around.model.fallback:
            found.append(f"the configured backend has failed; {around.model.backend} has taken over")
        if "inference_behind" in gaps:
            found.append("scoring does not keep up with the sound")
        board = around.board
        if board is not None:
            found += [f"the board reports {name}" for name in board.throttling]
            if board.disk_free_mb is not None and board.disk_free_mb < self.disk_warning_mb:
                found.append(f"{board.disk_free_mb:.0f} MB of disk left")
            if board.temperature_c is not None and board.temperature_c >= HOT_C:
                found.append(f"the processor is at {board.temperature_c:.0f} °C")
        return [*found, *around.problems]


def _latency(histogram: Histogram) -> LatencyHealth:
    return LatencyHealth(
        count=histogram.count,
        p50_ms=_milliseconds(histogram.quantile(0.5)),
        p99_ms=_milliseconds(histogram.quantile(0.99)),
        largest_ms=_milliseconds(histogram.largest if histogram.count else None),
    )


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 2)
