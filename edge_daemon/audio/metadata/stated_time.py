"""A moment that a recording's metadata state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
    """A moment in ISO 8601, also with a space for the `T` and with a comma in the seconds; None if it is none."""
    try:
        return datetime.fromisoformat(text.strip().strip("\0").replace(",", "."))
    except ValueError:
        return None
