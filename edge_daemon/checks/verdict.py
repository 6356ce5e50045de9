"""The outcome of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes:
        name: what was checked.
        state: `ok`; `warning`: works, but think about it; `failed`; `skipped`: not asked for by the configuration.
        text: what was found, for a person.
        hint: what to do about it, or empty.
    """

    name: str
    state: Literal["ok", "warning", "failed", "skipped"]
    text: str
    hint: str = ""
