"""The sound card as a source that never ends: it retries after every failure, and every missing sample is a gap.

The state machine here knows neither PortAudio nor real time: it is given a driver, clocks, randomness for the
waiting times and a way to wait.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.capture.capture_timeline import CaptureTimeline
from edge_daemon.audio.capture.device import (
    SCALE,
    AudioDriver,
    AudioStream,
    DeviceAbsentError,
    DeviceSettingsError,
    SoundSystemStuckError,
    StreamRequest,
    find_device,
)
from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.capture.ring import SampleRing
from edge_daemon.audio.source import Block, Gap, GapCause
from edge_daemon.clock.time_source import SECOND_NS, SystemTime, TimeSource
from edge_daemon.errors import AudioError
from edge_daemon.system.backoff import Backoff, Retry

log = logging.getLogger(__name__)

USUAL_RATE = 48_000  # Hz, where neither the configuration nor a device that is there says another
_TICK_S = 0.25  # longest wait, so that loss and stall are noticed
_STEADY_NS = 5 * SECOND_NS  # sound for so long ends a series of failures
_LONGEST_BLOCK_S = 0.1  # what has queued up in the ring is given in blocks of about this length


class SoundCardSource:
    """A live input as an `AudioSource`. `read` belongs to one thread; `close`, `listen` and `state` to any.

    Args:
        request: what to open. Without a rate the device's own is taken, or 48 kHz if the device is absent now.
        rate_is_wanted: whether the request's rate was asked for; False: it is a device's own, or guessed.
        driver: PortAudio's or one in memory.
        time: clocks.
        backoff: how long to wait after failures.
        rng: where the waiting times' jitter comes from.
        ring_s: seconds of sound that fit between callback and reader.
        stall_s: without sound for so many seconds the device counts as stalled and is opened again.
        dead_s: samples that do not change for so many seconds mean a dead input: from then on a gap.
        clip_level: magnitude from which on samples count as clipped.
        lead_s: seconds of sound left out after each opening.
        wait: waits at most so many seconds, less if sound arrives; None: really.

    Attributes:
        rate: Hz.
        name: what was asked for.
        can_wait: False; a card's sound goes by.
    """

    can_wait = False

    def __init__(
        self,
        request: StreamRequest,
        driver: AudioDriver,
        *,
        rate_is_wanted: bool = True,
        time: TimeSource | None = None,
        backoff: Backoff | None = None,
        rng: random.Random | None = None,
        ring_s: float = 10.0,
        stall_s: float = 2.0,
        dead_s: float = 10.0,
        clip_level: float = 0.999,
        lead_s: float = 0.0,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        self._driver, self._time = driver, time or SystemTime()
        self._rate_is_wanted = rate_is_wanted and request.rate is not None
        self.rate = request.rate or own_rate(driver, request.device) or USUAL_RATE
        self._request = replace(request, rate=self.rate)
        self.name = "default input" if request.device is None else str(request.device)
        self._timeline = CaptureTimeline(
            self.name, self.rate, self._time, dead_s, clip_level, round(lead_s * self.rate)
        )
        self._retry = Retry(backoff or Backoff(first_s=1.0, limit_s=60.0), rng or random.Random())  # noqa: S311 jitter
        self._ring = SampleRing(max(1, round(ring_s * self.rate)))
        self._scale = SCALE[request.sample_format]
        self._stall_ns = round(stall_s * SECOND_NS)
        self._wake = threading.Event()
        self._wait = wait or self._wait_for_sound
        self._handling = threading.Lock()  # opening and closing the stream
        self._stream: AudioStream | None = None
        self._called_ns: int | None = None  # the callback's last call in this stream
        self._opened_ns = 0
        self._sound_since_ns = 0
        self._attempted = False
        self._wanted = True  # not paused
        self._closing = False

    @property
    def state(self) -> InputHealth:
        """What the input is doing now."""
        return self._timeline.state

    @property
    def arrived_ns(self) -> int | None:
        """Monotonic time at which the last sample of the last block read arrived."""
        return self._timeline.arrived_ns

    def moment_ns(self, index: int) -> int | None:
        """Monotonic time of the end of a gap that was read last; for the reading thread."""
        return self._timeline.moment_ns(index)

    def check(self) -> None:
        """Refuse impossible settings at once instead of retrying them for ever; an absent device is not refused.

        Raises:
            DeviceSettingsError: the device is there and can't do what is asked; the message says what it can do.
        """
        with self._handling:
            if self._stream is not None:
                return
            try:
                self._driver.open(self._request, lambda _samples, _lost: None).close()
            except DeviceSettingsError:
                raise
            except AudioError as error:
                log.warning("%s Retrying until it works.", error.message)

    def listen(self, on: bool) -> None:
        """Open the device, or close it and account for the time as a gap by schedule."""
        self._wanted = on
        self._wake.set()

    def close(self) -> None:
        """Give the device back; what has arrived can still be read. May be called twice."""
        self._closing = True
        self._wake.set()
        if self._handling.acquire(timeout=1.0):  # else the reading thread is opening it, and will close it
            try:
                self._close_stream()
            finally:
                self._handling.release()

    def read(self) -> Block | Gap | None:
        """Wait for the next block or gap; None after `close`, when all that had arrived is read.

        While there is no sound a gap comes about every second, the first one after `stall_s` at the latest.

        Raises:
            AudioError: a new device supports another rate, but not the one that was taken by default; the stream
                cannot change its rate, a new one will take the device's.
        """
        timeline = self._timeline
        while True:
            if timeline.ready:
                return timeline.ready.popleft()
            chunk = self._ring.read(max(1, round(_LONGEST_BLOCK_S * self.rate)))
            if chunk is not None:
                device = self._stream.name if self._stream is not None else self.name
                if timeline.sound(chunk.samples, chunk.arrived_ns, lost=chunk.lost, device=device):
                    self._sound_since_ns = chunk.arrived_ns
                if chunk.arrived_ns - self._sound_since_ns >= _STEADY_NS:
                    self._retry.succeeded()
                continue
            if self._closing:
                if timeline.state.phase == "closed":
                    return None
                with self._handling:
                    self._close_stream()
                timeline.closed()
                continue
            self._supervise(self._time.monotonic_ns())
            if not timeline.ready and not len(self._ring):
                self._wait(_TICK_S)

    def _supervise(self, now: int) -> None:
        """No sound is there: open, pause, notice a loss or a stall, and account for the time."""
        with self._handling:
            if not self._wanted:
                if self._timeline.cause != "schedule":
                    self._close_stream()
                    self._timeline.silent("schedule", "paused")
            elif self._stream is not None:
                self._watch(self._stream, now)
            elif self._retry.due(now):
                self._open()
            elif self._timeline.cause == "schedule":
                self._timeline.silent("device_absent", "waiting")
        if self._stream is None:
            self._timeline.book()

    def _watch(self, stream: AudioStream, now: int) -> None:
        quiet_ns = now - max(self._opened_ns, self._called_ns or 0)
        if not stream.active:
            self._fail("device_absent", f"'{stream.name}' stopped or was disconnected.")
        elif quiet_ns > self._stall_ns:
            self._fail("stall", f"'{stream.name}' has sent no sound for {quiet_ns / SECOND_NS:.1f} s.")

    def _open(self) -> None:
        self._timeline.opening()
        self._called_ns = None
        try:
            if self._attempted:
                self._driver.rescan()
            self._attempted = True
            self._stream = self._driver.open(self._request, self._on_sound)
        except SoundSystemStuckError as error:
            self._fail("device_error", str(error), tried=False)
        except DeviceSettingsError as error:
            self._see_whether_another_rate_would_do()
            self._fail("device_error", str(error))
        except AudioError as error:
            self._fail("device_absent" if isinstance(error, DeviceAbsentError) else "device_error", str(error))
        self._opened_ns = self._time.monotonic_ns()

    def _see_whether_another_rate_would_do(self) -> None:
        own = None if self._rate_is_wanted else own_rate(self._driver, self._request.device)
        if own is not None and own != self.rate:
            raise AudioError(
                f"The newly connected sound card runs at {own} Hz, but the stream was started at {self.rate} Hz.",
                "A restart takes the new rate (systemd restarts the service by itself). Set audio.rate to avoid this.",
            )

    def _fail(self, cause: GapCause, error: str, *, tried: bool = True) -> None:
        """After steady sound the next attempt comes at once; what gave none since it was opened, or hardly any, waits.

        A hydrophone on a worn cable comes for a block and goes; each opening ends and begins PortAudio.
        """
        attempt, now = not self._timeline.sounding, self._time.monotonic_ns()
        if attempt or now - self._sound_since_ns < _STEADY_NS:
            self._retry.failed(now)
        self._close_stream()
        self._timeline.failed(cause, error, attempt=attempt, tried=tried)

    def _on_sound(self, samples: NDArray[np.generic], lost_some: bool) -> None:
        """The callback, in the driver's real-time thread: copy and leave."""
        now = self._time.monotonic_ns()
        lost = 0
        if lost_some and self._called_ns is not None:
            # the driver knows that it lost samples, not how many: the time between two calls tells
            lost = max(1, (now - self._called_ns) * self.rate // SECOND_NS - len(samples))
        self._called_ns = now
        self._ring.write(samples, now, lost=lost, scale=self._scale)
        self._wake.set()

    def _close_stream(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            try:
                stream.close()
            except AudioError as error:
                log.warning("%s", error)

    def _wait_for_sound(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()


def own_rate(driver: AudioDriver, device: str | int | None) -> int | None:
    """A device's own rate, Hz; None if the device is not there now."""
    try:
        return find_device(driver.devices(), device).default_rate
    except AudioError:
        return None
