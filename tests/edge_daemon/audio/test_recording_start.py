"""Who tells when a recording began: the user, the header, the name; contradictions, and times that are none."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.audio.metadata.audiomoth import audiomoth_time
from edge_daemon.audio.metadata.bext import bext_time
from edge_daemon.audio.metadata.chunks import read_chunks
from edge_daemon.audio.metadata.guano import guano_time
from edge_daemon.audio.metadata.harp import raw_files
from edge_daemon.audio.metadata.wamd import wamd_time
from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.start_time import parse_start
from edge_daemon.audio.stretches import Stretch
from edge_daemon.audio.time_zone import parse_zone
from edge_daemon.clips.guano import encode

RATE = 2000
MOTH = "Recorded at 19:22:55 14/12/2020 ({}) by AudioMoth 0000000000000000 at medium gain while battery was 4.0V."
EVENING = datetime(2020, 12, 15, 0, 22, 55, tzinfo=UTC)  # 19:22:55 of the day before at UTC-5
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)


def wav(path: Path, *chunks: bytes, seconds: float = 1.0, behind: bytes = b"") -> Path:
    """A mono file of 16 bits whose header has these chunks before the sound, and `behind` after it."""
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    sound = chunk(b"data", bytes(2 * round(seconds * RATE)))
    body = b"WAVE" + fmt + b"".join(chunks) + sound + behind
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def comment(text: str) -> bytes:
    return chunk(b"LIST", b"INFO" + chunk(b"ICMT", text.encode() + b"\0"))


def guan(text: str) -> bytes:
    return chunk(b"guan", text.encode())


def bext(day: str, clock: str) -> bytes:
    return chunk(b"bext", bytes(320) + day.encode() + clock.encode() + bytes(264))


def wamd(text: str) -> bytes:
    entries = [(0, b"\1\0"), (1, b"SM4"), (5, text.encode()), (9, b"x")]
    return chunk(b"wamd", b"".join(struct.pack("<HI", kind, len(value)) + value for kind, value in entries))


def harp(starts: list[datetime], seconds: float, *, at: int = 4000, gap: int = 0) -> bytes:
    """Raw files of equal length; `at` is where the first one stands in the file."""
    size = 2 * round(seconds * RATE)
    head = struct.pack(
        "<B10s4s4s8sB8sHiih8x", 1, b"V3.0.0.0", b"H001", b"S01", b"SITE_B", 1, b"", len(starts), 0, 0, 600
    )
    entries = [
        struct.pack(
            "<6BHIIIIB7x", when.year - 2000, when.month, when.day, when.hour, when.minute, when.second,
            when.microsecond // 1000, at + number * (size + gap), size, size // 512, RATE, 1,
        )
        for number, when in enumerate(starts)
    ]  # fmt: skip
    return chunk(b"harp", head + b"".join(entries))


@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        ("UTC-5", EVENING),
        ("UTC", datetime(2020, 12, 14, 19, 22, 55, tzinfo=UTC)),
        ("UTC+5:30", datetime(2020, 12, 14, 13, 52, 55, tzinfo=UTC)),
        ("UTC+10", datetime(2020, 12, 14, 9, 22, 55, tzinfo=UTC)),
    ],
)
def test_an_audiomoth_tells_its_zone(tmp_path: Path, zone: str, utc: datetime) -> None:
    found = recording_start(wav(tmp_path / "20201214_192255.WAV", comment(MOTH.format(zone))))
    assert found.start is not None
    assert (found.start.utc, found.told_by, found.remarks) == (utc, "header", ())
    assert found.source == f"AudioMoth comment; zone {zone} in the header"


def test_a_hydromoth_is_one_too(tmp_path: Path) -> None:
    text = MOTH.format("UTC-5").replace("by AudioMoth", "by HydroMoth")
    found = recording_start(wav(tmp_path / "20201214_192255.WAV", comment(text)))
    assert found.source == "HydroMoth comment; zone UTC-5 in the header"


def test_the_comment_is_found_behind_the_sound_and_in_flac(tmp_path: Path) -> None:
    behind = wav(tmp_path / "a.wav", behind=comment(MOTH.format("UTC-5")))
    with soundfile.SoundFile(tmp_path / "b.flac", "w", RATE, 1) as file:
        file.comment = MOTH.format("UTC-5")
        file.write(np.zeros(RATE))
    for path in (behind, tmp_path / "b.flac"):
        found = recording_start(path)
        assert found.start is not None
        assert found.start.utc == EVENING


def test_foreign_metadata_of_flac(tmp_path: Path) -> None:
    """`flac --keep-foreign-metadata` keeps each RIFF chunk in a block of its own."""
    soundfile.write(tmp_path / "a.flac", np.zeros(RATE), RATE)
    plain = (tmp_path / "a.flac").read_bytes()
    block = b"riff" + wamd("2020-12-14 19:22:55-05:00")
    first = 4 + 4 + 34
    assert plain[4] & 0x7F == 0
    kept = bytes([plain[4] & 0x7F]) + plain[5:first]
    made = plain[:4] + kept + bytes([2]) + len(block).to_bytes(3, "big") + block + plain[first:]
    (tmp_path / "b.flac").write_bytes(made)
    found = recording_start(tmp_path / "b.flac")
    assert found.start is not None
    assert (found.start.utc, found.start.convention) == (EVENING, "Song Meter wamd")


@pytest.mark.parametrize(
    ("parts", "utc", "source"),
    [
        ([guan("GUANO|Version: 1.0\nTimestamp: 2020-12-14T19:22:55-05:00\nMake: x\n")], EVENING, "GUANO Timestamp"),
        ([guan("GUANO|Version: 1.0\r\nTimestamp:2020-12-15T00:22:55.0Z\r\n")], EVENING, "GUANO Timestamp"),
        ([wamd("2020-12-14 19:22:55-05:00")], EVENING, "Song Meter wamd"),
        ([wamd("2020-12-14 19:22:55.250-05:00")], EVENING.replace(microsecond=250000), "Song Meter wamd"),
        ([harp([EVENING], 1.0)], EVENING, "HARP raw file"),
        ([bext("1999-01-01", "00:00:00"), wamd("2020-12-14 19:22:55-05:00")], EVENING, "Song Meter wamd"),
    ],
)  # fmt: skip
def test_headers_that_tell_time_and_zone(tmp_path: Path, parts: list[bytes], utc: datetime, source: str) -> None:
    found = recording_start(wav(tmp_path / "whale.wav", *parts))
    assert found.start is not None
    assert (found.start.utc, found.start.convention, found.start.zone_assumed) == (utc, source, False)
    assert found.told_by == "header"


def test_our_own_clips_tell_their_time(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "clip.flac", "w", RATE, 1) as file:
        file.comment = encode({"Timestamp": "2020-12-15T00:22:55.000000Z"})
        file.write(np.zeros(RATE))
    found = recording_start(tmp_path / "clip.flac")
    assert found.start is not None
    assert found.start.utc == EVENING


def test_headers_without_a_zone(tmp_path: Path) -> None:
    path = wav(tmp_path / "whale.wav", bext("2020-12-14", "19:22:55"))
    assumed, told = recording_start(path), recording_start(path, zone=parse_zone("America/New_York"))
    assert assumed.start is not None
    assert told.start is not None
    assert (assumed.start.utc, assumed.start.zone_assumed) == (datetime(2020, 12, 14, 19, 22, 55, tzinfo=UTC), True)
    assert (told.start.utc, told.start.zone_assumed) == (EVENING, False)
    assert assumed.source == "BWF origination; no zone in the header: UTC assumed"
    assert told.source == "BWF origination; zone America/New_York given"
    # the name knows the zone: same clock, or the header was in UTC
    for name, clock in (("20201214_192255_UTC-5.wav", "19:22:55"), ("20201214_192257_UTC-5.wav", "00:22:57")):
        day = "2020-12-14" if clock.startswith("19") else "2020-12-15"
        named = recording_start(wav(tmp_path / name, bext(day, clock)))
        assert named.start is not None
        assert abs(named.start.utc - EVENING) <= timedelta(seconds=2)
        assert (named.told_by, named.remarks) == ("file_name", ())


def test_a_soundtraps_log(tmp_path: Path) -> None:
    told = ('StartTimeLocal="2018-09-12T19:36:28"', 'StartTimeUTC="2018-09-12T07:36:28"', 'StartTimeSubS="21000 us"')
    log = "".join(f'<PROC_EVENT ID="1"><WavFileHandler Sampling{attribute} /></PROC_EVENT>' for attribute in told)
    (tmp_path / "1677738025.180912193628.log.xml").write_text(f"<ST>{log}</ST>")
    for name in ("1677738025.180912193628.wav", "1677738025.180912193628.d24.d8.wav"):
        found = recording_start(wav(tmp_path / name))
        assert found.start is not None
        assert found.start.utc == datetime(2018, 9, 12, 7, 36, 28, 21000, tzinfo=UTC)
        assert found.start.convention == "SoundTrap log"
        assert found.remarks == ()  # its name is in the zone of whoever copied it


def test_what_the_user_says_counts_most(tmp_path: Path) -> None:
    path = wav(tmp_path / "20201214_192255.WAV", comment(MOTH.format("UTC-5")))
    found = recording_start(path, given=parse_start("2001-02-03T04:05:06Z"))
    assert found.start is not None
    assert (found.start.utc.year, found.told_by, found.source) == (2001, "given", "--start; zone given")


@pytest.mark.parametrize(
    ("name", "parts", "words"),
    [
        (
            "20201214_152255.WAV",
            [comment(MOTH.format("UTC-5"))],
            "Its AudioMoth comment says 2020-12-15 00:22:55 UTC, its name 2020-12-14 15:22:55 UTC: the former is used.",
        ),
        (
            "20201214_192255_UTC-4.WAV",
            [comment(MOTH.format("UTC-5"))],
            "Its AudioMoth comment says 2020-12-15 00:22:55 UTC, its name 2020-12-14 23:22:55 UTC: the former is used.",
        ),
        (
            "20201214_192255Z.WAV",
            [bext("2020-11-14", "19:22:55")],
            "Its BWF origination says 2020-11-14 19:22:55 UTC, its name 2020-12-14 19:22:55 UTC: the name is used.",
        ),
        (
            "whale.wav",
            [comment(MOTH.format("UTC-5")), wamd("2020-12-14 19:22:55-04:00")],
            "The AudioMoth comment says 2020-12-15 00:22:55 UTC, its Song Meter wamd 2020-12-14 23:22:55 UTC:"
            " the former is used.",
        ),
        (
            "20201214_192255.WAV",
            [bext("2000-01-01", "00:12:00")],
            "The time of its BWF origination, 2000-01-01 00:12:00 UTC, is the day at which a reset clock begins: it is"
            " not believed.",
        ),
        (
            "19700101_001500.WAV",
            [],
            "The time in the name, 1970-01-01 00:15:00, is before 1980, as of a clock that was reset: it is not"
            " believed.",
        ),
    ],
)  # fmt: skip
def test_contradictions_and_impossible_times_are_said(
    tmp_path: Path, name: str, parts: list[bytes], words: str
) -> None:
    assert recording_start(wav(tmp_path / name, *parts), now=NOW).remarks == (words,)


def test_a_reset_clock_in_header_and_name_gives_no_time(tmp_path: Path) -> None:
    reset = MOTH.replace("14/12/2020", "01/01/1970").format("UTC")
    found = recording_start(wav(tmp_path / "19700101_192255.WAV", comment(reset)), now=NOW)
    assert (found.start, found.told_by, found.source, len(found.remarks)) == (None, None, None, 2)


NOON = datetime(2023, 4, 5, 12, tzinfo=UTC)


def noon(*minutes: float) -> list[datetime]:
    return [NOON + timedelta(minutes=late) for late in minutes]


def test_raw_files_apart_are_stretches(tmp_path: Path) -> None:
    found = recording_start(wav(tmp_path / "a.x.wav", harp(noon(0, 10, 20), 15.0), seconds=45))
    assert found.stretches == tuple(Stretch(30_000 * number, at) for number, at in enumerate(noon(0, 10, 20)))


def test_raw_files_that_follow_each_other_are_one(tmp_path: Path) -> None:
    close = [NOON, NOON + timedelta(seconds=15.05), NOON + timedelta(seconds=29.98)]
    assert recording_start(wav(tmp_path / "a.x.wav", harp(close, 15.0), seconds=45)).stretches == ()
    # 15 s each: the third follows the second
    found = recording_start(wav(tmp_path / "b.x.wav", harp(noon(0, 10, 10.25), 15.0), seconds=45))
    assert found.stretches == (Stretch(0, NOON), Stretch(30_000, NOON + timedelta(minutes=10)))


def test_places_of_another_file_are_not_believed(tmp_path: Path) -> None:
    """A decimated x.wav may keep the places of the file that it was made from."""
    stale = harp(noon(0, 10, 20), 15.0, gap=1_000_000)
    found = recording_start(wav(tmp_path / "a.x.wav", stale, seconds=45))
    assert [stretch.first for stretch in found.stretches] == [0, 30_000, 60_000]
    short = recording_start(wav(tmp_path / "b.x.wav", stale, seconds=20))
    assert short.stretches == ()
    assert "do not fit its sound" in short.remarks[0]


def test_a_given_start_moves_all_stretches(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.x.wav", harp(noon(0, 10), 15.0), seconds=30)
    found = recording_start(path, given=parse_start("2001-01-01T00:00:00Z"))
    day = datetime(2001, 1, 1, tzinfo=UTC)
    assert found.stretches == (Stretch(0, day), Stretch(30_000, day + timedelta(minutes=10)))


@given(st.binary(max_size=200), st.text(max_size=200))
def test_any_content_ends_in_a_result(content: bytes, text: str) -> None:
    assert bext_time(content) is None, "too short for one"
    assert wamd_time(content) is None or b"\5\0" in content
    assert guano_time(content, [text]) is None or b"Timestamp" in content or "Timestamp" in text
    assert audiomoth_time([text]) is None or "Recorded at" in text
    assert all(raw.length > 0 and raw.offset >= 0 for raw in raw_files(content))


@settings(max_examples=60)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=12))
def test_any_damage_to_a_header_ends_in_a_result(
    tmp_path_factory: pytest.TempPathFactory, at: int, bytes_: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    parts = [comment(MOTH.format("UTC-5")), wamd("2020-12-14 19:22:55-05:00"), harp(noon(0, 10), 0.4)]
    path = wav(folder / "damaged.wav", *parts)
    whole = bytearray(path.read_bytes())
    whole[at : at + len(bytes_)] = bytes_
    path.write_bytes(whole)
    found = recording_start(path)
    assert found.start is None or 1980 <= found.start.utc.year <= 2099


def test_rf64_tells_where_its_sound_ends(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE, format="RF64")
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole + wamd("2020-12-14 19:22:55-05:00"))
    chunks = read_chunks(tmp_path / "a.wav")
    assert (chunks.sound_bytes, chunks.frame_bytes, chunks.rate) == (2 * RATE, 2, RATE)
    found = recording_start(tmp_path / "a.wav")
    assert found.start is not None
    assert found.start.utc == EVENING


def test_what_is_no_file_has_a_name_at_least(tmp_path: Path) -> None:
    found = recording_start(tmp_path / "20200910_153045.wav")
    assert found.start is not None
    assert found.told_by == "file_name"
    (tmp_path / "20200910_153046.wav").write_bytes(b"")
    assert recording_start(tmp_path / "20200910_153046.wav").start is not None
