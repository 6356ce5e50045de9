"""The proof of the clock, kept on disk: what says whether anything may be deleted for its age."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict
from pathlib import Path

from edge_daemon.clock.clock_proof import ClockProof, ProofRecord
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.storage.atomic_file import whole_file
from edge_daemon.system.regular_file import content

log = logging.getLogger(__name__)

LOOK_EVERY_NS = 60 * SECOND_NS
WRITE_EVERY_NS = 3600 * SECOND_NS


class ProvenClock:
    """Looks at the clocks now and then; the thread of the disk drives it.

    Args:
        path: the file of the record.
        boot_id: of this boot.
        times: how far the clock is to be believed now.
        time: the clocks.
    """

    def __init__(self, path: Path, boot_id: str, times: SampleTime, time: TimeSource) -> None:
        self._path, self._boot_id, self._times, self._time = path, boot_id, times, time
        self._proof: ClockProof | None = None  # until the record has been read
        self._look_due_ns = self._write_due_ns = time.monotonic_ns()

    @property
    def doubt_s(self) -> float:
        """How much of UTC is a leap that has not been proven since, seconds."""
        return 0.0 if self._proof is None else self._proof.doubt_s

    @property
    def proven(self) -> bool:
        """Whether an age was to be believed at the last look."""
        return self._proof is not None and self._proof.proven

    def believes_now(self) -> bool:
        """Whether an age is to be believed at this moment, a leap that nobody has noticed yet included."""
        self._look()
        return self._times.trusts_now and self.proven

    def tick(self) -> None:
        """Look, if it is time to, and keep what was seen."""
        if self._time.monotonic_ns() >= self._look_due_ns:
            self._look()

    def _look(self) -> None:
        if self._proof is None:
            self._proof = ClockProof(self._boot_id, read_record(self._path))
        proof, now_ns = self._proof, self._time.monotonic_ns()
        self._look_due_ns = now_ns + LOOK_EVERY_NS
        trusted = self._times.state == "synchronised" and self._times.trusts_now
        # UTC is read last: one that was set after it had been trusted is a leap, of which the next look tells
        leapt = proof.look(self._time.utc_ns(), now_ns, synchronised=trusted)
        if leapt and proof.doubt_s:
            log.warning("the clock has leapt; nothing is deleted for its age", extra={"doubt_s": round(proof.doubt_s)})
        if proof.record is not None and (leapt or now_ns >= self._write_due_ns):
            self._write_due_ns = now_ns + WRITE_EVERY_NS
            self._write(proof.record)

    def _write(self, record: ProofRecord) -> None:
        try:
            with whole_file(self._path) as file:
                json.dump(asdict(record), file)
        except StorageError:
            return  # the proof is shorter by an hour after a restart


def read_record(path: Path) -> ProofRecord | None:
    """The record in a file; None if there is none that makes sense, and the proof begins anew."""
    try:
        found = json.loads(content(path))
        record = ProofRecord(
            utc_ns=int(found["utc_ns"]),
            monotonic_ns=int(found["monotonic_ns"]),
            boot_id=str(found["boot_id"]),
            steady_s=float(found["steady_s"]),
            doubt_s=float(found["doubt_s"]),
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None
    possible = math.isfinite(record.steady_s) and math.isfinite(record.doubt_s) and record.doubt_s >= 0
    return record if possible and 0 <= record.steady_s <= record.utc_ns / SECOND_NS else None
