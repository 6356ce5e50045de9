"""A source read ahead: the next blocks are decoded in a thread of their own while the one before is scored.

libsndfile decodes without holding Python's lock, so with a second core decoding takes hardly any time of its own. Two
blocks may wait: with one, the thread, which is held up wherever it needs the lock, is too often not yet ready.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from edge_daemon.audio.source import AudioSource, Block, Gap

AHEAD = 2
"""Blocks that may wait, the one that is being decoded included."""


class ReadAheadSource:
    """The same blocks and gaps as its source, in the same order, and the same errors between them.

    Args:
        source: read by nobody else from the first `read` on, and up to `AHEAD` times beyond its end. It is closed with
            this one.
    """

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self.rate, self.name = source.rate, source.name
        self._thread = ThreadPoolExecutor(1, "read ahead")
        self._coming: deque[Future[Block | Gap | None]] = deque()

    def read(self) -> Block | Gap | None:
        """Wait for the next block or gap; None at the end.

        Raises:
            AudioError: as the source, where it would have.
        """
        while len(self._coming) <= AHEAD:
            self._coming.append(self._thread.submit(self._source.read))
        return self._coming.popleft().result()

    def close(self) -> None:
        """Wait for the block that is being read, end the thread, and close the source."""
        # an interruption leaves the source open: it must not be closed beneath the thread that reads it
        self._thread.shutdown(cancel_futures=True)
        self._source.close()
