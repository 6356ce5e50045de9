"""How well proven UTC is: for how long it has been kept right and has moved with the monotonic clock.

What is deleted for its age is gone, and an age is a difference of two readings of a clock that a time server sets. One
false answer makes everything years old. So an age counts only when the clock has been right for `PROOF_S`, or for as
long as it has leapt forward, whichever is longer: who says that three years have passed must say so for three years.
A leap back takes as much of the doubt away again.

The monotonic clock ends with the boot. Over a restart of the board UTC alone tells how long it was off; up to `PROOF_S`
that is believed, and counts for nothing.

Time is an argument here, and the record is the caller's to keep on disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_daemon.clock.time_source import SECOND_NS

PROOF_S = 7 * 86_400.0
"""A clock without a leap is proven after this long, seconds."""
LEAP_S = 1.0
"""UTC that moves by more than this against the monotonic clock from one look to the next has been set."""


@dataclass(frozen=True, slots=True)
class ProofRecord:
    """What is known as of the last look, to be kept over restarts.

    Attributes:
        utc_ns, monotonic_ns: what the clocks read.
        boot_id: which boot the monotonic clock belongs to.
        steady_s: for how long UTC had been right, seconds.
        doubt_s: by how much it had leapt forward before, seconds.
    """

    utc_ns: int
    monotonic_ns: int
    boot_id: str
    steady_s: float = 0.0
    doubt_s: float = 0.0


class ClockProof:
    """The proof as it grows.

    Args:
        boot_id: of this boot.
        record: of an earlier process; None if there is none.
    """

    def __init__(self, boot_id: str, record: ProofRecord | None = None) -> None:
        self._boot_id = boot_id
        self.record = record
        """As of the last look; None before the first."""

    def look(self, utc_ns: int, monotonic_ns: int, *, synchronised: bool) -> bool:
        """Look at the clocks; True if UTC has leapt. A clock that is not kept right proves nothing.

        Args:
            utc_ns, monotonic_ns: what they read at this moment.
            synchronised: whether something keeps UTC right now.
        """
        if not synchronised:
            return False
        steady_s, doubt_s, leap_s = 0.0, 0.0, 0.0
        last = self.record
        if last is not None:
            passed_s = (utc_ns - last.utc_ns) / SECOND_NS
            if last.boot_id == self._boot_id and monotonic_ns >= last.monotonic_ns:
                lived_s = (monotonic_ns - last.monotonic_ns) / SECOND_NS
                leap_s = passed_s - lived_s
            else:
                lived_s = 0.0
                leap_s = 0.0 if 0 <= passed_s <= PROOF_S else passed_s
            steady_s, doubt_s = last.steady_s + lived_s, last.doubt_s
            if abs(leap_s) > LEAP_S:
                doubt_s = max(0.0, (0.0 if self.proven else doubt_s) + leap_s)
                steady_s = 0.0
        self.record = ProofRecord(utc_ns, monotonic_ns, self._boot_id, steady_s, doubt_s)
        return abs(leap_s) > LEAP_S

    @property
    def proven(self) -> bool:
        """Whether an age may be believed, as of the last look."""
        return self.record is not None and self.record.steady_s >= max(PROOF_S, self.record.doubt_s)

    @property
    def doubt_s(self) -> float:
        """How much of UTC is a leap that has not been proven since, seconds."""
        return 0.0 if self.record is None or self.proven else self.record.doubt_s
