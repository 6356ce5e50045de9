"""Why no sound is being scored, if the input itself knows: the known causes for the watchdog's rule."""

from __future__ import annotations

from edge_daemon.audio.capture.input_state import DeviceState
from edge_daemon.live.watchdog import Silence


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


def silence_of(state: DeviceState, tried_ns: int, turned_ns: int, resume_ns: int | None) -> Silence | None:
    """The known cause of silence, or None if sound should come.

    Args:
        state: of the input.
        tried_ns: monotonic time of the last attempt to open it.
        turned_ns: monotonic time at which it last gave a block or a gap.
        resume_ns: monotonic time at which the schedule's rest ends, or ended.
    """
    if state.phase == "paused":
        return Silence("schedule", tried_ns, resume_ns)
    if state.phase in ("waiting", "opening"):
        return Silence(state.last_error or "the input has not given sound yet", tried_ns)
    if state.dead_input:
        return Silence("the samples do not change", turned_ns)
    return None
