"""Watches a trial: whether the proofs have come, or its time is over.

The proofs: windows were scored since it began, or the schedule rests; the watchdog is fed; and the broker has taken a
message that was written after it began. They count from a tenth of the time on: what goes wrong at once is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_PART = 0.1


@dataclass(frozen=True, slots=True)
class TrialProofs:
    """What is known of the time since a trial began.

    Attributes:
        hears: windows were scored, or the schedule says that none should be.
        fed: the watchdog is met.
        reached: the broker has acknowledged a message of the trial.
        laid: what was set is in force; the file may have been changed meanwhile so that it cannot be.
    """

    hears: bool
    fed: bool
    reached: bool
    laid: bool = True

    @property
    def lacking(self) -> str:
        """What is missing, for people; empty if nothing is."""
        found = {
            "no window was scored": self.hears,
            "the watchdog was not met": self.fed,
            "the broker was not reached": self.reached,
            "it was not in force": self.laid,
        }
        return ", ".join(text for text, there in found.items() if not there)


def trial_ended(age_s: float, limit_s: float, proofs: TrialProofs) -> str | None:
    """Whether a trial has ended: None while it goes on, empty if well, else why it has not.

    Args:
        age_s: since it began, seconds.
        limit_s: in which the proofs must come, seconds.
        proofs: so far.
    """
    lacking = proofs.lacking
    if not lacking and age_s >= FIRST_PART * limit_s:
        return ""
    return f"within {limit_s:g} s {lacking}" if age_s >= limit_s else None
