"""UTC in its three forms: nanoseconds since 1970, a moment of `datetime`, and the text that documents carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

Utc = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(utc_ns: int) -> datetime:
    """The moment, to a microsecond (rounded down).

    Args:
        utc_ns: nanoseconds since 1970 UTC, year 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=utc_ns // 1000)


def nanoseconds(at: datetime) -> int:
    """Nanoseconds since 1970 UTC of a moment with a time zone, to a microsecond."""
    return (at - EPOCH) // timedelta(microseconds=1) * 1000


def utc_text(utc_ns: int) -> str:
    """ISO 8601 in UTC with microseconds (rounded down): `2009-03-29T12:15:03.250000Z`.

    Args:
        utc_ns: nanoseconds since 1970 UTC, year 1 to 9999.
    """
    at = moment(utc_ns)
    return f"{at.year:04d}-{at:%m-%dT%H:%M:%S.%f}Z"
