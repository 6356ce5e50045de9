"""Places that a disk gives back no more: what lies before and behind them is heard, and the loss is said."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.decoding.disk_bytes import BLOCK, bytes_at, next_readable
from edge_daemon.audio.recording_identity import recording_identity
from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block

RATE = 2000
Break = Callable[[int, int], None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """A disk that refuses whatever touches a span of bytes."""
    real = os.pread

    def refuse(begin: int, end: int) -> None:
        def pread(descriptor: int, count: int, at: int) -> bytes:
            if at < end and begin < at + count:
                raise OSError(errno.EIO, "Input/output error")
            return real(descriptor, count, at)

        monkeypatch.setattr(os, "pread", pread)

    return refuse


def heard(path: Path, frames: int) -> tuple[NDArray[np.float32], list[str]]:
    """Sound in its place, NaN where there is none; and the kinds of defects."""
    samples = np.full(frames, np.nan, np.float32)
    with FileSource(path) as source:
        while (item := source.read()) is not None:
            if isinstance(item, Block):
                samples[item.start : item.end] = item.samples
        return samples, [defect.kind for defect in source.defects]


@pytest.mark.parametrize("place", [0.0, 0.31, 0.5, 0.97])
@pytest.mark.parametrize("width", ["PCM_16", "PCM_24"])
def test_plain_samples_around_a_bad_sector_are_heard(place: float, width: str, broken: Break, tmp_path: Path) -> None:
    sound = (np.random.default_rng(1).integers(-9000, 9000, 120 * RATE) / 32768).astype(np.float32)
    path = tmp_path / "x.wav"
    soundfile.write(path, sound, RATE, subtype=width)
    content = bytearray(path.read_bytes())
    content[40:44] = bytes(4)  # so that we read it ourselves: libsndfile does not go through Python
    path.write_bytes(content)
    begin = 44 + round(place * (len(content) - 44))
    broken(begin, begin + 100)
    samples, kinds = heard(path, len(sound))
    there = ~np.isnan(samples)
    np.testing.assert_array_equal(samples[there], sound[there])
    assert 0 < np.count_nonzero(~there) <= 3 * BLOCK
    assert "damage" in kinds or "cut_short" in kinds


def test_frames_around_a_bad_sector_are_heard(broken: Break, tmp_path: Path) -> None:
    sound = (np.random.default_rng(1).integers(-9000, 9000, 120 * RATE) / 32768).astype(np.float32)
    path = tmp_path / "x.flac"
    soundfile.write(path, sound, RATE)
    content = bytearray(path.read_bytes())
    content[22:26] = (10).to_bytes(4, "big")  # libsndfile stops there
    path.write_bytes(content)
    broken(len(content) // 2, len(content) // 2 + 100)
    samples, kinds = heard(path, len(sound))
    there = ~np.isnan(samples)
    np.testing.assert_array_equal(samples[there], sound[there])
    assert 0 < np.count_nonzero(~there) <= 3 * 4096
    assert "damage" in kinds


def test_bytes_that_cannot_be_read_are_zero_block_by_block(broken: Break, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * (5 * BLOCK + 7))
    broken(BLOCK + 5, 2 * BLOCK + 1)
    with path.open("rb") as file:
        read = bytes_at(file.fileno(), 10 * BLOCK, 3)
        assert read == b"x" * (BLOCK - 3) + bytes(2 * BLOCK) + b"x" * (2 * BLOCK + 7)
        assert next_readable(file.fileno(), BLOCK + 9, 5 * BLOCK) == 4 * BLOCK
        assert next_readable(file.fileno(), 2, 5 * BLOCK) == 2
        broken(0, 1 << 40)
        assert next_readable(file.fileno(), 2, 5 * BLOCK) == 5 * BLOCK
        assert recording_identity(path)


def test_a_disk_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * 100)

    def gone(*_words: object) -> bytes:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(os, "pread", gone)
    with path.open("rb") as file:
        for call in (bytes_at, next_readable):
            with pytest.raises(OSError, match="Stale"):
                call(file.fileno(), 10, 90)


@pytest.mark.parametrize(
    ("kind", "width", "ending"), [("WAV", "PCM_16", "wav"), ("FLAC", "PCM_16", "flac"), ("OGG", "VORBIS", "ogg")]
)
def test_a_file_that_shrinks_while_it_is_read_lacks_sound_in_one_place(
    kind: str, width: str, ending: str, tmp_path: Path
) -> None:
    path, frames = tmp_path / f"a.{ending}", 60 * RATE
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal(frames), RATE, width, format=kind)
    given = 0
    with FileSource(path, block_seconds=1.0) as source:
        while (item := source.read()) is not None:
            given = item.end
            if given == 5 * RATE:
                os.truncate(path, path.stat().st_size // 2)
        lost = sum(round(defect.lost_s * RATE) for defect in source.defects)
    assert given == source.read_frames + lost == frames  # all is heard or accounted for
    assert abs(lost - frames / 2) < 4 * RATE
    places = [defect.sentence for defect in source.defects if defect.kind == "damage"]
    assert all("in one place" in sentence for sentence in places)
