"""Start times from file names: one line per maker, then what must be refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.start_time import parse_start, start_from_name
from edge_daemon.errors import UsageError

T = datetime(2020, 9, 10, 15, 30, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "utc", "convention"),
    [
        ("5678.200910153045.wav", T, "SoundTrap"),
        ("1677738025.180912073628.d24.d8.wav", datetime(2018, 9, 12, 7, 36, 28, tzinfo=UTC), "SoundTrap"),
        ("20200910_153045.WAV", T, "AudioMoth"),
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
        ("MARU_20200101_000000_to_20200910_153045.wav", T, "date_time"),
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
        "",
    ],
)
def test_implausible_or_unknown_names_give_nothing(name: str) -> None:
    assert start_from_name(name) is None


@given(st.datetimes(datetime(1980, 1, 1), datetime(2099, 12, 31)))
def test_compact_names_round_trip(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    found = start_from_name(f"site_{whole:%Y%m%d_%H%M%S}.wav")
    assert found is not None
    assert found.utc == whole


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


@pytest.mark.parametrize(
    "text", ["yesterday", "", "2020-13-01T00:00", "1066-10-14", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00+14:00"]
)
def test_impossible_start_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_start(text)
    assert caught.value.hint
