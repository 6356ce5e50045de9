"""The default backend: ONNX Runtime on the processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import Field

from edge_daemon.backends.base import BackendOptions, Capabilities, Inference
from edge_daemon.errors import BackendError
from edge_daemon.model.model_file import ModelFile

_OUTPUTS = ["score", "spike_counts", "layer_spikes"]


class OnnxOptions(BackendOptions):
    """Options of the ONNX Runtime backend."""

    threads: int = Field(1, ge=1, le=64, description="Threads of one inference. One is best for a compact model.")


class OnnxBackend:
    """Runs the graph in the model file; every number in it is an exact integer, so threads and batch do not matter."""

    name = "onnx"
    Options: type[BackendOptions] = OnnxOptions
    capabilities = Capabilities()

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session: onnxruntime.InferenceSession | None = session
        self._windows = 0

    @classmethod
    def create(cls, model: ModelFile, options: BackendOptions) -> Self:
        """Load a model file into ONNX Runtime.

        Raises:
            BackendError: the runtime refuses the graph.
        """
        assert isinstance(options, OnnxOptions)  # noqa: S101 - the registry built it from our own class
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 4
        # Its own store (`enable_cpu_mem_arena`, on by default) stays: in the daemon's unit the heap gives back at once
        # what is free, so that half a megabyte would be mapped anew for each window, which is a quarter of its time.
        # A spinning pool of threads would burn a buoy's battery between windows.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A large file is read by the runtime itself: bytes from our hands would be one copy more.
        contents = model.contents
        contents.release()
        try:
            # without enable_fallback=0 the runtime prints to standard output and tries a second time
            session = onnxruntime.InferenceSession(
                contents.mapped or contents.data, settings, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:
            raise BackendError(
                f"ONNX Runtime {onnxruntime.__version__} rejects the model: {_first_line(error)}.",
                "Export the model again, or update onnxruntime.",
            ) from error
        if not contents.unchanged():
            raise BackendError(f"The model {contents.path} changed while it was being loaded.", "Try again.")
        return cls(session)

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames].

        Raises:
            BackendError: closed, or the features do not have the model's shape.
        """
        if self._session is None:
            raise BackendError("The backend was closed.")
        try:
            score, counts, spikes = self._session.run(_OUTPUTS, {"features": features})
        except Exception as error:
            raise BackendError(f"Inference failed: {_first_line(error)}.") from error
        self._windows += len(features)
        return Inference(score, counts, spikes)

    def health(self) -> Mapping[str, float]:
        """Windows run so far."""
        return {"windows": float(self._windows)}

    def close(self) -> None:
        """Drop the session."""
        self._session = None


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
