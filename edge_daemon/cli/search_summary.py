"""What the closing lines of a replay say about files that were found and not replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_daemon.replay.copies import Copy
    from edge_daemon.replay.recordings import Findings

_SHOWN = 5


def search_lines(findings: Findings) -> list[str]:
    """A line each on copies, on files with other endings, and on folders left out; none where there is nothing."""
    lines = []
    lines += _copies([copy for copy in findings.copies if not copy.heard], "Left out as copies of others")
    lines += _copies(
        [copy for copy in findings.copies if copy.heard], "Copies of others, heard because they were named"
    )
    if findings.links:
        lines.append(f"Left out: {_count(findings.links, 'link', 'links')} to recordings that were heard.")
    if findings.endings:
        kinds = sorted(findings.endings.items(), key=lambda kind: (-kind[1], kind[0]))
        text = ", ".join(f"{ending or 'without an ending'} {number:,}" for ending, number in kinds[:_SHOWN])
        more = sum(number for _, number in kinds[_SHOWN:])
        lines.append(
            f"Not tried because of their ending: {_count(sum(findings.endings.values()), 'file', 'files')} ({text}"
            + (f", others {more:,}). " if more else "). ")
            + "edge-daemon cannot find sound in them, or does not know the ending: convert them, or name them outright."
        )
    if findings.rubbish:
        which = _count(findings.rubbish, "folder", "folders")
        lines.append(f"Left out: {which} with deleted files or a system's own files.")
    return lines


def _copies(copies: Sequence[Copy], what: str) -> list[str]:
    if not copies:
        return []
    names = ", ".join(f"{copy.name} (of {copy.of})" for copy in copies[:_SHOWN])
    more = len(copies) - _SHOWN
    return [
        f"{what}: {_count(len(copies), 'recording', 'recordings')}: {names}"
        + (f", and {more:,} more." if more > 0 else ".")
    ]


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
