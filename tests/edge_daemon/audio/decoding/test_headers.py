"""Headers that promise less or more than the file holds, in every container of plain samples, and in packed WAV."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block, Gap

RATE, FRAMES = 2000, 60_000  # 30 s
SECONDS = FRAMES / RATE
# Container, width, and how the size of the sound is written: where it is found, its format, and what is added to it.
SIZES = [
    ("WAV", "PCM_16", (b"data", 4), "<I", 0),
    ("WAV", "PCM_24", (b"data", 4), "<I", 0),
    ("WAV", "FLOAT", (b"data", 4), "<I", 0),
    ("WAV", "ULAW", (b"data", 4), "<I", 0),
    ("WAVEX", "PCM_16", (b"data", 4), "<I", 0),
    ("RF64", "PCM_16", (b"ds64", 16), "<Q", 0),
    ("W64", "PCM_16", (b"data", 16), "<Q", 24),
    ("W64", "DOUBLE", (b"data", 16), "<Q", 24),
    ("AIFF", "PCM_16", (b"SSND", 4), ">I", 8),
    ("AIFF", "FLOAT", (b"SSND", 4), ">I", 8),
    ("AU", "PCM_16", (b".snd", 8), ">I", 0),
    ("CAF", "PCM_16", (b"data", 4), ">Q", 4),
    ("CAF", "PCM_24", (b"data", 4), ">Q", 4),
]
IDS = [f"{size[0]}-{size[1]}" for size in SIZES]
PACKED = [("WAV", "MS_ADPCM"), ("WAV", "IMA_ADPCM"), ("W64", "MS_ADPCM"), ("W64", "IMA_ADPCM")]
Size = tuple[str, str, tuple[bytes, int], str, int]


def sound() -> NDArray[np.float32]:
    """Noise on the 16-bit grid, quiet enough that no byte of it can be a letter of a chunk's name."""
    return (np.random.default_rng(3).integers(-6000, 6000, FRAMES) / 32768).astype(np.float32)


def made(path: Path, container: str, width: str) -> bytearray:
    soundfile.write(path, sound(), RATE, format=container, subtype=width)
    return bytearray(path.read_bytes())


def with_size(content: bytearray, size: Size, sound_bytes: int) -> None:
    """Write another size of the sound into the header; a RIFF's own size follows."""
    _, _, (name, behind), form, more = size
    struct.pack_into(form, content, content.index(name) + behind, sound_bytes + more)
    if size[0] in {"WAV", "WAVEX"}:
        struct.pack_into("<I", content, 4, content.index(b"data") + sound_bytes & 0xFFFFFFFF)
    elif size[0] == "AIFF":
        struct.pack_into(">I", content, 4, content.index(b"SSND") + 8 + sound_bytes & 0xFFFFFFFF)
    elif size[0] == "W64":
        struct.pack_into("<Q", content, 16, content.index(b"data") + 24 + sound_bytes)


def read(path: Path) -> tuple[FileSource, NDArray[np.float32], list[Gap]]:
    source = FileSource(path)
    blocks, gaps, at = [np.zeros(0, np.float32)], [], 0
    while (item := source.read()) is not None:
        assert item.start == at
        at = item.end
        if isinstance(item, Block):
            blocks.append(item.samples)
        else:
            gaps.append(item)
    source.close()
    samples = np.concatenate(blocks)
    assert source.read_frames == len(samples)
    assert source.frames == at
    return source, samples, gaps


def width_of(content: bytearray, container: str) -> int:
    """Bytes of one sample, from the length of the file."""
    return (len(content) - (4096 if container == "CAF" else 0)) // FRAMES


@pytest.mark.parametrize("size", SIZES, ids=IDS)
@pytest.mark.parametrize("said_s", [0, 0.01, 10])
def test_what_is_behind_the_promised_end_is_heard(tmp_path: Path, size: Size, said_s: float) -> None:
    path = tmp_path / "x"
    content = made(path, *size[:2])
    whole = soundfile.read(path, dtype="float32")[0]
    with_size(content, size, round(said_s * RATE) * width_of(content, size[0]))
    path.write_bytes(content)
    source, samples, gaps = read(path)
    np.testing.assert_array_equal(samples[:FRAMES], whole)
    assert len(samples) - FRAMES < 50  # notes that follow, if their place is not told by the header any more
    assert not gaps
    (defect,) = source.defects
    assert (defect.kind, defect.lost_s) == ("header", 0.0)
    assert "30 s of sound are in it" in defect.sentence


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_a_difference_below_a_window_is_no_alarm(tmp_path: Path, size: Size) -> None:
    path = tmp_path / "x"
    content = made(path, *size[:2])
    true = FRAMES * width_of(content, size[0])
    for more in (44, -44, RATE, -RATE):
        with_size(content, size, true + more)
        path.write_bytes(content)
        source, samples, gaps = read(path)
        assert not source.defects
        assert not gaps
        assert FRAMES - 44 <= len(samples) <= FRAMES + 44


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_a_promise_that_is_not_held_is_a_gap(tmp_path: Path, size: Size) -> None:
    path = tmp_path / "x"
    content = made(path, *size[:2])
    width = width_of(content, size[0])
    with_size(content, size, (FRAMES + 10 * RATE) * width)
    path.write_bytes(content)
    source, samples, gaps = read(path)
    assert len(samples) == FRAMES
    assert gaps == [Gap(FRAMES, 10 * RATE, "read_error")]
    assert [(defect.kind, defect.lost_s) for defect in source.defects] == [("cut_short", 10.0)]


@pytest.mark.parametrize("size", [size for size in SIZES if size[0] in {"WAV", "WAVEX", "AIFF", "W64"}])
def test_a_header_that_contradicts_itself_loses_nothing(tmp_path: Path, size: Size) -> None:
    path = tmp_path / "x"
    content = made(path, *size[:2])
    _, _, (name, behind), form, _ = size
    struct.pack_into(form, content, content.index(name) + behind, 0x5A000000)  # the file's own length is right
    path.write_bytes(content)
    _, samples, gaps = read(path)
    assert len(samples) == FRAMES
    assert not gaps


@pytest.mark.parametrize("size", SIZES[:5] + SIZES[8:10], ids=IDS[:5] + IDS[8:10])
def test_notes_behind_the_sound_are_not_heard(tmp_path: Path, size: Size) -> None:
    path = tmp_path / "x"
    content = made(path, *size[:2])
    order = ">" if size[0] == "AIFF" else "<"
    for cut in (0, 5000):  # the last chunk may be cut short
        note = b"LIST" + struct.pack(order + "I", 200_000) + b"INFO" * 50_000
        path.write_bytes(bytes(content) + b"note" + struct.pack(order + "I", 3) + b"abc\0" + note[: len(note) - cut])
        source, samples, gaps = read(path)
        assert len(samples) == FRAMES
        assert not gaps
        assert not source.defects


@pytest.mark.parametrize("size", SIZES[:2] + SIZES[6:7] + SIZES[8:9], ids=IDS[:2] + IDS[6:7] + IDS[8:9])
def test_more_sound_behind_the_sound_is_heard(tmp_path: Path, size: Size) -> None:
    path = tmp_path / "x"
    content = made(path, *size[:2])
    begin = content.index(size[2][0])
    for more in (content, content[begin:]):  # two files in one; two chunks of sound
        path.write_bytes(content + more)
        source, samples, _ = read(path)
        assert 2 * FRAMES <= len(samples) < 2 * FRAMES + 100  # a header is some noise
        assert [defect.kind for defect in source.defects] == ["header"]


@pytest.mark.parametrize(("container", "width"), PACKED)
def test_packed_samples_behind_the_promised_end_are_heard(tmp_path: Path, container: str, width: str) -> None:
    path = tmp_path / "x"
    content = made(path, container, width)
    whole = soundfile.read(path, dtype="float32")[0]
    place = content.index(b"data") + (16 if container == "W64" else 4)
    struct.pack_into("<Q" if container == "W64" else "<I", content, place, 5120)
    path.write_bytes(content)
    source, samples, _ = read(path)
    np.testing.assert_array_equal(samples, whole)
    assert [defect.kind for defect in source.defects] == ["header"]
    path.write_bytes(content[: len(content) // 2])
    source, samples, _ = read(path)
    assert len(samples) == pytest.approx(FRAMES / 2, abs=RATE)


@pytest.mark.parametrize(("container", "width"), PACKED)
def test_packed_samples_that_are_cut_short_are_told(tmp_path: Path, container: str, width: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(made(path, container, width)[: 4 * FRAMES // 16])  # half of four bits a sample
    source, samples, gaps = read(path)
    assert len(samples) == pytest.approx(FRAMES / 2, abs=RATE)
    assert [gap.start for gap in gaps] == [len(samples)]
    (defect,) = source.defects
    assert defect.kind == "cut_short"
    assert defect.lost_s == pytest.approx(SECONDS / 2, abs=1)


@pytest.mark.parametrize("kind", ["wrapped", "open", "RF64"])
def test_more_than_4_gib_is_heard_to_its_end(tmp_path: Path, kind: str) -> None:
    """A sparse file; its last second is sound, and is found where it lies."""
    path = tmp_path / "x.wav"
    channels, rate = 64, 1_000_000  # few reads
    frames = (1 << 32) // (2 * channels) + rate
    size = frames * channels * 2
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    said = {"wrapped": size & 0xFFFFFFFF, "open": 0xFFFFFFFF, "RF64": 0xFFFFFFFF}[kind]
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, size + 72, size, frames, 0) if kind == "RF64" else b""
    head = (b"RF64" if ds64 else b"RIFF") + struct.pack("<I", said) + b"WAVE" + ds64 + form + b"data"
    head += struct.pack("<I", said)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
        file.seek(-2 * channels, os.SEEK_END)
        file.write(struct.pack("<h", 16384) * channels)
    with FileSource(path) as source:
        assert source.frames == frames
        source.skip_to(frames - 1000)
        block = source.read()
        assert isinstance(block, Block)
        assert block.end == frames
        assert block.samples[-1] == 0.5
        assert not block.samples[:-1].any()
        assert source.read() is None
        assert [defect.kind for defect in source.defects] == ([] if kind != "wrapped" else ["header"])


@pytest.mark.parametrize("size", [("W64", "PCM_16", (b"data", 16), "<Q", 24), ("CAF", "PCM_16", (b"data", 4), ">Q", 4)])
def test_a_promise_that_no_file_can_keep_is_no_loss_of_a_million_years(size: Size, tmp_path: Path) -> None:
    content = made(tmp_path / "x", size[0], size[1])
    with_size(content, size, 1 << 55)
    (tmp_path / "x").write_bytes(content)
    source, samples, gaps = read(tmp_path / "x")
    np.testing.assert_array_equal(samples, sound())
    assert not gaps
    (defect,) = source.defects
    assert (defect.kind, defect.lost_s) == ("header", 0.0)
    assert "promises more sound than any file has; 30 s of sound" in defect.sentence
