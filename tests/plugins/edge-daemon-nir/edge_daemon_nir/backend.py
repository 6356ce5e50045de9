"""The backend: walks the NIR file's chain of nodes, and lets norse step its neurons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import nir
import numpy as np
import torch
from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters, lif_box_feed_forward_step
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from edge_daemon.backends import BackendError, BackendOptions, Capabilities, Inference, ModelFile, prepare, readout


class NirOptions(BackendOptions):
    """Options of this backend."""

    file: Path | None = Field(None, description="The NIR file; by default the model's name ending in .nir.")


class NirBackend:
    """Runs a chain of convolutions or matrices and LIF neurons, in float32 (exact for portable models)."""

    name = "nir"
    Options: type[BackendOptions] = NirOptions
    capabilities = Capabilities(resets=frozenset({"zero"}), max_pool=False, deep_bias=False)

    def __init__(self, model: ModelFile, file: Path) -> None:
        try:
            graph = nir.read(file)
        except Exception as error:
            raise BackendError(f"The NIR file {file} cannot be read: {error}.", "Set the option `file`.") from error
        self._network, self._calibration = model.network(), model.metadata.calibration
        self._dt = float(graph.metadata["dt"])
        nodes = chain(graph)
        self._stages: list[tuple[Any, Any]] | None = list(zip(nodes[0::2], nodes[1::2], strict=True))
        if len(self._stages) != len(self._network.layers):
            raise BackendError(
                f"{file} has {len(self._stages)} layers and the model {len(self._network.layers)}.",
                "Use the NIR file that was exported with the model.",
            )
        self._windows = 0

    @classmethod
    def create(cls, model: ModelFile, options: BackendOptions) -> Self:
        """Read the NIR file that belongs to a model; raises `BackendError` where it cannot."""
        assert isinstance(options, NirOptions)
        file = options.file or (None if model.path is None else model.path.with_suffix(".nir"))
        if file is None:
            raise BackendError("Which NIR file belongs to the model is not known.", "Set the option `file`.")
        return cls(model, file)

    def infer(self, features: NDArray[np.uint8]) -> Inference:
        """Run N windows, uint8 [N, bands, frames]; raises `BackendError` for anything else, and when closed."""
        if self._stages is None:
            raise BackendError("The backend was closed.")
        shape = self._network.input_shape
        if features.dtype != np.uint8 or features.shape[1:] != shape or not len(features):
            raise BackendError(f"Features are uint8 [N, {shape[0]}, {shape[1]}].")
        steps, windows = self._network.time_steps, len(features)
        image = torch.from_numpy(prepare(features, self._network.stem)).to(torch.float32)
        arriving = image.expand(steps, *image.shape)
        totals = []
        with torch.no_grad():
            for synapses, neurons in self._stages:
                current = conduct(synapses, arriving.reshape(steps * windows, *arriving.shape[2:]))
                arriving, membrane = fire(neurons, current.reshape(steps, windows, *current.shape[1:]), self._dt)
                totals.append(arriving.sum(dim=(0, *range(2, arriving.ndim))))
        counts = arriving.sum(dim=0).reshape(windows, -1).numpy().astype(np.int32)
        last = membrane.reshape(windows, -1).numpy().astype(np.int64)
        self._windows += windows
        return Inference(
            score=self._calibration.score(readout(self._network, last, counts)),
            spike_counts=counts,
            layer_spikes=torch.stack(totals, dim=1).numpy().astype(np.int64),
        )

    def health(self) -> Mapping[str, float]:
        """Windows run so far."""
        return {"windows": float(self._windows)}

    def close(self) -> None:
        """Drop the nodes."""
        self._stages = None


def chain(graph: Any) -> list[Any]:
    """The nodes between input and output in their order: synapses, neurons, synapses, neurons …"""
    following = dict(graph.edges)
    name, nodes = following["input"], []
    while name != "output":
        nodes.append(graph.nodes[name])
        name = following[name]
    for number, node in enumerate(nodes):
        known = (nir.Conv2d, nir.Affine, nir.Linear) if number % 2 == 0 else (nir.LIF,)
        if not isinstance(node, known):
            raise BackendError(f"The NIR file has a {type(node).__name__} where this backend knows none.")
    return nodes


def conduct(node: Any, x: Tensor) -> Tensor:
    """Currents of inputs float32 [M, …]."""
    weight = torch.from_numpy(np.asarray(node.weight, np.float32))
    if isinstance(node, nir.Linear):
        return functional.linear(x.flatten(1), weight)
    bias = torch.from_numpy(np.asarray(node.bias, np.float32))
    if isinstance(node, nir.Affine):
        return functional.linear(x.flatten(1), weight, bias)
    padding = tuple(int(size) for size in np.broadcast_to(node.padding, 2))
    stride = tuple(int(size) for size in np.broadcast_to(node.stride, 2))
    return functional.conv2d(x, weight, bias, stride, padding)


def fire(node: Any, currents: Tensor, dt: float) -> tuple[Tensor, Tensor]:
    """Spikes [T, N, …] under currents of that shape, and the membranes of the last step before their reset."""
    before: list[Tensor] = []

    def reset(spikes: Tensor, membrane: Tensor, to: Tensor, _threshold: Tensor) -> Tensor:
        before.append(membrane)
        return torch.where(spikes > 0, to, membrane)

    tau, leak, threshold, rest = (
        torch.from_numpy(np.asarray(value, np.float32))
        for value in (node.tau, node.v_leak, node.v_threshold, node.v_reset)
    )
    parameters = LIFBoxParameters(tau_mem_inv=1 / tau, v_leak=leak, v_th=threshold, v_reset=rest, reset_method=reset)
    state = LIFBoxFeedForwardState(v=torch.zeros_like(currents[0]))
    spikes = []
    for current in currents:
        fired, state = lif_box_feed_forward_step(current, state, parameters, dt)
        spikes.append(fired)
    return torch.stack(spikes), before[-1]
