"""Does the receiver of the position answer, and has it a fix?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_daemon.checks.verdict import Verdict
from edge_daemon.config import Config

if TYPE_CHECKING:
    from edge_daemon.position.fix import Fix

LISTEN_S = 5.0


def try_position(config: Config, listen_s: float = LISTEN_S) -> Verdict:
    """Open the receiver, and wait for what it says of the position; its first good fix is enough.

    Args:
        config: the configuration.
        listen_s: how long to wait, s.

    Raises:
        PositionError: it cannot be reached.
    """
    section = config.position
    if section.source == "fixed":
        return Verdict("position", "skipped", "position.source is fixed")
    from edge_daemon.position.fix import Fix, NoFix, Refusal
    from edge_daemon.position.fix_filter import FixFilter
    from edge_daemon.position.line_splitter import LineSplitter
    from edge_daemon.position.receiver import configured_source, longest_line, reader_of

    source, read = configured_source(section), reader_of(section)()
    lines, judge = LineSplitter(longest_line(section)), FixFilter(section.max_speed_m_s, section.max_age_s)
    said, end = "it says nothing of the position", time.monotonic() + listen_s
    source.open()
    try:
        while (left := end - time.monotonic()) > 0:
            data = source.read(16_384, left)
            if data == b"":
                return Verdict("position", "failed", f"{source.name} ends the connection")
            for line in lines.lines(data or b""):
                reading = read(line)
                if isinstance(reading, Fix):
                    judged = judge.take(reading, time.monotonic_ns(), None)
                    if not isinstance(judged, Refusal) or judged.doubt == "confirming":
                        return _found(source.name, reading)
                    reading = judged
                if isinstance(reading, (NoFix, Refusal)):
                    said = reading.reason
    finally:
        source.close()
    hint = "Check plug and antenna; under the sky the first fix takes a minute, after long storage more."
    return Verdict("position", "warning", f"{source.name} answers, but {said}", hint)


def _found(name: str, fix: Fix) -> Verdict:
    within = "" if fix.accuracy_m is None else f", within {fix.accuracy_m:.0f} m"
    return Verdict("position", "ok", f"{name}: {fix.type} fix, {fix.latitude:.5f} {fix.longitude:.5f}{within}")
