"""The plan of a layer: what it computes, before there are weights.

A network file writes down a list of plans; the spiking network, its conventional twin (`cnn`) and the integer network
are all built from the same list, so the three cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_daemon.model.network import Pool


@dataclass(frozen=True)
class LayerPlan:
    """One layer: optional pooling of the arriving spikes, synapses, optional max-pool of the current, neurons.

    Attributes:
        kind: `conv` or `dense` (on the flattened input, channel-major).
        channels: output channels, or neurons.
        kernel: (bands, frames) of the convolution.
        stride: (bands, frames) step of the convolution.
        padding: (bands, frames) zeros on both sides.
        max_pool: (bands, frames) of the max-pool of the current.
        pool: pooling of the arriving spikes: `none`, `sum` over `pool_size`, `global_sum` over the frames.
        pool_size: (bands, frames) of `sum`.
    """

    kind: Literal["conv", "dense"]
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    max_pool: tuple[int, int] = (1, 1)
    pool: Pool = "none"
    pool_size: tuple[int, int] = (1, 1)

    def synapses_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(channels, bands, frames) that the synapses see, of an input of that shape."""
        channels, bands, frames = shape
        if self.pool == "sum":
            return channels, bands // self.pool_size[0], frames // self.pool_size[1]
        return (channels, bands, 1) if self.pool == "global_sum" else shape

    def product_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(channels, bands, frames) of the products, before the max-pool."""
        if self.kind == "dense":
            return self.channels, 1, 1
        _, bands, frames = self.synapses_shape(shape)
        rows, columns = (
            (n + 2 * p - k) // s + 1
            for n, p, k, s in zip((bands, frames), self.padding, self.kernel, self.stride, strict=True)
        )
        return self.channels, rows, columns

    def output_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(channels, bands, frames) of the neurons."""
        channels, bands, frames = self.product_shape(shape)
        return channels, bands // self.max_pool[0], frames // self.max_pool[1]

    def fan_in(self, shape: tuple[int, int, int]) -> int:
        """Synapses of one neuron."""
        channels, bands, frames = self.synapses_shape(shape)
        if self.kind == "dense":
            return channels * bands * frames
        return channels * self.kernel[0] * self.kernel[1]
