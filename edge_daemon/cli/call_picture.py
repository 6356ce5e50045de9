"""A call on a terminal: its contour as a line of blocks, its thumbnail as rows of shades."""

from __future__ import annotations

import json
from typing import Any

BLOCKS = "▁▂▃▄▅▆▇█"
SHADES = " .:-=+*#%@"
MOST_POINTS = 64
"""Of a contour; longer ones are thinned out."""
MARGIN = 25  # columns: below the first field of a detection's line


def call_lines(topic: str, payload: bytes) -> list[str]:
    """What a message shows besides its line: of a detection the contour, of a thumbnail the picture; else nothing.

    Args:
        topic, payload: the message, which may hold anything.
    """
    subject = topic.rpartition("/")[2]
    try:
        if subject == "detections":
            return contour_lines(json.loads(payload))
        if subject == "thumbnails":
            return thumbnail_lines(json.loads(payload))
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, OverflowError, RecursionError):
        pass  # the message's own line says that it is not understood, or the call is not known
    return []


def contour_lines(document: dict[str, Any]) -> list[str]:
    """The contour between its lowest and highest frequency, with length and level; nothing without one."""
    call, contour = document.get("call"), document.get("contour")
    if not call or not contour:
        return []
    hz = [float(one) for one in contour["hz"]]
    thin = -(-len(hz) // MOST_POINTS)
    low, high = min(hz), max(hz)
    blocks = "".join(BLOCKS[round((one - low) / max(1.0, high - low) * (len(BLOCKS) - 1))] for one in hz[::thin])
    part = f", call {call['number']} of {call['of']}" if call["of"] > 1 else ""
    facts = f"{call['end_s'] - call['begin_s']:.2f} s, {call['above_background_db']:.0f} dB above the background{part}"
    return [f"{'':{MARGIN}}{low:.0f} Hz {blocks} {high:.0f} Hz  {facts}"]


def thumbnail_lines(document: dict[str, Any]) -> list[str]:
    """The picture, highest frequency first."""
    from edge_daemon.detection.thumbnail import Thumbnail

    shown = Thumbnail.model_validate(document)
    lines = []
    for number, row in reversed(list(enumerate(shown.levels()))):
        shades = "".join(SHADES[level * (len(SHADES) - 1) // 15] for level in row)
        lines.append(f"{shown.low_hz + number * shown.step_hz:{MARGIN - 4}.0f} Hz {shades}")
    return lines
