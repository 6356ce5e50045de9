"""Damage within compressed files: what lies before and behind it is heard, in its right place, to the sample."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.decoding.flac import FlacFrames
from edge_daemon.audio.decoding.mpeg import MpegFrames
from edge_daemon.audio.decoding.ogg import OggPages
from edge_daemon.audio.defect import Defect
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block, Gap
from edge_daemon.errors import AudioError


def tone(seconds: float, rate: int) -> NDArray[np.float32]:
    """A rising tone: no second of it is like another."""
    time_s = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(5).standard_normal(len(time_s)) * 0.01
    return (0.4 * np.sin(2 * np.pi * (50 * time_s + 1.5 * time_s**2)) + noise).astype(np.float32)


def read(path: Path, block_seconds: float = 4.0) -> tuple[NDArray[np.float32], list[Gap], list[Defect]]:
    """Sound in its place, NaN where it is missing."""
    with FileSource(path, block_seconds=block_seconds) as source:
        parts, gaps, at = [np.zeros(0, np.float32)], [], 0
        while (item := source.read()) is not None:
            assert item.start == at
            at = item.end
            if isinstance(item, Block):
                parts.append(item.samples)
            else:
                gaps.append(item)
                parts.append(np.full(item.length, np.nan, np.float32))
        return np.concatenate(parts), gaps, source.defects


def flac(path: Path, seconds: float = 60, rate: int = 2000, width: str = "PCM_16") -> bytes:
    soundfile.write(path, tone(seconds, rate), rate, format="FLAC", subtype=width)
    return path.read_bytes()


def test_flac_of_unknown_length_is_an_ordinary_file(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    content = bytearray(flac(path))
    whole = read(path)[0]
    content[21] &= 0xF0  # RFC 9639, 8.2: 36 bits of length, 0 if it is not known
    content[22:42] = bytes(20)
    path.write_bytes(content)
    with FileSource(path) as source:
        assert source.said is None
        assert source.frames == 120_000
    samples, gaps, defects = read(path)
    np.testing.assert_array_equal(samples, whole)
    assert not gaps
    assert not defects


@pytest.mark.parametrize("said_s", [0.005, 20])
def test_flac_with_more_frames_than_its_first_block_says_is_heard_whole(tmp_path: Path, said_s: float) -> None:
    path = tmp_path / "x.flac"
    content = bytearray(flac(path))
    whole = read(path)[0]
    content[22:26] = round(said_s * 2000).to_bytes(4, "big")
    path.write_bytes(content)
    samples, gaps, (defect,) = read(path)
    np.testing.assert_array_equal(samples, whole)
    assert not gaps
    assert (defect.kind, defect.lost_s) == ("header", 0.0)


@pytest.mark.parametrize("notes", [b"\xff" * 24, bytes(24), b"\x84" + b"\xff" * 23], ids=["ones", "zeros", "size"])
def test_flac_with_damaged_notes_before_its_sound_is_heard_whole(tmp_path: Path, notes: bytes) -> None:
    path = tmp_path / "x.flac"
    content = bytearray(flac(path))
    whole = read(path)[0]
    content[42 : 42 + len(notes)] = notes
    path.write_bytes(content)
    samples, gaps, defects = read(path)
    np.testing.assert_array_equal(samples, whole)
    assert (gaps, defects) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("width", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("count", [1, 2, 700, 9000])
def test_flac_is_read_on_behind_damage(tmp_path: Path, width: str, count: int) -> None:
    path = tmp_path / "x.flac"
    whole = flac(path, width=width)
    good = read(path)[0]
    for place in (0.1, 0.33, 0.5, 0.8):
        rng = random.Random(f"{width}{count}{place}")
        content = bytearray(whole)
        at = round(place * len(whole))
        content[at : at + count] = bytes(byte ^ rng.randrange(1, 256) for byte in content[at : at + count])
        path.write_bytes(content)
        samples, gaps, (defect,) = read(path)
        assert len(samples) == len(good)
        heard = ~np.isnan(samples)
        np.testing.assert_array_equal(samples[heard], good[heard])
        frames = 2 + count // 6000  # of 4096 samples, about as many bytes
        assert 0 < np.count_nonzero(~heard) <= frames * 4096
        assert sum(gap.length for gap in gaps) == np.count_nonzero(~heard)
        assert defect.kind == "damage"
        assert defect.lost_s == pytest.approx(np.count_nonzero(~heard) / 2000)
        for seconds in (0.05, 1.0, 60.0):  # the block does not show
            np.testing.assert_array_equal(read(path, seconds)[0], samples)


def test_flac_with_bytes_put_in_or_taken_out_keeps_its_times(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    whole = flac(path)
    good = read(path)[0]
    middle = len(whole) // 2
    for content in (whole[:middle] + bytes(3000) + whole[middle:], whole[:middle] + whole[middle + 20_000 :]):
        path.write_bytes(content)
        samples, gaps, defects = read(path)
        heard = ~np.isnan(samples)
        assert len(samples) == len(good)
        np.testing.assert_array_equal(samples[heard], good[heard])
        assert len(gaps) == 1
        assert [defect.kind for defect in defects] == ["damage"]


@pytest.mark.parametrize("other_s", [20, 60])
def test_a_second_flac_file_in_one_is_told(tmp_path: Path, other_s: float) -> None:
    path = tmp_path / "x.flac"
    first = flac(path)
    good = read(path)[0]
    path.write_bytes(first + flac(path, other_s))
    samples, _, (defect,) = read(path)
    np.testing.assert_array_equal(samples, good)
    assert defect.kind == "header"
    assert "several recordings, one behind the other: only 60 s were read" in defect.sentence


def test_flac_can_be_entered_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    content = bytearray(flac(path))
    good = read(path)[0]
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    for first in (0, 1, 4095, 4096, 30_000, 90_000, 119_999):
        with FileSource(path) as source:
            source.skip_to(first)
            block = source.read()
            assert isinstance(block, Block)
            assert block.start == first
            np.testing.assert_array_equal(block.samples, good[first : block.end])


def test_frames_of_flac(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    flac(path)
    with path.open("rb") as file:
        frames = FlacFrames(file)
        assert (frames.said, frames.held) == (120_000, 120_000)
        stretch = frames.stretch(50_000)
        assert stretch is not None
        assert stretch.first == 50_000
        assert frames.stretch(120_000) is None
    path.write_bytes(b"fLaC and nothing else")
    with path.open("rb") as file, pytest.raises(ValueError, match="STREAMINFO"):
        FlacFrames(file)


def mp3(path: Path, seconds: float = 60, rate: int = 16_000) -> bytes:
    soundfile.write(path, tone(seconds, rate), rate, format="MP3")
    return path.read_bytes()


def first_frame(content: bytes) -> int:
    """Length of the first frame, which is LAME's note of the length."""
    assert content[:200].find(b"Xing") > 0 or content[:200].find(b"Info") > 0
    return content.index(content[:2], 4)


def test_mp3_without_a_note_of_its_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    content = mp3(path)
    bare = content[first_frame(content) :]
    path.write_bytes(bare)
    assert soundfile.info(path).duration < 50  # what libsndfile guesses
    samples, gaps, defects = read(path)
    assert len(samples) / 16_000 == pytest.approx(60, abs=0.2)
    assert not gaps
    assert not defects
    path.write_bytes(b"ID3\4\0\0\0\0\1\0" + bytes(128) + bare)
    assert len(read(path)[0]) == len(samples)


def test_mp3_with_more_frames_than_its_note_says_is_heard_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    content = mp3(path)
    path.write_bytes(content + content[first_frame(content) :])
    samples, gaps, (defect,) = read(path)
    assert len(samples) / 16_000 == pytest.approx(120, abs=0.2)
    assert not gaps
    assert defect.kind == "header"


def test_mp3_that_is_cut_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    content = mp3(path)
    path.write_bytes(content[: len(content) // 2])
    samples, gaps, (defect,) = read(path)
    assert defect.kind == "cut_short"
    assert defect.lost_s == pytest.approx(gaps[-1].length / 16_000)
    assert np.count_nonzero(~np.isnan(samples)) / 16_000 + defect.lost_s == pytest.approx(60, abs=0.3)


def test_mp3_is_read_on_behind_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    content = bytearray(mp3(path))
    good = read(path)[0]
    at = len(content) // 2
    content[at : at + 5000] = random.Random(2).randbytes(5000)
    path.write_bytes(content)
    samples, gaps, defects = read(path)
    assert [defect.kind for defect in defects] == ["damage"]
    assert gaps[0].length / 16_000 < 3
    behind = samples[gaps[0].end + 4000 : gaps[0].end + 36_000]
    lags = range(-24_000, 24_001, 40)
    begin = gaps[0].end + 4000
    errors = [float(np.mean((good[begin + lag : begin + lag + len(behind)] - behind) ** 2)) for lag in lags]
    assert abs(lags[int(np.argmin(errors))]) / 16_000 < 1  # frames have no number: placed by their usual length


def test_frames_of_mp3(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    content = mp3(path)
    with path.open("rb") as file:
        frames = MpegFrames(file)
        assert frames.noted == frames.frames == pytest.approx(60 * 16_000 / 576, abs=4)
        assert frames.places() == [0]
    path.write_bytes(bytes(1000) + content[:2])
    with path.open("rb") as file:
        assert MpegFrames(file).runs == []


def ogg(path: Path, seconds: float, rate: int, subtype: str) -> None:
    with soundfile.SoundFile(path, "w", rate, 1, subtype, format="OGG") as file:
        for part in np.array_split(tone(seconds, rate), 100):  # libsndfile crashes on long writes of Vorbis
            file.write(part)


OGGS = [("VORBIS", 2000), ("VORBIS", 44_100), ("OPUS", 16_000), ("OPUS", 48_000)]


@pytest.mark.parametrize(("subtype", "rate"), OGGS)
def test_ogg_is_read_on_behind_damage_in_its_right_place(tmp_path: Path, subtype: str, rate: int) -> None:
    path = tmp_path / "x.ogg"
    ogg(path, 60, rate, subtype)
    good = read(path)[0]
    content = bytearray(path.read_bytes())
    at = len(content) // 3
    content[at] ^= 0xFF
    path.write_bytes(content)
    samples, gaps, (defect,) = read(path)
    assert defect.kind == "damage"
    assert 0 <= len(good) - len(samples) < 0.01 * rate
    good = good[: len(samples)]
    assert len(gaps) == 1
    heard = ~np.isnan(samples)
    heard[gaps[0].end : gaps[0].end + rate] = False  # a decoder needs a while to get going
    np.testing.assert_allclose(samples[heard], good[heard], atol=1e-3)
    assert np.count_nonzero(heard) > 0.5 * len(good)


def test_ogg_without_its_last_page_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    ogg(path, 60, 2000, "VORBIS")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    samples, gaps, (defect,) = read(path)
    assert (defect.kind, defect.lost_s) == ("end_missing", 0.0)
    assert 20 < len(samples) / 2000 < 40
    assert not gaps


def test_two_ogg_streams_in_a_row_are_both_heard(tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    ogg(path, 20, 2000, "VORBIS")
    content = path.read_bytes()
    path.write_bytes(content + content)
    with path.open("rb") as file:
        assert [run.link for run in OggPages(file).runs] == [0, 1]
    samples, gaps, defects = read(path)
    assert len(samples) == 80_000
    assert not gaps
    assert not defects


@pytest.mark.parametrize("others", [1, 2])
def test_an_ogg_stream_of_another_rate_behind_the_first_is_told(tmp_path: Path, others: int) -> None:
    """Read at the first one's rate, its sound would be another, at other times."""
    path = tmp_path / "x.ogg"
    ogg(path, 20, 4000, "VORBIS")
    other = path.read_bytes()
    ogg(path, 20, 2000, "VORBIS")
    path.write_bytes(path.read_bytes() + other * others)
    samples, gaps, (defect,) = read(path)
    assert len(samples) == 40_000
    assert not gaps
    assert defect.kind == "header"
    assert "holds several recordings, one behind the other: only 20 s were read" in defect.sentence


def test_what_cannot_be_decoded_at_all_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    content = flac(path)
    path.write_bytes(content[:90] + bytes(len(content) - 90))
    with pytest.raises(AudioError, match="none of its sound can be decoded"):
        read(path)
