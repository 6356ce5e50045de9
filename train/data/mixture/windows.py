"""Windows through a whole recording, as the hop makes them, and what each is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.data.span import Span

UNSAID = 2
"""Label of a window with a part of a call, too little for a call, too much for none; or with what is doubtful."""


def begins(
    heard: Sequence[Span], length_s: float, hop_s: float, rng: np.random.Generator | None
) -> NDArray[np.float64]:
    """Where windows begin: one in each hop of the listened-to time, at a random place in it.

    Args:
        heard: begin and end of what was listened to, seconds.
        length_s: of a window.
        hop_s: from window to window.
        rng: source of randomness; None: at the begin of each hop.

    Returns:
        float64 [windows], seconds, rising within each span.
    """
    found = []
    for begin_s, end_s in heard:
        places = np.arange(begin_s, end_s - length_s + 1e-9, hop_s)
        moved = 0.0 if rng is None else rng.uniform(0.0, hop_s, len(places))
        found.append(np.minimum(places + moved, end_s - length_s))
    return np.concatenate(found) if found else np.zeros(0)


def labels(
    begins_s: NDArray[np.float64], length_s: float, calls: Sequence[Span], share: float, doubtful: Sequence[Span] = ()
) -> NDArray[np.uint8]:
    """What each window is called: 1 with a call, 0 without, `UNSAID` where it is neither.

    Args:
        begins_s: float64 [windows], seconds.
        length_s: of a window.
        calls: begin and end of each call, seconds.
        share: least share of a call (or of the window, where the call is longer) that makes a window one with a call.
        doubtful: begin and end of each sound of which nobody can say whether it is a call; a window that touches one
            is not one without a call.
    """
    found = np.zeros(len(begins_s), np.uint8)
    for begin_s, end_s in doubtful:
        found[(begins_s < end_s) & (begins_s + length_s > begin_s)] = UNSAID
    for begin_s, end_s in calls:
        inside_s = np.minimum(begins_s + length_s, end_s) - np.maximum(begins_s, begin_s)
        found[(inside_s > 0) & (found != 1)] = UNSAID
        found[inside_s >= share * min(end_s - begin_s, length_s) - 1e-9] = 1
    return found


def cut(sound: NDArray[np.float32], begins_s: NDArray[np.float64], samples: int, rate: int) -> NDArray[np.float32]:
    """Windows of a recording, float32 [windows, samples]; what lies outside it is silence."""
    first = np.rint(begins_s * rate).astype(np.int64)
    padded = np.pad(sound, (0, max(int(first.max(initial=0)) + samples - len(sound), 0)))
    windows: NDArray[np.float32] = np.lib.stride_tricks.sliding_window_view(padded, samples)[first]
    return windows
