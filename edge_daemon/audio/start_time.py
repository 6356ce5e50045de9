"""When a recording began: read from its file name, as recorders write it, or from what the user says.

Recorders put the time of the first sample into the file name, each maker in its own way. A name rarely says which
time zone it means; scientific recorders are set to UTC, so UTC is assumed and the result says so. Where a zone does
stand in the name (`Z`, `+0100`, `EST`) it is honoured.

Sources of the conventions: Ocean Instruments, SoundTrap user guide ("serial number followed by … YYMMDDHHMMSS");
Open Acoustic Devices, AudioMoth operation manual (`YYYYMMDD_HHMMSS.WAV`, older firmware: Unix time in hex);
Ocean Sonics, icListen handbook (`SBW1234_20200910_153045.wav`); JASCO AMAR names as read by pyhydrophone
and in NOAA's SanctSound archive (`%Y%m%dT%H%M%SZ`); PAMGuard on-line help, "File Dates", and its
recorder's `PAM_yyyyMMdd_HHmmss_SSS`; RTSys names as read by pyhydrophone (`channelA_%Y-%m-%d_%H-%M-%S`);
orcasound/orcadata `access.md` and orca-hls-utils
(`%Y_%m_%d_%H_%M_%S_%Z`; HLS folders named by Unix time, 10 s segments); Scripps Triton / HARP xwav
(`…_yymmdd_HHMMSS.x.wav`); Raven Pro's default template `_<yyyy><ll><dd>_<hh><MM><ss>.`; the Open Ecoacoustics
file-name guide (`20170625T102105+1000_Site.flac`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePath

from edge_daemon.errors import UsageError

EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# Zone abbreviations are ambiguous world-wide; these are the ones on whale recorders around North America.
ZONE_HOURS = {"UTC": 0, "GMT": 0, "AST": -4, "ADT": -3, "EST": -5, "EDT": -4, "PST": -8, "PDT": -7}
HLS_SEGMENT = timedelta(seconds=10)
_HEX_SINCE = 0x54A48E00  # 2015-01-01: no AudioMoth is older, and dates such as 20200910 are smaller numbers


@dataclass(frozen=True, slots=True)
class StartTime:
    """The moment of a recording's first sample.

    Attributes:
        utc: aware, in UTC.
        convention: whose way of writing it was recognised, or "given".
        note: what was assumed, for people: how the zone was known.
    """

    utc: datetime
    convention: str
    note: str


_FRACTION = r"(?:[.,](?P<f>\d{1,6})(?!\d))?"
_OFFSET = r"(?P<z>Z(?![A-Za-z])|[+-]\d{2}:?\d{2}(?!\d))?"
_COMPACT = r"(?<!\d)(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)[T_$-]?(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)"

# Convention, pattern on the name with its extension. The first that gives a plausible date wins; within a
# pattern the last match does (deployment dates stand before the file's own).
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (convention, re.compile(pattern))
    for convention, pattern in (
        ("SoundTrap", r"^\d+\.(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?!\d)"),
        ("PAMGuard", rf"^PAM.*{_COMPACT}_(?P<f>\d{{3}})(?!\d)"),
        ("date_time", rf"{_COMPACT}(?!\d){_FRACTION}{_OFFSET}"),
        (
            "dashed date and time",
            r"(?<!\d)(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)[T_ -]"
            rf"(?P<H>\d\d)[-:_]?(?P<M>\d\d)[-:_]?(?P<S>\d\d)(?!\d){_FRACTION}{_OFFSET}",
        ),
        (
            "Orcasound",
            r"(?<!\d)(?P<Y>\d{4})_(?P<m>\d\d)_(?P<d>\d\d)_(?P<H>\d\d)_(?P<M>\d\d)_(?P<S>\d\d)(?!\d)",
        ),
        (
            "HARP",
            r"_(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)_(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?!\d)",
        ),
    )
)
# Makers that share one pattern differ in what stands before the date.
_MAKERS = (
    ("icListen", re.compile(r"^(?:SBW|SBF|icListen|HYD)", re.IGNORECASE)),
    ("AMAR", re.compile(r"AMAR", re.IGNORECASE)),
    ("PAMGuard", re.compile(r"^PAM(?![A-Za-z])")),
    ("RTSys", re.compile(r"^channel[A-Z]_", re.IGNORECASE)),
    ("AudioMoth", re.compile(r"^\d{8}[T_]\d{6}T?\.")),
)


def start_from_name(path: str | PurePath) -> StartTime | None:
    """Read the start time from a file's name (and, for HLS segments, its folder's).

    Args:
        path: the file; it need not exist.

    Returns:
        The time, or None where no known convention fits or the date is implausible (before 1980, from 2100, month 13).
    """
    path = PurePath(path)
    for convention, pattern in _PATTERNS:
        for match in reversed(list(pattern.finditer(path.name))):
            found = _from_match(match, convention, path.name)
            if found is not None:
                return found
    return _from_unix_time(path)


def parse_start(text: str) -> StartTime:
    """Read a start time that the user gave.

    Args:
        text: ISO 8601, such as `2009-03-29T12:15:00Z`, `2009-03-29 12:15` or `20090329T121500-0500`;
            UTC where no zone is given.

    Raises:
        UsageError: not a date and time, or outside 1980…2099.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"'{text}' is not a start time.", "Give it as ISO 8601: 2009-03-29T12:15:00Z (UTC if no zone is given)."
        ) from None
    note = "zone given" if moment.tzinfo else "no zone given: UTC assumed"
    plausible = _in_range(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if plausible is None:
        raise UsageError(f"The start time '{text}' is before 1980 or after 2099.", "Check the year.")
    return StartTime(plausible, "given", note)


def _in_range(moment: datetime) -> datetime | None:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # year 1 or 9999 and a zone
        return None
    return utc if EARLIEST <= utc < LATEST else None


def _from_match(match: re.Match[str], convention: str, name: str) -> StartTime | None:
    part = match.groupdict()
    # Two-digit years pivot like POSIX strptime: 69…99 are 19xx.
    year = int(part["Y"]) if part.get("Y") else int(part["y"]) + (1900 if int(part["y"]) >= 69 else 2000)
    zone, note = _zone(part.get("z"), name)
    try:
        moment = datetime(
            year,
            int(part["m"]),
            int(part["d"]),
            int(part["H"]),
            int(part["M"]),
            int(part["S"]),
            int((part.get("f") or "0").ljust(6, "0")),
            tzinfo=zone,
        )
    except ValueError:
        return None
    utc = _in_range(moment)
    if utc is None:
        return None
    maker = next((maker for maker, prefix in _MAKERS if prefix.search(name)), convention)
    return StartTime(utc, maker if "date" in convention else convention, note)


def _zone(offset: str | None, name: str) -> tuple[timezone, str]:
    if offset == "Z":
        return UTC, "zone Z (UTC) in the name"
    if offset:
        sign = -1 if offset[0] == "-" else 1
        delta = sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
        if abs(delta) <= timedelta(hours=14):
            return timezone(delta), f"zone {offset} in the name"
    token = re.search(r"(?<![A-Za-z])(" + "|".join(ZONE_HOURS) + r")(?![A-Za-z])", name)
    if token:
        hours = ZONE_HOURS[token[1]]
        return timezone(timedelta(hours=hours)), f"zone {token[1]} (UTC{hours:+d}) in the name"
    return UTC, "no zone in the name: UTC assumed"


def _from_unix_time(path: PurePath) -> StartTime | None:
    stem, folder = path.stem, path.parent.name
    if re.fullmatch(r"[0-9A-Fa-f]{8}T?", stem):
        seconds = int(stem[:8], 16)
        if seconds >= _HEX_SINCE:
            return _unix(seconds, "AudioMoth (hexadecimal)", "Unix time in hex, UTC")
    if re.fullmatch(r"\d{10}", stem):
        return _unix(int(stem), "Orcasound (Unix time)", "Unix time, UTC")
    segment = re.fullmatch(r"live(\d{1,6})", stem)
    if segment and re.fullmatch(r"\d{10}", folder):
        seconds = int(folder) + int(segment[1]) * int(HLS_SEGMENT.total_seconds())
        return _unix(seconds, "Orcasound (HLS)", "Unix time of the folder plus 10 s a segment, good to a few seconds")
    return None


def _unix(seconds: int, convention: str, note: str) -> StartTime | None:
    utc = _in_range(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    return StartTime(utc, convention, note) if utc else None
