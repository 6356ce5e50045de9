"""NMEA 0183: the sentences RMC (place, date and time), GGA and GSA (how good the place is) of any talker.

A sentence counts only with its checksum: on a serial line a digit is easily another one. Receivers tell a dilution
of precision, not an error; times `M_PER_HDOP` it is one, roughly.

Read here and not by a library: of what one could read, three sentences are needed, and each of their fields must be
doubted anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from edge_daemon.clock.utc import nanoseconds
from edge_daemon.position.fix import Fix, NoFix, Reading, Refusal
from edge_daemon.position.position import FixType

LONGEST_LINE = 256
"""The standard's bound is 82 signs; some receivers write more."""
M_PER_HDOP = 5.0
_SENTENCE = re.compile(rb"\$([A-Z]{2})([A-Z]{3}),([ -)+-~]*)\*([0-9A-Fa-f]{2})\s*", re.DOTALL)
_LATITUDE = re.compile(r"(\d{2})(\d{2}(?:\.\d{1,10})?)", re.ASCII)
_LONGITUDE = re.compile(r"(\d{3})(\d{2}(?:\.\d{1,10})?)", re.ASCII)
_TIME = re.compile(r"(\d{2})(\d{2})(\d{2})(\.\d{1,9})?", re.ASCII)
_DATE = re.compile(r"(\d{2})(\d{2})(\d{2})", re.ASCII)
_HDOP = re.compile(r"\d{1,4}(?:\.\d{1,4})?", re.ASCII)
_BY_MODE: dict[str, FixType] = {"D": "differential", "P": "differential", "R": "rtk", "F": "rtk"}
_GUESSED = {"E": "dead reckoning", "M": "set by hand", "S": "a simulation"}
_MALFORMED = Refusal("malformed", "the receiver sends what cannot be read")
_NO_FIX = NoFix("no_fix", "the receiver has no fix")


def reader() -> Callable[[bytes], Reading | None]:
    """What reads the lines of one receiver; None for a line that says nothing of the position."""
    return NmeaReader().read


class NmeaReader:
    """Remembers between the sentences of a second how good the place is."""

    def __init__(self) -> None:
        self._hdop: float | None = None
        self._flat = False  # from three satellites

    def read(self, line: bytes) -> Reading | None:
        """What a line says, with or without its end."""
        found = _SENTENCE.fullmatch(line)
        if found is None or _checksum(line) != int(found[4], 16):
            return _MALFORMED if line.startswith(b"$") else None
        kind, fields = found[2], found[3].decode("ascii").split(",")
        if kind == b"RMC":
            return self._fix(fields)
        if kind == b"GGA" and len(fields) >= 8:
            self._hdop = _hdop(fields[7])
        elif kind == b"GSA" and len(fields) >= 2:
            self._flat = fields[1] == "2"
        return None

    def _fix(self, fields: list[str]) -> Reading:
        if len(fields) < 9:
            return _MALFORMED
        time, status, north, north_south, east, east_west, _speed, _course, date = fields[:9]
        mode = fields[11] if len(fields) > 11 else "A"
        if status != "A" or mode == "N":
            return _NO_FIX
        if mode in _GUESSED:
            return Refusal("guessed", f"the receiver's position is {_GUESSED[mode]}")
        latitude = _degrees(_LATITUDE, north, north_south, "NS")
        longitude = _degrees(_LONGITUDE, east, east_west, "EW")
        utc_ns = _utc_ns(date, time)
        if latitude is None or longitude is None or utc_ns is None:
            return _MALFORMED
        accuracy_m = None if self._hdop is None else round(self._hdop * M_PER_HDOP, 1)
        return Fix(latitude, longitude, utc_ns, _BY_MODE.get(mode, "2d" if self._flat else "3d"), accuracy_m)


def _checksum(line: bytes) -> int:
    total = 0
    for sign in line[1 : line.rindex(b"*")]:
        total ^= sign
    return total


def _degrees(form: re.Pattern[str], text: str, side: str, sides: Literal["NS", "EW"]) -> float | None:
    found = form.fullmatch(text)
    if found is None or len(side) != 1 or side not in sides or float(found[2]) >= 60:
        return None
    degrees = int(found[1]) + float(found[2]) / 60
    return -degrees if side == sides[1] else degrees


def _utc_ns(date: str, time: str) -> int | None:
    day, clock = _DATE.fullmatch(date), _TIME.fullmatch(time)
    if day is None or clock is None:
        return None
    days, months, years = (int(part) for part in day.groups())
    hours, minutes, seconds = (int(part) for part in clock.groups()[:3])
    try:
        at = datetime(years + (1900 if years >= 80 else 2000), months, days, hours, minutes, seconds, 0, UTC)
    except ValueError:  # no such day; or a leap second, which passes
        return None
    return nanoseconds(at) + round(float(clock[4] or 0) * 1e9)


def _hdop(text: str) -> float | None:
    return float(text) if _HDOP.fullmatch(text) and float(text) > 0 else None
