"""The queue between listening and scoring: bounded, oldest dropped first, every sample accounted for."""

from __future__ import annotations

import threading
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.source import Block, Gap
from edge_daemon.live.sound_queue import Heard, SoundQueue


def block(start: int, length: int = 10) -> Heard:
    return Heard(Block(np.full(length, start, np.float32), start), arrived_ns=start + length, utc_offset_ns=5)


def drained(queue: SoundQueue) -> list[Heard]:
    taken = []
    while (heard := queue.get()) is not None:
        taken.append(heard)
    return taken


def test_order_is_kept_and_times_come_along() -> None:
    queue = SoundQueue(1000)
    sent = [block(0), block(10), block(20)]
    for heard in sent:
        queue.put(heard)
    assert drained(queue) == sent
    assert queue.get(timeout_s=0.01) is None
    assert not queue.exhausted
    queue.end()
    assert queue.exhausted


def test_the_oldest_half_goes_at_once_as_one_gap() -> None:
    queue = SoundQueue(100)
    for start in range(0, 110, 10):
        queue.put(block(start))
    first, *rest = drained(queue)
    assert first.item == Gap(0, 60, "inference_behind")
    assert not first.timed
    assert [heard.item.start for heard in rest] == [60, 70, 80, 90, 100]
    report = queue.report()
    assert (report.dropped, queue.dropped_samples, queue.samples) == (6, 60, 0)


def test_gaps_of_the_device_keep_their_cause() -> None:
    queue = SoundQueue(40)
    queue.put(block(0))
    queue.put(block(10))
    queue.put(Heard(Gap(20, 7, "stall"), 27, 5, interrupted=True))
    for start in (27, 37, 47):
        queue.put(block(start))
    assert [heard.item for heard in drained(queue)[:3]] == [
        Gap(0, 20, "inference_behind"),
        Gap(20, 7, "stall"),
        Gap(27, 10, "inference_behind"),
    ]


def test_days_without_a_device_take_one_entry() -> None:
    queue = SoundQueue(100)
    for second in range(1000):
        queue.put(Heard(Gap(second * 50, 50, "device_absent"), second, 5, interrupted=second == 0))
    assert queue.report().length == 1
    heard = queue.get()
    assert heard == Heard(Gap(0, 50_000, "device_absent"), 999, 5, interrupted=True)


def test_what_waits_at_the_end_becomes_a_gap() -> None:
    queue = SoundQueue(1000)
    for start in (0, 10, 20):
        queue.put(block(start))
    queue.drop_all()
    queue.end()
    assert [heard.item for heard in drained(queue)] == [Gap(0, 30, "inference_behind")]


def test_a_waiting_reader_is_woken() -> None:
    queue = SoundQueue(1000)
    taken: list[Heard | None] = []
    reader = threading.Thread(target=lambda: taken.append(queue.get(timeout_s=30)))
    reader.start()
    queue.put(block(0))
    reader.join(10)
    assert [heard.item.start for heard in taken if heard] == [0]


@given(
    capacity=st.integers(1, 60),
    steps=st.lists(st.tuples(st.sampled_from(["sound", "stall", "take"]), st.integers(1, 30)), max_size=80),
)
def test_every_sample_comes_out_once_and_memory_is_bounded(capacity: int, steps: list[tuple[str, int]]) -> None:
    queue, end, out = SoundQueue(capacity), 0, list[Heard]()
    for kind, length in steps:
        if kind == "take":
            heard = queue.get()
            out += [] if heard is None else [heard]
            continue
        item = Block(np.zeros(length, np.float32), end) if kind == "sound" else Gap(end, length, "stall")
        queue.put(Heard(item, end, 0))
        end += length
        assert queue.samples <= max(capacity, 30)  # the longest block here
    out += drained(queue)
    assert [heard.item.start for heard in out] == [0, *(heard.item.end for heard in out[:-1])][: len(out)]
    assert sum(heard.item.end - heard.item.start for heard in out) == end
    behind = [heard.item for heard in out if isinstance(heard.item, Gap) and heard.item.cause == "inference_behind"]
    assert sum(gap.length for gap in behind) == queue.dropped_samples


def test_a_reader_is_woken_by_what_is_enough_for_it() -> None:
    """Three blocks of 10: neither of the first two wakes it, nor does it wait once they are there."""
    queue, woken = SoundQueue(1000), threading.Event()
    taken: list[Heard | None] = []

    def read() -> None:
        taken.append(queue.get(timeout_s=30, enough=25))
        woken.set()

    reader = threading.Thread(target=read)
    reader.start()
    queue.put(block(0))
    queue.put(block(10))
    assert not woken.wait(0.2)
    queue.put(block(20))
    assert woken.wait(10)
    reader.join(10)
    assert [heard.item.start for heard in taken if heard] == [0]
    second = queue.get(timeout_s=30, enough=20)
    assert second is not None
    assert second.item.start == 10


def test_a_gap_is_as_good_as_its_length_and_time_is_up_sometime() -> None:
    queue = SoundQueue(1000)
    queue.put(block(0))
    queue.put(Heard(Gap(10, 50, "stall"), 60, 5))
    first = queue.get(timeout_s=30, enough=60)
    assert first is not None
    assert first.item.start == 0
    last = queue.get(timeout_s=0.01, enough=1000)
    assert last is not None
    assert last.item == Gap(10, 50, "stall")


def test_what_the_queue_can_hardly_hold_is_never_waited_for() -> None:
    """A reader who waits for a window longer than the queue gets all the sound, and nothing is dropped."""
    queue, taken = SoundQueue(100), list[Heard]()

    def read() -> None:
        while not queue.exhausted:
            heard = queue.get(timeout_s=30, enough=1000)
            if heard is not None:
                taken.append(heard)

    reader = threading.Thread(target=read)
    reader.start()
    for start in range(0, 400, 10):
        queue.put(block(start))
        until = time.monotonic() + 10
        while queue.samples >= 60 and time.monotonic() < until:
            time.sleep(0.001)
    queue.end()
    reader.join(10)
    assert [heard.item.start for heard in taken] == list(range(0, 400, 10))
    assert queue.dropped_samples == 0
