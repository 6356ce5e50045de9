"""The watchdog's rule: it is fed only while windows are really being scored, or while the cause of silence is known
and being handled; and only while all threads come round.

A process that is alive is no sign of health: an open device that gives nothing, a thread that waits for ever, leave it
alive. So the service manager's watchdog is fed on proof of work alone. A device that is absent would make that rule a
restart loop, which heals nothing; there the proof is that a new attempt was made not long ago. Silence by schedule is
not an attempt's matter: it is known when it ends.

The threads of disk and network may be held up for a while: what is found goes on being sent from memory, or written.
One that has not come round for long is stuck in a call, and only a restart helps.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.capture.live_source import LiveSource
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.config import Config
from edge_daemon.health.counters import HealthCounters
from edge_daemon.live.capture_loop import CaptureLoop
from edge_daemon.live.schedule import ScheduleRunner
from edge_daemon.system.pulse import Pulse
from edge_daemon.system.sd_notify import Notifier

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Silence:
    """A known cause of silence.

    Attributes:
        cause: for people, as "device_absent" or "schedule".
        last_try_ns: monotonic time of the last attempt to end it.
        until_ns: monotonic time at which it is meant to end (schedule), or None if nobody knows.
    """

    cause: str
    last_try_ns: int
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class FeedVerdict:
    """Whether to feed the watchdog, and why."""

    feed: bool
    reason: str


def may_feed(
    now_ns: int,
    started_ns: int,
    last_scored_ns: int | None,
    silence: Silence | None,
    silence_limit_s: float = 30.0,
    handling_limit_s: float = 600.0,
) -> FeedVerdict:
    """Apply the rule.

    Args:
        now_ns, started_ns: monotonic times.
        last_scored_ns: when a window was last scored, or None.
        silence: the known cause of silence, or None.
        silence_limit_s: longest time without a score and without a cause; also the time allowed for starting.
        handling_limit_s: longest time without a new attempt to end a known cause.
    """
    limit_ns = round(silence_limit_s * SECOND_NS)
    alive_ns = started_ns if last_scored_ns is None else last_scored_ns
    silent_s = (now_ns - alive_ns) / SECOND_NS
    if now_ns - alive_ns <= limit_ns:
        return FeedVerdict(True, "starting" if last_scored_ns is None else "windows are being scored")
    if silence is None:
        return FeedVerdict(False, f"no window scored for {silent_s:.0f} s, for an unknown reason")
    if silence.until_ns is not None:
        if now_ns <= silence.until_ns + limit_ns:
            return FeedVerdict(True, f"silent because of {silence.cause}")
        return FeedVerdict(False, f"{silence.cause} is over, but no window has been scored")
    tried_s = (now_ns - silence.last_try_ns) / SECOND_NS
    if tried_s <= handling_limit_s:
        return FeedVerdict(True, f"{silence.cause}, last attempt {tried_s:.0f} s ago")
    return FeedVerdict(False, f"{silence.cause}, no attempt to end it for {tried_s:.0f} s")


def stuck(silent_s: Mapping[str, float], limit_s: float) -> FeedVerdict | None:
    """The verdict on threads of which one does not come round; None if all do.

    Args:
        silent_s: seconds since each last came round, by name.
        limit_s: longest time that one may take.
    """
    if not silent_s:
        return None
    name, longest_s = max(silent_s.items(), key=lambda entry: entry[1])
    if longest_s <= limit_s:
        return None
    return FeedVerdict(False, f"the {name} thread has not come round for {longest_s:.0f} s")


class Attempts:
    """Remembers when the input was last seen to try something.

    Args:
        now_ns: monotonic time.
    """

    def __init__(self, now_ns: int) -> None:
        self.last_ns = now_ns
        self._seen: tuple[object, ...] = ()

    def look(self, state: InputHealth, now_ns: int) -> None:
        """Look at the input's state: counters and phases that changed are signs of an attempt."""
        signs = (state.phase, state.attempts, state.opened, state.stalls, state.disconnects)
        if signs != self._seen:
            self._seen, self.last_ns = signs, now_ns


def known_cause(state: InputHealth, tried_ns: int, last_read_ns: int, resume_ns: int | None) -> Silence | None:
    """The known cause of silence, or None if sound should come.

    Args:
        state: of the input.
        tried_ns: monotonic time of the last attempt to open it.
        last_read_ns: monotonic time at which it last gave a block or a gap.
        resume_ns: monotonic time at which the schedule's rest ends, or ended.
    """
    if state.phase == "paused":
        return Silence("schedule", tried_ns, resume_ns)
    if state.phase in ("waiting", "opening"):
        return Silence(state.last_error or "the input has not delivered sound yet", tried_ns)
    if state.dead_input:
        return Silence("the samples do not change", last_read_ns)
    return None


class Watchdog:
    """Feeds the service manager's watchdog as the rule says; the calling thread drives it.

    Args:
        config: limits, and whether the input is a pipe.
        source: the input.
        capture: tells when it last gave something.
        schedule: tells when a rest ends.
        pulses: of all threads.
        counters: tell when windows were last scored, and are told of silence for a known cause.
        notifier: the service manager.
        time: clocks.
    """

    def __init__(
        self,
        config: Config,
        source: LiveSource,
        capture: CaptureLoop,
        schedule: ScheduleRunner,
        pulses: Mapping[str, Pulse],
        counters: HealthCounters,
        notifier: Notifier,
        time: TimeSource,
    ) -> None:
        self._health, self._audio = config.health, config.audio
        self._source, self._capture, self._schedule, self._counters = source, capture, schedule, counters
        self._pulses, self._notifier, self._time = pulses, notifier, time
        self._started_ns = self._due_ns = time.monotonic_ns()
        self._attempts = Attempts(self._started_ns)
        self._fed = True

    @property
    def feeds(self) -> bool:
        """Whether the last answer was yes."""
        return self._fed

    def tick(self) -> bool:
        """Give a sign of life if there is a reason to; True if the answer is another than last time."""
        now_ns = self._time.monotonic_ns()
        verdict = self._verdict(now_ns)
        interval_s = self._notifier.interval_s
        if verdict.feed and interval_s is not None and now_ns >= self._due_ns:
            self._due_ns = now_ns + round(interval_s * SECOND_NS)
            self._notifier.watchdog()
        if verdict.feed == self._fed:
            return False
        self._fed = verdict.feed
        if verdict.feed:
            log.info("feeding the watchdog again", extra={"reason": verdict.reason})
        else:
            log.error("no longer feeding the watchdog", extra={"reason": verdict.reason})
        return True

    def _verdict(self, now_ns: int) -> FeedVerdict:
        state, read_ns, counters = self._source.state, self._capture.last_read_ns, self._counters
        self._attempts.look(state, now_ns)
        # a pipe is not opened again and again: that it is read is the attempt
        tried_ns = read_ns if self._audio.source == "pipe" else self._attempts.last_ns
        silence = known_cause(state, tried_ns, read_ns, self._schedule.resume_ns)
        handling_s = max(self._health.handling_limit_s, 2 * self._audio.retry_longest_s)
        # a known cause counts once it has ended: one that renewed itself would hide that nobody handles it
        alive_ns = counters.last_alive_ns if silence is None else counters.last_scored_ns
        verdict = may_feed(now_ns, self._started_ns, alive_ns, silence, self._health.silence_limit_s, handling_s)
        if silence is not None and verdict.feed:
            counters.silent_for_known_cause(now_ns)
        if not verdict.feed:
            return verdict
        silent_s = {name: pulse.silent_s for name, pulse in self._pulses.items()}
        return stuck(silent_s, self._health.handling_limit_s) or verdict
