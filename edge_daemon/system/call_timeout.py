"""Calls that can hang for ever: each runs in a thread that is abandoned after a timeout.

A thread cannot be ended from outside. An abandoned one goes on running, discards its own result if it finishes after
the caller has stopped waiting, and ends. One that has answered stays a while for the next call: a thread for each would
cost more than most calls do.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from edge_daemon.errors import EdgeDaemonError

T = TypeVar("T")

REST_S = 20.0
"""For how long a thread waits for another call before it ends."""


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
        self._hanging: _Caller | None = None
        self._resting: list[_Caller] = []  # popped and appended at once, so that two calls never share one

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

        def make() -> None:
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

        caller = self._caller(doing, make)
        answered = caller.wait(self._limit_s)
        with settled:
            given_up = not outcome and not failure
        if given_up:
            caller.end()
            self._hanging = caller
            told = f"{self._subject} does not answer: {doing} takes more than {self._limit_s:g} s."
            raise self._late(told, self._hint)
        if answered:
            caller.name = f"waiting after {doing}"
            self._resting.append(caller)
        else:  # it came at the last moment, and its answer was not fetched
            caller.end()
        if failure:
            raise failure[0]
        return outcome[0]

    def _caller(self, doing: str, make: Callable[[], None]) -> _Caller:
        """A thread that makes the call: one that rests, or a new one."""
        while self._resting:
            resting = self._resting.pop()
            if resting.give(make):
                resting.name = doing
                return resting
        caller = _Caller(doing, make)
        caller.start()
        return caller


class _Caller(threading.Thread):
    """Makes one call after the other, as long as there are some."""

    def __init__(self, name: str, make: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._calls.put(make)

    def give(self, make: Callable[[], None]) -> bool:
        """Take one more; False if it has ended meanwhile."""
        with self._closing:
            if self._closed:
                return False
            self._calls.put(make)
            return True

    def wait(self, limit_s: float) -> bool:
        """Whether the call is over in time."""
        try:
            self._done.get(timeout=limit_s)
        except queue.Empty:
            return False
        return True

    def end(self) -> None:
        """Make no more calls after this one."""
        self._calls.put(None)

    def run(self) -> None:
        """Until nobody has called for `REST_S`."""
        while (make := self._next()) is not None:
            make()
            del make  # and with it what the call holds
            self._done.put(None)

    def _next(self) -> Callable[[], None] | None:
        try:
            return self._calls.get(timeout=REST_S)
        except queue.Empty:
            with self._closing:
                self._closed = self._calls.empty()
                return None if self._closed else self._calls.get()
