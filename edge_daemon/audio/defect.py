"""What is wrong with a recording that is heard all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DefectKind = Literal["header", "cut_short", "damage", "end_missing", "empty", "copy"]


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong.

    Attributes:
        kind: `header`: it says another length than the file has, contradicts itself, or is unlike those of the
            recorder's other recordings; `cut_short`: the end of the
            sound is not in the file; `damage`: sound within it cannot be decoded; `end_missing`: the file ends before
            its format says so, and nobody knows what followed; `empty`: it has a header, but no sound; `copy`: it is
            the same as another recording.
        lost_s: seconds of sound that were not heard because of it; 0 where none or not known.
        sentence: for people.
    """

    kind: DefectKind
    lost_s: float
    sentence: str
