"""The chunk `wamd` of Wildlife Acoustics (Song Meter, Echo Meter): entries of type, length and content.

Source: Wildlife Acoustics, `wa_meta.h` 1.0: entries are a 16-bit type, a 32-bit length and the content; type 5 is the
time of the recording as text, `2014-04-02 22:59:14-05:00`, with or without milliseconds and zone.
"""

from __future__ import annotations

import struct

from edge_daemon.audio.metadata.stated_time import StatedTime, iso_moment

_TIMESTAMP = 5


def wamd_time(chunk: bytes | None) -> StatedTime | None:
    """The time that the chunk states."""
    place = 0
    while chunk is not None and place + 6 <= len(chunk):
        kind, size = struct.unpack_from("<HI", chunk, place)
        if kind == _TIMESTAMP:
            moment = iso_moment(chunk[place + 6 : place + 6 + size].decode("latin-1"))
            return None if moment is None else StatedTime(moment, "Song Meter wamd")
        place += 6 + size
    return None
