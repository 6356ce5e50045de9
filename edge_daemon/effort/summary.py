"""The effort of a period in one document, and as a table of spans.

The parts add up: listened + lost + clock correction + unaccounted = period. "Unaccounted" is what no session
covers: before the first one, after the last one, or rows lost with a damaged disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TextIO, get_args

from pydantic import ConfigDict, Field

from edge_daemon.audio.source import GapCause
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.clock.utc import Utc, utc_text
from edge_daemon.documents.document import Document, DocumentPart
from edge_daemon.effort.spans import Session, Span
from edge_daemon.system.printable import CsvRows

_COLUMNS = (
    *("session", "device", "source", "rate_hz", "begin_utc", "end_utc"),
    *("seconds", "start_sample", "samples", "kind", "cause", "clock"),
)


class EffortGap(DocumentPart):
    """All gaps of one cause."""

    cause: str = Field(description=f"One of: {', '.join(get_args(GapCause))}.")
    count: int = Field(ge=1, description="Number of gaps that touch the period.")
    seconds: float = Field(description="Their length within the period, seconds; negative for a clock set back.")
    samples: int = Field(description="The same in samples of the stream.")


class EffortSummary(Document):
    """What a device listened to in a period, and what it missed."""

    model_config = ConfigDict(
        title="Effort",
        json_schema_extra={
            "examples": [
                {
                    "schema": "edge_daemon.effort/1",
                    "device": "buoy-7",
                    "begin_utc": "2026-03-29T12:00:00.000000Z",
                    "end_utc": "2026-03-29T13:00:00.000000Z",
                    "period_s": 3600.0,
                    "listened_s": 3557.9,
                    "listened_samples": 7115800,
                    "lost_s": 42.1,
                    "clock_correction_s": 0.0,
                    "unaccounted_s": 0.0,
                    "gaps": [{"cause": "device_absent", "count": 1, "seconds": 42.1, "samples": 84200}],
                    "clock": "synchronised",
                    "sessions": 1,
                }
            ],
        },
    )

    schema_: Literal["edge_daemon.effort/1"] = Field(
        default="edge_daemon.effort/1", alias="schema", description="Name and version of this schema."
    )
    device: str = Field(description="Identity of the device, as configured.")
    begin_utc: Utc = Field(description="Begin of the period, ISO 8601.")
    end_utc: Utc = Field(description="End of the period, ISO 8601.")
    period_s: float = Field(ge=0, description="Length of the period, seconds.")
    listened_s: float = Field(ge=0, description="Sound analysed, seconds.")
    listened_samples: int = Field(ge=0, description="Sound analysed, samples.")
    lost_s: float = Field(ge=0, description="Sound missed, seconds: all gaps but clock steps.")
    clock_correction_s: float = Field(description="Sum of the steps of the clock, seconds, + when it was set forward.")
    unaccounted_s: float = Field(
        description="Rest of the period: before the first session, after the last, or lost with a damaged ledger."
    )
    gaps: tuple[EffortGap, ...] = Field(description="Gaps by cause, longest first.")
    clock: Literal["synchronised", "holdover", "unsynchronised"] | None = Field(
        description="The least certain state of the clock in the period; null if there was no session."
    )
    sessions: int = Field(ge=0, description="Number of sessions that touch the period.")


def clipped(span: Span, since_ns: int, until_ns: int) -> tuple[int, int]:
    """The part of a span in [since, until): nanoseconds and samples, both negative for a clock set back.

    Samples are in proportion to time, rounded so that the parts of a span on both sides of a moment add up to it.
    """
    first, last = sorted((span.begin_utc_ns, span.end_utc_ns))
    low, high = max(first, since_ns), min(last, until_ns)
    if high <= low:
        return 0, 0
    sign = 1 if span.end_utc_ns >= span.begin_utc_ns else -1
    length, size = last - first, abs(span.samples)
    return sign * (high - low), sign * ((high - first) * size // length - (low - first) * size // length)


def summarise(entries: Iterable[tuple[Session, Span]], since_ns: int, until_ns: int, device: str) -> EffortSummary:
    """Effort in [since, until), UTC in ns, from the spans that touch it."""
    listened_ns = listened_samples = lost_ns = correction_ns = 0
    gaps: dict[str, list[int]] = {}
    sessions: set[str] = set()
    states: set[str] = set()
    for session, span in entries:
        length_ns, samples = clipped(span, since_ns, until_ns)
        if length_ns == 0:
            continue
        if span.cause is None:
            listened_ns += length_ns
            listened_samples += samples
        elif span.cause == "clock_step":
            correction_ns += length_ns
        else:
            lost_ns += length_ns
        if span.cause is not None:
            total = gaps.setdefault(span.cause, [0, 0, 0])
            total[:] = [total[0] + 1, total[1] + length_ns, total[2] + samples]
        if span.start is not None:
            sessions.add(session.id)
            states.add(span.clock)
    period_ns = until_ns - since_ns
    worst = [state for state in ("unsynchronised", "holdover", "synchronised") if state in states]
    return EffortSummary.model_validate(
        {
            "device": device,
            "begin_utc": utc_text(since_ns),
            "end_utc": utc_text(until_ns),
            "period_s": _seconds(period_ns),
            "listened_s": _seconds(listened_ns),
            "listened_samples": listened_samples,
            "lost_s": _seconds(lost_ns),
            "clock_correction_s": _seconds(correction_ns),
            "unaccounted_s": _seconds(period_ns - listened_ns - lost_ns - correction_ns),
            "gaps": [
                {"cause": cause, "count": count, "seconds": _seconds(length_ns), "samples": samples}
                for cause, (count, length_ns, samples) in sorted(gaps.items(), key=lambda item: -abs(item[1][1]))
            ],
            "clock": worst[0] if worst else None,
            "sessions": len(sessions),
        }
    )


def write_csv(entries: Iterable[tuple[Session, Span]], file: TextIO) -> None:
    """One line per span, with a heading; `kind` is "listened" or "gap", seconds and samples are its length."""
    writer = CsvRows(file)
    writer.writerow(_COLUMNS)
    for session, span in entries:
        writer.writerow(
            [
                session.id,
                session.device,
                session.source,
                session.rate,
                utc_text(span.begin_utc_ns),
                utc_text(span.end_utc_ns),
                f"{(span.end_utc_ns - span.begin_utc_ns) / SECOND_NS:.6f}",
                "" if span.start is None else span.start,
                span.samples,
                "listened" if span.cause is None else "gap",
                span.cause or "",
                span.clock,
            ]
        )


def _seconds(length_ns: int) -> float:
    return round(length_ns / SECOND_NS, 6)
