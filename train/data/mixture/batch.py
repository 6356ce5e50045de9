"""Windows of one kind on their way into a data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.frontend import UNUSABLE
from train.data.dataset import Spec
from train.data.features import compute


@dataclass(frozen=True)
class Batch:
    """Some windows of one kind.

    Attributes:
        features: uint8 [N, bands, frames].
        labels: uint8 [N], 1 with a call.
        kind: what sounds there.
        weight: of each in the loss.
        made_of: int64 [N], place among the clips of the one that each was made of; None: of no clip.
    """

    features: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    kind: str
    weight: float
    made_of: NDArray[np.int64] | None = None


def features(batches: Iterable[NDArray[np.float32]], spec: Spec) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Features of windows of sound, uint8 [N, bands, frames], and which of them hold sound, bool [N].

    The daemon does not ask the network about the others either.
    """
    found = [compute(np.ascontiguousarray(batch), spec) for batch in batches]
    if not found:
        return np.zeros((0, *spec.shape), np.uint8), np.zeros(0, np.bool_)
    pictures, flags = zip(*found, strict=True)
    return np.concatenate(pictures), (np.concatenate(flags) & np.uint8(UNUSABLE)) == 0
