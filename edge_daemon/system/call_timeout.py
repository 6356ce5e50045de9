"""Calls that can hang for ever: each runs in a thread that is abandoned after a timeout, one call at a time.

A thread cannot be ended from outside. An abandoned one goes on running, and discards its own result if it finishes
after the caller has stopped waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from edge_daemon.errors import EdgeDaemonError

T = TypeVar("T")


class CallWithTimeout:
    """Runs calls of something that hangs: a library, a disk.

    Args:
        limit_s: how long a call may take before it is abandoned, seconds.
        subject: who does not answer then, for people, as "The sound system".
        hint: what to do about it.
        late: is raised when a call takes too long.
        stuck: is raised while an earlier call still hangs.
    """

    def __init__(
        self,
        limit_s: float,
        subject: str,
        hint: str,
        late: type[EdgeDaemonError],
        stuck: type[EdgeDaemonError],
    ) -> None:
        self._limit_s = limit_s
        self._subject, self._hint, self._late, self._stuck = subject, hint, late, stuck
        self._hanging: threading.Thread | None = None

    def run(self, call: Callable[[], T], doing: str, discard: Callable[[T], object] | None = None) -> T:
        """Make a call; what it raises is raised here.

        Args:
            call: may hang.
            doing: what it does, for people.
            discard: disposes of the late result of an abandoned call, in that call's thread.

        Raises:
            EdgeDaemonError: `stuck`, an earlier call still hangs, and nothing was tried; or `late`, this one takes
                too long.
        """
        if self._hanging is not None and self._hanging.is_alive():
            raise self._stuck(f"{self._subject} does not answer: {self._hanging.name} still hangs.", self._hint)
        outcome: list[T] = []
        failure: list[BaseException] = []
        settled = threading.Lock()  # either the result counts or the giving up
        given_up = False

        def run() -> None:
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 handed to the caller's thread below
                failure.append(error)
                return
            with settled:
                if not given_up:
                    outcome.append(result)
                    return
            if discard is not None:
                discard(result)

        thread = threading.Thread(target=run, name=doing, daemon=True)
        thread.start()
        thread.join(self._limit_s)
        with settled:
            given_up = not outcome and not failure
        if given_up:
            self._hanging = thread
            told = f"{self._subject} does not answer: {doing} takes more than {self._limit_s:g} s."
            raise self._late(told, self._hint)
        if failure:
            raise failure[0]
        return outcome[0]
