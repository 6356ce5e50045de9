"""What a live input is doing, for health, logs and people: a picture of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DevicePhase = Literal["opening", "listening", "waiting", "paused", "closed"]


@dataclass(frozen=True, slots=True)
class DeviceState:
    """State and counters of a live source since it was made.

    Attributes:
        phase: "opening" until the first sound arrives, "listening" while it does, "waiting" after a failure until
            sound arrives again, "paused" by schedule, "closed".
        device: its name once it was open, before that what was asked for.
        since_utc_ns: when the phase began.
        attempts: failed attempts since sound last arrived.
        last_error: the last failure in a sentence, empty if there was none.
        opened: how often sound began to arrive.
        overflows: how often samples were lost by the device or because the reader was late.
        lost_samples: how many, as far as known.
        stalls: how often the device stopped giving sound without a word.
        disconnects: how often it went away.
        dead_input: samples arrive, but do not change.
        dead_inputs: how often that began.
        clipped_blocks: blocks with several samples at the limit.
    """

    phase: DevicePhase
    device: str
    since_utc_ns: int
    attempts: int = 0
    last_error: str = ""
    opened: int = 0
    overflows: int = 0
    lost_samples: int = 0
    stalls: int = 0
    disconnects: int = 0
    dead_input: bool = False
    dead_inputs: int = 0
    clipped_blocks: int = 0
