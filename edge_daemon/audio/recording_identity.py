"""What makes a recording that one: the name of its file and what is in it, not the way to it.

The same recording may be named by a relative or an absolute path, through a link, in another folder or on another
machine; its detections are the same ones, and so are their identities. Two recordings of one name, as recorders that
count from 1 on each card make them, differ in what is in them; two files with the same sound differ in their names.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata

from edge_daemon.audio.decoding.disk_bytes import bytes_at
from edge_daemon.audio.file_name import folder_and_name
from edge_daemon.audio.regular_file import open_regular

_PLACES = 16  # read of each file: its beginning, its end, and what lies at even distances between
_PLACE_BYTES = 4096


def recording_identity(path: str | os.PathLike[str]) -> str:
    """Identity of a recording: SHA-256 over its name, its size, and 16 places of 4 KiB in it.

    Links are followed to the file itself, and its name counts in Unicode's composed form, which not all systems keep.
    Folders, times of change and owners play no part.

    Args:
        path: the file.

    Returns:
        64 hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    name = unicodedata.normalize("NFC", folder_and_name(os.path.realpath(path))[1])
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        made = hashlib.sha256(name.encode("utf-8", errors="surrogateescape") + b"\0" + str(size).encode() + b"\0")
        last = max(0, size - _PLACE_BYTES)
        for place in sorted({last * number // (_PLACES - 1) for number in range(_PLACES)}):
            made.update(bytes_at(file.fileno(), _PLACE_BYTES, place))
    return made.hexdigest()
