"""Damaged files against the sound they were made from: what is heard is heard in its place, what is missing is said.

Other than `test_variants`, which compares lengths with other programs, this one knows the truth.
"""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block

RATE, SECONDS, WINDOW = 2000, 30, 4000
KINDS = [
    *(("WAV", width) for width in ("PCM_16", "PCM_24", "FLOAT")),
    *(("W64", width) for width in ("PCM_16", "FLOAT")),
    *(("AIFF", width) for width in ("PCM_16", "PCM_24")),
    *(("CAF", width) for width in ("PCM_16", "PCM_24")),
    *(("FLAC", width) for width in ("PCM_16", "PCM_24")),
    *((name, "PCM_16") for name in ("RF64", "AU", "NIST", "IRCAM", "PVF", "SVX", "AVR", "VOC")),
]
WIDTHS = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
# name of the chunk with the size of the sound: where the size stands behind it, its bytes, their order
SIZES = {
    "WAV": (b"data", 4, 4, "little"),
    "RF64": (b"ds64", 16, 8, "little"),
    "W64": (b"data", 16, 8, "little"),
    "AIFF": (b"SSND", 4, 4, "big"),
    "CAF": (b"data", 4, 8, "big"),
    "AU": (b".snd", 8, 4, "big"),
}
OVERWRITTEN = 6000  # bytes at most
BLOCK = 4096  # samples in a frame of FLAC


def sound() -> NDArray[np.float32]:
    return (np.random.default_rng(3).integers(-6000, 6000, SECONDS * RATE) / 32768).astype(np.float32)


def damaged(content: bytes, container: str, rng: random.Random) -> tuple[bytes, set[str]]:
    """A file of which an end is missing, bytes are wrong, the header is wrong, or something follows; and which."""
    data = bytearray(content)
    faults = {rng.choice(["cut", "overwritten", "size", "followed"])} | ({"size"} if rng.random() < 0.4 else set())
    if "cut" in faults:
        del data[rng.randrange(len(data) // 8, len(data)) :]
    if "overwritten" in faults:
        count = rng.choice([2, 200, OVERWRITTEN])
        at = rng.randrange(4200, len(data) - count)  # behind all headers
        data[at : at + count] = rng.randbytes(count)
    if "size" in faults and container in SIZES:
        name, behind, width, order = SIZES[container]
        at = data.index(name) + behind
        size = rng.choice([0, 44, rng.randrange(2 * len(content)), 0xFFFFFFFF, 0x7FFFFFFF])
        data[at : at + width] = size.to_bytes(width, "little" if order == "little" else "big")
    if "followed" in faults:
        data += rng.choice([bytes(3), b"LIST\4\0\0\0abcd", bytes(50_000)])
    return bytes(data), faults


def compare(path: Path, container: str, width: str, variants: range) -> None:
    truth, content = sound(), io.BytesIO()
    soundfile.write(content, truth, RATE, format=container, subtype=width)
    for number in variants:
        data, faults = damaged(content.getvalue(), container, random.Random(f"{container} {width} {number}"))
        path.write_bytes(data)
        heard, there = np.zeros(len(truth), np.float32), np.zeros(len(truth), bool)
        with FileSource(path) as source:
            while (item := source.read()) is not None:
                if isinstance(item, Block) and item.start < len(truth):
                    part = item.samples[: len(truth) - item.start]
                    heard[item.start : item.start + len(part)] = part
                    there[item.start : item.start + len(part)] = True
            said = bool(source.defects)
        wrong = np.count_nonzero(there & (np.abs(np.nan_to_num(heard) - truth) > 1e-3))  # random bytes may be no number
        about = f"variant {number}: {sorted(faults)}"
        assert wrong <= (OVERWRITTEN // WIDTHS[width] + 2 if "overwritten" in faults else 0), about
        missing = len(truth) - np.count_nonzero(there)
        if "cut" not in faults or (faults == {"cut"} and container in {*SIZES, "FLAC"}):  # else nobody knows the length
            assert said or missing <= WINDOW, about
        if container != "FLAC":  # all that the bytes hold
            beside = len(content.getvalue()) - len(truth) * WIDTHS[width]
            assert np.count_nonzero(there) >= min(len(truth), (len(data) - beside) // WIDTHS[width]), about
        elif "cut" not in faults:
            assert missing <= OVERWRITTEN // WIDTHS[width] + 3 * BLOCK, about


@pytest.mark.parametrize(("container", "width"), KINDS)
def test_what_is_heard_is_in_its_place(container: str, width: str, tmp_path: Path) -> None:
    compare(tmp_path / "x", container, width, range(4))


@pytest.mark.long
@pytest.mark.parametrize(("container", "width"), KINDS)
def test_the_same_with_more_variants(container: str, width: str, tmp_path: Path) -> None:
    compare(tmp_path / "x", container, width, range(4, 200))
