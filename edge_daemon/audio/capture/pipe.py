"""Raw PCM from a pipe as a source: `arecord … | edge-daemon run`, or a named pipe.

For hydrophones that no sound card holds: a network stream through ffmpeg, a recorder's own program. A pipe that ends
is opened again if it can be (a named pipe), else the source ends. A writer that is too fast has to wait: we read two
blocks at most, and none while there is no room for it (`capture_loop`).

A pipe that gives nothing is a stall. The time becomes a gap, as with a sound card, but not at once: unlike a card's, a
pipe's sound may come late and all at once (a network stream does), and is then heard in the place where it was missed.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections.abc import Callable

from edge_daemon.audio.capture.byte_source import ByteSource
from edge_daemon.audio.capture.capture_timeline import CaptureTimeline
from edge_daemon.audio.capture.device import SampleFormat
from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.capture.input_verdict import InputFault
from edge_daemon.audio.capture.late_sound import LateSound
from edge_daemon.audio.capture.pcm import BYTES, decode
from edge_daemon.audio.capture.sound_header import HEADER_BYTES, sound_header
from edge_daemon.audio.source import Block, Gap, GapCause
from edge_daemon.clock.time_source import SECOND_NS, SystemTime, TimeSource
from edge_daemon.errors import AudioError
from edge_daemon.system.backoff import Backoff, Retry

log = logging.getLogger(__name__)

_TICK_S = 0.25  # longest wait, so that closing and stalls are noticed
# We wait awake for a block's last pieces, as what we oversleep must not add up: this share of its time, at most 10 ms.
_AWAKE = 0.1
_AWAKE_S = 0.01
_AT_ONCE_NS = SECOND_NS // 4  # what has ended again by then is not opened again at once


class PipeSource:
    """Raw little-endian PCM as an `AudioSource`. `read` belongs to one thread; `close`, `listen` and `state` to any.

    Args:
        source: the bytes.
        rate: Hz.
        sample_format: int16, int24 (three bytes), int32 or float32.
        channels: in a frame.
        channel: wanted one, counted from 0.
        block_s: length of a block, seconds; what comes in smaller pieces is gathered, unless nothing follows.
        stall_s: without sound for so long, the time becomes a gap.
        dead_s, clip_level, lead_s, time, backoff, rng: as for the sound card.
        wait: waits so many seconds, between attempts or for the rest of a block; None: really.

    Attributes:
        rate: Hz.
        name: of the bytes' source.
        can_wait: True; a pipe that is full stops its writer.

    Raises:
        AudioError: there is no such channel.
    """

    can_wait = True

    def __init__(
        self,
        source: ByteSource,
        rate: int,
        *,
        sample_format: SampleFormat = "int16",
        channels: int = 1,
        channel: int = 0,
        block_s: float = 0.1,
        stall_s: float = 2.0,
        dead_s: float = 10.0,
        clip_level: float = 0.999,
        lead_s: float = 0.0,
        time: TimeSource | None = None,
        backoff: Backoff | None = None,
        rng: random.Random | None = None,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        if not 0 <= channel < channels:
            raise AudioError(f"Channel {channel + 1} does not exist: the pipe has {channels}.", "Set audio.channels.")
        self.rate, self.name = rate, source.name
        self._source, self._format, self._channels, self._channel = source, sample_format, channels, channel
        self._time = time or SystemTime()
        self._timeline = CaptureTimeline(self.name, rate, self._time, dead_s, clip_level, round(lead_s * rate))
        self._retry = Retry(backoff or Backoff(first_s=1.0, limit_s=60.0), rng or random.Random())  # noqa: S311 jitter
        self._asleep = threading.Lock()  # released to wake; an Event would cost more
        self._asleep.acquire()
        self._wait = wait or self._wake_or_wait
        self._frame = BYTES[sample_format] * channels
        self._bytes_per_s = self._frame * rate
        self._most = max(1, round(block_s * rate)) * self._frame
        self._stall_ns = round(stall_s * SECOND_NS)
        self._held = bytearray()  # of a block that has not come whole
        self._late = LateSound(self._bytes_per_s)
        self._live = False  # the writer writes as sound comes, and not all it has at once
        self._arrived_ns = 0  # when the last block was whole
        self._begin_seen = b""  # of this opening, as far as it is looked at
        self._open = False
        self._ended = False
        self._wanted = True  # not paused
        self._closing = False
        self._heard_ns = 0  # last sign of life
        self._opened_ns = 0

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

    def listen(self, on: bool) -> None:
        """Read the pipe, or throw away what comes and account for the time as a gap by schedule."""
        self._wanted = on
        self._wake()

    def close(self) -> None:
        """End the source; the reading thread gives the pipe back within a quarter of a second."""
        self._closing = True
        self._wake()

    def read(self) -> Block | Gap | None:
        """Wait for the next block or gap; None when the source has ended."""
        timeline = self._timeline
        while not timeline.ready:
            if self._closing or self._ended:
                if self._open and self._wanted:
                    self._sound()
                self._give_back()
                timeline.closed()
                if not timeline.ready:
                    return None
            elif self._open:
                self._take()
            elif not self._wanted or not self._retry.due(self._time.monotonic_ns()):
                self._stay_away()
            else:
                self._begin()
        return timeline.ready.popleft()

    def _begin(self) -> None:
        self._timeline.opening()
        try:
            self._source.open()
        except AudioError as error:
            self._fail("device_absent", str(error))
            return
        self._open, self._held = True, bytearray()
        self._late.forget()
        self._begin_seen = b""
        self._heard_ns = self._opened_ns = self._time.monotonic_ns()

    def _take(self) -> None:
        """Read what is there, and see what it means if nothing is."""
        if not self._late.gathers:
            if len(self._held) >= self._most:  # a second block of the last read
                self._sound(self._most)
                return
            if self._live and (seconds := self._time_to_sleep()) > 0:
                self._wait(seconds)
        # more than a block: if we are late, we catch up
        asked = 2 * self._most if self._late.gathers else 2 * self._most - len(self._held)
        try:
            data = self._source.read(asked, _TICK_S)
        except AudioError as error:
            self._sound()
            self._fail("device_error", str(error))
            self._ended = not self._source.reopens
            return
        self._live = data is not None and 0 < len(data) < asked
        if data:
            self._heard_ns = self._time.monotonic_ns()
            self._held += data
            if len(self._begin_seen) < HEADER_BYTES:
                self._look_at_the_begin(data)
        if not self._wanted:
            self._pause(ended=data == b"")
        elif data:
            self._came()
        elif not self._closing:
            self._nothing_came(ended=data == b"")

    def _look_at_the_begin(self, data: bytes) -> None:
        self._begin_seen += data[: HEADER_BYTES - len(self._begin_seen)]
        header = sound_header(self._begin_seen, self.rate, self._channels, 8 * BYTES[self._format])
        if header is not None:
            self._timeline.note(InputFault("header", *header))

    def _came(self) -> None:
        """Make a block of what has come, unless it must wait for more."""
        late = self._timeline.cause == "stall" and self._late.expected
        if late and self._late.gather(self._heard_ns, len(self._held), self._timeline.silence * self._frame):
            return
        self._late.over()
        if len(self._held) >= self._most:
            self._sound(self._most)

    def _nothing_came(self, *, ended: bool) -> None:
        if ended:
            self._sound()
            if self._source.reopens:
                self._fail("device_absent", f"'{self.name}' has ended.")
            self._ended = not self._source.reopens
        elif self._late.gathers:
            self._late.over()
            self._sound(min(self._most, len(self._held) - len(self._held) % self._frame))
        elif not self._sound() and (now := self._time.monotonic_ns()) - self._heard_ns > self._stall_ns:
            self._stalled(now)

    def _time_to_sleep(self) -> float:
        """Seconds in which nothing need be read: a writer of small pieces would wake us for each of them."""
        fills_s = min(self._most - len(self._held), self._source.room) / self._bytes_per_s
        since_s = (self._time.monotonic_ns() - self._arrived_ns) / SECOND_NS
        block_s = self._most / self._bytes_per_s
        return min(fills_s, block_s - min(_AWAKE * block_s, _AWAKE_S) - since_s)

    def _sound(self, most: int | None = None) -> bool:
        """Make a block of what is held, or of its first `most` bytes; False if that is not even a frame."""
        whole = len(self._held) - len(self._held) % self._frame if most is None else most
        if whole:
            samples = decode(bytes(self._held[:whole]), self._format, self._channels, self._channel)
            behind_ns = (len(self._held) - whole) * SECOND_NS // self._bytes_per_s  # came after it
            self._arrived_ns = max(self._arrived_ns, self._heard_ns - behind_ns)
            settled = self._live and len(self._held) - whole < self._most
            self._timeline.sound(samples, self._arrived_ns, device=self.name, settled=settled)
            if self._heard_ns - self._opened_ns >= _AT_ONCE_NS:
                self._retry.succeeded()
            del self._held[:whole]
        return whole > 0

    def _stalled(self, now: int) -> None:
        error = f"'{self.name}' has sent no sound for {(now - self._heard_ns) / SECOND_NS:.1f} s."
        if self._timeline.cause in (None, "schedule"):
            # opening it again would not help: a writer who comes late is to find a reader
            self._late.expected = self._timeline.sounding
            self._timeline.failed("stall", error, attempt=not self._timeline.sounding)
            self._timeline.sounding = False
        else:
            self._timeline.book(but=round(self._late.latest_s * self.rate) if self._late.expected else 0)

    def _pause(self, *, ended: bool) -> None:
        """By schedule: a pipe that can be is closed; what comes through another is thrown away."""
        if self._timeline.cause != "schedule":
            self._timeline.silent("schedule", "paused")
            self._timeline.sounding = False
        self._late.forget()
        if self._source.reopens:
            self._give_back()
        elif ended:
            self._ended = True
        else:
            del self._held[: len(self._held) - len(self._held) % self._frame]
            self._heard_ns = self._time.monotonic_ns()
            self._timeline.book()

    def _stay_away(self) -> None:
        if not self._wanted and self._timeline.cause != "schedule":
            self._timeline.silent("schedule", "paused")
        elif self._wanted and self._timeline.cause == "schedule":
            self._timeline.silent("device_absent", "waiting")
        self._timeline.book()
        if not self._timeline.ready:
            self._wait(_TICK_S)

    def _fail(self, cause: GapCause, error: str) -> None:
        attempt, now = not self._timeline.sounding, self._time.monotonic_ns()
        if attempt or now - self._opened_ns < _AT_ONCE_NS:
            self._retry.failed(now)
        self._give_back()
        self._timeline.failed(cause, error, attempt=attempt)

    def _give_back(self) -> None:
        if self._open:
            self._open = False
            self._source.close()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # told already
            self._asleep.release()

    def _wake_or_wait(self, seconds: float) -> None:
        self._asleep.acquire(timeout=seconds)
