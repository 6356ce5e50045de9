"""The counter of orders, on shore: rises from order to order, over computers and lost files.

It is the time in milliseconds, or one more than the last one where that is higher. So whoever signs with the same key
elsewhere goes on where others ended, if the clocks are right to some seconds.
"""

from __future__ import annotations

from pathlib import Path

from edge_daemon.errors import StorageError
from edge_daemon.storage.atomic_file import whole_file

SUFFIX = ".counter"


def next_counter(key_file: Path, utc_ns: int) -> int:
    """The counter for a new order, noted beside the key before it is used.

    Raises:
        StorageError: it cannot be noted.
    """
    path = key_file.with_name(key_file.name + SUFFIX)
    try:
        last = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        last = 0
    counter = max(utc_ns // 1_000_000, last + 1)
    try:
        with whole_file(path) as file:
            file.write(f"{counter}\n")
    except StorageError as error:
        raise StorageError(f"The counter of orders cannot be noted: {error.message}", error.hint) from None
    return counter
