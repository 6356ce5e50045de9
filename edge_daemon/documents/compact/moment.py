"""Times of day and names of clips, which are made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edge_daemon.documents.compact.codecs import Prediction, Seen, predicted
from edge_daemon.documents.compact.range_coder import SCALE, Coder, signed, whole

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_799_999_999  # end of the year 9999
_DIGITS = 51  # of the microseconds since 1970 in this century
_CLIP = re.compile(r"(\d{4}-\d\d-\d\d)/([A-Za-z0-9.-]+)_(\d{8}T\d{6})\.(\d{3})Z_([A-Za-z0-9]+)\.(flac|wav)")
_FORMATS = ("flac", "wav")


def microseconds(utc: Any) -> int:
    """Since 1970, of a document's time.

    Raises:
        TypeError: it is no text.
        ValueError: it is no such time.
    """
    if not isinstance(utc, str):
        raise TypeError("a time is a text")
    return (datetime.strptime(utc, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def utc(at_us: int) -> str:
    """A document's time.

    Raises:
        ValueError: it does not lie between the years 1970 and 9999.
    """
    if not 0 <= at_us <= _LAST:
        raise ValueError("a time lies outside the years 1970 to 9999")
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in UTC, to the microsecond; likely near another one.

    Attributes:
        near: microseconds since 1970.
        about: binary digits of the difference from it.
    """

    near: Prediction | None = None
    about: int = 0

    def fits(self, value: Any, _seen: Seen) -> bool:
        """See `Codec`."""
        try:
            return bool(utc(microseconds(value)) == value)
        except (TypeError, ValueError):
            return False

    def code(self, coder: Coder, value: Any, seen: Seen) -> str:
        """See `Codec`."""
        at = microseconds(value) if coder.writing else 0
        near = None if self.near is None else predicted(self.near, seen)
        if near is None:
            return utc(whole(coder, at, _DIGITS))
        return utc(round(near) + signed(coder, at - round(near), self.about))


@dataclass(frozen=True, slots=True)
class ClipName:
    """A clip's path, where it is made of device, time and identity, as `clips.clip` makes it."""

    def fits(self, value: Any, seen: Seen) -> bool:
        """See `Codec`."""
        found = _CLIP.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return False
        try:
            return bool(_clip(seen, _milliseconds(found), found[6]) == value)
        except (TypeError, ValueError):
            return False

    def code(self, coder: Coder, value: Any, seen: Seen) -> str:
        """See `Codec`."""
        begin_ms = microseconds(seen.here.get("begin_utc")) // 1000
        found = _CLIP.fullmatch(value) if coder.writing else None
        at_ms = begin_ms - signed(coder, 0 if found is None else begin_ms - _milliseconds(found), 12)
        ending = coder.bit(SCALE * 15 // 16, found is not None and found[6] != _FORMATS[0])
        return _clip(seen, at_ms, _FORMATS[ending])


def _milliseconds(found: re.Match[str]) -> int:
    at = datetime.strptime(f"{found[3]}.{found[4]}", "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _clip(seen: Seen, at_ms: int, ending: str) -> str:
    """The name; TypeError or ValueError where what it is made of is not there."""
    begin, device, identity = (seen.here.get(name) for name in ("begin_utc", "device", "id"))
    if not (isinstance(device, str) and isinstance(identity, str)):
        raise TypeError("no device or identity")
    microseconds(begin)
    at = utc(at_ms * 1000)
    safe_device = re.sub(r"[^A-Za-z0-9.-]+", "-", device).strip(".-") or "device"
    safe_identity = re.sub(r"[^A-Za-z0-9]+", "", identity)[:8] or "0"
    plain = at.replace("-", "").replace(":", "")
    return f"{at[:10]}/{safe_device}_{plain[:15]}.{at[20:23]}Z_{safe_identity}.{ending}"
