"""Whether the kernel may score where no backend is named: it is there, takes the model, and computes it right.

It gives the bits of ONNX Runtime, so who hears does not depend on which of the two ran. That is not believed but seen,
for each model and on each processor: a window is computed by the kernel and by the reference.
"""

from __future__ import annotations

import logging
import math
import random

import numpy as np

from edge_daemon.backends.base import BackendOptions
from edge_daemon.backends.compiled.backend import CompiledBackend
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.network import run
from edge_daemon.system.compiled_library import library_path

_log = logging.getLogger(__name__)


def proven(model: ModelFile) -> CompiledBackend | None:
    """The compiled backend with a model loaded, or None where ONNX Runtime is to score.

    That is where no kernel was built for this processor, and, with a line in the log, where there is one that is of no
    use.

    Args:
        model: the model.
    """
    if not library_path().exists():
        return None
    try:
        return examine(model)
    except BackendError as error:
        _log.warning("The compiled kernel is not used: %s", error.message)
        return None


def examine(model: ModelFile) -> CompiledBackend:
    """The compiled backend with a model loaded, after it has computed a window of noise as the reference does.

    Raises:
        BackendError: it has not, or there is no kernel that can be used.
    """
    backend = CompiledBackend.create(model, BackendOptions())
    network = backend.network  # a large one's weights are in memory once
    noise = random.Random(1).randbytes(math.prod(network.input_shape))  # noqa: S311 - noise, no secret
    features = np.frombuffer(noise, np.uint8).reshape(1, *network.input_shape)
    found, expected = backend.infer(features), run(network, features)
    score = model.metadata.calibration.score(expected.margin)
    pairs = (
        (found.score, score),
        (found.spike_counts, expected.spike_counts),
        (found.layer_spikes, expected.layer_spikes),
    )
    if not all(np.array_equal(got, right) for got, right in pairs):
        raise BackendError(f"it does not compute what the model {model.metadata.name} says.")
    return backend
