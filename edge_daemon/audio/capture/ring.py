"""The ring between a sound card's callback and the thread that reads: fixed memory, one writer, one reader, no lock.

The callback runs in real time and may neither wait nor allocate much, so it copies its samples into memory set aside
beforehand and leaves. If the reader is late and the ring is full, new sound is refused (what is in the ring may be
under its eyes), counted, and told with the next sound that fits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Chunk:
    """What the reader gets: sound without interruption.

    Attributes:
        samples: float32 [n], n ≥ 1.
        lost: samples known to be lost just before the first one.
        arrived_ns: monotonic time at which the last one arrived.
    """

    samples: NDArray[np.float32]
    lost: int
    arrived_ns: int


class SampleRing:
    """A first-in-first-out store of samples for one writing and one reading thread.

    Each side changes its own counter only, after the copy is complete; an assignment is atomic in Python. Sound that
    comes into an empty ring is put to its front: a reader that keeps up lets most of the memory never be touched.

    Args:
        capacity: samples that fit, 1 or more.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity} is not positive")
        self._memory = np.zeros(capacity, np.float32)
        self._written = 0  # the writer's
        self._front = 0  # the writer's: count of samples at the front of the memory
        self._read = 0  # the reader's
        self._lost = 0  # the writer's: not yet told
        # length, lost before, arrived_ns, place in the memory; bounded by capacity
        self._arrivals: deque[tuple[int, int, int, int]] = deque()

    def __len__(self) -> int:
        return self._written - self._read

    def write(self, samples: NDArray[np.generic], arrived_ns: int, *, lost: int = 0, scale: float = 1.0) -> bool:
        """Writer: copy sound in.

        Args:
            samples: [n], any real type; multiplied by `scale` on the way.
            arrived_ns: monotonic time.
            lost: samples that the device lost just before these.
            scale: 1 for floating point, 1 / full scale for integers.

        Returns:
            False if it did not fit: then all of it counts as lost.
        """
        count = len(samples)
        capacity = len(self._memory)
        self._lost += lost
        if count > capacity - len(self):
            self._lost += count
            return False
        if count:
            if not len(self):  # the reader has left the memory
                self._front = self._written
            begin = (self._written - self._front) % capacity
            first = min(count, capacity - begin)
            self._copy(samples[:first], begin, scale)
            self._copy(samples[first:], 0, scale)
            told, self._lost = self._lost, 0
            self._written += count
            self._arrivals.append((count, told, arrived_ns, begin))  # last: from here on the reader may take it
        return True

    def read(self, most: int) -> Chunk | None:
        """Reader: take the oldest sound.

        Args:
            most: samples wanted at most; a single arrival is never cut, however long.

        Returns:
            Whole arrivals up to `most` samples or up to the next loss; None if the ring is empty.
        """
        if not self._arrivals:
            return None
        count, lost, arrived_ns, begin = self._arrivals.popleft()
        while self._arrivals and not self._arrivals[0][1] and count + self._arrivals[0][0] <= most:
            more, _, arrived_ns, _ = self._arrivals.popleft()
            count += more
        capacity = len(self._memory)
        first = min(count, capacity - begin)
        samples = np.concatenate((self._memory[begin : begin + first], self._memory[: count - first]))
        self._read += count
        return Chunk(samples, lost, arrived_ns)

    def _copy(self, samples: NDArray[np.generic], begin: int, scale: float) -> None:
        target = self._memory[begin : begin + len(samples)]
        if scale == 1.0:
            target[:] = samples
        else:
            np.multiply(samples, np.float32(scale), out=target, dtype=np.float32, casting="unsafe")
