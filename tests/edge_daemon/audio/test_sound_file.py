"""Sound files: every container and width, every channel, and files that are not what they seem."""

from __future__ import annotations

import os
import struct
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block, Gap
from edge_daemon.audio.start_time import parse_start
from edge_daemon.errors import AudioError

RATE = 2000


def sound(count: int = 10_000, channels: int = 1) -> NDArray[np.float32]:
    """Noise on the 16-bit grid, so that every lossless width gives it back exactly."""
    steps = np.random.default_rng(1).integers(-20_000, 20_000, (count, channels))
    return (steps / 32768).astype(np.float32)


def write(
    path: Path, samples: NDArray[np.float32], container: str = "WAV", width: str = "PCM_16", rate: int = RATE
) -> Path:
    soundfile.write(path, samples, rate, format=container, subtype=width)
    return path


def read_all(source: FileSource) -> tuple[NDArray[np.float32], list[Gap]]:
    blocks, gaps, at = [np.zeros(0, np.float32)], [], 0
    while (item := source.read()) is not None:
        assert item.start == at
        at = item.end
        if isinstance(item, Block):
            assert item.samples.dtype == np.float32
            assert item.samples.ndim == 1
            blocks.append(item.samples)
        else:
            gaps.append(item)
    assert source.read() is None
    source.close()
    return np.concatenate(blocks), gaps


@pytest.mark.parametrize(
    ("container", "width"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_24"),
        ("WAV", "PCM_32"),
        ("WAV", "FLOAT"),
        ("WAV", "DOUBLE"),
        ("WAVEX", "PCM_24"),
        ("RF64", "PCM_16"),
        ("RF64", "PCM_24"),
        ("W64", "PCM_24"),
        ("AIFF", "PCM_16"),
        ("AIFF", "FLOAT"),
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("CAF", "PCM_16"),
        ("AU", "PCM_16"),
    ],
)
def test_lossless_formats_give_the_same_samples(tmp_path: Path, container: str, width: str) -> None:
    samples = sound()
    # the name's extension must not matter
    source = FileSource(write(tmp_path / "x.raw", samples, container, width))
    assert (source.rate, source.channels, source.frames, source.duration) == (RATE, 1, 10_000, 5.0)
    got, gaps = read_all(source)
    np.testing.assert_array_equal(got, samples[:, 0])
    assert not gaps
    assert not source.defects


def test_ogg_vorbis_gives_about_the_same(tmp_path: Path) -> None:
    t = np.arange(44_100) / 44_100
    samples = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    got, gaps = read_all(FileSource(write(tmp_path / "x.ogg", samples, "OGG", "VORBIS", 44_100)))
    assert len(got) == 44_100
    assert not gaps
    assert np.abs(got - samples)[1000:-1000].max() < 0.05


@pytest.mark.parametrize("block_seconds", [0.0001, 0.0335, 1.0, 100.0])
def test_blocks_do_not_change_the_samples(tmp_path: Path, block_seconds: float) -> None:
    samples = sound(3001, 3)
    path = write(tmp_path / "x.wav", samples)
    for channel in range(3):
        got, _ = read_all(FileSource(path, channel, block_seconds))
        np.testing.assert_array_equal(got, samples[:, channel])


@pytest.mark.parametrize(("channels", "channel"), [(1, 1), (2, 2), (2, -1), (2, 99)])
def test_absent_channel_says_how_many_there_are(tmp_path: Path, channels: int, channel: int) -> None:
    path = write(tmp_path / "x.wav", sound(100, channels))
    with pytest.raises(AudioError, match="has one channel" if channels == 1 else "has 2 channels"):
        FileSource(path, channel)


def test_start_comes_from_the_name_or_the_user(tmp_path: Path) -> None:
    path = write(tmp_path / "5678.200910153045.wav", sound(10))
    with FileSource(path) as source:
        assert source.start_utc == datetime(2020, 9, 10, 15, 30, 45, tzinfo=UTC)
    with FileSource(path, start=parse_start("2009-03-29T12:15:00Z")) as source:
        assert source.start_utc == datetime(2009, 3, 29, 12, 15, tzinfo=UTC)
    with FileSource(write(tmp_path / "whale.wav", sound(10))) as source:
        assert source.start_utc is None


@pytest.mark.parametrize(
    ("container", "width"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_24"),
        ("WAVEX", "PCM_16"),
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("AIFF", "PCM_24"),
        ("AU", "PCM_16"),
        ("FLAC", "PCM_16"),
    ],
)
@pytest.mark.parametrize("block_seconds", [0.01, 10.0])
def test_cut_short_gives_what_is_there_and_a_gap(
    tmp_path: Path, container: str, width: str, block_seconds: float
) -> None:
    samples = sound(20_000)
    whole = write(tmp_path / "whole", samples, container, width).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(whole[: len(whole) * 6 // 10 + 1])  # the +1 cuts a sample in two
    source = FileSource(path, block_seconds=block_seconds)
    assert source.frames == 20_000
    got, gaps = read_all(source)
    # FLAC loses the frame (4096 samples) that was cut
    assert 8_192 <= len(got) <= 12_000 if container == "FLAC" else len(got) in range(11_970, 12_001)
    np.testing.assert_array_equal(got, samples[: len(got), 0])
    assert gaps == [Gap(len(got), 20_000 - len(got), "read_error")]
    (defect,) = source.defects
    assert (defect.kind, defect.lost_s) == ("cut_short", (20_000 - len(got)) / RATE)
    assert "cut short" in defect.sentence


def test_cut_flac_gives_the_same_whatever_the_block(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", sound(20_000), "FLAC").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) * 6 // 10])
    lengths = {len(read_all(FileSource(tmp_path / "cut", block_seconds=s))[0]) for s in (0.001, 0.5, 1.7, 10)}
    assert lengths == {8192}


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000])
def test_length_left_open_by_the_recorder_is_no_gap(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "x.wav", sound(1000))
    content = bytearray(path.read_bytes())
    content[40:44] = struct.pack("<I", length)
    path.write_bytes(content)
    got, gaps = read_all(FileSource(path))
    assert len(got) == 1000
    assert not gaps


@pytest.mark.parametrize("said", [0, 44, 20_000])
def test_a_header_that_was_never_filled_in_hides_nothing(tmp_path: Path, said: int) -> None:
    samples = sound(100_000)
    path = write(tmp_path / "x.wav", samples)
    content = bytearray(path.read_bytes())
    content[4:8] = struct.pack("<I", said + 36 if said else 0)
    content[40:44] = struct.pack("<I", said)
    path.write_bytes(content)
    source = FileSource(path)
    got, gaps = read_all(source)
    np.testing.assert_array_equal(got, samples[:, 0])
    assert not gaps
    (defect,) = source.defects
    assert (defect.kind, defect.lost_s) == ("header", 0.0)
    assert "50 s of sound are in it and were read" in defect.sentence


def test_recording_without_a_sample_is_a_recording(tmp_path: Path) -> None:
    with FileSource(write(tmp_path / "x.wav", sound(0))) as source:
        assert source.frames == 0
        assert source.read() is None
        assert [defect.kind for defect in source.defects] == ["empty"]


def test_header_without_decodable_sound_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "x.flac", sound(20_000), "FLAC")
    whole = path.read_bytes()
    path.write_bytes(whole[:9000] + bytes(len(whole) - 9000))
    got, gaps = read_all(FileSource(path))
    assert len(got) == 4096  # one FLAC frame survives
    assert gaps == [Gap(4096, 20_000 - 4096, "read_error")]
    path.write_bytes(whole[:100] + bytes(len(whole) - 100))
    with pytest.raises(AudioError), FileSource(path) as source:
        source.read()


def test_non_finite_samples_are_passed_on(tmp_path: Path) -> None:
    samples = sound(100)
    samples[10], samples[20], samples[30] = np.nan, np.inf, -np.inf
    got, _ = read_all(FileSource(write(tmp_path / "x.wav", samples, width="FLOAT")))
    np.testing.assert_array_equal(got, samples[:, 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"whale", "not a sound file"), (bytes(5000), "not a sound file"), (b"RIFF", "not a sound file")],
)
def test_other_contents_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=message) as caught:
        FileSource(path)
    assert caught.value.hint


def test_unusable_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no file"):
        FileSource(tmp_path / "absent.wav")
    with pytest.raises(AudioError, match="folder"):
        FileSource(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match="not a regular file"):
        FileSource(tmp_path / "pipe")
    with pytest.raises(AudioError, match="can't be opened"):
        FileSource("x\0.wav")
    with pytest.raises(AudioError):
        FileSource("x" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", sound(10))
    path.chmod(0)
    with pytest.raises(AudioError, match="No permission to read"):
        FileSource(path)


@pytest.mark.parametrize("rate", [1, 99, 1_000_001, 2_000_000_000])
def test_absurd_rate_is_refused(tmp_path: Path, rate: int) -> None:
    with pytest.raises(AudioError, match="sample rate"):
        FileSource(write(tmp_path / "x.wav", sound(10), rate=rate))


@pytest.mark.parametrize("rate", [100, 8_000, 31_250, 576_000, 1_000_000])
def test_any_sane_rate_is_taken(tmp_path: Path, rate: int) -> None:
    with FileSource(write(tmp_path / "x.wav", sound(10), rate=rate)) as source:
        assert source.rate == rate


@pytest.mark.slow
def test_ten_hours_need_no_more_memory_than_ten_seconds(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        path = tmp_path / f"{seconds}.wav"
        write(path, np.zeros((0, 2), np.float32))
        with path.open("r+b") as file:  # a sparse file of the length wanted
            size = seconds * RATE * 4
            file.write(b"RIFF" + struct.pack("<I", 36 + size))
            file.seek(40)
            file.write(struct.pack("<I", size))
            file.truncate(44 + size)
        tracemalloc.start()
        source = FileSource(path, 1)
        count = 0
        while (item := source.read()) is not None:
            count += item.end - item.start
        assert count == seconds * RATE
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        source.close()
        return top

    assert peak(36_000) < peak(10) + 100_000


def test_close_twice_and_read_after_it(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "x.wav", sound(10)))
    source.close()
    source.close()
    assert source.read() is None


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("container", "width"), [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("RF64", "PCM_24"), ("AIFF", "PCM_24")]
)
def test_whole_numbers_are_those_of_libsndfile(container: str, width: str, channels: int, tmp_path: Path) -> None:
    """To the bit, whoever decodes them, over more samples than are decoded at a time."""
    path = tmp_path / "x"
    sound = np.random.default_rng(1).integers(-(2**31), 2**31, (40_000, channels)).astype(np.int32)
    sound[0], sound[1], sound[-1] = -(2**31), 2**31 - 1, -256
    soundfile.write(path, sound, 8000, width, format=container)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0]
    for channel in range(channels):
        blocks = []
        with FileSource(path, channel=channel) as source:
            while (item := source.read()) is not None:
                assert isinstance(item, Block)
                blocks.append(item.samples)
        assert np.concatenate(blocks).tobytes() == expected[:, channel].tobytes()
