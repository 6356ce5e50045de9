"""The broadcast extension of a WAV file: date and time of its origination, without a zone.

Source: EBU Tech 3285, version 2: `bext` has OriginationDate (`yyyy-mm-dd`) at byte 320 and OriginationTime
(`hh:mm:ss`) at byte 330; any separators may stand between the numbers.
"""

from __future__ import annotations

import re
from datetime import datetime

from edge_daemon.audio.metadata.stated_time import StatedTime

_WRITTEN = re.compile(rb"(\d{4})[-_:. /](\d\d)[-_:. /](\d\d)(\d\d)[-_:. /](\d\d)[-_:. /](\d\d)")


def bext_time(chunk: bytes | None) -> StatedTime | None:
    """The time that the chunk states."""
    found = None if chunk is None else _WRITTEN.fullmatch(chunk[320:338])
    if found is None:
        return None
    try:
        return StatedTime(datetime(*(int(part) for part in found.groups())), "BWF origination")  # type: ignore[arg-type]
    except ValueError:
        return None
