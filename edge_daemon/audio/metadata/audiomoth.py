"""The comment of an AudioMoth or HydroMoth: `Recorded at 19:22:55 14/12/2020 (UTC-5) by AudioMoth …`.

Source: Open Acoustic Devices, AudioMoth-Firmware-Basic, `setHeaderComment`; the zone has been written as `(UTC)`,
`(UTC-5)` and `(UTC+5:30)`, and not at all by the first firmware.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from edge_daemon.audio.metadata.stated_time import StatedTime
from edge_daemon.audio.time_zone import zone_named

_RECORDED = re.compile(
    r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))? (\d\d)/(\d\d)/(\d{4})(?: \((UTC[^)]*)\))? by (\w+)"
)


def audiomoth_time(comments: Iterable[str]) -> StatedTime | None:
    """The time that one of a file's comments states."""
    for comment in comments:
        found = _RECORDED.search(comment)
        if found is None:
            continue
        hour, minute, second, fraction, day, month, year, zone, maker = found.groups()
        microsecond = int((fraction or "0").ljust(6, "0"))
        try:
            moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), microsecond)
        except ValueError:
            continue
        told = zone_named(zone) if zone else None
        return StatedTime(moment.replace(tzinfo=told[0]) if told else moment, f"{maker} comment")
    return None
