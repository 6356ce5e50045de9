"""The form of the sound, as far as a header states it in more than one place.

A damaged number there stops no decoder: half of the samples are read at twice the rate, two bytes as two channels, or
two samples as one. Nothing is missing then, and nothing is right. So whatever a header says twice is compared. AU,
IRCAM, PVF and PAF say everything once; AIFF and SVX say the rate once.

Sources: those of `chunks`; Creative Labs' VOC; NIST's SPHERE header files; Apple Lossless' "magic cookie".
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from edge_daemon.audio.decoding.chunks import chunk_before_sound
from edge_daemon.audio.decoding.disk_bytes import bytes_at

_INEXACT = 0.05  # writers of packed sound round the bytes of a second in several ways


def contradiction(file: BinaryIO, sound: Any, width: int | None, held: int) -> str | None:
    """What contradicts what, for people; None where nothing does.

    Args:
        file: open for reading; its own position is left alone.
        sound: libsndfile's view of it.
        width: bytes of one sample as it is read; None for packed sound.
        held: frames that the bytes hold; 0 where header and bytes differ in that.
    """
    if sound.format in {"WAV", "WAVEX", "RF64", "W64"}:
        return _wav(chunk_before_sound(file, b"fmt "), sound, width)
    if sound.format == "CAF":
        return _caf(file, sound, width)
    if sound.format in {"AIFF", "SVX"} and width is not None:
        name, form = (b"COMM", ">2xI") if sound.format == "AIFF" else (b"VHDR", ">I")
        content = chunk_before_sound(file, name)
        stated = struct.unpack_from(form, content)[0] if len(content) >= struct.calcsize(form) else 0
        return _frames(stated, held)
    if sound.format == "VOC" and width is not None:
        return _voc(bytes_at(file.fileno(), 64, 0), width)
    if sound.format == "NIST" and width is not None:
        return _nist(bytes_at(file.fileno(), 1024, 0), width, held)
    return None


def _wav(content: bytes, sound: Any, width: int | None) -> str | None:
    if len(content) < 16:
        return None
    _, channels, rate, bytes_a_second, block, _ = struct.unpack_from("<HHIIHH", content)
    if width is not None and block and block != width * channels:
        return f"{_counted(channels, 'channel')} of {8 * width} bits, but {block} bytes for a sample of all channels"
    frames = 1 if width is not None else struct.unpack_from("<H", content, 18)[0] if len(content) >= 20 else 0
    due = rate * block / frames if frames else 0.0
    if bytes_a_second and due and abs(bytes_a_second - due) > (0.0 if width is not None else _INEXACT * due):
        return f"{sound.samplerate:,} Hz, but {bytes_a_second:,} bytes a second, where that makes {round(due):,}"
    return None


def _caf(file: BinaryIO, sound: Any, width: int | None) -> str | None:
    desc = chunk_before_sound(file, b"desc")
    if len(desc) < 32:
        return None
    rate, _, _, packet, frames, channels, _ = struct.unpack_from(">d4sIIIII", desc)
    if width is not None:
        if frames == 1 and packet != width * channels:
            return (
                f"{_counted(channels, 'channel')} of {8 * width} bits, but {packet} bytes for a sample of all channels"
            )
        return None
    cookie = chunk_before_sound(file, b"kuki")
    if desc[8:12] != b"alac" or len(cookie) < 24:
        return None
    cookie_channels, cookie_rate = cookie[-15], int.from_bytes(cookie[-4:], "big")
    if (cookie_rate, cookie_channels) != (round(rate), channels):
        return (
            f"{sound.samplerate:,} Hz and {_counted(channels, 'channel')}, but {cookie_rate:,} Hz and "
            f"{_counted(cookie_channels, 'channel')} in what its decoder is told"
        )
    return None


def _voc(head: bytes, width: int) -> str | None:
    at = int.from_bytes(head[20:22], "little")
    block = head[at : at + 16]
    if len(block) < 16 or block[0] != 9:
        return None
    bits, channels, codec = block[8], block[9], int.from_bytes(block[10:12], "little")
    due = {0: 8, 4: 16, 6: 8, 7: 8}.get(codec)
    if due != bits or bits != 8 * width or not channels:
        return f"{bits} bits for a sample, but a coding (number {codec}) that has {due or 'another number of'} bits"
    return None


def _nist(head: bytes, width: int, held: int) -> str | None:
    stated = {}
    for line in head.split(b"\n"):
        words = line.split()
        if len(words) == 3 and words[1] == b"-i" and words[2].isdigit():
            stated[words[0]] = int(words[2])
    size = stated.get(b"sample_n_bytes", width)
    if size != width:
        return f"samples of {size} bytes, which are read as {width}"
    return _frames(stated.get(b"sample_count", 0), held)


def _frames(stated: int, held: int) -> str | None:
    """Far more samples than are there, or far fewer: their form may be another one."""
    if stated and held and max(stated, held) >= 1.5 * min(stated, held):
        return f"{stated:,} samples, where its bytes make {held:,} of that form"
    return None


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
