"""The log beside a SoundTrap's recording: `NAME.log.xml`, with the begin of sampling in UTC and its microseconds.

Source: Ocean Instruments, SoundTrap Host; PAMGuard's `x3` decoder writes the same: elements `WavFileHandler` with one
attribute each, `SamplingStartTimeUTC="2018-09-12T07:36:28"` and `SamplingStartTimeSubS="21000 us"`.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, timedelta

from edge_daemon.audio.file_name import folder_and_name
from edge_daemon.audio.metadata.stated_time import StatedTime, iso_moment
from edge_daemon.audio.regular_file import open_regular

_LARGEST = 1 << 20
# by their text: an XML parser would take what an entity says, and the log is no more than these
_START = re.compile(r'SamplingStartTimeUTC\s*=\s*"([^"]+)"')
_BEYOND = re.compile(r'SamplingStartTimeSubS\s*=\s*"(\d{1,6}) ?us"')


def soundtrap_time(path: str | os.PathLike[str]) -> StatedTime | None:
    """The time in the log of a recording; None without a log.

    Args:
        path: the recording; what programs have added to its name (`.d24.d8`) is taken off to find the log.
    """
    folder, name = folder_and_name(path)
    while "." in name:
        name = name.rpartition(".")[0]
        try:
            with open_regular(os.path.join(folder, f"{name}.log.xml")) as file:  # noqa: PTH118 - a text
                text = file.read(_LARGEST).decode("utf-8", errors="replace")
        except (OSError, ValueError):
            continue
        found = _START.search(text)
        moment = iso_moment(found[1]) if found else None
        if moment is None:
            return None
        beyond = _BEYOND.search(text)
        utc = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return StatedTime(utc + timedelta(microseconds=int(beyond[1]) if beyond else 0), "SoundTrap log")
    return None
