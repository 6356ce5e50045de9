"""The sound of an event does not depend on how the stream was cut, nor on what lies behind a break."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from edge_daemon.audio.source import Block, Gap
from edge_daemon.detection.contour.event_sound import EventSound


def numbers(begin: int, end: int) -> np.ndarray:
    return np.arange(begin, end, dtype=np.float32)


def test_cuts_do_not_show() -> None:
    for edges in ([0, 100], [0, 30, 31, 77, 100]):
        sound = EventSound()
        for begin, end in pairwise(edges):
            sound.push(Block(numbers(begin, end), begin))
        first, samples = sound.around(40, 60, 15)
        assert first == 25
        assert samples.tolist() == numbers(25, 75).tolist()


def test_nothing_beyond_a_gap_or_a_seam() -> None:
    sound = EventSound()
    sound.push(Block(numbers(0, 30), 0))
    sound.push(Gap(30, 10, "overrun"))
    sound.push(Block(numbers(40, 60), 40))
    sound.push(Gap(60, 0, "schedule"))
    sound.push(Block(numbers(60, 90), 60))
    assert sound.around(42, 58, 20)[1].tolist() == numbers(40, 60).tolist()
    assert sound.around(60, 70, 20)[1].tolist() == numbers(60, 90).tolist()
    assert sound.around(10, 30, 5)[1].tolist() == numbers(5, 30).tolist()


def test_what_is_forgotten_takes_no_memory() -> None:
    sound = EventSound()
    for begin in range(0, 10_000, 10):
        sound.push(Block(numbers(begin, begin + 10), begin))
        sound.push(Gap(begin + 10, 0, "schedule"))
        sound.forget(begin - 50)
        assert sound.held <= 70
    assert len(sound._breaks) <= 10
