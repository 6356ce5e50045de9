"""The recordings of a mixture, each loaded once, without those that are kept aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.data.dataset import DataError
from train.data.mixture.mixture import Mixture
from train.data.sound_file import read_window
from train.data.span import Span
from train.data.whole_recordings import CALLS, JudgedRecording, fits, marked_recordings, quiet_recordings, with_doubtful


@dataclass(frozen=True)
class Source:
    """One recording.

    Attributes:
        recording: where it lies, and its calls.
        sound: float32 [samples] at the models' rate.
        weight: of its windows in the loss.
        hop_s: from window to window.
        laid: its sounds are laid into others' noise, as windows without a call.
    """

    recording: JudgedRecording
    sound: NDArray[np.float32]
    weight: float
    hop_s: float
    laid: bool = False

    @property
    def calls(self) -> tuple[Span, ...]:
        """Begin and end of each call, seconds."""
        return self.recording.calls

    @property
    def kind(self) -> str:
        """What sounds there."""
        return self.recording.kind


def read_sources(
    mixture: Mixture,
    rate: int,
    channel: int,
    aside: Sequence[str],
    *,
    only_aside: bool = False,
    report: Callable[[str], object],
) -> list[Source]:
    """Read the recordings of a mixture.

    Args:
        mixture: what it is made of.
        rate: samples per second wanted.
        channel: which channel of the files, from 0.
        aside: patterns of names (`folder/file`, `*` stands for any letters) that are left out.
        only_aside: read those instead.
        report: told what is odd about marks.

    Raises:
        DataError: a recording cannot be read, or a pattern fits none.
    """
    listed: list[tuple[JudgedRecording, float, float, bool]] = []
    for part in mixture.marked:
        found = marked_recordings(
            [part.calls], part.recordings, part.call_labels or None, channel=channel, report=report
        )
        if part.doubtful is not None:
            found = with_doubtful(found, part.doubtful, report)
        listed += [(recording, part.weight, mixture.hop_s, False) for recording in found]
    for quiet in mixture.quiet:
        if quiet.kind == CALLS:
            raise DataError(f"A kind of quiet recordings is called {CALLS!r}.", "Call it by what sounds there.")
        found = quiet_recordings({quiet.kind: quiet.folders})
        listed += [(recording, quiet.weight, quiet.hop_s or mixture.hop_s, quiet.laid) for recording in found]
    _see_that_each_is_there_once(mixture.name, [recording for recording, *_ in listed])
    names = [recording.name for recording, *_ in listed]
    for pattern in aside:
        if not any(fits(name, [pattern]) for name in names):
            raise DataError(
                f"No recording of {mixture.name} is called {pattern!r}.",
                "A name is a folder and a file; * stands for any letters.",
            )
    kept = [entry for entry in listed if fits(entry[0].name, aside) == only_aside]
    return [
        Source(
            recording,
            read_window(recording.path, 0.0, round(recording.duration_s * rate), rate, channel),
            weight,
            hop_s,
            laid,
        )
        for recording, weight, hop_s, laid in kept
    ]


def _see_that_each_is_there_once(mixture: str, recordings: Sequence[JudgedRecording]) -> None:
    """A recording without calls is none of those with marked calls: its windows would be called both."""
    kinds: dict[Path, str] = {}
    for recording in recordings:
        before = kinds.setdefault(recording.path.resolve(), recording.kind)
        if before != recording.kind:
            raise DataError(
                f"{mixture}: {recording.path} is among the recordings of {before} and of {recording.kind}.",
                "Name it once.",
            )
