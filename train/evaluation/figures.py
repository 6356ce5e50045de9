"""The figures of one set of rules on a part of the recordings: recall, false events an hour, and both in detail."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from train.data.whole_recordings import CALLS
from train.evaluation.corpus import Corpus
from train.evaluation.interval import Estimate, rate, share
from train.evaluation.tally import RulesTally

SNR_EDGES_DB = (-np.inf, 0.0, 5.0, 10.0, np.inf)


@dataclass(frozen=True, slots=True)
class RecordingFigures:
    """One recording: its calls, how many were found, and false events."""

    recording: str
    kind: str
    hours: float
    calls: int
    found: int
    false_events: int


@dataclass(frozen=True, slots=True)
class SnrFigures:
    """Recall of the calls whose signal-to-noise ratio is from `low_db` up to, not including, `high_db`."""

    low_db: float | None
    high_db: float | None
    recall: Estimate


@dataclass(frozen=True, slots=True)
class Figures:
    """What rules give on a part of the recordings.

    Attributes:
        recall: share of the calls that an event shares time with.
        recall_one_to_one: the same, each event used for one call at most.
        false_per_hour: false events an hour, by kind of recording.
        by_snr: recall by signal-to-noise ratio; calls without one are left out.
        by_recording: each recording.
    """

    recall: Estimate
    recall_one_to_one: Estimate
    false_per_hour: dict[str, Estimate]
    by_snr: tuple[SnrFigures, ...]
    by_recording: tuple[RecordingFigures, ...]


def figures_of(corpus: Corpus, found: RulesTally, snr_db: NDArray[np.float64], part: NDArray[np.bool_]) -> Figures:
    """Figures on a part of the recordings.

    Args:
        corpus: what was tallied.
        found: what the rules gave.
        snr_db: float64 [calls].
        part: bool [recordings].
    """
    minutes, own = part[corpus.minute_recording], part[corpus.call_recording]
    kinds = {kind: minutes & (corpus.minute_kind == kind) for kind in corpus.kinds}
    return Figures(
        recall_of(corpus, found.found, own, minutes),
        recall_of(corpus, found.paired, own, minutes),
        {kind: rate(found.false[at], corpus.minute_hours[at]) for kind, at in kinds.items() if at.any()},
        tuple(
            SnrFigures(
                float(low) if np.isfinite(low) else None,
                float(high) if np.isfinite(high) else None,
                recall_of(corpus, found.found, own & (snr_db >= low) & (snr_db < high), minutes),
            )
            for low, high in pairwise(SNR_EDGES_DB)
        ),
        tuple(_recording(corpus, found, number) for number in np.flatnonzero(part).tolist()),
    )


def recall_of(
    corpus: Corpus, found: NDArray[np.bool_], calls: NDArray[np.bool_], minutes: NDArray[np.bool_]
) -> Estimate:
    """The share of some calls that were found.

    Args:
        corpus: the recordings.
        found: bool [calls], found ones.
        calls: bool [calls], those that count.
        minutes: bool [minutes], those that count; resampled are those of recordings with marked calls.
    """
    marked = minutes & (corpus.minute_kind == CALLS)
    each, those = (np.bincount(corpus.call_minute[at], minlength=len(minutes)) for at in (calls, calls & found))
    return share(those[marked], each[marked])


def _recording(corpus: Corpus, found: RulesTally, number: int) -> RecordingFigures:
    minutes, calls = corpus.minute_recording == number, corpus.calls_in(number)
    return RecordingFigures(
        corpus.recordings[number].name,
        corpus.recordings[number].kind,
        float(corpus.minute_hours[minutes].sum()),
        calls.stop - calls.start,
        int(found.found[calls].sum()),
        int(found.false[minutes].sum()),
    )
