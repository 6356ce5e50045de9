"""A moment that a recording's metadata state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from edge_daemon.audio.time_zone import offset_zone

_DISTANCE = re.compile(r"(?<=\d) ?(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?$")


@dataclass(frozen=True, slots=True)
class StatedTime:
    """When the first sample was taken, as metadata have it.

    Attributes:
        moment: aware where the metadata tell the zone, else without one.
        source: what states it, such as "AudioMoth comment".
    """

    moment: datetime
    source: str


def iso_moment(text: str) -> datetime | None:
    """A moment in ISO 8601, also with a space for the `T` and with a comma in the seconds; None if it is none.

    A day alone is none. A distance from UTC that no zone of the world has is left out: it tells no zone.
    """
    written = text.strip().strip("\0").strip().replace(",", ".").upper()
    if not re.search(r"\d[T ]\d", written):
        return None
    number = _DISTANCE.search(written)
    try:
        moment = datetime.fromisoformat(written[: number.start()] if number else written)
    except ValueError:
        return None
    if number is None:
        return moment
    return moment.replace(tzinfo=offset_zone(number["sign"], int(number["hours"]), int(number["minutes"] or 0)))
