"""What health tells about a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What health tells about a database.

    Attributes:
        state: "closed" before the first use, "open", or "unavailable" since the last attempt failed.
        reason: one sentence on the last failure, empty when none is lasting.
        failures: attempts in a row that failed.
        set_aside: damaged files set aside by this process, oldest first.
        salvaged: rows copied out of them.
        answers: False while a call to the disk has not returned for `ANSWER_S`.
        removed: the open file has been removed and could not be made anew yet: it ends with the process.
        left_behind: rows of a newer version that were not understood and wait for it, by file.
    """

    state: Literal["closed", "open", "unavailable"]
    reason: str
    failures: int
    set_aside: tuple[Path, ...]
    salvaged: int
    answers: bool = True
    removed: bool = False
    left_behind: Mapping[Path, int] = field(default_factory=dict)
