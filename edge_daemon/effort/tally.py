"""The tally of a period: how much was listened to, and how many calls were found, in few bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from pydantic import ConfigDict, Field

from edge_daemon.clock.utc import Utc
from edge_daemon.documents.document import Document
from edge_daemon.effort.summary import EffortSummary
from edge_daemon.history.entry import HistoryEntry

CLASSES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Lower edges of the classes of scores."""


class PresenceTally(Document):
    """How many calls a device found in a period, and how long it listened."""

    model_config = ConfigDict(
        title="Tally",
        json_schema_extra={
            "examples": [
                {
                    "schema": "edge_daemon.tally/1",
                    "device": "buoy-7",
                    "begin_utc": "2026-03-29T12:00:00.000000Z",
                    "end_utc": "2026-03-29T12:15:00.000000Z",
                    "listened_s": 898.5,
                    "lost_s": 1.5,
                    "detections": 3,
                    "by_score": {"0.7": 1, "0.9": 2},
                    "highest_score": 0.973142,
                    "contours": 3,
                    "clock": "synchronised",
                }
            ],
        },
    )

    schema_: Literal["edge_daemon.tally/1"] = Field(
        default="edge_daemon.tally/1", alias="schema", description="Name and version of this schema."
    )
    device: str = Field(description="Identity of the device, as configured.")
    begin_utc: Utc = Field(description="Begin of the period, ISO 8601.")
    end_utc: Utc = Field(description="End of the period, ISO 8601.")
    listened_s: float = Field(ge=0, description="Sound analysed, seconds.")
    lost_s: float = Field(ge=0, description="Sound missed, seconds; what is left of the period nobody accounts for.")
    detections: int = Field(ge=0, description="Detections that begin in the period.")
    by_score: dict[str, int] = Field(
        description=f"Detections by class of peak_score: its lower edge, one of {', '.join(map(str, CLASSES))}, and how"
        " many; classes without any are left out."
    )
    highest_score: float | None = Field(description="Highest peak_score; null without a detection.")
    contours: int = Field(ge=0, description="Detections whose pitch was followed.")
    clock: Literal["synchronised", "holdover", "unsynchronised"] | None = Field(
        description="The least certain state of the clock in the period; null if nothing was listened to."
    )


def tally(effort: EffortSummary, detections: Iterable[HistoryEntry]) -> PresenceTally:
    """The tally of a period.

    Args:
        effort: of the period.
        detections: that begin in it.
    """
    found = list(detections)
    scores = [entry.score for entry in found if entry.score is not None]
    classes = Counter(max(edge for edge in CLASSES if edge <= score) for score in scores)
    return PresenceTally(
        device=effort.device,
        begin_utc=effort.begin_utc,
        end_utc=effort.end_utc,
        listened_s=round(effort.listened_s, 1),
        lost_s=round(effort.lost_s, 1),
        detections=len(found),
        by_score={f"{edge:g}": count for edge, count in sorted(classes.items())},
        highest_score=max(scores, default=None),
        contours=sum(entry.contour for entry in found),
        clock=effort.clock,
    )
