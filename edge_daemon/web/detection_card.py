"""What a card shows of a detection's document; the script `card.js` draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def detection_card(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a card that is the document's.

    Args:
        document: of a detection, as JSON has it; fields with defaults may be missing.

    Raises:
        KeyError, TypeError: it is none.
    """
    begin, end, call, contour = document["begin_s"], document["end_s"], document.get("call"), document.get("contour")
    box = [begin, end, document.get("low_hz"), document.get("high_hz")]
    if call is not None and call["end_s"] > 0:  # as `Detection.box`
        box = [max(0.0, call["begin_s"]), call["end_s"], call["low_hz"], call["high_hz"]]
    level = document.get("received_level")
    return {
        "id": document["id"],
        "label": document["label"],
        "clock": document["clock"],
        "begin": begin,
        "end": end,
        "peak": document["peak_score"],
        "mean": document["mean_score"],
        "windows": document["windows"],
        "low": document.get("low_hz"),
        "high": document.get("high_hz"),
        "level": None if level is None else level["rms_db"],
        "gaps": bool(document.get("gaps")),
        "box": box,
        "contour": None if contour is None else [contour["begin_s"], contour["step_s"], list(contour["hz"])],
        "picture": None,
        "sound": None,
        "clip": document.get("clip"),
        "lost": None,
        "said": [],
    }


def picture_card(document: Mapping[str, Any], levels: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The part of a card that is its thumbnail's.

    Args:
        document: of the thumbnail, as JSON has it.
        levels: rows of its cells, 0 … 15, the lowest first.
    """
    return {
        "begin": document["begin_s"],
        "step": document["step_s"],
        "low": document["low_hz"],
        "stepHz": document["step_hz"],
        "levels": levels,
        "columns": len(levels[0]),
    }
