"""`event` against `onnx` on a thousand real clips, and `loihi` on the portable model: not one bit apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_daemon.backends import conformance, create
from edge_daemon.model.model_file import ModelFile, default_model_path

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(600)]


def clips(shared_data: Path, n: int) -> np.ndarray:
    features = np.load(shared_data / "right_whale_logmel.npz", allow_pickle=False)["X"]
    chosen: np.ndarray = features[np.linspace(0, len(features) - 1, n).astype(int)]
    return chosen


@pytest.mark.parametrize(("model", "backend"), [("shipped", "event"), ("portable", "event"), ("portable", "loihi")])
def test_a_thousand_clips(shared_data: Path, model: str, backend: str) -> None:
    model_file = ModelFile.read(default_model_path()) if model == "shipped" else conformance.shipped()[0]
    features = clips(shared_data, 1000)
    expected = create(model_file, "onnx").infer(features)
    found = create(model_file, backend)
    parts = [found.infer(features[i : i + 50]) for i in range(0, len(features), 50)]
    for field in ("score", "spike_counts", "layer_spikes"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, field) for p in parts]), getattr(expected, field))
    assert len(np.unique(expected.score)) > 100
