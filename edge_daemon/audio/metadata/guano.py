"""GUANO metadata: `Timestamp: 2020-12-14T19:22:55-05:00`, in the chunk `guan` or in a FLAC file's comment.

Source: GUANO specification 1.0, https://guano-md.org: ISO 8601, local time with or without its offset from UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_daemon.audio.metadata.stated_time import StatedTime, iso_moment

_TIMESTAMP = re.compile(r"^Timestamp:[ \t]*(\S[^\r\n]*)", re.MULTILINE)


def guano_time(chunk: bytes | None, comments: Iterable[str]) -> StatedTime | None:
    """The time that the metadata state.

    Args:
        chunk: content of `guan`, if there is one.
        comments: of the file; one that begins with `GUANO|Version` is GUANO metadata.
    """
    texts = [chunk.decode("utf-8", errors="replace")] if chunk is not None else []
    texts += [comment for comment in comments if comment.startswith("GUANO|Version")]
    for text in texts:
        found = _TIMESTAMP.search(text)
        moment = iso_moment(found[1]) if found else None
        if moment is not None:
            return StatedTime(moment, "GUANO Timestamp")
    return None
