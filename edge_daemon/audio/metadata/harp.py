"""The chunk `harp` of an x.wav file: the raw files that were put one behind the other into it, each with its begin.

Source: Scripps Whale Acoustics Lab, Triton, `rdxwavhd.m`: 56 bytes about the deployment, then 32 bytes for each raw
file (year since 2000, month, day, hour, minute, second, milliseconds, place and length in bytes, blocks, sample rate,
gain), in UTC. Raw files of a recorder that pauses lie minutes apart; those of one that does not follow each other.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

_HEAD, _ENTRY = 56, 32


@dataclass(frozen=True, slots=True)
class RawFile:
    """A run of sound as the recorder wrote it.

    Attributes:
        utc: when its first sample was taken.
        offset: bytes from the first raw file's begin.
        length: bytes.
    """

    utc: datetime
    offset: int
    length: int


def raw_files(chunk: bytes | None) -> list[RawFile]:
    """The raw files in their order; those whose date is none are left out.

    Args:
        chunk: content of `harp`, if there is one.
    """
    found: list[RawFile] = []
    first: int | None = None
    for place in range(_HEAD, len(chunk or b"") - _ENTRY + 1, _ENTRY):
        year, month, day, hour, minute, second, milliseconds, at, length = struct.unpack_from(
            "<6BHII", chunk or b"", place
        )
        try:
            utc = datetime(2000 + year, month, day, hour, minute, second, min(milliseconds, 999) * 1000, tzinfo=UTC)
        except ValueError:
            continue
        first = at if first is None else first
        if length and at >= first:
            found.append(RawFile(utc, at - first, length))
    return found
