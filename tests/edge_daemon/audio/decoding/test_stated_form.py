"""Headers with one wrong number: the sound is what it was, or it is said that the header contradicts itself."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block
from edge_daemon.errors import AudioError

RATE, FRAMES = 2000, 12_000
# container, width, where its header states what is changed, and what it is
NUMBERS = [
    ("WAV", "PCM_16", (b"fmt ", 8), "<H", 2, "channels"),
    ("WAV", "PCM_16", (b"fmt ", 12), "<I", 4000, "rate"),
    ("WAV", "PCM_24", (b"fmt ", 12), "<I", 48_000, "rate"),
    ("WAV", "PCM_16", (b"fmt ", 22), "<H", 8, "bits"),
    ("WAV", "MS_ADPCM", (b"fmt ", 12), "<I", 4000, "rate"),
    ("WAV", "IMA_ADPCM", (b"fmt ", 12), "<I", 1000, "rate"),
    ("RF64", "PCM_16", (b"fmt ", 12), "<I", 4000, "rate"),
    ("W64", "PCM_16", (b"fmt ", 28), "<I", 4000, "rate"),
    ("W64", "FLOAT", (b"fmt ", 24), "<H", 2, "channels"),
    ("AIFF", "PCM_16", (b"COMM", 8), ">H", 2, "channels"),
    ("AIFF", "PCM_16", (b"COMM", 14), ">H", 8, "bits"),
    ("CAF", "PCM_16", (b"desc", 36), ">I", 2, "channels"),
    ("CAF", "ALAC_16", (b"desc", 12), ">d", 4000.0, "rate"),
    ("VOC", "PCM_16", (b"\xd0\x07\0\0", 6), "<H", 0, "coding"),
    ("NIST", "PCM_16", (b"channel_count -i ", 17), "c", b"2", "channels"),
    ("SVX", "PCM_16", (b"16SV", 0), "4s", b"8SVX", "bits"),
    ("FLAC", "PCM_16", (b"fLaC", 18), ">I", 4000 << 12 | 15 << 4, "rate"),
]


def made(container: str, width: str) -> bytearray:
    samples = np.random.default_rng(3).standard_normal(FRAMES).astype(np.float32) * 0.1
    content = io.BytesIO()
    soundfile.write(content, samples, RATE, format=container, subtype=width)
    return bytearray(content.getvalue())


def heard(path: Path) -> tuple[int, int, list[str]]:
    """Rate, samples, and what is said to be wrong."""
    try:
        with FileSource(path) as source:
            count = 0
            while (item := source.read()) is not None:
                count += len(item.samples) if isinstance(item, Block) else 0
            return source.rate, count, [defect.sentence for defect in source.defects]
    except AudioError as error:
        return 0, 0, [error.message]


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: f"{case[0]}-{case[1]}-{case[5]}")
def test_a_header_that_contradicts_itself_is_said(
    tmp_path: Path, case: tuple[str, str, tuple[bytes, int], str, int, str]
) -> None:
    container, width, (name, behind), form, number, _ = case
    content = made(container, width)
    path = tmp_path / "x"
    path.write_bytes(content)
    rate, count, said = heard(path)
    assert (rate, said) == (RATE, [])
    assert abs(count - FRAMES) < 1000
    struct.pack_into(form, content, content.index(name) + behind, number)
    path.write_bytes(content)
    *_, said = heard(path)
    assert len(said) == 1
    # what libsndfile compares itself, it refuses
    assert "contradicts itself" in said[0] or "is not a sound file that" in said[0]


@pytest.mark.parametrize(("container", "width"), [("WAV", "PCM_16"), ("W64", "PCM_24"), ("RF64", "FLOAT")])
def test_no_byte_of_the_form_is_wrong_without_a_word(tmp_path: Path, container: str, width: str) -> None:
    good = made(container, width)
    rng = random.Random(container)
    begin = good.index(b"fmt ") + (24 if container == "W64" else 8)
    path = tmp_path / "x"
    tried = 0
    for at in range(begin + 2, begin + 16):
        for value in {good[at] ^ 1, rng.randrange(256), 0, 255} - {good[at]}:
            content = bytearray(good)
            content[at] = value
            path.write_bytes(content)
            rate, count, said = heard(path)
            assert said or (rate == RATE and abs(count - FRAMES) < RATE)
            tried += 1
    assert tried > 40


def test_a_number_that_was_never_filled_in_contradicts_nothing(tmp_path: Path) -> None:
    content = made("WAV", "PCM_16")
    content[28:32] = bytes(4)  # bytes a second
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    assert heard(path) == (RATE, FRAMES, [])


def test_a_note_of_the_length_that_libsndfile_does_not_know_as_one_shortens_nothing(tmp_path: Path) -> None:
    content = io.BytesIO()
    samples = np.random.default_rng(3).standard_normal(6 * 16_000).astype(np.float32) * 0.1
    soundfile.write(content, samples, 16_000, format="MP3", subtype="MPEG_LAYER_III")
    mp3 = bytearray(content.getvalue())
    assert b"Xing" in mp3[:64] or b"Info" in mp3[:64]
    mp3[6] ^= 0x55  # in the frame with the note, which decodes to nothing
    path = tmp_path / "x.mp3"
    path.write_bytes(mp3)
    rate, count, _ = heard(path)
    assert count == pytest.approx(6 * rate, abs=rate)
