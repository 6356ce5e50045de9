"""Which clips must go, so that the disk never fills: by age, by their total size, by the free space left.

The plan is a pure function: given the files and the free space, it names those to delete, always the oldest, and no
more than needed. Deleting is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from edge_daemon.clock.time_source import SECOND_NS

if TYPE_CHECKING:
    from edge_daemon.config.clips import ClipsSection

_BEFORE_ANY_CLIP_NS = 1_577_836_800 * SECOND_NS  # 2020-01-01: dated earlier, a file met a clock that had no time


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that may have to go.

    Attributes:
        name: path below the folder.
        size: bytes it takes.
        modified_utc_ns: when it was written, UTC, ns.
    """

    name: str
    size: int
    modified_utc_ns: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Bounds on the clips.

    Attributes:
        max_age_s: older ones go, seconds.
        max_bytes: all together take no more, bytes.
        min_free_bytes: at least so much of the disk stays free, bytes.
    """

    max_age_s: float
    max_bytes: int
    min_free_bytes: int

    @classmethod
    def from_config(cls, section: ClipsSection) -> Self:
        """The configured bounds."""
        return cls(
            max_age_s=section.max_age_days * 86_400,
            max_bytes=round(section.max_total_mb * 1e6),
            min_free_bytes=round(section.min_free_mb * 1e6),
        )


def plan(
    files: Iterable[StoredFile], rules: Retention, *, now_utc_ns: int | None, free_bytes: int, incoming_bytes: int = 0
) -> list[StoredFile]:
    """Files to delete, oldest first, so that the rules hold with `incoming_bytes` more written.

    Nothing is deleted without use: if not even the loss of all files would leave `min_free_bytes` (something else fills
    the disk), none is named on that account. Files dated before 2020 or in the future have no age (the clock was
    wrong when they were written); they go first, or last, by size and free space only.

    Args:
        files: what is there.
        rules: the bounds.
        now_utc_ns: UTC, ns; None while the time is unknown: then no file is too old.
        free_bytes: free space of the disk now.
        incoming_bytes: what is about to be written.
    """
    oldest_first = sorted(files, key=lambda file: (file.modified_utc_ns, file.name))
    before_ns = 0 if now_utc_ns is None else now_utc_ns - round(rules.max_age_s * SECOND_NS)
    doomed = [file for file in oldest_first if _BEFORE_ANY_CLIP_NS <= file.modified_utc_ns < before_ns]
    kept = [file for file in oldest_first if not _BEFORE_ANY_CLIP_NS <= file.modified_utc_ns < before_ns]
    total = sum(file.size for file in kept) + incoming_bytes
    free = free_bytes + sum(file.size for file in doomed) - incoming_bytes
    reachable = free + sum(file.size for file in kept) >= rules.min_free_bytes
    for file in kept:
        if total <= rules.max_bytes and (free >= rules.min_free_bytes or not reachable):
            break
        doomed.append(file)
        total -= file.size
        free += file.size
    return doomed
