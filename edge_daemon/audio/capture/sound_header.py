"""Is what a pipe begins with the header of a sound file? Raw samples have none, and are not to be had from one.

A program told to write WAV, FLAC or Ogg into a pipe does so; read as raw samples, the first is a click followed by
sound of perhaps another rate, the others are noise.
"""

from __future__ import annotations

import struct

HEADER_BYTES = 64
"""So many bytes are enough to know."""

_FORMATS = {b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3", b".snd": "AU", b"FORM": "AIFF", b"caff": "CAF"}


def sound_header(begin: bytes, rate: int, channels: int, bits: int) -> tuple[str, bool] | None:
    """What is wrong with a pipe that begins so.

    Args:
        begin: its first bytes, `HEADER_BYTES` or what there is.
        rate: Hz, as the pipe is read.
        channels: likewise.
        bits: of a sample, likewise.

    Returns:
        A sentence, and whether the sound cannot be used; None where the bytes are no header.
    """
    if begin[:4] in (b"RIFF", b"RF64") and begin[8:12] == b"WAVE":
        return _wave(begin, rate, channels, bits)
    for sign, name in _FORMATS.items():
        if begin.startswith(sign):
            return f"the pipe carries {name}, not raw samples: have its writer send raw PCM", True
    return None


def _wave(begin: bytes, rate: int, channels: int, bits: int) -> tuple[str, bool]:
    hint = "have its writer send raw PCM"
    place = begin.find(b"fmt ")
    if place < 0 or len(begin) < place + 24:
        return f"the pipe begins with the header of a WAV file: {hint}", False
    has_channels, has_rate = struct.unpack_from("<HI", begin, place + 10)
    (has_bits,) = struct.unpack_from("<H", begin, place + 22)
    if (has_channels, has_rate, has_bits) == (channels, rate, bits):
        return f"the pipe begins with the header of a WAV file: {hint}", False
    has, wanted = (
        f"{r} Hz, {b} bits, channels: {c}" for r, b, c in ((has_rate, has_bits, has_channels), (rate, bits, channels))
    )
    return f"the pipe carries a WAV file ({has}), but is read as {wanted}: {hint}", True
