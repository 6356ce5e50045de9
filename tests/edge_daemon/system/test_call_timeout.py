"""A call that hangs is given up, and none is made until it has returned."""

from __future__ import annotations

import threading

import pytest

from edge_daemon.errors import StorageError
from edge_daemon.system.call_timeout import CallWithTimeout


def test_one_at_a_time() -> None:
    calls = CallWithTimeout(0.05, "The disk", "Look at it.", late=StorageError, stuck=StorageError)
    assert calls.run(lambda: 7, "reading") == 7
    returns = threading.Event()
    late: list[object] = []
    with pytest.raises(StorageError, match=r"The disk does not answer: writing takes more than 0\.05 s\. Look at it\."):
        calls.run(lambda: returns.wait(30), "writing", discard=late.append)
    with pytest.raises(StorageError, match="The disk does not answer: writing still hangs"):
        calls.run(lambda: 8, "reading")
    returns.set()
    while not late:
        pass
    while threading.active_count() > 1 and any(t.name == "writing" for t in threading.enumerate()):
        pass
    assert calls.run(lambda: 9, "reading") == 9
    assert late == [True]


@pytest.mark.parametrize("failure", [OSError("no room"), SystemExit(0), KeyboardInterrupt()])
def test_what_a_call_raises_is_raised_here(failure: BaseException) -> None:
    calls = CallWithTimeout(30, "The disk", "", late=StorageError, stuck=StorageError)

    def fails() -> None:
        raise failure

    with pytest.raises(type(failure)):
        calls.run(fails, "reading")
