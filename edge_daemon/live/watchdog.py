"""The watchdog's rule: it is fed only while windows are really being scored, or while the cause of silence is known
and being handled.

A process that is alive is no sign of health: an open device that gives nothing, a thread that waits for ever, leave it
alive. So the service manager's watchdog is fed on proof of work alone. A device that is absent would make that rule a
restart loop, which heals nothing; there the proof is that a new attempt was made not long ago. Silence by schedule is
not an attempt's matter: it is known when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_daemon.audio.capture.input_state import DeviceState
from edge_daemon.clock.time_source import SECOND_NS


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
        return FeedVerdict(False, f"no window scored for {silent_s:.0f} s, and nobody knows why")
    if silence.until_ns is not None:
        if now_ns <= silence.until_ns + limit_ns:
            return FeedVerdict(True, f"silent by {silence.cause}")
        return FeedVerdict(False, f"{silence.cause} is over, but no window has been scored")
    tried_s = (now_ns - silence.last_try_ns) / SECOND_NS
    if tried_s <= handling_limit_s:
        return FeedVerdict(True, f"{silence.cause}, last attempt {tried_s:.0f} s ago")
    return FeedVerdict(False, f"{silence.cause}, and no attempt to end it for {tried_s:.0f} s")


class Attempts:
    """Remembers when the input was last seen to try something.

    Args:
        now_ns: monotonic time.
    """

    def __init__(self, now_ns: int) -> None:
        self.last_ns = now_ns
        self._seen: tuple[object, ...] = ()

    def look(self, state: DeviceState, now_ns: int) -> None:
        """Look at the input's state: counters and phases that changed are signs of an attempt."""
        signs = (state.phase, state.attempts, state.opened, state.stalls, state.disconnects)
        if signs != self._seen:
            self._seen, self.last_ns = signs, now_ns


def known_cause(state: DeviceState, tried_ns: int, last_read_ns: int, resume_ns: int | None) -> Silence | None:
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
        return Silence(state.last_error or "the input has not given sound yet", tried_ns)
    if state.dead_input:
        return Silence("the samples do not change", last_read_ns)
    return None
