"""Start times from file names: one line per maker, then what must be refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.start_time import RESET_DAYS, parse_start, read_name, start_from_name
from edge_daemon.audio.time_zone import parse_zone
from edge_daemon.errors import UsageError

T = datetime(2020, 9, 10, 15, 30, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "utc", "convention"),
    [
        ("5678.200910153045.wav", T, "SoundTrap"),
        ("1677738025.180912073628.d24.d8.wav", datetime(2018, 9, 12, 7, 36, 28, tzinfo=UTC), "SoundTrap"),
        ("20200910_153045.WAV", T, "AudioMoth"),
        ("site_20200910_033045PM.wav", T, "date_time"),
        ("2020-09-10 03.30.45 pm.wav", T, "dashed date and time"),
        ("20200910_123045AM.wav", datetime(2020, 9, 10, 0, 30, 45, tzinfo=UTC), "date_time"),
        ("20200910_153045PM.wav", T, "date_time"),  # 24 hours all the same
        ("buoy_2020.09.10.15.30.45.wav", T, "dashed date and time"),
        ("2020_09_10__15_30_45Z.wav", T, "dashed date and time"),
        ("20200910_153045T.WAV", T, "AudioMoth"),
        ("5F5A46A5.WAV", T, "AudioMoth (hexadecimal)"),
        ("5DB0D594.WAV", datetime(2019, 10, 23, 22, 35, 0, tzinfo=UTC), "AudioMoth (hexadecimal)"),
        ("SBW1234_20200910_153045.wav", T, "icListen"),
        ("icListenHF_1234_20200910T153045.000Z.wav", T, "icListen"),
        ("AMAR123.20200910T153045Z.wav", T, "AMAR"),
        ("AMAR667.1.32000.20200910T153045Z.flac", T, "AMAR"),
        ("PAM_20200910_153045.wav", T, "PAMGuard"),
        ("PAM_20200910_153045_123.wav", T.replace(microsecond=123000), "PAMGuard"),
        ("channelA_2020-09-10_15-30-45.wav", T, "RTSys"),
        ("rpi_orcasound_lab_2020_09_10_08_30_45_PDT.wav", T, "Orcasound"),
        ("1599751845.flac", T, "Orcasound (Unix time)"),
        ("hls/1599751825/live002.ts", T, "Orcasound (HLS)"),
        ("SOCAL_H_60_200910_153045.x.wav", T, "HARP"),
        ("GofMX_DT03_disk08_200910_153045.d100.x.wav", T, "HARP"),
        ("NOPP6_EST_20090329_121500.wav", datetime(2009, 3, 29, 17, 15, tzinfo=UTC), "date_time"),
        ("OO-HYEA2--YDH-2020-09-10T153045.250000.flac", T.replace(microsecond=250000), "dashed date and time"),
        ("20200911T013045+1000_Oxley-creek.flac", T, "date_time"),
        ("ARIZONA-1_20200910$153045.wav", T, "date_time"),
        ("MARU_20200101_000000_to_20200910_153045.wav", T, "date_time"),  # a deployment of months, and the file's time
        ("SITE7_20200910_113045_UTC-4.flac", T, "date_time"),
        ("20200910_103045(UTC-5).flac", T, "date_time"),
        ("20200910T173045+02.flac", T, "date_time"),
        ("SITE-20200910T173045.000000000+0200.flac", T, "date_time"),  # nanoseconds do not hide the zone
        ("SITE-20200910T153045.0000000Z.wav", T, "date_time"),
        ("20200910T103045-05.flac", T, "date_time"),
        ("20200910_153045-0001.flac", T, "date_time"),
        ("20200910_153045-02.flac", T, "date_time"),
        ("20200910_210045_+0530.flac", T, "date_time"),
        ("2020-09-10T11-30-45-0400.wav", T, "dashed date and time"),
        ("20200910_163045_GMT+1.wav", T, "date_time"),
        ("20200910 113045 -0400.wav", T, "date_time"),
        ("20200910T153045z.wav", T, "date_time"),
        ("20200910_103045_-05-00.wav", T, "date_time"),  # Windows takes no colon in a name
        ("20200910_210045_+05-30_site3.wav", T, "date_time"),
        ("2020-09-10T12-00-45-03-30.wav", T, "dashed date and time"),
        ("20200910T103045-05-12.wav", T, "date_time"),  # no zone has 12 minutes: part 12
        ("20200910_153045-05-00.wav", T, "date_time"),  # parts, as -05 is
        ("20200910_15-30-45.wav", T, "dashed date and time"),
        ("2020-09-10-15h30m45s.wav", T, "dashed date and time"),
        ("Survey-D20200910-T153045.wav", T, "date_time"),
        ("SITE_2020254_153045.wav", T, "day of the year"),
        ("2020-254T15-30-45Z.wav", T, "day of the year"),
        ("2020.254.15.30.45.wav", T, "day of the year"),
        ("2020366_120000.wav", datetime(2020, 12, 31, 12, tzinfo=UTC), "day of the year"),
        ("1599751845125.wav", T.replace(microsecond=125000), "Unix time in milliseconds"),
        ("rec_1599751845000.flac", T, "Unix time in milliseconds"),
    ],
)
def test_names_of_the_field(name: str, utc: datetime, convention: str) -> None:
    found = start_from_name(name)
    assert found is not None
    assert (found.utc, found.convention) == (utc, convention)
    assert found.utc.utcoffset() is not None


def test_says_how_the_zone_was_known() -> None:
    def note(name: str) -> str:
        found = start_from_name(name)
        assert found is not None
        return found.note

    assert note("5678.200910153045.wav") == "no zone in the name: UTC assumed"
    assert note("NOPP6_EST_20090329_121500.wav") == "zone EST (UTC-5) in the name"
    assert note("AMAR123.20200910T153045Z.wav") == "zone Z (UTC) in the name"
    # letters within a word are no zone
    assert note("FOREST_20090329_121500.wav") == "no zone in the name: UTC assumed"


@pytest.mark.parametrize(
    "name",
    [
        "whale.wav",
        "train6.aiff",
        "20201310_153045.WAV",  # month 13
        "20200230_153045.WAV",  # 30 February
        "20200910_253045.WAV",  # hour 25
        "19700910_153045.WAV",  # before 1980
        "21500910_153045.WAV",  # after 2099
        "5678.201310153045.wav",
        "20200910.wav",  # a day is no start time, nor is it a hexadecimal one
        "10160435.wav",  # a serial number and a counter
        "iNED1.3_SE_Navy_MARU157_thr0.6_FP_0003.wav",
        "120200910_1530455.wav",  # digits on both sides
        "live002.ts",
        "2021366_120000.wav",  # day 366 of a year of 365
        "2020000_120000.wav",
        "4012345678901.wav",  # an article's number: milliseconds of the year 2097
        "",
    ],
)
def test_implausible_or_unknown_names_give_nothing(name: str) -> None:
    assert start_from_name(name) is None


SPAN = "S20240405T035946.676+1000_E20240405T040446.501+1000_-42.0000+070.0000.flac"


@pytest.mark.parametrize(
    ("name", "utc"),
    [
        (SPAN, datetime(2024, 4, 4, 17, 59, 46, 676000, tzinfo=UTC)),
        ("20200910_153045-20200910_154045.wav", T),
        ("20200910T153045Z_20200910T154045Z.wav", T),
        ("site_20200910_153045_to_20200910_160000.wav", T),
        ("20200910_113045_20200910_120000_UTC-4.wav", T),
        ("20200910_113045_20200910_120000-0400.wav", T),
        ("S20200910_153045_E20200914_153045.wav", T),  # four days, but named a begin and an end
        ("2020-09-10_15-30-45_2020-09-10_15-40-45.wav", T),
        ("DEP20200101_000000_20200910_153045.wav", T),  # the deployment's date, the file's time
        ("20200911_000000_20200910_153045.wav", T),  # no end lies before its begin
        ("20200910_153045_154045.wav", T),
    ],
)
def test_of_begin_and_end_the_begin_is_taken(name: str, utc: datetime) -> None:
    found = start_from_name(name)
    assert found is not None
    assert found.utc == utc


NOW = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2099, 12, 31)).filter(lambda at: at.date() not in RESET_DAYS))
def test_compact_names_round_trip(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    found = start_from_name(f"site_{whole:%Y%m%d_%H%M%S}.wav", now=NOW)
    assert found is not None
    assert found.utc == whole


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("19700101_000112.WAV", "1970-01-01 00:01:12, is before 1980, as of a clock that was reset"),
        ("19800106_000010.wav", "is the day at which a reset clock begins"),
        ("SITE_20000101_003000.wav", "2000-01-01 00:30:00, is the day at which a reset clock begins"),
        ("5678.000101003000.wav", "is the day at which a reset clock begins"),
        ("20000101_233000(UTC-5).wav", "is the day at which a reset clock begins"),  # in UTC it is the day after
        ("20350101_000000.wav", "is in the future"),
        ("SITE_350101_000000.x.wav", "is in the future"),
    ],
)
def test_reset_clocks_and_the_future_are_no_times(name: str, why: str) -> None:
    found = read_name(name, now=datetime(2030, 1, 1, tzinfo=UTC))
    assert found.start is None
    assert why in str(found.refused)


def test_the_day_after_is_no_future_and_a_reset_machine_knows_none() -> None:
    now = datetime(2030, 1, 1, 12, tzinfo=UTC)
    tomorrow, later = now + timedelta(hours=23), now + timedelta(hours=25)
    assert start_from_name(f"{tomorrow:%Y%m%d_%H%M%S}.wav", now=now) is not None
    assert start_from_name(f"{later:%Y%m%d_%H%M%S}.wav", now=now) is None
    assert start_from_name("20260101_000000.wav", now=datetime(1970, 1, 1, tzinfo=UTC)) is not None
    assert date(2000, 1, 1) in RESET_DAYS


def test_a_given_zone_is_for_names_without_one() -> None:
    halifax = parse_zone("America/Halifax")
    summer = start_from_name("20200910_123045.wav", halifax)
    winter = start_from_name("20200110_113045.wav", halifax)
    assert summer is not None
    assert winter is not None
    assert (summer.utc, winter.utc) == (T, T.replace(month=1))
    assert (summer.note, summer.zone_assumed) == ("zone America/Halifax given", False)
    told = start_from_name("20200910T153045Z.wav", halifax)
    assert told is not None
    assert told.utc == T


@pytest.mark.slow
@given(st.text(max_size=40))
def test_any_name_ends_in_a_result(name: str) -> None:
    found = start_from_name(name)
    assert found is None or 1980 <= found.utc.year <= 2099


@pytest.mark.parametrize(
    ("text", "utc", "note"),
    [
        ("2020-09-10T15:30:45Z", T, "zone given"),
        ("2020-09-10 11:30:45-04:00", T, "zone given"),
        ("20200910T153045", T, "no zone given: UTC assumed"),
        (" 2020-09-10T15:30:45.5 ", T.replace(microsecond=500000), "no zone given: UTC assumed"),
        ("2020-09-10", T.replace(hour=0, minute=0, second=0), "no zone given: UTC assumed"),
    ],
)
def test_given_start(text: str, utc: datetime, note: str) -> None:
    start = parse_start(text)
    assert (start.utc, start.convention, start.note) == (utc, "given", note)


def test_a_given_zone_is_for_starts_without_one() -> None:
    assert parse_start("2020-09-10T11:30:45", parse_zone("-04:00")).utc == T
    assert parse_start("2020-09-10T15:30:45Z", parse_zone("-04:00")).utc == T


@pytest.mark.parametrize(
    "text", ["yesterday", "", "2020-13-01T00:00", "1066-10-14", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00+14:00"]
)
def test_impossible_start_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_start(text)
    assert caught.value.hint
