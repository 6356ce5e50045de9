"""The portable model and the vectors of the conformance kit: `python -m export.conformance DIR`.

The weights are random and detect nothing; what counts is that the network is portable (every backend can run it),
that its neurons neither sleep nor fire at every step, and that its scores differ from window to window.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from edge_daemon.backends.conformance import reference, synthetic_features
from edge_daemon.model.frontend import LogMelSpec
from edge_daemon.model.model_file import ModelFile, ModelMetadata, OperatingPoint, Provenance
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.score_calibration import logistic
from export.graph import model_file, network_document

TIME_STEPS = 4
SHIFT = TIME_STEPS - 1


def network() -> IntegerNetwork:
    """A portable network: reset to zero, leak one half, even weights, one threshold a layer, no deep bias."""
    rng = np.random.default_rng(6)

    def layer(name: str, shape: tuple[int, ...], threshold: int, bias: int = 0, pooled: bool = False) -> Layer:
        convolution = len(shape) == 4
        return Layer(
            name=name,
            kind="conv" if convolution else "dense",
            weight=(2 * rng.integers(-63, 64, shape)).astype(np.int8),
            bias=rng.integers(-bias, bias + 1, shape[0]).astype(np.int32),
            threshold=np.full(shape[0], threshold << SHIFT, np.int32),
            beta_256=np.array([128], np.int32),
            reset="zero",
            shift=SHIFT,
            stride=(2, 2) if convolution else (1, 1),
            padding=(shape[2] // 2, shape[3] // 2) if convolution else (0, 0),
            pool="global_sum" if pooled else "none",
        )

    return IntegerNetwork(
        layers=(
            layer("first", (6, 1, 5, 5), 6000, bias=2000),
            layer("second", (8, 6, 3, 3), 220),
            layer("third", (8, 8, 3, 3), 160),
            layer("labels", (2, 56), 1600, pooled=True),
        ),
        time_steps=TIME_STEPS,
        input_shape=LogMelSpec().shape,
        stem="band_median",
    )


def kit_model() -> ModelFile:
    """The model file."""
    portable = network()
    metadata = ModelMetadata(
        name="conformance",
        version="1",
        summary="Random weights for testing backends; it detects nothing.",
        labels=("noise", "call"),
        frontend=LogMelSpec(),
        network=network_document(portable),
        calibration=logistic(slope=0.5, offset=0.0),
        operating_point=OperatingPoint(threshold=0.5, threshold_low=0.5, min_windows=1),
        provenance=Provenance(data="none", licence="Apache-2.0", command="python -m export.conformance"),
    )
    return ModelFile.from_bytes(model_file(portable, metadata))


def main(folder: Path) -> None:
    """Write conformance.onnx and conformance.npz there."""
    model = kit_model()
    vectors = reference(model, synthetic_features(model.metadata.frontend.shape))
    (folder / "conformance.onnx").write_bytes(model.data)
    np.savez_compressed(
        folder / "conformance.npz",
        features=vectors.features,
        score=vectors.expected.score,
        spike_counts=vectors.expected.spike_counts,
        layer_spikes=vectors.expected.layer_spikes,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
