"""Synapses that work on events: a spike arrives, and the weights it passes through are added to their targets.

A layer's spikes come as a list of events, ordered by image (a time step of a window), band, frame and channel. A
convolution takes the list once for each place in its kernel: every event has at most one target there, and the
list's order makes the events of one target neighbours, so their rows of weights are summed together. Nothing is
computed for a neuron that no spike reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.energy import grid
from edge_daemon.model.network import Layer
from edge_daemon.model.neuron import shift_current


@dataclass(frozen=True, slots=True)
class Events:
    """Spikes, int64 [n] each, ordered by image, band, frame.

    Attributes:
        image: time step · windows + window.
        band: where on the frequency axis.
        frame: where on the time axis of the picture.
        channel: which of the layer's channels.
    """

    image: NDArray[np.int64]
    band: NDArray[np.int64]
    frame: NDArray[np.int64]
    channel: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.image)

    def take(self, chosen: NDArray[np.generic]) -> Events:
        """The chosen events (a mask or an order)."""
        return Events(self.image[chosen], self.band[chosen], self.frame[chosen], self.channel[chosen])


NO_EVENTS = Events(*[np.empty(0, np.int64)] * 4)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Currents that events caused, for all images.

    Attributes:
        sums: int32 [images, places, channels], accumulated weights in front of bias, shift and max-pool.
        touched: bool [images, places], whether any event arrived there.
        operations: int64 [images], weights other than zero that were added.
    """

    sums: NDArray[np.int32]
    touched: NDArray[np.bool_]
    operations: NDArray[np.int64]


class EventSynapses:
    """One layer's synapses, prepared for events.

    Args:
        layer: the layer.
        shape: (channels, bands, frames) of the neurons whose spikes arrive.
    """

    def __init__(self, layer: Layer, shape: tuple[int, int, int]) -> None:
        self.layer = layer
        self._shape = layer.pooled_shape(shape)
        dense = layer.kind == "dense"
        self._grid = (1, 1) if dense else grid(layer, self._shape[1:])
        weight = layer.weight.reshape(layer.channels, *self._shape) if dense else layer.weight
        # [band, frame, in, out]: what a spike of one channel adds to all output channels lies together in memory
        self._tables = np.ascontiguousarray(weight.transpose(2, 3, 1, 0).astype(np.int32))
        self._used = np.count_nonzero(self._tables, axis=3)

    def arrive(self, events: Events, images: int) -> Arrivals:
        """Add up the weights that events pass through.

        Args:
            events: the layer before's spikes.
            images: number of images, time steps · windows.
        """
        places, channels = self._grid[0] * self._grid[1], self.layer.channels
        sums = np.zeros((images * places, channels), np.int32)
        touched = np.zeros(images * places, np.bool_)
        operations = np.zeros(images, np.int64)
        for target, table, used, events_row, image in self._passes(self._pool(events)):
            touched[target] = True
            operations += np.bincount(image, weights=used[events_row], minlength=images).astype(np.int64)
            _add_runs(sums, target, table, events_row)
        return Arrivals(sums.reshape(images, places, channels), touched.reshape(images, places), operations)

    def _pool(self, events: Events) -> Events:
        """Events where the synapses see them; summing spikes leaves their number as it is."""
        layer, (_, bands, frames) = self.layer, self._shape
        if layer.pool == "none":
            return events
        if layer.pool == "global_sum":
            frame = np.zeros_like(events.frame)
            pooled = Events(events.image, events.band, frame, events.channel)
        else:
            band, frame = events.band // layer.pool_size[0], events.frame // layer.pool_size[1]
            pooled = Events(events.image, band, frame, events.channel)
            pooled = pooled.take((band < bands) & (frame < frames))  # a remainder is left out
        order = np.argsort((pooled.image * bands + pooled.band) * frames + pooled.frame, kind="stable")
        return pooled.take(order)

    def _passes(
        self, events: Events
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """(targets, weights [in, out], how many are used [in], row of each event, image of each event)."""
        layer = self.layer
        if not len(events):
            return
        if layer.kind == "dense":
            frames = self._shape[2]
            channels = self._tables.shape[2]
            row = (events.band * frames + events.frame) * channels + events.channel
            yield events.image, self._tables.reshape(-1, layer.channels), self._used.ravel(), row, events.image
            return
        (ph, pw), (sh, sw), (rows, columns) = layer.padding, layer.stride, self._grid
        for dy in range(layer.weight.shape[2]):
            y, y_off = np.divmod(events.band + ph - dy, sh)
            in_rows = (y_off == 0) & (y >= 0) & (y < rows)
            for dx in range(layer.weight.shape[3]):
                x, x_off = np.divmod(events.frame + pw - dx, sw)
                hit = np.flatnonzero(in_rows & (x_off == 0) & (x >= 0) & (x < columns))
                if not len(hit):
                    continue
                image = events.image[hit]
                target = (image * rows + y[hit]) * columns + x[hit]
                yield target, self._tables[dy, dx], self._used[dy, dx], events.channel[hit], image

    def currents(self, sums: NDArray[np.int32]) -> NDArray[np.int64]:
        """Currents of accumulated sums [..., channels], bias and shift included, int64."""
        return shift_current(sums.astype(np.int64) + self.layer.bias, self.layer.shift)

    @property
    def places(self) -> tuple[int, int]:
        """(bands, frames) of the sums, in front of the max-pool."""
        return self._grid


def _add_runs(
    sums: NDArray[np.int32], target: NDArray[np.int64], table: NDArray[np.int32], row: NDArray[np.int64]
) -> None:
    """Add table[row] to sums[target], in place; equal targets are neighbours (a run).

    Either run by run, or in rounds (the first event of every run at once, then every second one): whichever takes
    fewer turns. Both are several times faster than `np.add.at` and `np.add.reduceat` on rows.
    """
    begins = np.flatnonzero(np.diff(target, prepend=-1))
    lengths = np.diff(begins, append=len(target))
    if len(begins) < lengths.max():
        for begin, length in zip(begins, lengths, strict=True):
            sums[target[begin]] += np.take(table, row[begin : begin + length], axis=0).sum(axis=0)
        return
    total = np.take(table, row[begins], axis=0)
    for turn in range(1, lengths.max()):
        longer = np.flatnonzero(lengths > turn)
        total[longer] += np.take(table, row[begins[longer] + turn], axis=0)
    sums[target[begins]] += total
