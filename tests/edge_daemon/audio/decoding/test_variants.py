"""Files of all formats, damaged at random: no less is heard than ffmpeg or sox recover, or it is said.

A window (2 s) less is no shortfall. A file that cannot be opened is a sentence, and so is sound that is missing.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.errors import AudioError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("ffmpeg") is None or shutil.which("sox") is None, reason="needs ffmpeg and sox to compare with"
    ),
]
SECONDS, WINDOW_S, VARIANTS = 30, 2.0, 3
KINDS = [
    *(("wav", "WAV", width, 2000) for width in ("PCM_16", "PCM_24", "FLOAT", "ULAW", "MS_ADPCM", "IMA_ADPCM")),
    *(("wav", container, "PCM_16", 2000) for container in ("WAVEX", "RF64")),
    *(("w64", "W64", width, 2000) for width in ("PCM_16", "MS_ADPCM")),
    *(("aiff", "AIFF", width, 2000) for width in ("PCM_16", "FLOAT", "IMA_ADPCM")),
    ("au", "AU", "PCM_16", 2000),
    *(("caf", "CAF", width, 2000) for width in ("PCM_16", "ALAC_16")),
    *(("flac", "FLAC", width, 2000) for width in ("PCM_16", "PCM_24")),
    ("ogg", "OGG", "VORBIS", 2000),
    ("ogg", "OGG", "OPUS", 8000),
    ("mp3", "MP3", "MPEG_LAYER_III", 16_000),
    *((name, name.upper(), "PCM_16", 2000) for name in ("nist", "voc", "ircam", "svx", "pvf", "avr")),
]
RARER = [
    *(("wav", "WAV", width, rate) for width, rate in (("PCM_U8", 2000), ("DOUBLE", 2000), ("GSM610", 8000))),
    *(("rf64", "RF64", width, 2000) for width in ("PCM_24", "FLOAT")),
    *(("w64", "W64", width, 2000) for width in ("PCM_24", "FLOAT")),
    *(("aiff", "AIFF", width, 2000) for width in ("PCM_24", "ULAW")),
    *(("au", "AU", width, 2000) for width in ("FLOAT", "PCM_24")),
    *(("caf", "CAF", width, 2000) for width in ("FLOAT", "ALAC_24")),
    ("flac", "FLAC", "PCM_S8", 2000),
    *((name.lower()[:3], name, "PCM_16", 2000) for name in ("MAT4", "MAT5", "PAF", "MPC2K")),
]


def made(container: str, width: str, rate: int) -> bytes:
    samples = np.random.default_rng(4).standard_normal(SECONDS * rate).astype(np.float32) * 0.1
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", rate, 1, width, format=container) as file:
        for part in np.array_split(samples, 30):  # libsndfile crashes on long writes of Vorbis
            file.write(part)
    return content.getvalue()


def damaged(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for fault in rng.sample(["cut", "overwrite", "size", "size", "insert", "remove", "longer"], rng.randint(1, 2)):
        if fault == "cut":
            del data[rng.randrange(len(data) // 10, len(data)) :]
        elif fault == "overwrite":
            count = rng.choice([1, 2, 100, 3000])
            at = rng.randrange(200, len(data) - count)
            data[at : at + count] = rng.randbytes(count)
        elif fault == "size":
            count = rng.choice([4, 8])
            at = rng.randrange(120 - count)
            numbers = [b"\xff" * 8, bytes(8), rng.randbytes(8), struct.pack("<Q", 44), struct.pack(">Q", 5000)]
            data[at : at + count] = rng.choice(numbers)[-count:]
        elif fault == "insert":
            at = rng.randrange(len(data))
            data[at:at] = rng.randbytes(rng.choice([1, 50, 4096]))
        elif fault == "remove":
            at = rng.randrange(len(data))
            del data[at : at + rng.choice([1, 50, 4096])]
        else:
            data += bytes(rng.choice([10, 100_000]))
    return bytes(data)


def heard_by_ffmpeg(path: Path) -> float:
    """Seconds; 0 where it recovers nothing."""
    most = 0.0
    for ignoring in (["-ignore_length", "1"], []):
        out = path.with_name("ffmpeg.wav")
        words = [
            "ffmpeg",
            "-v",
            "quiet",
            "-nostdin",
            "-y",
            *ignoring,
            "-i",
            str(path),
            "-map",
            "0:a:0",
            "-f",
            "wav",
            str(out),
        ]
        subprocess.run(words, check=False, timeout=60, capture_output=True)
        most = max(most, length_of(out))
    return most


def heard_by_sox(path: Path) -> float:
    """Seconds; 0 where it recovers nothing."""
    out = path.with_name("sox.wav")
    words = ["sox", "-V0", "--ignore-length", str(path), "-e", "signed", "-b", "16", str(out)]
    with contextlib.suppress(subprocess.TimeoutExpired):  # sox reads some damaged VOC files for ever
        subprocess.run(words, check=False, timeout=20, capture_output=True)
    return length_of(out)


def length_of(path: Path) -> float:
    try:
        return float(soundfile.info(path).duration)
    except soundfile.SoundFileError:
        return 0.0
    finally:
        path.unlink(missing_ok=True)


def heard_by_us(path: Path) -> tuple[float, list[str]]:
    """Seconds, and sentences on what is wrong."""
    try:
        with FileSource(path) as source:
            at = 0
            while (item := source.read()) is not None:
                assert item.start == at
                at = item.end
            return source.read_frames / source.rate, [defect.sentence for defect in source.defects]
    except AudioError as error:
        return 0.0, [error.message]


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", [*KINDS, *RARER], ids=lambda kind: f"{kind[1]}-{kind[2]}")
def test_the_same_with_more_variants(tmp_path: Path, kind: tuple[str, str, str, int]) -> None:
    compare(tmp_path, kind, range(VARIANTS, 30))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[1]}-{kind[2]}")
def test_no_less_is_heard_than_others_recover_or_it_is_said(tmp_path: Path, kind: tuple[str, str, str, int]) -> None:
    compare(tmp_path, kind, range(VARIANTS))


def compare(folder: Path, kind: tuple[str, str, str, int], variants: range) -> None:
    """Hear a good file, and damaged ones of it."""
    ending, container, width, rate = kind
    good = made(container, width, rate)
    path = folder / f"x.{ending}"
    path.write_bytes(good)
    seconds, said = heard_by_us(path)
    assert seconds == pytest.approx(SECONDS, abs=0.5)
    assert not said
    for number in variants:
        path.write_bytes(damaged(good, random.Random(f"{container} {width} {number}")))
        seconds, said = heard_by_us(path)
        others = max(heard_by_ffmpeg(path), heard_by_sox(path))
        assert seconds >= others - WINDOW_S or said, f"variant {number}: {seconds} s of {others} s, and no word"
