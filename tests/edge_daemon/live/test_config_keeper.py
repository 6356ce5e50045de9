"""The configuration is kept in one thread at most, and what was read last is what is kept."""

from __future__ import annotations

import threading
import time

from edge_daemon.live.config_keeper import ConfigKeeper


def test_one_thread_however_often_and_the_newest_is_kept() -> None:
    kept: list[int] = []
    newest, hangs, begun = [0], threading.Event(), threading.Event()

    def keep() -> None:
        kept.append(newest[0])
        begun.set()
        hangs.wait(20)

    keeper = ConfigKeeper(keep)
    before = threading.active_count()
    keeper.keep_soon()
    assert begun.wait(20)
    for number in range(1, 100):  # the disk hangs meanwhile
        newest[0] = number
        keeper.keep_soon()
    assert threading.active_count() == before + 1
    hangs.set()
    while len(kept) < 2:
        time.sleep(0.001)
    assert kept == [0, 99]


def test_a_failure_is_told_and_the_next_one_is_tried() -> None:
    done = threading.Event()
    failures = [OSError("no")]

    def keep() -> None:
        if failures:
            raise failures.pop()
        done.set()

    keeper = ConfigKeeper(keep)
    keeper.keep_soon()
    while failures:
        time.sleep(0.001)
    keeper.keep_soon()
    assert done.wait(20)
