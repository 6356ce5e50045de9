"""What a receiver says: a fix, or that it has none, or something that cannot be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_daemon.position.position import FixType

Doubt = Literal[
    "malformed", "zero", "uncertain", "guessed", "date", "ahead", "late", "repeated", "backwards", "jump", "confirming"
]
"""Why a fix is not believed; health counts by it."""

Lack = Literal["no_fix", "unplugged"]


@dataclass(frozen=True, slots=True)
class Fix:
    """A position with its time.

    Attributes:
        latitude: degrees north.
        longitude: degrees east.
        utc_ns: when it was there by the receiver, ns since 1970 UTC.
        type: how good the receiver calls it.
        accuracy_m: its estimate of the horizontal error, metres, if it has one.
    """

    latitude: float
    longitude: float
    utc_ns: int
    type: FixType
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class NoFix:
    """The receiver knows no position.

    Attributes:
        state: `no_fix`: it sees too few satellites; `unplugged`: it is not there.
        reason: for people.
    """

    state: Lack
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What came is not believed.

    Attributes:
        doubt: the kind.
        reason: for people.
    """

    doubt: Doubt
    reason: str


Reading = Fix | NoFix | Refusal
"""What a line of a receiver says."""


@dataclass(frozen=True, slots=True)
class DatedFix:
    """A fix that is believed.

    Attributes:
        fix: it.
        moment_ns: monotonic time at which the device was there, ns.
        afresh: what was known before does not lead to it.
    """

    fix: Fix
    moment_ns: int
    afresh: bool = False
