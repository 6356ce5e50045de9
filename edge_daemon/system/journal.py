"""Log lines fit for the journal: a sentence, then key=value pairs that can be searched for.

Under systemd ($JOURNAL_STREAM is set) each line begins with its priority (`<4>`, sd-daemon(3)) and has no time, which
the journal adds itself; elsewhere with time and severity. Pairs come from `extra={...}` of a logging call.

Lines go through a descriptor of their own. Libraries silence standard error while they work (sounddevice does while
PortAudio looks for devices, for the whole process, and for ever if that hangs); the log must not fall silent with it.
Nor must the program wait for whoever reads it (`log_writer`).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from edge_daemon.system.log_writer import LogWriter
from edge_daemon.system.printable import printable
from edge_daemon.system.redaction import Redaction

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))
"""Severity from which on, and the journal's priority."""

_redaction = Redaction()
"""What no line may show; grows when a configuration is read."""

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JournalFormatter(logging.Formatter):
    """One line per record.

    Args:
        under_systemd: priorities instead of time and severity.
    """

    def __init__(self, under_systemd: bool) -> None:
        super().__init__()
        self._under_systemd = under_systemd

    def format(self, record: logging.LogRecord) -> str:
        """The line; line ends within it become escapes, so that a record is one entry."""
        text = _redaction(record.getMessage())
        if record.exc_info:
            text += f" | {_redaction(self.formatException(record.exc_info))}"
        pairs = {name: value for name, value in vars(record).items() if name not in _OWN}
        line = " ".join([text, *(f"{name}={quoted(value)}" for name, value in pairs.items())])
        line = printable(line.replace("\r", "\\r").replace("\n", "\\n"))
        if self._under_systemd:
            return f"<{next(p for least, p in PRIORITIES if record.levelno >= least)}>{line}"
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return f"{moment} {record.levelname.lower():<8} {line}"


class OwnStderrHandler(logging.Handler):
    """Writes to what was standard error when this was made, even if descriptor 2 changes; never waits for its reader.

    Attributes:
        writer: of the lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writer = LogWriter(os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace"))

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the line over; the most severe are the last to be given up."""
        try:
            self.writer.put(self.format(record), keep=record.levelno >= logging.CRITICAL)
        except Exception:  # noqa: BLE001 - as the handlers of the standard library: a bad record is told, and nothing else fails
            self.handleError(record)

    def flush(self) -> None:
        """Wait a moment for what waits to be written."""
        self.writer.flush()

    def close(self) -> None:
        """Give the descriptor back."""
        super().close()
        self.writer.close()


def quoted(value: object) -> str:
    """A value as it stands after `key=`: in quotes where it has blanks, quotes or nothing."""
    text = f"{value:.6g}" if isinstance(value, float) else _redaction(str(value))
    plain = text and text.isprintable() and not set(text) & set(" \"'=")
    return text if plain else json.dumps(text, ensure_ascii=False)


def set_up(level: str, stream: TextIO | None = None, environment: Mapping[str, str] | None = None) -> None:
    """Send the log of this program to a stream (standard error if None), replacing an earlier set-up.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        stream: where lines go; None: a standard error that no library can silence.
        environment: tells whether systemd reads it; the process's own if None.
    """
    environment = os.environ if environment is None else environment
    handler: logging.Handler
    handler = OwnStderrHandler() if stream is None and _is_descriptor_2(sys.stderr) else logging.StreamHandler(stream)
    handler.setFormatter(JournalFormatter("JOURNAL_STREAM" in environment))
    logger = logging.getLogger("edge_daemon")
    before, logger.handlers[:] = logger.handlers[:], [handler]
    for old in before:
        if isinstance(old, OwnStderrHandler):
            old.close()
    logger.propagate = False
    logger.setLevel(level.upper())


def held_up_s() -> float:
    """For how long nobody has taken the next line of the log, seconds."""
    return max((handler.writer.held_up_s for handler in _own_handlers()), default=0.0)


def flushed() -> bool:
    """Wait a moment for what waits to be written; whether it was."""
    return all(handler.writer.flush() for handler in _own_handlers())


def _own_handlers() -> list[OwnStderrHandler]:
    return [one for one in logging.getLogger("edge_daemon").handlers if isinstance(one, OwnStderrHandler)]


def _is_descriptor_2(stream: TextIO) -> bool:
    """Not so where something in this process catches what is written, or there is none."""
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


def hide(redaction: Redaction) -> None:
    """Show these secrets in no line from now on, nor those hidden before."""
    global _redaction  # noqa: PLW0603 - one log, one redaction, as logging's own handlers
    _redaction = _redaction.with_more(redaction.secrets)


def set_level(level: str) -> None:
    """Log what is at least so severe: `debug`, `info`, `warning` or `error`."""
    logging.getLogger("edge_daemon").setLevel(level.upper())
