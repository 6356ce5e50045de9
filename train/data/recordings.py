"""Long recordings with Raven selection tables: calls are cut from selections, the rest from elsewhere.

`train.data.marks` says which recordings, and what in them was listened to. Windows without a call come from the
listened-to time, clear of every selection; selections that the analyst called something else are windows without a
call, too: the most useful ones, where they are clear of calls.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from train.data.dataset import DataError, Dataset
from train.data.labelled_clips import LabelledSound, read_sounds
from train.data.listened import LISTENED
from train.data.marks import read_marks
from train.data.recording_index import RecordingIndex, by_time
from train.data.span import Span

CLEARANCE_S = 0.5
"""A window without a call stays this far from every selection: analysts' edges are no better."""
JITTER_S = 0.25
"""A call is cut up to so far off the window's middle, as a detector's windows meet it."""


def read_recordings(
    folder: Path,
    samples: int,
    rate: int,
    rng: np.random.Generator,
    negatives_per_call: float = 2.0,
    call_words: Collection[str] | None = None,
    channel: int = 0,
) -> Dataset:
    """Cuts windows out of recordings.

    Args:
        folder: recordings and tables, in any sub-folders.
        samples: samples in a window at `rate`.
        rate: samples per second.
        rng: draws the places of windows without a call, and the jitter of those with one.
        negatives_per_call: windows without a call for each with one, as far as there is room; where no recording has
            a call, all the room is used.
        call_words: annotations that mean a call; None takes the known ones (`train.data.call_annotations`).
        channel: which channel, from 0.

    Raises:
        DataError: no tables, a recording that is missing, or annotations of which it is not clear whether they mean a
            call.
    """
    index, length_s = RecordingIndex(folder), samples / rate
    notes: list[str] = []
    marked = read_marks(folder, index, call_words, channel=channel, report=notes.append)
    calls: list[LabelledSound] = []
    others: list[LabelledSound] = []
    shared = 0
    free: list[LabelledSound] = []
    for recording in marked:
        path, duration_s = recording.path, recording.duration_s
        for mark in recording.marks:
            middle_s = (mark.begin_s + mark.end_s) / 2.0 + rng.uniform(-JITTER_S, JITTER_S)
            begin_s = _within(middle_s - length_s / 2, duration_s - length_s)
            if mark.call:
                calls.append(LabelledSound(path, begin_s, 1))
            elif _clear(begin_s, begin_s + length_s, recording.calls + recording.elsewhere):
                others.append(LabelledSound(path, begin_s, 0))
            else:
                shared += 1
        spans = [(mark.begin_s, mark.end_s) for mark in recording.marks] + list(recording.elsewhere)
        taken = [(begin_s - CLEARANCE_S, end_s + CLEARANCE_S) for begin_s, end_s in spans]
        free += [LabelledSound(path, begin_s, 0) for begin_s in free_windows(recording.heard, taken, length_s, rng)]
    wanted = max(round(negatives_per_call * len(calls)) - len(others), 0) if calls else len(free)
    chosen = [free[place] for place in rng.permutation(len(free))[:wanted]]
    sounds = sorted(calls + others + chosen, key=lambda sound: (by_time(sound.path), sound.begin_s or 0.0))
    if not sounds:
        raise DataError(f"{folder}: no window fits into the listened-to time.", f"Check {LISTENED} and the tables.")
    unheard = len(index.paths) - len(marked)
    if unheard:
        notes.append(f"{unheard} recordings without a selection table were not used.")
    if shared:
        notes.append(f"{shared} selections of other sounds were left out: a call is in or near their window.")
    if len(chosen) < wanted:
        notes.append(f"{wanted} windows without a call were requested, but only {len(chosen)} fit.")
    return replace(read_sounds(folder, sounds, samples, rate, channel), notes=tuple(notes))


def _within(begin_s: float, latest_s: float) -> float:
    return min(max(begin_s, 0.0), max(latest_s, 0.0))


def _clear(begin_s: float, end_s: float, calls: Sequence[Span]) -> bool:
    """Whether a window stays clear of all calls."""
    return all(end_s <= begin - CLEARANCE_S or begin_s >= end + CLEARANCE_S for begin, end in calls)


def free_windows(
    heard: Sequence[Span], taken: Sequence[Span], length_s: float, rng: np.random.Generator
) -> list[float]:
    """Begins of windows that lie in listened-to time, touch nothing taken and do not overlap.

    Args:
        heard: (begin, end) in seconds of what was listened to.
        taken: (begin, end) of what must stay out.
        length_s: length of a window.
        rng: shifts the windows of each free stretch by a random part of what is left over.

    Returns:
        begins in seconds, in order.
    """
    begins: list[float] = []
    for begin, end in sorted(heard):
        at = begin
        for stop, resume in [*sorted(span for span in taken if span[1] > begin and span[0] < end), (end, end)]:
            count = int((min(stop, end) - at) / length_s)
            if count > 0:
                shift = rng.uniform(0.0, min(stop, end) - at - count * length_s)
                begins += [at + shift + number * length_s for number in range(count)]
            at = max(at, resume)
    return begins
