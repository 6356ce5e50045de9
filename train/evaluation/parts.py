"""Which recordings may be looked at while rules are chosen, and which are kept aside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import UsageError
from train.data.whole_recordings import fits
from train.evaluation.corpus import Corpus

ALL = "all"
CHOSEN_ON = "chosen on"
KEPT_ASIDE = "kept aside"
_FLATTERING = "Rules at a limit were chosen on these recordings, so their figures flatter"
MEANING = {ALL: _FLATTERING, CHOSEN_ON: _FLATTERING, KEPT_ASIDE: "Not looked at while choosing rules at a limit"}
"""How the operating point was chosen, and from which recordings the network learned, only the model file can say."""


def parts_of(corpus: Corpus, choose_on: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Split recordings by what may be looked at.

    Args:
        corpus: the recordings.
        choose_on: kinds of recordings, or patterns of their names (`*_20090328_*`); empty means all.

    Returns:
        bool [recordings] by name; the first part is the one to choose on.

    Raises:
        UsageError: a name that fits no recording, or no call to choose on.
    """
    if not choose_on:
        return {ALL: np.ones(len(corpus.recordings), bool)}
    chosen = np.zeros(len(corpus.recordings), bool)
    for name in choose_on:
        fitting = np.array([name == found.kind or fits(found.name, [name]) for found in corpus.recordings])
        if not fitting.any():
            raise UsageError(
                f"No recording is called {name!r}, nor is a kind of them.",
                f"Kinds: {', '.join(corpus.kinds)}. A name is a folder and a file, such as"
                f" '{corpus.recordings[0].name}'; * stands for any letters.",
            )
        chosen |= fitting
    if not chosen[corpus.call_recording].any():
        raise UsageError(
            "There is no call in the recordings to choose on.", "Name some of the recordings with calls, too."
        )
    return {CHOSEN_ON: chosen} | ({KEPT_ASIDE: ~chosen} if not chosen.all() else {})
