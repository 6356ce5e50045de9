"""Zones as people write them; numbers and words that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from edge_daemon.audio.time_zone import offset_zone, parse_zone, zone_behind, zone_named, zone_text
from edge_daemon.errors import UsageError


def hours(east: float) -> timezone:
    return timezone(timedelta(hours=east))


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Z.wav", UTC),
        ("+0530.wav", hours(5.5)),
        ("-04:00.wav", hours(-4)),
        ("_-0330.wav", hours(-3.5)),
        ("_-03-30.wav", hours(-3.5)),
        ("+05-30.wav", hours(5.5)),
        ("-05-00.wav", None),
        ("_-05-12.wav", None),
        ("+02.wav", hours(2)),
        ("+1245", hours(12.75)),
        ("-0000", UTC),
        ("-0001.wav", None),  # part 1
        ("-0002", None),
        ("+1500", None),  # east of all
        ("-1230", None),
        ("_-04.wav", None),
        ("-04.wav", None),  # part 4, where no T stands before
        ("-42.0000+070.0000", None),  # a position
        ("+001", None),
        ("_0002", None),
        ("ZONE", None),
        ("", None),
    ],
)
def test_behind_a_time(text: str, zone: timezone | None) -> None:
    found = zone_behind(text, short_negative=False)
    assert (None if found is None else found[0]) == zone
    assert found is None or text.startswith(found[1])


def test_a_short_negative_number_is_a_zone_behind_iso_times_only() -> None:
    assert zone_behind("-05.wav", short_negative=True) == (hours(-5), "-05")
    assert zone_behind("-05-00.wav", short_negative=True) == (hours(-5), "-05-00")
    assert zone_behind("-42.wav", short_negative=True) is None


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("SITE7_20210710_120000_UTC-4", hours(-4), "UTC-4"),
        ("20210710_120000(UTC-5)", hours(-5), "UTC-5"),
        ("20210710_120000 GMT+1.wav", hours(1), "UTC+1"),
        ("20210710_120000_utc+05:30", hours(5.5), "UTC+5:30"),
        ("20210710_120000UTC+0530", hours(5.5), "UTC+5:30"),
        ("20210710_120000_UTC+5.5.wav", hours(5.5), "UTC+5:30"),
        ("20210710_120000_UTC–4.wav", hours(-4), "UTC-4"),
        ("20210710_120000_UTC-0001", UTC, "UTC"),  # part 1 in UTC
        ("UTC-2021-07-10_12-00-00", UTC, "UTC"),
        ("NOPP6_EST_20090329", hours(-5), "EST (UTC-5)"),
        ("x_NDT", hours(-2.5), "NDT (UTC-2:30)"),
        ("FOREST_20090329", None, None),
        ("20090329_IST", None, None),  # India, Israel, Ireland
        ("20090329_BST", None, None),
        ("OUTCOME", None, None),
    ],
)
def test_named(text: str, zone: timezone | None, words: str | None) -> None:
    assert zone_named(text) == (None if zone is None else (zone, words))


def test_every_quarter_of_an_hour_that_no_zone_has_is_none() -> None:
    quarters = [(sign, hour, minute) for sign in "+-" for hour in range(25) for minute in (0, 15, 30, 45)]
    zones = {sign + f"{hour}:{minute:02d}" for sign, hour, minute in quarters if offset_zone(sign, hour, minute)}
    whole = {f"+{hour}:00" for hour in range(15)} | {f"-{hour}:00" for hour in range(13)}
    assert zones == whole | {
        "-9:30", "-4:30", "-3:30", "-2:30", "+3:30", "+4:30", "+5:30", "+5:45", "+6:30", "+7:30", "+8:30", "+8:45",
        "+9:30", "+10:30", "+11:30", "+12:45", "+13:45",
    }  # fmt: skip
    assert not any(offset_zone(sign, 0, minute) for sign in "+-" for minute in range(1, 60))


@pytest.mark.parametrize(
    ("text", "offset"),
    [("-04:00", -4), ("UTC+5:30", 5.5), ("GMT-3", -3), ("Z", 0), ("utc", 0), ("America/Halifax", -3), ("EDT", -4)],
)
def test_given(text: str, offset: float) -> None:
    summer = datetime(2021, 7, 10, 12, tzinfo=parse_zone(text))
    assert summer.utcoffset() == timedelta(hours=offset)


@pytest.mark.parametrize("text", ["Atlantis", "", "+0001", "UTC+15", "../etc/passwd", "America", "yesterday"])
def test_what_is_no_zone_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_zone(text)
    assert "America/Halifax" in str(caught.value.hint)


def test_text() -> None:
    assert [zone_text(hours(east)) for east in (0, -4, 5.5, -3.5)] == ["UTC", "UTC-4", "UTC+5:30", "UTC-3:30"]
    assert zone_text(parse_zone("America/Halifax")) == "America/Halifax"
