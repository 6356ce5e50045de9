"""The sound card as a source that never ends: what fails is tried again for ever, and every missing sample is a gap.

The state machine here knows neither PortAudio nor real time: it is given a driver, clocks, randomness for the
waiting times and a way to wait.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.device import (
    SCALE,
    AudioDriver,
    AudioStream,
    DeviceAbsentError,
    DeviceSettingsError,
    StreamRequest,
    find_device,
)
from edge_daemon.audio.devicestate import DevicePhase, DeviceState
from edge_daemon.audio.inputcheck import InputCheck
from edge_daemon.audio.ring import Chunk, SampleRing
from edge_daemon.audio.source import Block, Gap, GapCause
from edge_daemon.audio.timeline import Timeline
from edge_daemon.backoff import Backoff, Retry
from edge_daemon.errors import AudioError
from edge_daemon.timesource import SECOND_NS, SystemTime, TimeSource

log = logging.getLogger(__name__)

USUAL_RATE = 48_000  # Hz, where neither the configuration nor a device that is there says another
_TICK_S = 0.25  # longest wait, so that loss and stall are noticed
_GAP_STEP_S = 1.0  # while the device is away, gaps come in pieces of this length: the reader sees time go on


class SoundCardSource:
    """A live input as an `AudioSource`. `read` and `listen` belong to one thread; `close` and `state` to any.

    Args:
        request: what to open. Without a rate the device's own is taken, or 48 kHz if the device is absent now.
        driver: PortAudio's or one in memory.
        time: clocks.
        backoff: how long to wait after failures.
        rng: where the waiting times' jitter comes from.
        ring_s: seconds of sound that fit between callback and reader.
        stall_s: without sound for so many seconds the device counts as stalled and is opened again.
        dead_s: samples that do not change for so many seconds mean a dead input: from then on a gap.
        clip_level: magnitude from which on samples count as clipped.
        wait: waits at most so many seconds, less if sound arrives; None: really.

    Attributes:
        rate: Hz.
        name: what was asked for.
        arrived_ns: monotonic time at which the last sample of the last block read arrived, or None.
    """

    def __init__(
        self,
        request: StreamRequest,
        driver: AudioDriver,
        *,
        time: TimeSource | None = None,
        backoff: Backoff | None = None,
        rng: random.Random | None = None,
        ring_s: float = 10.0,
        stall_s: float = 2.0,
        dead_s: float = 10.0,
        clip_level: float = 0.999,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        self._driver, self._time = driver, time or SystemTime()
        self.rate = request.rate or self._own_rate(request)
        self._request = replace(request, rate=self.rate)
        self.name = "default input" if request.device is None else str(request.device)
        self.arrived_ns: int | None = None
        self._retry = Retry(backoff or Backoff(first_s=1.0, limit_s=60.0), rng or random.Random())  # noqa: S311 jitter
        self._ring = SampleRing(max(1, round(ring_s * self.rate)))
        self._check = InputCheck(round(dead_s * self.rate), clip_level)
        self._stall_ns = round(stall_s * SECOND_NS)
        self._wake = threading.Event()
        self._wait = wait or self._wait_for_sound
        self._handling = threading.Lock()  # opening and closing the stream
        self._stream: AudioStream | None = None
        self._previous_ns: int | None = None  # the callback's: its last call in this stream
        self._scale = SCALE[request.sample_format]
        self._opened_ns = 0
        self._sounding = False  # sound has arrived from the open stream
        self._attempted = False
        self._wanted = True  # not paused
        self._closing = False
        self._timeline = Timeline(self.rate)
        self._cause: GapCause | None = None  # why there is no sound now
        self._ready: deque[Block | Gap] = deque()
        self._state = DeviceState("opening", self.name, self._time.utc_ns())

    @property
    def state(self) -> DeviceState:
        """What the input is doing now."""
        return self._state

    def check(self) -> None:
        """Refuse impossible settings at once instead of retrying them for ever; an absent device is no refusal.

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
                log.warning("%s It will be tried again until it works.", error.message)

    def listen(self, on: bool) -> None:
        """Open the device, or close it and account the time as a gap by schedule."""
        self._wanted = on
        self._wake.set()

    def close(self) -> None:
        """Give the device back; what is in the ring can still be read. May be called twice."""
        self._closing = True
        self._wake.set()
        if self._handling.acquire(timeout=1.0):  # else the reading thread is opening it, and will close it
            try:
                self._close_stream()
            finally:
                self._handling.release()

    def read(self) -> Block | Gap | None:
        """Wait for the next block or gap (at most about a second); None after `close`, when the ring is empty."""
        while True:
            if self._ready:
                return self._ready.popleft()
            chunk = self._ring.read(max(1, round(self.rate / 10)))
            if chunk is not None:
                self._accept(chunk)
                continue
            if self._closing:
                with self._handling:
                    self._close_stream()
                if self._state.phase == "closed":
                    return None
                self._enter("closed")
                self._account(self._time.monotonic_ns(), at_least=1)
                continue
            self._supervise(self._time.monotonic_ns())
            if not self._ready and not len(self._ring):
                self._wait(_TICK_S)

    def _supervise(self, now: int) -> None:
        """No sound is there: open, pause, notice a loss or a stall, and account for the time."""
        with self._handling:
            if not self._wanted:
                if self._cause != "schedule":
                    self._lose(now, "schedule", "paused")
            elif self._stream is not None:
                self._watch(self._stream, now)
            elif self._retry.due(now):
                self._open(now)
            elif self._cause == "schedule":
                self._lose(now, "device_absent", "waiting")
        if self._stream is None:
            self._account(now, at_least=round(_GAP_STEP_S * self.rate))

    def _watch(self, stream: AudioStream, now: int) -> None:
        silent_since = max(self._opened_ns, self._previous_ns or 0)
        if not stream.active:
            self._count(disconnects=self._state.disconnects + 1)
            self._fail(now, "device_absent", f"'{stream.name}' went away.", again_at_once=self._sounding)
        elif now - silent_since > self._stall_ns:
            self._count(stalls=self._state.stalls + 1)
            self._fail(
                now,
                "stall",
                f"'{stream.name}' has given no sound for {(now - silent_since) / SECOND_NS:.1f} s.",
                again_at_once=self._sounding,
            )

    def _open(self, now: int) -> None:
        self._timeline.begin(now)
        if self._cause is None:
            self._enter("opening")
        self._previous_ns, self._sounding = None, False
        try:
            if self._attempted:
                self._driver.rescan()
            self._attempted = True
            self._stream = self._driver.open(self._request, self._on_sound)
        except AudioError as error:
            cause: GapCause = "device_absent" if isinstance(error, DeviceAbsentError) else "device_error"
            self._fail(self._time.monotonic_ns(), cause, str(error), again_at_once=False)
            return
        self._opened_ns = self._time.monotonic_ns()
        self._check.reset()
        if self._closing:
            self._close_stream()

    def _on_sound(self, samples: NDArray[np.generic], lost_some: bool) -> None:
        """The callback, in the driver's real-time thread: copy and leave."""
        now = self._time.monotonic_ns()
        lost = 0
        if lost_some and self._previous_ns is not None:
            # the driver knows that it lost samples, not how many: the time between two calls tells
            lost = max(1, (now - self._previous_ns) * self.rate // SECOND_NS - len(samples))
        self._previous_ns = now
        self._ring.write(samples, now, lost=lost, scale=self._scale)
        self._wake.set()

    def _accept(self, chunk: Chunk) -> None:
        """Sound has arrived: give it its place, and a cause to the time before it."""
        count = len(chunk.samples)
        if not self._sounding:
            self._sounding = True
            self._begin_listening(chunk)
        if chunk.lost:
            self._count(overflows=self._state.overflows + 1, lost_samples=self._state.lost_samples + chunk.lost)
            self._ready.append(self._timeline.missing(chunk.lost, "overflow"))
        finding = self._check.feed(chunk.samples)
        if finding.clipped:
            self._count(clipped_blocks=self._state.clipped_blocks + 1)
        if finding.dead != self._state.dead_input:
            self._count(dead_input=finding.dead, dead_inputs=self._state.dead_inputs + finding.dead)
            log.warning(
                "'%s': the input %s", self._state.device, "does not change: dead" if finding.dead else "lives again"
            )
        start = self._timeline.sound(count, chunk.arrived_ns)
        self._ready.append(Gap(start, count, "dead_input") if finding.dead else Block(chunk.samples, start))
        self.arrived_ns = chunk.arrived_ns

    def _begin_listening(self, chunk: Chunk) -> None:
        if self._cause is not None:
            # even an interruption too short to be measured ends the windows that began before it
            missing = self._timeline.elapsed(chunk.arrived_ns) - len(chunk.samples) - chunk.lost
            self._ready.append(self._timeline.missing(missing, self._cause))
        self._cause = None
        self._retry.succeeded()
        name = self._stream.name if self._stream else self.name
        self._enter("listening")
        self._count(opened=self._state.opened + 1, attempts=0, device=name)
        log.info("listening to '%s' at %d Hz", name, self.rate)

    def _fail(self, now: int, cause: GapCause, error: str, *, again_at_once: bool) -> None:
        if not again_at_once:
            self._retry.failed(now)
        if error != self._state.last_error or again_at_once:  # not once a minute for months
            log.warning("%s Trying again for ever.", error)
        self._count(last_error=error, attempts=self._state.attempts + (not again_at_once))
        self._lose(now, cause, "waiting")

    def _lose(self, now: int, cause: GapCause, phase: DevicePhase) -> None:
        """From here on there is no sound, for this cause."""
        self._close_stream()
        self._timeline.begin(now)
        if self._cause != cause:
            self._account(now, at_least=1)
        self._cause = cause
        self._enter(phase)

    def _account(self, now: int, at_least: int) -> None:
        """Time without sound becomes a gap, once it is worth `at_least` samples."""
        elapsed = self._timeline.elapsed(now)
        if self._cause is not None and elapsed >= at_least:
            self._ready.append(self._timeline.missing(elapsed, self._cause))

    def _close_stream(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            try:
                stream.close()
            except AudioError as error:
                self._count(last_error=str(error))

    def _enter(self, phase: DevicePhase) -> None:
        if phase != self._state.phase:
            self._state = replace(self._state, phase=phase, since_utc_ns=self._time.utc_ns())

    def _count(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]

    def _own_rate(self, request: StreamRequest) -> int:
        try:
            return find_device(self._driver.devices(), request.device).default_rate
        except AudioError:
            return USUAL_RATE

    def _wait_for_sound(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()
