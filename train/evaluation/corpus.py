"""Recordings as one body of sound, in minutes: what intervals resample, for calls and songs come in bouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from train.data.dataset import DataError
from train.data.span import Span
from train.data.whole_recordings import JudgedRecording

MINUTE_S = 60.0


@dataclass(frozen=True)
class Corpus:
    """Recordings and the minutes in which somebody listened to them.

    A call or an event belongs to the minute in which its middle lies; those in no minute were not listened to and do
    not count. A call that does not count stays among its recording's calls: an event there is not false.

    Attributes:
        recordings: each file once.
        minute_recording: int64 [minutes], the recording that each is of, ascending.
        minutes_s: float64 [minutes, 2], begin and end of each within its recording; the last of a span is shorter.
        call_recording: int64 [calls], the recording that each is in, ascending.
        calls_s: float64 [calls, 2], begin and end.
        call_minute: int64 [calls].
    """

    recordings: tuple[JudgedRecording, ...]
    minute_recording: NDArray[np.int64]
    minutes_s: NDArray[np.float64]
    call_recording: NDArray[np.int64]
    calls_s: NDArray[np.float64]
    call_minute: NDArray[np.int64]

    @classmethod
    def of(cls, recordings: Sequence[JudgedRecording]) -> Self:
        """Cut recordings into minutes.

        Raises:
            DataError: a file is there twice, or there is no call in what was listened to.
        """
        paths = [recording.path.resolve() for recording in recordings]
        for place, path in enumerate(paths):
            if path in paths[:place]:
                raise DataError(f"{path} is given twice.", "Name each recording once, with calls or as quiet.")
        minutes = [(number, minute) for number, found in enumerate(recordings) for minute in _minutes(found)]
        calls = [(number, call) for number, found in enumerate(recordings) for call in found.calls]
        minute_recording, minutes_s = _columns(minutes)
        call_recording, calls_s = _columns(calls)
        whole = cls(tuple(recordings), minute_recording, minutes_s, call_recording, calls_s, call_recording)
        parts = [whole.minutes_at(number, calls_s[whole.calls_in(number)]) for number in range(len(recordings))]
        minute = np.concatenate(parts) if parts else call_recording
        heard = minute >= 0
        if not heard.any():
            why = f": none of {len(heard)} has its middle in what was listened to" if len(heard) else ""
            raise DataError(
                f"The recordings contain no marked call{why}.", "Give --calls with recordings that have some."
            )
        return cls(whole.recordings, minute_recording, minutes_s, call_recording[heard], calls_s[heard], minute[heard])

    @cached_property
    def minute_hours(self) -> NDArray[np.float64]:
        """Length of each minute in hours, float64 [minutes]."""
        hours: NDArray[np.float64] = (self.minutes_s[:, 1] - self.minutes_s[:, 0]) / 3600.0
        return hours

    @cached_property
    def minute_kind(self) -> NDArray[np.str_]:
        """Kind of each minute's recording, str [minutes]."""
        return np.array([recording.kind for recording in self.recordings])[self.minute_recording]

    @property
    def unheard(self) -> int:
        """Marked calls that do not count: their middle is in nothing that somebody listened to."""
        return sum(len(recording.calls) for recording in self.recordings) - len(self.calls_s)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of recordings, in the order in which they were given."""
        return tuple(dict.fromkeys(recording.kind for recording in self.recordings))

    def calls_in(self, number: int) -> slice:
        """Where the calls of a recording are among all calls."""
        first, last = np.searchsorted(self.call_recording, (number, number + 1))
        return slice(int(first), int(last))

    def minutes_at(self, number: int, spans_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """The minutes in which spans of a recording have their middles.

        Args:
            number: of the recording.
            spans_s: float64 [N, 2], begins and ends.

        Returns:
            int64 [N], −1 where nobody listened.
        """
        first, last = np.searchsorted(self.minute_recording, (number, number + 1))
        middle = spans_s.mean(axis=1)
        minute = first - 1 + np.searchsorted(self.minutes_s[first:last, 0], middle, side="right")
        inside = (minute >= first) & (middle <= self.minutes_s[np.maximum(minute, 0), 1])
        return np.where(inside, minute, -1)


def _columns(rows: Sequence[tuple[int, Span]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    numbers = np.array([number for number, _ in rows], np.int64)
    return numbers, np.array([span for _, span in rows], np.float64).reshape(-1, 2)


def _minutes(recording: JudgedRecording) -> list[Span]:
    """What was listened to, cut into minutes; what two spans share counts once."""
    minutes: list[Span] = []
    for begin, end in sorted(recording.heard):
        first = max(begin, minutes[-1][1]) if minutes else begin
        minutes += [(float(at), min(float(at) + MINUTE_S, end)) for at in np.arange(first, end, MINUTE_S)]
    return minutes
