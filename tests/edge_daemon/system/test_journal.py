"""Log lines, for the journal and for a terminal."""

from __future__ import annotations

import io
import logging
import subprocess
import sys

import pytest

from edge_daemon.system.journal import quoted, set_up


def logged(environment: dict[str, str], work: object) -> str:
    stream = io.StringIO()
    logger = logging.getLogger("edge_daemon")
    before = logger.handlers[:], logger.propagate, logger.level
    try:
        set_up("info", stream, environment)
        work(logging.getLogger("edge_daemon.test"))  # type: ignore[operator]
    finally:
        logger.handlers[:], logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
    return stream.getvalue()


def test_lines_for_the_journal() -> None:
    text = logged(
        {"JOURNAL_STREAM": "8:1"},
        lambda log: (
            log.info("connected", extra={"protocol": "mqtt5", "wait_s": 0.5}),
            log.debug("not shown"),
            log.error("two\nlines", extra={"reason": 'say "no"'}),
        ),
    )
    assert text == '<6>connected protocol=mqtt5 wait_s=0.5\n<3>two\\nlines reason="say \\"no\\""\n'


def test_lines_for_a_terminal_and_exceptions_on_one_line() -> None:
    def fail(log: logging.Logger) -> None:
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("failed")

    text = logged({}, fail)
    assert text.count("\n") == 1
    assert text[10] == "T"
    assert "Z error    failed | Traceback" in text
    assert "ValueError: x" in text


DEAF = """
import logging, os
from edge_daemon.system.journal import set_up
set_up("info")
set_up("info")  # the first one's descriptor is given back
log = logging.getLogger("edge_daemon.test")
log.info("before")
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as sounddevice does while PortAudio begins
log.warning("the sound system does not answer")
"""


def test_the_log_is_heard_while_a_library_silences_standard_error() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DEAF], capture_output=True, text=True, timeout=60, check=True
    )
    assert [line[21:].split(maxsplit=1) for line in done.stderr.splitlines()] == [
        ["info", "before"],
        ["warning", "the sound system does not answer"],
    ]


@pytest.mark.parametrize(
    ("value", "text"), [("", '""'), ("a b", '"a b"'), (1 / 3, "0.333333"), (None, "None"), (3, "3")]
)
def test_values_of_pairs(value: object, text: str) -> None:
    assert quoted(value) == text


def test_a_file_name_does_nothing_to_the_terminal_that_shows_the_log() -> None:
    text = logged(
        {}, lambda log: log.warning("cannot read %s", "a\x1b[2J\x9b\u202e.wav", extra={"file": "b\x9b\x1b.wav"})
    )
    assert not set(text) & set("\x1b\x9b\u202e")
