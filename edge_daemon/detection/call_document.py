"""The call in a detection's document: its figures, its contour, and the box around it."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from edge_daemon.detection.contour.call import TrackedCall
from edge_daemon.documents.document import DocumentPart


class Box(NamedTuple):
    """What an analyst selects: times on the scale of `begin_s`, frequencies where they are known."""

    begin_s: float
    end_s: float
    low_hz: float | None
    high_hz: float | None


class Call(DocumentPart):
    """The call itself, as its pitch was followed within the event."""

    begin_s: float = Field(description="Begin of the call, seconds on the scale of the detection's begin_s.")
    end_s: float = Field(description="End of the call, likewise; its duration is end_s − begin_s.")
    start_hz: float = Field(ge=0, description="Fundamental frequency at its begin, Hz.")
    end_hz: float = Field(ge=0, description="Fundamental frequency at its end, Hz.")
    low_hz: float = Field(ge=0, description="Lowest fundamental frequency, Hz.")
    high_hz: float = Field(ge=0, description="Highest fundamental frequency, Hz.")
    peak_hz: float = Field(ge=0, description="Fundamental frequency where the call stood out most, Hz.")
    slope_hz_s: float = Field(description="From start to end, Hz per second; above 0 it rises.")
    above_background_db: float = Field(
        description="Mean power on the contour over what each band shows most of the time around the call, dB, in"
        " frames of an eighth of a second."
    )
    received_level_db: float | None = Field(
        default=None,
        description="Root-mean-square level over the call in its own band, dB re 1 µPa, of a calibrated hydrophone.",
    )
    number: int = Field(default=1, ge=1, description="Which call of its event this is, in order of time.")
    of: int = Field(
        default=1,
        ge=1,
        description="Calls that the event held: each is a detection, with the scores of its own windows.",
    )


class Contour(DocumentPart):
    """The pitch of the call over time: a frequency for each step."""

    begin_s: float = Field(description="Time of the first frequency, seconds on the scale of the detection's begin_s.")
    step_s: float = Field(gt=0, description="Seconds from one frequency to the next.")
    hz: tuple[int, ...] = Field(min_length=2, description="Fundamental frequencies, Hz.")


def call_documents(
    call: TrackedCall, event_begin: int, rate: int, full_scale_db: float | None, number: int, of: int
) -> tuple[Call, Contour]:
    """A tracked call as documents have it.

    Args:
        call: samples counted from the event's begin.
        event_begin: first sample of the event.
        rate: samples per second.
        full_scale_db: level of a full-scale sample, dB re 1 µPa, or None without calibration.
        number: which call of its event it is.
        of: how many there are.
    """
    calibrated = full_scale_db is not None and call.level_db is not None
    figures = Call(
        begin_s=(event_begin + call.begin) / rate,
        end_s=(event_begin + call.end) / rate,
        start_hz=call.hz[0],
        end_hz=call.hz[-1],
        low_hz=call.low_hz,
        high_hz=call.high_hz,
        peak_hz=call.peak_hz,
        slope_hz_s=round(call.slope_hz_s(rate), 1),
        above_background_db=call.above_background_db,
        received_level_db=round((full_scale_db or 0.0) + (call.level_db or 0.0), 1) if calibrated else None,
        number=number,
        of=of,
    )
    contour = Contour(
        begin_s=(event_begin + call.first) / rate, step_s=call.step / rate, hz=tuple(round(hz) for hz in call.hz)
    )
    return figures, contour
