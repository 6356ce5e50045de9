"""Dates in tags: `DATE=2023-04-05T12:00:00Z`, or a date and `CREATION_TIME=12:00:00` beside it.

Programs that convert recordings write them: ffmpeg makes the pair of a broadcast extension, and `DATE` of `ICRD`.
Others write the day of the conversion, so they count only where nothing else tells a time. A date alone is none.

Source: Xiph.Org, recommended field names; ffmpeg, `libavformat/wavdec.c` and `riff.c`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from edge_daemon.audio.metadata.stated_time import StatedTime, iso_moment

_DAY = re.compile(r"\d{4}[-/:.]?\d\d[-/:.]?\d\d")
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,6})?")


def date_tag_time(tags: Mapping[str, str]) -> StatedTime | None:
    """The time that a file's tags state.

    Args:
        tags: by their key in capitals.
    """
    date = tags.get("DATE", "").strip()
    time = tags.get("CREATION_TIME", "").strip()
    if _DAY.fullmatch(date) and _TIME.fullmatch(time):
        date = f"{re.sub(r'[^0-9]', '', date)}T{time.replace(':', '')}"
    elif not re.search(r"\d[T ]\d", date):
        date = time  # ffmpeg's other containers write all of it there
    moment = iso_moment(date) if re.search(r"\d[T ]\d", date) else None
    return None if moment is None else StatedTime(moment, "date tag")
