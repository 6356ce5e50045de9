"""Neurons that work on events: a membrane is looked at when something arrives, and otherwise left alone.

A neuron that nothing reaches can only leak, and a leaking membrane never rises above the threshold. So its leak is
put off until the next event and made up for then, one time step after the other, because each step rounds down.
Only a neuron that has just fired must be visited without an event: its reset is due. The numbers are those of
`edge_daemon.model.neuron` to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.network import Layer
from edge_daemon.model.neuron import LEAK_BITS, step


@dataclass(frozen=True, slots=True)
class Drive:
    """What arrives in one time step.

    Attributes:
        places: int64 [m], neurons' places (window · places + place) that receive a current, rising.
        currents: int64 [m, channels].
    """

    places: NDArray[np.int64]
    currents: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Firing:
    """What the neurons did.

    Attributes:
        place: int64 [n], place of each spike.
        channel: int64 [n], channel of each spike.
        time: int64 [n], time step of each spike; the list is ordered by time, then place, then channel.
        membrane: int64 [places, channels], after the last step.
        updates: int64 [places], leaks and additions done for a place's neurons, all channels together.
    """

    place: NDArray[np.int64]
    channel: NDArray[np.int64]
    time: NDArray[np.int64]
    membrane: NDArray[np.int64]
    updates: NDArray[np.int64]


def fire(layer: Layer, drives: Sequence[Drive], places: int, *, final_membrane: bool) -> Firing:
    """Let a layer's neurons run.

    Args:
        layer: for leak, threshold and reset.
        drives: one for each time step.
        places: windows · places of the layer's neurons.
        final_membrane: bring every membrane to the last time step; otherwise put-off leaks stay undone.
    """
    beta, threshold = layer.beta_256.astype(np.int64), layer.threshold.astype(np.int64)
    membrane = np.zeros((places, layer.channels), np.int64)
    spikes = np.zeros((places, layer.channels), np.bool_)
    seen = np.full(places, -1)  # the step up to which a membrane is brought; −1 is a membrane that is still 0
    visits = np.zeros(places, np.int64)
    fired = np.empty(0, np.int64)  # places whose reset is due
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    for t, drive in enumerate(drives):
        rows = drive.places if _holds(drive.places, fired, places) else np.union1d(drive.places, fired)
        currents = drive.currents
        if rows is not drive.places:
            currents = np.zeros((len(rows), layer.channels), np.int64)
            currents[np.searchsorted(rows, drive.places)] = drive.currents
        _catch_up(membrane, seen, visits, rows, t - 1, beta)
        after, now = step(membrane[rows], spikes[rows], currents, beta, threshold, layer.reset)
        membrane[rows], spikes[rows] = after, now
        seen[rows] = t
        visits[rows] += 1
        at, channel = np.nonzero(now)
        found.append((rows[at], channel, np.full(len(at), t)))
        fired = rows[now.any(axis=1)]
    if final_membrane:
        _catch_up(membrane, seen, visits, np.arange(places), len(drives) - 1, beta)
    place, channel, time = (np.concatenate(part) for part in zip(*found, strict=True))
    return Firing(place, channel, time, membrane, visits * layer.channels)


def _holds(driven: NDArray[np.int64], fired: NDArray[np.int64], places: int) -> bool:
    """Whether everything that fired is driven anyway, in the two cases where that costs nothing to see."""
    return not len(fired) or len(driven) == places


def _catch_up(
    membrane: NDArray[np.int64],
    seen: NDArray[np.int64],
    visits: NDArray[np.int64],
    rows: NDArray[np.int64],
    until: int,
    beta: NDArray[np.int64],
) -> None:
    """The leaks of steps in which nothing arrived, in place."""
    behind = rows[(seen[rows] >= 0) & (seen[rows] < until)]
    while len(behind):
        membrane[behind] = (beta * membrane[behind]) >> LEAK_BITS
        seen[behind] += 1
        visits[behind] += 1
        behind = behind[seen[behind] < until]
