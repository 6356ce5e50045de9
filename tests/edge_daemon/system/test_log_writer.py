"""A log that nobody reads: whoever logs goes on, what waits has a bound, and what is missing is said."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from edge_daemon.system.log_writer import LogWriter


class Gate(io.StringIO):
    """A stream that takes nothing until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.opened = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.opened.wait(20)
        return super().write(text)


@pytest.fixture
def gate() -> Iterator[Gate]:
    found = Gate()
    yield found
    found.opened.set()


def test_whoever_logs_goes_on_and_the_severe_lines_stay(gate: Gate) -> None:
    writer = LogWriter(gate, most=3)
    writer.put("first")
    assert gate.reached.wait(20)  # it holds the thread
    writer.put("a whale", keep=True)
    for number in range(10):
        writer.put(f"line {number}")
    writer.put("another whale", keep=True)
    assert writer.lost == 9
    assert not writer.flush(0.01)
    assert writer.held_up_s > 0.01
    gate.opened.set()
    assert writer.flush(20)
    assert writer.held_up_s == 0.0
    # what was given up is said with the next line, whichever it is
    assert gate.getvalue().splitlines() == ["first", "a whale lines_lost_before=9", "line 9", "another whale"]


def test_where_all_lines_are_severe_the_oldest_go(gate: Gate) -> None:
    writer = LogWriter(gate, most=2)
    writer.put("first")
    assert gate.reached.wait(20)
    for number in range(4):
        writer.put(f"whale {number}", keep=True)
    gate.opened.set()
    assert writer.flush(20)
    assert gate.getvalue().splitlines() == ["first", "whale 2 lines_lost_before=2", "whale 3"]


def test_a_stream_that_fails_loses_lines_and_nothing_else() -> None:
    class Broken(io.StringIO):
        fails = True

        def write(self, text: str) -> int:
            if self.fails:
                raise OSError("No space left on device")
            return super().write(text)

    stream = Broken()
    writer = LogWriter(stream)
    writer.put("gone")
    assert writer.flush(20)
    stream.fails = False
    writer.put("there")
    assert writer.flush(20)
    assert stream.getvalue() == "there lines_lost_before=1\n"
    writer.close()
    assert stream.closed


def test_closing_one_that_hangs_waits_for_a_moment_only(gate: Gate) -> None:
    writer = LogWriter(gate)
    writer.put("first")
    writer.close(0.01)
    assert not gate.closed  # that would wait, too
    gate.opened.set()


# Logs more than a pipe holds, says so on standard output, and ends.
TALKER = """
import logging
from edge_daemon.system.journal import set_up
set_up("info")
log = logging.getLogger("edge_daemon.test")
for number in range(3000):
    log.info("x" * 100)
print("heard", flush=True)
"""


def test_a_blocked_pipe_holds_up_nobody_and_no_end() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    try:
        done: Any = subprocess.run(
            [sys.executable, "-c", TALKER], stdout=subprocess.PIPE, stderr=writing, text=True, timeout=60, check=True
        )
        assert done.stdout == "heard\n"
    finally:
        os.close(writing)
        os.close(reading)


def test_lines_are_whole_and_in_order_at_the_end_of_a_program() -> None:
    text = subprocess.run(
        [sys.executable, "-c", TALKER.replace('"x" * 100', "str(number)")],
        capture_output=True, text=True, timeout=60, check=True,
    ).stderr  # fmt: skip
    assert [line.split(maxsplit=2)[2] for line in text.splitlines()] == [str(number) for number in range(3000)]
