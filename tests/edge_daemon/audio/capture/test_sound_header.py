"""Headers of sound files at the begin of a pipe of raw samples."""

from __future__ import annotations

import io
import random
import struct

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.capture.pipe import PipeSource
from edge_daemon.audio.capture.sound_header import HEADER_BYTES, sound_header
from edge_daemon.system.backoff import Backoff
from edge_daemon.testing.machine import ManualTime


def written(kind: str, subtype: str, rate: int = 8000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(1).normal(0, 0.1, (rate, channels))
    soundfile.write(file, noise, rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence", "broken"),
    [
        (written("WAV", "PCM_16"), "the pipe begins with the header of a WAV file", False),
        (
            written("WAV", "PCM_24"),
            "(8000 Hz, 24 bits, channels: 1), but is read as 8000 Hz, 16 bits, channels: 1",
            True,
        ),
        (written("WAV", "PCM_16", rate=48_000), "(48000 Hz, 16 bits, channels: 1)", True),
        (written("WAV", "PCM_16", channels=2), "channels: 2)", True),
        (written("FLAC", "PCM_16"), "the pipe carries FLAC, not raw samples", True),
        (written("OGG", "VORBIS"), "the pipe carries Ogg", True),
        (written("AIFF", "PCM_16"), "the pipe carries AIFF", True),
        (b"RIFF\xff\xff\xff\xffWAVE", "the pipe begins with the header of a WAV file", False),
    ],
    ids=["wav", "24 bit", "48 kHz", "stereo", "flac", "ogg", "aiff", "cut short"],
)
def test_headers(content: bytes, sentence: str, broken: bool) -> None:
    found = sound_header(content[:HEADER_BYTES], 8000, 1, 16)
    assert found is not None
    assert sentence in found[0]
    assert found[1] == broken


def test_sound_is_no_header() -> None:
    rng = random.Random(2)
    for _ in range(1000):
        assert sound_header(rng.randbytes(HEADER_BYTES), 8000, 1, 16) is None
    for length in range(HEADER_BYTES):
        assert sound_header(struct.pack("<32h", *range(32))[:length], 8000, 1, 16) is None


def test_a_pipe_says_so_as_soon_as_it_is_opened() -> None:
    content = written("WAV", "PCM_16", rate=48_000)

    class Bytes:
        name, reopens, room = "pipe", False, 16_384
        left = content

        def open(self) -> None:
            pass

        def close(self) -> None:
            pass

        def read(self, most: int, timeout_s: float) -> bytes | None:  # noqa: ARG002 the protocol's argument
            part, self.left = self.left[: min(most, 7)], self.left[min(most, 7) :]  # the header in pieces
            return part

    time = ManualTime()
    source = PipeSource(Bytes(), 8000, time=time, backoff=Backoff(1.0, 4.0), wait=time.advance)
    source.read()
    assert source.state.sound.state == "broken"
    assert "48000 Hz" in source.state.sound.reasons["header"]
