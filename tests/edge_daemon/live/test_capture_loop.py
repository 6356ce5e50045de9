"""What is read when: a pipe's writer waits while there is no room, a sound card's sound goes by."""

from __future__ import annotations

import numpy as np
import pytest

from edge_daemon.audio.capture.input_state import InputHealth
from edge_daemon.audio.source import Block, Gap
from edge_daemon.live.capture_loop import CaptureLoop
from edge_daemon.live.sound_queue import SoundQueue
from edge_daemon.testing.machine import ManualTime

RATE = 1000


class Stream:
    """Blocks of a quarter second, 60 s of them, all there at once."""

    rate, name = RATE, "stream"
    state = InputHealth(phase="listening", device="stream")
    arrived_ns = None

    def __init__(self, can_wait: bool) -> None:
        self.can_wait = can_wait
        self.given = 0

    def read(self) -> Block | Gap | None:
        if self.given == 60 * RATE:
            return None
        self.given += 250
        return Block(np.ones(250, np.float32), self.given - 250)

    def moment_ns(self, _index: int) -> int | None:
        return None

    def listen(self, on: bool) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize("can_wait", [True, False])
def test_nothing_is_dropped_that_its_writer_can_keep(can_wait: bool) -> None:
    queue = SoundQueue(10 * RATE)
    stream = Stream(can_wait)
    loop = CaptureLoop(stream, queue, ManualTime())
    heard, turns, before = 0, 0, 0
    while loop.turn():
        turns += 1
        if stream.given == before or turns % 60 == 0:  # scoring comes late: after 15 s, or when nothing more is read
            while (one := queue.get()) is not None:
                heard += len(one.item.samples) if isinstance(one.item, Block) else 0
        before = stream.given
    while (one := queue.get()) is not None:
        heard += len(one.item.samples) if isinstance(one.item, Block) else 0
    assert (queue.dropped_samples == 0) == can_wait
    assert heard + queue.dropped_samples == 60 * RATE


def test_a_reader_that_waits_for_room_is_woken_by_the_end() -> None:
    queue = SoundQueue(1000)
    stream = Stream(can_wait=True)
    loop = CaptureLoop(stream, queue, ManualTime())
    for _ in range(2):
        assert loop.turn()
    assert stream.given == 500
    assert loop.turn()
    assert loop.turn()
    assert stream.given == 750  # a third block would leave no room for the two that may come of one reading
    queue.end()
    assert loop.turn()
    assert stream.given == 1000
