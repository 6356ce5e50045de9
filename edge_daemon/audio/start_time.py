"""When a recording began: read from its file name, as recorders write it, or from what the user says.

Recorders put the time of the first sample into the file name, each maker in its own way. A name rarely says which
time zone it means; scientific recorders are set to UTC, so UTC is assumed and the result says so. Where a zone does
stand in the name (`Z`, `+0100`, `UTC-4`, `EST`) it is honoured. Of a begin and an end in one name the begin is taken.

Clocks that were reset begin at a known day, and nothing was recorded in the future: such dates are no times.

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

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from edge_daemon.audio.file_name import folder_and_name, stem_and_ending
from edge_daemon.audio.time_zone import zone_behind, zone_named, zone_text
from edge_daemon.errors import UsageError

EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
RESET_DAYS = frozenset({date(1980, 1, 1), date(1980, 1, 6), date(2000, 1, 1)})
"""Where the clocks of FAT, of GPS and of recorders begin when they have forgotten the time."""
_SLACK = timedelta(days=1)  # a clock set to another zone is no clock in the future
_BUILT = datetime(2026, 11, 28, tzinfo=UTC)  # no machine's clock that is before it knows what the future is
_ONE_FILE = timedelta(hours=25)  # a begin and an end in one name lie no further apart …
_ONE_MARKED_FILE = timedelta(days=31)  # … or no further than this where they are called so; else it is a deployment
HLS_SEGMENT = timedelta(seconds=10)
_HEX_SINCE = 0x54A48E00  # 2015-01-01: no AudioMoth is older, and dates such as 20200910 are smaller numbers


@dataclass(frozen=True, slots=True)
class StartTime:
    """The moment of a recording's first sample.

    Attributes:
        utc: aware, in UTC.
        convention: whose way of writing it was recognised, or "given".
        note: what was assumed, for people: how the zone was known.
        zone_assumed: nothing told the zone, so UTC was taken.
        local: the same moment without a zone, as it was written.
    """

    utc: datetime
    convention: str
    note: str
    zone_assumed: bool = False
    local: datetime | None = None


@dataclass(frozen=True, slots=True)
class NamedTime:
    """What a file's name tells of the time.

    Attributes:
        start: of the recording, or None.
        refused: a sentence on a time that stands there and is not believed, or None.
    """

    start: StartTime | None = None
    refused: str | None = None


_FRACTION = r"(?:[.,](?P<f>\d{1,9})(?!\d))?"
_HALF = r"(?:[ _-]?(?P<half>[AaPp])\.?[Mm](?![A-Za-z]))?"
"""Of the day, behind twelve hours."""
_COMPACT = r"(?<!\d)(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?P<t>-T|[T_$ -]?)(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)"

# Convention, pattern on the name with its extension. The first that gives a plausible date wins.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (convention, re.compile(pattern))
    for convention, pattern in (
        ("SoundTrap", r"^\d+\.(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?!\d)"),
        ("PAMGuard", rf"^PAM.*{_COMPACT}_(?P<f>\d{{3}})(?!\d)"),
        ("date_time", rf"{_COMPACT}(?!\d){_FRACTION}{_HALF}"),
        (
            "Orcasound",
            r"(?<!\d)(?P<Y>\d{4})_(?P<m>\d\d)_(?P<d>\d\d)_(?P<H>\d\d)_(?P<M>\d\d)_(?P<S>\d\d)(?!\d)" + _HALF,
        ),
        (
            "dashed date and time",
            r"(?<!\d)(?P<Y>\d{4})(?P<s>[-._]?)(?P<m>\d\d)(?P=s)(?P<d>\d\d)(?P<t>[T_ .-]{1,3})"
            rf"(?P<H>\d\d)[-:_.h]?(?P<M>\d\d)[-:_.m]?(?P<S>\d\d)(?!\d)s?{_FRACTION}{_HALF}",
        ),
        (
            "day of the year",
            r"(?<!\d)(?P<Y>\d{4})[-_.]?(?P<j>\d{3})(?P<t>[T_ .-])"
            rf"(?P<H>\d\d)[-:_.]?(?P<M>\d\d)[-:_.]?(?P<S>\d\d)(?!\d){_FRACTION}",
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


def start_from_name(
    path: str | os.PathLike[str], zone: tzinfo | None = None, now: datetime | None = None
) -> StartTime | None:
    """Read the start time from a file's name (and, for HLS segments, its folder's).

    Args:
        path: the file; it need not exist.
        zone: of times whose zone the name does not tell; None assumes UTC.
        now: what time it is; None asks the clock.

    Returns:
        The time, or None where no known convention fits or the date is none (before 1980, month 13, in the future, the
        day at which reset clocks begin).
    """
    return read_name(path, zone, now).start


def read_name(path: str | os.PathLike[str], zone: tzinfo | None = None, now: datetime | None = None) -> NamedTime:
    """As `start_from_name`, and why a time that stands in the name is not believed."""
    folder, name = folder_and_name(path)
    refused: str | None = None
    for convention, pattern in _PATTERNS:
        found: list[tuple[re.Match[str], StartTime]] = []
        matches = list(pattern.finditer(name))
        for match in matches:
            local = _local(match)
            if local is None:
                continue
            start = _placed(local, _zone(match, matches, name), convention, name, zone)
            reason = None if start is None else implausible(start, now)
            if start is not None and reason is None:
                found.append((match, start))
            elif reason is not None:
                refused = refused or f"the time in the name, {local:%Y-%m-%d %H:%M:%S}, is {reason}"
        if found:
            return NamedTime(_first_of_span(found, name))
    unix = _from_unix_time(name, folder)
    return NamedTime(unix if unix is not None and implausible(unix, now) is None else None, refused)


def implausible(start: StartTime, now: datetime | None = None) -> str | None:
    """Why nobody can have recorded then, in words that follow "is"; None if somebody can.

    Args:
        start: the time.
        now: what time it is; None asks the clock.
    """
    days = {start.utc.date(), start.utc.date() if start.local is None else start.local.date()}
    if start.utc < EARLIEST:
        return "before 1980, as of a clock that was reset"
    if days & RESET_DAYS:
        return "the day at which a reset clock begins"
    if start.utc > max(datetime.now(UTC) if now is None else now, _BUILT) + _SLACK:
        return "in the future"
    return None


def parse_start(text: str, zone: tzinfo | None = None) -> StartTime:
    """Read a start time that the user gave.

    Args:
        text: ISO 8601, such as `2009-03-29T12:15:00Z`, `2009-03-29 12:15` or `20090329T121500-0500`;
            UTC where no zone is given.
        zone: of a text without one; None assumes UTC.

    Raises:
        UsageError: not a date and time, or outside 1980…2099.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"'{text}' is not a start time.", "Give it as ISO 8601: 2009-03-29T12:15:00Z (UTC if no zone is given)."
        ) from None
    given = moment if moment.tzinfo else moment.replace(tzinfo=zone or UTC)
    note = "zone given" if moment.tzinfo or zone else "no zone given: UTC assumed"
    plausible = _in_range(given)
    if plausible is None:
        raise UsageError(f"The start time '{text}' is before 1980 or after 2099.", "Check the year.")
    return StartTime(plausible, "given", note, zone_assumed=moment.tzinfo is None and zone is None)


def _in_range(moment: datetime) -> datetime | None:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # year 1 or 9999 and a zone
        return None
    return utc if EARLIEST <= utc < LATEST else None


def _local(match: re.Match[str]) -> datetime | None:
    """The moment as it is written, without a zone; None if there is no such day or hour."""
    part = match.groupdict()
    # Two-digit years pivot like POSIX strptime: 69…99 are 19xx.
    year = int(part["Y"]) if part.get("Y") else int(part["y"]) + (1900 if int(part["y"]) >= 69 else 2000)
    month, day = (int(part.get(unit) or 1) for unit in "md")
    hour, minute, second = (int(part[unit]) for unit in "HMS")
    half = (part.get("half") or "").upper()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + 12 * (half == "P")
    try:
        first = datetime(year, month, day, hour, minute, second, int((part.get("f") or "0").ljust(6, "0")[:6]))
        local = first + timedelta(days=int(part.get("j") or 1) - 1)
    except (ValueError, OverflowError):
        return None
    return local if local.year == year else None  # a year has no day 0, and no day 366 but every fourth


def _zone(match: re.Match[str], matches: list[re.Match[str]], name: str) -> tuple[tzinfo, str] | None:
    """The zone behind this time, behind another one in the name, or anywhere in it; and how it is written."""
    for time in (match, *matches):
        behind = _zone_behind(time, name, time.end())
        if behind is not None:
            zone, written = behind
            return zone, f"zone {'Z (UTC)' if written in 'Zz' else written.strip('_ ')} in the name"
    named = zone_named(name)
    return None if named is None else (named[0], f"zone {named[1]} in the name")


def _placed(
    local: datetime, told: tuple[tzinfo, str] | None, convention: str, name: str, zone: tzinfo | None
) -> StartTime | None:
    if told is not None:
        used, note = told
    elif zone is not None:
        used, note = zone, f"zone {zone_text(zone)} given"
    else:
        used, note = UTC, "no zone in the name: UTC assumed"
    try:
        utc = local.replace(tzinfo=used).astimezone(UTC)
    except OverflowError:  # year 1 or 9999 and a zone
        return None
    if utc >= LATEST:
        return None
    maker = next((maker for maker, prefix in _MAKERS if prefix.search(name)), convention)
    how = maker if "date" in convention else convention
    return StartTime(utc, how, note, zone_assumed=told is None and zone is None, local=local)


def _first_of_span(found: list[tuple[re.Match[str], StartTime]], name: str) -> StartTime:
    """The begin, where begin and end stand there; else the last time: dates of deployments stand before the file's."""
    if len(found) > 1:
        (one, begin), (other, end) = found[-2:]
        marked = re.search(r"(?<![A-Za-z])(?:to|until|end|stop|E)[_ -]?$", name[one.end() : other.start()])
        if timedelta(0) <= end.utc - begin.utc <= (_ONE_MARKED_FILE if marked else _ONE_FILE):
            return begin
    return found[-1][1]


def _from_unix_time(name: str, folder: str = "") -> StartTime | None:
    stem, _ = stem_and_ending(name)
    if re.fullmatch(r"[0-9A-Fa-f]{8}T?", stem):
        seconds = int(stem[:8], 16)
        if seconds >= _HEX_SINCE:
            return _unix(seconds, "AudioMoth (hexadecimal)", "Unix time in hex, UTC")
    if re.fullmatch(r"\d{10}", stem):
        return _unix(int(stem), "Orcasound (Unix time)", "Unix time, UTC")
    millis = re.fullmatch(r"(?:[A-Za-z]+[_-]?)?(\d{13})", stem)
    if millis:
        return _unix(int(millis[1]) / 1000, "Unix time in milliseconds", "Unix time, UTC")
    segment = re.fullmatch(r"live(\d{1,6})", stem)
    if segment and re.fullmatch(r"\d{10}", within := folder_and_name(folder)[1]):
        seconds = int(within) + int(segment[1]) * int(HLS_SEGMENT.total_seconds())
        return _unix(seconds, "Orcasound (HLS)", "Unix time of the folder plus 10 s a segment, good to a few seconds")
    return None


def _unix(seconds: float, convention: str, note: str) -> StartTime | None:
    utc = _in_range(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    return StartTime(utc, convention, note) if utc else None


def without_times(name: str) -> str:
    """A file's name with a `*` for each time in it, and its zone: what the names of one recorder have in common.

    A recorder that keeps local time writes another zone when clocks are changed.

    Args:
        name: with its ending, without folders.
    """
    for _convention, pattern in _PATTERNS:
        places = [_with_zone(match, name) for match in pattern.finditer(name) if _is_time(match)]
        if places:
            edges = [0, *(edge for place in places for edge in place), len(name)]
            return "*".join(name[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True))
    return f"*{stem_and_ending(name)[1]}" if _from_unix_time(name) is not None else name


def _digits_of(match: re.Match[str]) -> tuple[int, int]:
    """Where the time itself begins and ends; some patterns tell what stands before it, too."""
    given = [unit for unit, text in match.groupdict().items() if text]
    return min(match.start(unit) for unit in given), max(match.end(unit) for unit in given)


def _with_zone(match: re.Match[str], name: str) -> tuple[int, int]:
    """The same, with a zone in figures behind the time."""
    begin, end = _digits_of(match)
    behind = _zone_behind(match, name, end)
    return begin, end if behind is None or behind[1] in "Zz" else end + len(behind[1])


def _zone_behind(match: re.Match[str], name: str, end: int) -> tuple[tzinfo, str] | None:
    """The zone behind a time that ends there, and how it is written."""
    return zone_behind(name[end:], short_negative=(match.groupdict().get("t") or "").endswith("T"))


def _is_time(match: re.Match[str]) -> bool:
    part = match.groupdict()
    ranges = {"m": (1, 12), "d": (1, 31), "j": (1, 366), "H": (0, 23), "M": (0, 59), "S": (0, 59)}
    return all(least <= int(part[unit]) <= most for unit, (least, most) in ranges.items() if unit in part)
