"""Log lines on their way to a stream that may take none for hours: a full pipe, a journal that hangs, a dead disk.

Whoever logs hands over a line and goes on; a thread writes. What waits has a bound: beyond it the oldest of the less
severe lines go first, and when lines are taken again, one says how many are missing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TextIO

MOST_LINES = 2000
"""Lines that wait at most."""
PATIENCE_S = 0.1
"""Where lines come in a burst, and are being taken, whoever logs waits at most so long for room."""
END_S = 1.0
"""At the end of the program: how long the stream may not take a line before those that wait are given up."""


class LogWriter:
    """Writes lines in a thread of its own, which begins with the first one and lasts; from any thread.

    Args:
        stream: where they go.
        most: how many may wait.
    """

    def __init__(self, stream: TextIO, most: int = MOST_LINES) -> None:
        self._stream, self._most = stream, most
        self._lines: deque[tuple[str, bool]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._writing_since_s: float | None = None  # monotonic time; None while nothing is being written
        self._ended = False
        self._taken = self._missing = 0
        self.lost = 0
        """Lines that were given up so far."""

    @property
    def held_up_s(self) -> float:
        """For how long the stream has not taken the line that is being written, seconds."""
        since_s = self._writing_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def put(self, line: str, *, keep: bool = False) -> None:
        """Write a line soon.

        Args:
            line: without its end.
            keep: it is among the last to be given up.
        """
        with self._changed:
            if not self._room():
                self._changed.wait_for(self._room, max(0.0, PATIENCE_S - self.held_up_s))
            if not self._room():
                self._give_one_up()
            self._lines.append((line, keep))
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def flush(self, limit_s: float = END_S) -> bool:
        """Wait until all is written, or no line has been taken for `limit_s`; True if all is written."""
        with self._changed:
            taken = -1
            while taken != self._taken:
                taken = self._taken
                if self._changed.wait_for(lambda: not self._lines and self._writing_since_s is None, limit_s):
                    return True
            return False

    def close(self, limit_s: float = END_S) -> None:
        """Write what waits, if it is taken in time, and close the stream."""
        done = self.flush(limit_s)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if done:  # a stream that hangs would hang here, too
            self._stream.close()

    def _room(self) -> bool:
        return len(self._lines) < self._most

    def _give_one_up(self) -> None:
        place = next((number for number, (_, keep) in enumerate(self._lines) if not keep), 0)
        del self._lines[place]
        self._missing += 1
        self.lost += 1

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._ended)
                if not self._lines:
                    return
                line, _ = self._lines.popleft()
                missing, self._missing = self._missing, 0
                self._writing_since_s = time.monotonic()
            try:
                self._write(line if not missing else f"{line} lines_lost_before={missing}")
            finally:
                with self._changed:
                    self._writing_since_s = None
                    self._taken += 1
                    self._changed.notify_all()

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads any more, or the disk of the log is full
            with self._changed:
                self._missing += 1
                self.lost += 1
