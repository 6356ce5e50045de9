"""Which calls were found and which events are false: the one rule that all figures rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

RULE = (
    "A call is found if an event shares time with it, however little; one event may find several calls. An event that"
    " shares time with no call is false, unless it shares time with a sound that is doubtful. One to one, each event"
    " finds one call at most, and as many calls as possible are found in all."
)


@dataclass(frozen=True, slots=True)
class Match:
    """Events held against calls.

    Attributes:
        found: bool [calls], an event shares time with it.
        paired: bool [calls], found where each event finds one call at most.
        false: bool [events], shares time with no call.
    """

    found: NDArray[np.bool_]
    paired: NDArray[np.bool_]
    false: NDArray[np.bool_]


def match(calls_s: NDArray[np.float64], events_s: NDArray[np.float64]) -> Match:
    """Hold events against calls.

    Args:
        calls_s: float64 [calls, 2], begins and ends, seconds.
        events_s: float64 [events, 2], likewise.
    """
    shared = (events_s[None, :, 0] < calls_s[:, None, 1]) & (events_s[None, :, 1] > calls_s[:, None, 0])
    found, false = shared.sum(axis=1) > 0, shared.sum(axis=0) == 0
    paired = np.zeros(len(calls_s), bool)
    if found.any():
        paired = maximum_bipartite_matching(csr_matrix(shared), perm_type="column") >= 0
    return Match(found, paired, false)
