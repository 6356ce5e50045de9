"""What recorders and converters tell of the time in WAVE64, RF64, AIFF, CAF, FLAC and Ogg; tags of any program last."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.metadata.chunks import read_chunks
from edge_daemon.audio.metadata.date_tag import date_tag_time
from edge_daemon.audio.metadata.stated_time import iso_moment
from edge_daemon.audio.recording_start import recording_start
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.time_zone import parse_zone

MOTH = "Recorded at 19:22:55 14/12/2020 (UTC-5) by AudioMoth 00."
GUANO = "GUANO|Version: 1.0\nTimestamp: 2020-12-14T19:22:55-05:00\n"
EVENING = datetime(2020, 12, 15, 0, 22, 55, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the names of WAVE64's chunks


def sound(path: Path) -> bytes:
    soundfile.write(path, np.zeros(4000), 2000, format={".rf64": "RF64", ".ogg": "OGG"}.get(path.suffix))
    return path.read_bytes()


def even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def comment_block(*texts: str) -> bytes:
    words = [text.encode() for text in texts]
    return bytes(4) + struct.pack("<I", len(words)) + b"".join(struct.pack("<I", len(one)) + one for one in words)


def with_wave64(path: Path, name: bytes, content: bytes) -> None:
    data = sound(path)
    chunk = name + TAIL + struct.pack("<Q", 24 + len(content)) + content + bytes(-len(content) % 8)
    whole = data[:40] + chunk + data[40:]
    path.write_bytes(whole[:16] + struct.pack("<Q", len(whole)) + whole[24:])


def with_rf64(path: Path, name: bytes, content: bytes) -> None:
    path.write_bytes(sound(path) + name + struct.pack("<I", len(content)) + even(content))


def with_aiff(path: Path, name: bytes, content: bytes) -> None:
    data = sound(path)
    whole = data[:12] + name + struct.pack(">I", len(content)) + even(content) + data[12:]
    path.write_bytes(whole[:4] + struct.pack(">I", len(whole) - 8) + whole[8:])


def with_caf(path: Path, name: bytes, content: bytes) -> None:
    path.write_bytes(sound(path) + name + struct.pack(">Q", len(content)) + content)


def with_flac(path: Path, block: bytes) -> None:
    data = sound(path)
    path.write_bytes(data[:42] + b"\x04" + struct.pack(">I", len(block))[1:] + block + data[42:])


BEXT = bytes(320) + b"2020-12-1500:22:55" + bytes(264)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.w64", lambda path: with_wave64(path, b"bext", BEXT)),
        ("b.w64", lambda path: with_wave64(path, b"guan", GUANO.encode())),
        ("c.w64", lambda path: with_wave64(path, b"list", b"INFOICMT" + struct.pack("<I", len(MOTH)) + MOTH.encode())),
        ("d.rf64", lambda path: with_rf64(path, b"guan", GUANO.encode())),
        ("e.rf64", lambda path: with_rf64(path, b"bext", BEXT)),
        ("f.aiff", lambda path: with_aiff(path, b"ANNO", MOTH.encode())),
        ("g.aiff", lambda path: with_aiff(path, b"COMT", struct.pack(">HIHH", 1, 9, 0, len(MOTH)) + MOTH.encode())),
        ("h.caf", lambda path: with_caf(path, b"info", b"\0\0\0\1comments\0" + MOTH.encode() + b"\0")),
        ("i.caf", lambda path: with_caf(path, b"info", b"\0\0\0\1recorded date\x002020-12-15 00:22:55\0")),
        ("j.flac", lambda path: with_flac(path, comment_block("x=y", f"Comment={MOTH}"))),
        ("k.flac", lambda path: with_flac(path, comment_block("DATE=2020-12-14T19:22:55-05:00"))),
        ("l.flac", lambda path: with_flac(path, comment_block("DATE=2020-12-15", "CREATION_TIME=00:22:55"))),
    ],
)
def test_the_time_is_found_and_the_sound_unchanged(name: str, make: object, tmp_path: Path) -> None:
    make(tmp_path / name)  # type: ignore[operator]
    found = recording_start(tmp_path / name, now=NOW)
    assert found.start is not None
    assert (found.start.utc, found.told_by, found.remarks) == (EVENING, "header", ())
    with FileSource(tmp_path / name) as source:
        assert source.frames == 4000


@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_comments_of_ogg_files(kind: str, tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "x.ogg", "w", 48_000, 1, kind, format="OGG") as file:
        file.comment = MOTH
        file.write(np.zeros(4800))
    found = recording_start(tmp_path / "x.ogg", now=NOW)
    assert found.start is not None
    assert found.start.utc == EVENING


def test_a_flac_file_behind_a_tag(tmp_path: Path) -> None:
    with_flac(tmp_path / "x.flac", comment_block(f"COMMENT={MOTH}"))
    (tmp_path / "x.flac").write_bytes(b"ID3\4\0\0\0\0\0\x08" + bytes(8) + (tmp_path / "x.flac").read_bytes())
    assert read_chunks(tmp_path / "x.flac").comments == [MOTH]


def test_a_date_tag_counts_only_where_nothing_else_tells_the_time(tmp_path: Path) -> None:
    path = tmp_path / "20201214_192255.flac"
    with_flac(path, comment_block("DATE=2024-05-06T07:08:09"))
    found = recording_start(path, now=NOW)
    assert found.start is not None
    assert (found.start.utc, found.told_by) == (datetime(2020, 12, 14, 19, 22, 55, tzinfo=UTC), "file_name")
    assert found.remarks == (
        "Its date tag says 2024-05-06 07:08:09 UTC, its name 2020-12-14 19:22:55 UTC: the name is used.",
    )
    with_flac(path, comment_block("DATE=2020-12-14T19:22:56-05:00"))  # the same clock, and its zone
    found = recording_start(path, now=NOW)
    assert found.start is not None
    assert (found.start.utc - EVENING).total_seconds() == 1
    assert (found.told_by, found.remarks, found.start.zone_assumed) == ("header", (), False)
    with_flac(tmp_path / "x.flac", comment_block("DATE=2000-01-01T00:00:00"))
    assert recording_start(tmp_path / "x.flac", now=NOW).start is None


def test_a_day_alone_is_no_time() -> None:
    for date in ("2020-12-15", "2020", "", "20201215", "2020-12-15T", "Dec 15, 2020"):
        assert date_tag_time({"DATE": date}) is None
    assert date_tag_time({"DATE": "2020-12-15", "CREATION_TIME": "99:99:99"}) is None


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        (
            "20231105_013000.wav",
            "Its local time 2023-11-05 01:30:00 in America/Halifax comes twice: the first is used.",
        ),
        (
            "20230312_023000.wav",
            "Its local time 2023-03-12 02:30:00 in America/Halifax does not exist: clocks were put forward then.",
        ),
        ("20230405_120000.wav", None),
        ("20231105_013000_UTC-4.wav", None),
    ],
)
def test_local_times_that_come_twice_or_never_are_said(name: str, remark: str | None, tmp_path: Path) -> None:
    found = recording_start(tmp_path / name, zone=parse_zone("America/Halifax"), now=NOW)
    assert found.start is not None
    assert found.remarks == (() if remark is None else (remark,))


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_file_that_breaks_off_anywhere_is_no_error(cut: int, tmp_path: Path) -> None:
    with_wave64(tmp_path / "a.w64", b"bext", BEXT)
    with_aiff(tmp_path / "a.aiff", b"COMT", struct.pack(">HIHH", 9, 9, 0, 9999) + MOTH.encode())
    with_flac(tmp_path / "a.flac", comment_block("DATE=x", f"COMMENT={MOTH}"))
    for path in (tmp_path / "a.w64", tmp_path / "a.aiff", tmp_path / "a.flac"):
        path.write_bytes(path.read_bytes()[:cut])
        recording_start(path, now=NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-12-14T19:22:55-05:00", "2020-12-14T19:22:55-05:00"),
        ("2020-12-14 19:22:55.5 -0500", "2020-12-14T19:22:55.500000-05:00"),
        ("2020-12-14 19:22:55z", "2020-12-14T19:22:55+00:00"),
        ("2020-12-14T19:22:55,25", "2020-12-14T19:22:55.250000"),
        ("2020-12-14T19:22:55+00:01", "2020-12-14T19:22:55"),  # no zone of the world
        ("2020-12-14T19:22:55.1-25:00", "2020-12-14T19:22:55.100000"),
        ("2020-12-14", None),
        ("2020-12-05", None),
        ("20201214T192255-04", "2020-12-14T19:22:55-04:00"),
        ("yesterday", None),
        ("", None),
    ],
)
def test_moments_as_headers_write_them(text: str, moment: str | None) -> None:
    found = iso_moment(text)
    assert (found and found.isoformat()) == moment
