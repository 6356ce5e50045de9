"""What a replay says about recordings that follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_daemon.replay.plan import ReplayPlan, SeamCount


def stream_lines(plan: ReplayPlan) -> list[str]:
    """Closing lines: what was heard together, and where a recorder's recordings do not meet."""
    lines = []
    if plan.streams:
        streams = "one stream" if plan.streams == 1 else f"{plan.streams:,} streams"
        lines.append(
            f"{plan.joined:,} recordings follow each other without a gap: heard as {streams} (--no-join: each alone)."
        )
    if plan.gaps.number:
        lines.append(f"Not recorded, between recordings of one recorder: {_count(plan.gaps, 'gap')}.")
    if plan.overlaps.number:
        lines.append(f"Recorded twice, by names and lengths: {_count(plan.overlaps, 'overlap')}.")
    return lines


def _count(seams: SeamCount, noun: str) -> str:
    if seams.number == 1:
        return f"1 {noun}, {_length(seams.seconds)} before {seams.name}"
    total, longest = _length(seams.seconds), _length(seams.longest_s)
    return f"{seams.number:,} {noun}s, {total} together, the longest {longest} before {seams.name}"


def _length(seconds: float) -> str:
    """A length with what matters: `1.5 s`, `0:50:00`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
