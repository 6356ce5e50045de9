"""What a source of sound delivers: blocks of samples, and gaps where samples are missing.

A live hydrophone, a pipe and a file look alike to the pipeline. Each counts samples from the moment its stream
began, at its own rate, and counts the missing ones too: a gap has a place and a length in samples, so that every
moment is either analysed or accounted for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

GapCause = Literal[
    "overflow",
    "stall",
    "device_absent",
    "device_error",
    "dead_input",
    "clock_step",
    "inference_behind",
    "read_error",
    "schedule",
    "restart",
    "tail",
    "non_finite",
]


@dataclass(frozen=True, slots=True)
class Block:
    """A run of samples without interruption.

    Attributes:
        samples: float32 [n], mono, full scale ±1.
        start: index of the first sample since the stream began, at the stream's rate, gaps counted.
    """

    samples: NDArray[np.float32]
    start: int

    @property
    def end(self) -> int:
        """Index of the sample after the last one."""
        return self.start + len(self.samples)


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of samples that were not had, or not analysed, and why.

    Attributes:
        start: index of the first missing sample since the stream began, at the stream's rate.
        length: number of missing samples.
        cause: what kept them away.
        seam: the recorder has paused here, and its samples do not count the pause (length 0). A gap without length
            that is none comes of sound that was late after all, or of a loss shorter than a sample of a lower rate.
    """

    start: int
    length: int
    cause: GapCause
    seam: bool = False

    @property
    def end(self) -> int:
        """Index of the sample after the last missing one."""
        return self.start + self.length


class AudioSource(Protocol):
    """A stream of mono sound.

    Attributes:
        rate: samples per second.
        name: what a person calls it: a file's path, a device's name.
    """

    rate: int
    name: str

    def read(self) -> Block | Gap | None:
        """Wait for the next block or gap; None when the stream has ended."""

    def close(self) -> None:
        """Give the device or file back; may be called twice."""
