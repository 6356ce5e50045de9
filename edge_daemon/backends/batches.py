"""Batches no larger than a backend can take: a chip may hold one window at a time, a replay gathers eight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends.base import Backend, Inference


class BatchedBackend:
    """Hands windows on in pieces.

    Args:
        backend: what runs them.
        most: windows it takes in one call, 1 or more.
    """

    def __init__(self, backend: Backend, most: int) -> None:
        self.name = backend.name
        self._backend, self._most = backend, most

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames], a piece after the other; raises what the backend raises."""
        most = self._most
        if len(features) <= most:
            return self._backend.infer(features)
        parts = [self._backend.infer(features[begin : begin + most]) for begin in range(0, len(features), most)]
        return Inference(
            score=np.concatenate([part.score for part in parts]),
            spike_counts=np.concatenate([part.spike_counts for part in parts]),
            layer_spikes=np.concatenate([part.layer_spikes for part in parts]),
        )

    def health(self) -> Mapping[str, float]:
        """The backend's own counters."""
        return self._backend.health()

    def close(self) -> None:
        """Close the backend."""
        self._backend.close()
