"""Choosing rules: the most calls found at no more than so many false events an hour, of any kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.evaluation.corpus import Corpus
from train.evaluation.tally import RulesTally


def false_rates(corpus: Corpus, tallies: Sequence[RulesTally], minutes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """False events an hour of each kind of recording, float64 [tallies, kinds].

    Args:
        corpus: what was tallied.
        tallies: of several rules.
        minutes: bool [minutes], those that count; a kind without any is left out.
    """
    false = np.array([found.false for found in tallies]).reshape(len(tallies), len(minutes))
    kinds = (minutes & (corpus.minute_kind == kind) for kind in corpus.kinds)
    return np.stack([false[:, own].sum(axis=1) / corpus.minute_hours[own].sum() for own in kinds if own.any()], axis=1)


def choose(
    corpus: Corpus, tallies: Sequence[RulesTally], limit: float, minutes: NDArray[np.bool_]
) -> RulesTally | None:
    """The rules that find most calls while no kind of recording has more false events an hour than the limit.

    Of equal ones those that tell most calls apart, then those with the fewest false events where they are most, then
    those with the highest threshold.

    Args:
        corpus: what was tallied.
        tallies: of all rules that may be chosen.
        limit: false events an hour.
        minutes: bool [minutes], those that may be looked at.

    Returns:
        the best, or None where all rules make more false events.
    """
    worst = false_rates(corpus, tallies, minutes).max(axis=1)
    calls = minutes[corpus.call_minute]
    within = [(found, rate) for found, rate in zip(tallies, worst.tolist(), strict=True) if rate <= limit + 1e-9]
    if not within:
        return None

    def worth(pair: tuple[RulesTally, float]) -> tuple[int, int, float, float]:
        found, rate = pair
        return int(found.found[calls].sum()), int(found.paired[calls].sum()), -rate, found.rules.threshold

    return max(within, key=worth)[0]


def front(rates: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which rules no others beat: by ascending rate, each finds more than all before.

    Args:
        rates: float64 [rules], false events an hour.
        recall: float64 [rules].
    """
    order = np.lexsort((-recall, rates))
    best = np.maximum.accumulate(recall[order])
    rising = np.ones(len(order), bool)
    rising[1:] = best[1:] > best[:-1]
    chosen: NDArray[np.int64] = order[rising]
    return chosen
