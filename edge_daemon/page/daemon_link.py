"""The page's end of the daemon's socket: one connection for all who look, and none while nobody does."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

MOST_VIEWERS = 64
"""Open streams of each kind, so many browsers at once."""
KEPT = 24
"""Messages that wait for one viewer; it loses the oldest."""
LONGEST_BYTES = 65_536
SILENT_S = 5.0
"""The daemon says something each second; after so long without a word it is called anew."""
RETRY_S = 1.0
GONE = ("gone", b'event: gone\ndata: {"kind":"gone"}\n\n')
KINDS = frozenset({"hello", "state", "health", "sound", "detection"})


class PageViewer:
    """One stream to a browser, or somebody who asks once."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=KEPT)
        self._news = threading.Condition()

    def tell(self, kind: str, event: bytes) -> None:
        """A message has come."""
        with self._news:
            self._waiting.append((kind, event))
            self._news.notify()

    def next(self, timeout_s: float) -> tuple[str, bytes] | None:
        """The oldest that waits: its kind, and an event for a browser; None if none comes in that time."""
        with self._news:
            if not self._waiting:
                self._news.wait(timeout_s)
            return self._waiting.popleft() if self._waiting else None


class DaemonLink:
    """Listens to the daemon in a thread of its own while somebody looks.

    Args:
        path: of the daemon's socket.

    Attributes:
        health: the newest health document of this connection, or None.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._viewers: set[PageViewer] = set()
        self._changed = threading.Condition()
        self._hello: bytes | None = None
        self._gone = False
        self.health: Mapping[str, Any] | None = None
        threading.Thread(target=self._run, name="daemon link", daemon=True).start()

    def join(self, *kinds: str) -> PageViewer | None:
        """Somebody who wants to be told messages of these kinds, and `gone`; None if there are too many."""
        viewer = PageViewer(frozenset(kinds))
        with self._changed:
            if sum(one.kinds == viewer.kinds for one in self._viewers) >= MOST_VIEWERS:
                return None
            self._viewers.add(viewer)
            if self._hello is not None and "hello" in kinds:
                viewer.tell("hello", self._hello)
            elif self._gone:
                viewer.tell(*GONE)
            self._changed.notify()
        return viewer

    def leave(self, viewer: PageViewer) -> None:
        """It has gone."""
        with self._changed:
            self._viewers.discard(viewer)

    def ask_health(self, wait_s: float) -> Mapping[str, Any] | None:
        """What the daemon says of itself; None if it does not answer in that time."""
        viewer = self.join("health")
        if viewer is None:
            return self.health
        try:
            end = time.monotonic() + wait_s
            while self.health is None and not self._gone and (left := end - time.monotonic()) > 0:
                viewer.next(left)
            return self.health
        finally:
            self.leave(viewer)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._viewers:
                    self._gone = False
                    self._changed.wait()
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.settimeout(RETRY_S)
                connection.connect(self._path)
                self._listen(connection)
            self._hello = self.health = None
            with self._changed:
                if not self._viewers:
                    continue
            self._gone = True
            self._spread(*GONE)
            time.sleep(RETRY_S)

    def _listen(self, connection: socket.socket) -> None:
        heard = time.monotonic()
        while self._viewers:
            if not select.select([connection], [], [], 1.0)[0]:
                if time.monotonic() - heard > SILENT_S:
                    return
                continue
            packet = connection.recv(LONGEST_BYTES)
            if not packet:
                return
            heard = time.monotonic()
            self._take(packet)

    def _take(self, packet: bytes) -> None:
        """Pass a message on; what is none is passed over."""
        try:
            told = json.loads(packet, parse_constant=_no_number)
            kind = told["kind"]
            if kind not in KINDS:
                return
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        self._gone = False
        event = f"event: {kind}\ndata: {json.dumps(told)}\n\n".encode()  # again: one line, whatever was sent
        if kind == "hello":
            self._hello = event
        elif kind == "health" and isinstance(told.get("document"), dict):
            self.health = told["document"]
        self._spread(kind, event)

    def _spread(self, kind: str, event: bytes) -> None:
        with self._changed:
            viewers = [one for one in self._viewers if kind in one.kinds or kind == "gone"]
        for viewer in viewers:
            viewer.tell(kind, event)


def _no_number(word: str) -> None:
    """NaN and infinities, which a browser does not read."""
    raise ValueError(word)
