"""Does the input sound like a hydrophone at all?

A broken cable or a dead preamplifier gives samples that never change; a stuck driver hands out the same buffer again
and again. Both look like listening and are not. A live input always moves: its own noise changes the last bits.
Too loud an input clips: the call is there, its level is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CLIPPED_SAMPLES = 3  # in one block: a single one at full scale may be an honest peak


@dataclass(frozen=True, slots=True)
class Finding:
    """What a block of input showed.

    Attributes:
        dead: the input has not changed for as long as a dead one, this block included.
        clipped: the block has several samples at the limit.
    """

    dead: bool
    clipped: bool


class DeadInputDetector:
    """Watches successive blocks.

    Args:
        dead_samples: an input that has not moved for so many samples is dead.
        clip_level: magnitude (full scale 1) from which on a sample counts as clipped.
    """

    def __init__(self, dead_samples: int, clip_level: float) -> None:
        self._dead_samples = dead_samples
        self._clip_level = np.float32(clip_level)
        self._last = np.zeros(0, np.float32)
        self._still = 0  # samples for which nothing has changed

    def feed(self, samples: NDArray[np.float32]) -> Finding:
        """Look at the next block.

        Args:
            samples: float32 [n], n ≥ 1.
        """
        if self._unchanged(samples):
            self._still += len(samples)
        elif len(samples) > 1 and samples[-1] != samples[-2]:
            self._still = 1  # as below, at a price that ten blocks a second can pay
        else:
            # the block may end in the first constant samples of many
            moving = np.flatnonzero(samples != samples[-1])
            self._still = len(samples) - (int(moving[-1]) + 1 if len(moving) else 0)
        self._last = samples
        clipped = int(np.count_nonzero(np.abs(samples) >= self._clip_level)) >= _CLIPPED_SAMPLES
        return Finding(self._still >= self._dead_samples, clipped)

    def reset(self) -> None:
        """Forget the past: another device, or the same one opened again."""
        self._last, self._still = np.zeros(0, np.float32), 0

    def _unchanged(self, samples: NDArray[np.float32]) -> bool:
        if not len(self._last):
            return False
        if samples[0] == self._last[-1] and bool((samples == samples[0]).all()):
            return True  # constant
        # the same buffer again; nearly always the first sample tells
        return len(samples) > 1 and samples[0] == self._last[0] and np.array_equal(samples, self._last)
