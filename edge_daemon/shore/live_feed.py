"""Tells those who look at a page that something has changed: from the listener's thread to the server's loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

MOST_VIEWERS = 200
MOST_CHANGES = 100
"""Changed detections that wait for one viewer; more of them make it load its page again."""


class Viewer:
    """One open page. Used in the server's loop only."""

    def __init__(self) -> None:
        self.changed: set[int] = set()
        self.flooded = False
        self.closed = False
        self._news = asyncio.Event()

    def tell(self, changed: Iterable[int]) -> None:
        """Something is new; these detections have changed."""
        self.changed.update(changed)
        if len(self.changed) > MOST_CHANGES:
            self.changed.clear()
            self.flooded = True
        self._news.set()

    async def news(self, timeout_s: float) -> None:
        """Wait for news, at most so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)
        self._news.clear()


class LiveFeed:
    """All open pages."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server's loop runs now."""
        self._loop = loop

    def tell(self, changed: Iterable[int] = ()) -> None:
        """Something is new; from any thread.

        Args:
            changed: numbers of detections that are not new but look otherwise now: judged, or with a picture.
        """
        loop, numbers = self._loop, tuple(changed)
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._spread, numbers)

    def join(self) -> Viewer | None:
        """A new viewer; None if there are too many."""
        if len(self._viewers) >= MOST_VIEWERS:
            return None
        viewer = Viewer()
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """It has gone."""
        self._viewers.discard(viewer)

    def close(self) -> None:
        """End what viewers wait for: the server stops."""
        for viewer in self._viewers:
            viewer.closed = True
            viewer.tell(())

    def _spread(self, changed: tuple[int, ...]) -> None:
        for viewer in self._viewers:
            viewer.tell(changed)
