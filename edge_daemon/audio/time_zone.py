"""Time zones as people and recorders write them: in names of files, in headers, and on the command line.

A number is a zone only if some zone of the world has had that distance from UTC since 1980: `-0001` after a time is
part one of a recording, not a zone of one minute. Abbreviations that mean several zones (IST, BST, CST, MST) are none.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from edge_daemon.errors import UsageError

ABBREVIATIONS = {
    "UTC": 0.0, "GMT": 0.0, "AST": -4.0, "ADT": -3.0, "EST": -5.0, "EDT": -4.0, "PST": -8.0, "PDT": -7.0,
    "NST": -3.5, "NDT": -2.5, "AKST": -9.0, "AKDT": -8.0, "HST": -10.0, "CET": 1.0, "CEST": 2.0, "EEST": 3.0,
    "SAST": 2.0, "JST": 9.0, "AWST": 8.0, "ACST": 9.5, "ACDT": 10.5, "AEST": 10.0, "AEDT": 11.0, "NZST": 12.0,
    "NZDT": 13.0,
}  # fmt: skip
"""Hours from UTC. AST, EST and PST are those of North America, where right whales are recorded."""

_PARTS_OF_HOURS = {
    (-9, 30), (-4, 30), (-3, 30), (-2, 30), (3, 30), (4, 30), (5, 30), (5, 45), (6, 30), (7, 30), (8, 30), (8, 45),
    (9, 30), (10, 30), (11, 30), (12, 45), (13, 45),
}  # fmt: skip
"""Zones that are not whole hours away from UTC, as (hours, minutes), since 1980."""

_NUMBER = r"(?P<sign>[+\-−–])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?"
_SHARE = r"(?:\.(?P<share>25|5|50|75)(?!\d))?"
_ADJOINING = tuple(  # in names of files a dash stands for the colon that Windows refuses
    re.compile(rf"[_ ]?(?P<sign>[+\-−–])(?P<hours>\d{{2}}){minutes}(?!\d|\.\d)")
    for minutes in (r"(?P<between>[:-]?)(?P<minutes>\d{2})", r"(?P<between>)(?P<minutes>)")
)
_NAMED = re.compile(rf"(?<![A-Za-z])(?:UTC|GMT)(?:[ _]?{_NUMBER}(?!\d){_SHARE})?(?![A-Za-z])", re.IGNORECASE)
_SHORT = re.compile(r"(?<![A-Za-z])(" + "|".join(ABBREVIATIONS) + r")(?![A-Za-z0-9])")


def offset_zone(sign: str, hours: int, minutes: int) -> timezone | None:
    """The zone that far from UTC, or None where the world has none.

    Args:
        sign: `+` east of Greenwich, `-` west of it.
        hours: whole hours.
        minutes: beyond these.
    """
    direction = 1 if sign == "+" else -1
    whole = minutes == 0 and -12 <= direction * hours <= 14
    if not whole and (direction * hours, minutes) not in _PARTS_OF_HOURS:
        return None
    return timezone(direction * timedelta(hours=hours, minutes=minutes))


def zone_behind(text: str, *, short_negative: bool) -> tuple[timezone, str] | None:
    """The zone with which a text begins that follows a time (`Z`, `+0530`, `_-04:00`, `_-05-00`, `+02`), as written.

    Args:
        text: what follows the time.
        short_negative: whether `-05` is a zone, and `-05-00`; behind a time without ISO 8601's `T` they are more often
            parts' numbers.
    """
    if re.match(r"[Zz](?![A-Za-z])", text):
        return UTC, text[0]
    for form in _ADJOINING:
        found = form.match(text)
        if found is None:
            continue
        apart, negative = text[0] in "_ ", found["sign"] != "+" and not short_negative
        if (apart or negative) if not found["minutes"] else (found["between"] == "-" and negative and not apart):
            continue
        zone = offset_zone(found["sign"], int(found["hours"]), int(found["minutes"] or 0))
        if zone is not None:
            return zone, found[0]
    return None


def zone_named(text: str) -> tuple[timezone, str] | None:
    """The zone that stands in a text by name (`UTC-4`, `(GMT+1)`, `UTC+05:30`, `UTC+5.5`, `EST`), and for people."""
    for found in _NAMED.finditer(text):
        if found["sign"]:
            minutes = int(found["minutes"] or 0) + round(60 * float(f"0.{found['share'] or 0}"))
            zone = offset_zone(found["sign"], int(found["hours"]), minutes)
            if zone is not None:
                return zone, zone_text(zone)
    if _NAMED.search(text):
        return UTC, "UTC"
    short = _SHORT.search(text)
    if short is None:
        return None
    zone = timezone(timedelta(hours=ABBREVIATIONS[short[1]]))
    return zone, f"{short[1]} ({zone_text(zone)})"


def zone_text(zone: tzinfo) -> str:
    """A zone's name for people: `UTC`, `UTC-4`, `UTC+5:30`, `America/Halifax`."""
    if not isinstance(zone, timezone):
        return str(zone)
    minutes = round(zone.utcoffset(None).total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02d}" if rest else "")


def parse_zone(text: str) -> tzinfo:
    """Read a zone that the user gave: a name of the IANA's list (`America/Halifax`) or a distance from UTC (`-04:00`).

    Raises:
        UsageError: there is no such zone.
    """
    word = text.strip()
    hint = "Give a name such as America/Halifax, or a distance from UTC such as -04:00 or UTC+5:30."
    if word.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    number = re.fullmatch(rf"(?:UTC|GMT)?[ ]?{_NUMBER}", word, re.IGNORECASE)
    if number:
        zone = offset_zone(number["sign"], int(number["hours"]), int(number["minutes"] or 0))
        if zone is None:
            raise UsageError(f"No zone of the world is '{word}' away from UTC.", hint)
        return zone
    try:
        return ZoneInfo(word)
    except (KeyError, ValueError, OSError):  # not there, not a name, or a folder of names
        if word in ABBREVIATIONS:
            return timezone(timedelta(hours=ABBREVIATIONS[word]))
        raise UsageError(f"There is no time zone '{word}' (on this machine).", hint) from None
