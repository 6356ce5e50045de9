"""One row of the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

EntryKind = Literal["detection", "tally", "health", "thumbnail"]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What was found or told, with what it is looked for by.

    Attributes:
        id: unique; the same id twice is one entry.
        kind: what it is.
        begin_utc_ns: begin, UTC in ns.
        end_utc_ns: end.
        clock: what these rest on.
        document: as it was told, JSON.
        score: highest score; None where that has no meaning.
        contour: whether the pitch of a call was followed.
        clip: path below the folder of clips, or None.
        delivered: the broker has acknowledged it.
    """

    id: str
    kind: EntryKind
    begin_utc_ns: int
    end_utc_ns: int
    clock: str
    document: str
    score: float | None = None
    contour: bool = False
    clip: str | None = None
    delivered: bool = False

    def moved(self, by_ns: int) -> Self:
        """The same at another time; the document stays what was told."""
        return replace(self, begin_utc_ns=self.begin_utc_ns + by_ns, end_utc_ns=self.end_utc_ns + by_ns)
