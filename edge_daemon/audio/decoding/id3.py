"""ID3 tags, which music programs put in front of sound.

Source: "ID3 tag version 2.4.0, main structure", section 3.1.
"""

from __future__ import annotations

from typing import BinaryIO

from edge_daemon.audio.decoding.disk_bytes import bytes_at


def after_id3(file: BinaryIO) -> int:
    """The byte at which a file begins behind such a tag; 0 where there is none."""
    head = bytes_at(file.fileno(), 10, 0)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if head[5] & 0x10 else 0)
