"""The interface for everything that runs a network: a processor, a simulator, a neuromorphic chip.

A backend is a class with four methods. Another pip package offers one under the entry-point group
`edge_daemon.backends`, and the daemon finds it by name; nothing in the daemon changes. This page is all that
the author of a backend has to read; `python -m edge_daemon.backends.conformance NAME` tests the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.neuron import Reset

ENTRY_POINT_GROUP = "edge_daemon.backends"


@dataclass(frozen=True, slots=True)
class Inference:
    """What a backend says about N windows.

    Attributes:
        score: float32 [N], calibrated probability of a call, 0…1.
        spike_counts: int32 [N, labels], spikes of the output neurons.
        layer_spikes: int64 [N, layers], spikes of each layer, for synaptic operations and energy.
    """

    score: NDArray[np.float32]
    spike_counts: NDArray[np.int32]
    layer_spikes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can run; None stands for no limit.

    Attributes:
        resets: reset rules it can honour.
        layer_kinds: `conv`, `dense`.
        max_pool: whether currents can be max-pooled in front of neurons.
        deep_bias: whether layers after the first may have biases.
        weight_bits: effective bits of a signed weight.
        max_neurons: neurons in one layer.
        max_fan_in: synapses of one neuron.
        max_batch: windows in one call.
    """

    resets: frozenset[Reset] = frozenset({"subtract", "zero"})
    layer_kinds: frozenset[str] = frozenset({"conv", "dense"})
    max_pool: bool = True
    deep_bias: bool = True
    weight_bits: int = 8
    max_neurons: int | None = None
    max_fan_in: int | None = None
    max_batch: int | None = None


class BackendOptions(BaseModel):
    """Options of a backend: what stands under `backend: options:` in the configuration; subclass it for your own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Backend(Protocol):
    """A network loaded and ready; `name` says what runs it."""

    name: str

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N ≥ 1 windows, uint8 [N, bands, frames]; raises `BackendError` where that fails."""

    def health(self) -> Mapping[str, float]:
        """Counters for the health document; names are the backend's own."""

    def close(self) -> None:
        """Give memory and devices back; may be called twice."""


class BackendPlugin(Backend, Protocol):
    """What a package offers under the entry-point group: a backend that can be created from a model file."""

    Options: type[BackendOptions]
    capabilities: Capabilities

    @classmethod
    def create(cls, model: ModelFile, options: BackendOptions) -> Self:
        """Load a model; raises `BackendError` where it cannot be honoured, with the reason."""
